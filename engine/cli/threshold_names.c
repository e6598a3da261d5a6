/*
 * threshold_names: see the header. A name in a group is looked for part by part, "group / name".
 * The texts of the scenario are whatever stands between two quotes of a kind on one line;
 * thresholds themselves are among them, so what is quoted there alone, inside {}, is none.
 */
#include "threshold_names.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/log.h"
#include "pelt/server_metric.h"
#include "pelt/units.h"

#define TEXTS_MAX 1024 /* of a scenario that are looked at */

struct texts {
    char *copy; /* of the source, cut into texts */
    const char *at[TEXTS_MAX + 1];
    size_t len;
};

/* Is the text at `at` the value of `name` in a threshold's own table? Told by `metric` on the line.
 */
static bool of_threshold(const char *source, const char *at)
{
    while (at > source && at[-1] != '\n') {
        at--;
    }
    size_t len = strcspn(at, "\n");
    return memmem(at, len, "metric", strlen("metric")) != NULL;
}

/* False: out of memory. */
static bool find_texts(const char *source, struct texts *t)
{
    t->len = 0;
    t->copy = strdup(source);
    if (t->copy == NULL) {
        return false;
    }
    char *end;
    for (char *p = t->copy; *p != '\0' && t->len < TEXTS_MAX; p++) {
        if (*p != '"' && *p != '\'') {
            continue;
        }
        end = p + 1 + strcspn(p + 1, *p == '"' ? "\"\n" : "'\n");
        if (*end == *p) {
            if (!of_threshold(source, source + (p - t->copy))) {
                t->at[t->len++] = p + 1;
            }
            *end = '\0';
            p = end;
        }
    }
    t->at[t->len] = NULL;
    return true;
}

static bool has(const struct texts *t, const char *word)
{
    for (size_t i = 0; i < t->len; i++) {
        if (strcmp(t->at[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* One part of a name; "GET /users/{}" is what a request without a name gets. */
static void check_part(const struct pelt_scenario *s, const struct texts *t, const char *part)
{
    const char *nearest =
        strstr(part, " /") != NULL || has(t, part) ? NULL : pelt_nearest(part, t->at);
    if (nearest != NULL) {
        pelt_log(PELT_LOG_WARNING, "pelt",
                 "thresholds: the name \"%s\" stands nowhere in %s: did you mean \"%s\"?", part,
                 s->path, nearest);
    }
}

static void check_name(const struct pelt_scenario *s, const struct texts *t, const char *name)
{
    char part[PELT_NAME_MAX + 1];
    for (const char *at = name; at != NULL;) {
        const char *end = strstr(at, " / ");
        size_t len = end != NULL ? (size_t)(end - at) : strlen(at);
        snprintf(part, sizeof part, "%.*s", (int)len, at);
        check_part(s, t, part);
        at = end != NULL ? end + 3 : NULL;
    }
}

void cli_threshold_names_warn(const struct pelt_scenario *scenario,
                              const struct pelt_threshold *thresholds, size_t thresholds_len)
{
    struct texts *t = calloc(1, sizeof *t);
    if (t != NULL && find_texts(scenario->source, t)) {
        for (size_t i = 0; i < thresholds_len; i++) {
            char name[PELT_NAME_MAX + 1];
            struct pelt_server_metric of_server; /* whose names are the agents' to know */
            pelt_threshold_name(&thresholds[i], name);
            if (name[0] != '\0' && !pelt_server_metric_parse(thresholds[i].metric, &of_server)) {
                check_name(scenario, t, name);
            }
        }
    }
    if (t != NULL) {
        free(t->copy);
        free(t);
    }
}

void cli_alert_names_warn(const struct pelt_scenario *scenario)
{
    for (size_t i = 0; i < scenario->alerts_len; i++) {
        cli_threshold_names_warn(scenario, &scenario->alerts[i].rule, 1);
    }
}
