/*
 * load_alerts: what became of a run's alerts, out of its meta (alert_1 "NAME: rule") and its events
 * (alert_fired, alert_resolved, alert_unjudged: "NAME: why").
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"

/* "NAME: rest" is of this name; NULL: it is not. */
static const char *rest_of(const char *text, const char *name)
{
    const size_t len = strlen(name);
    const bool is = strncmp(text, name, len) == 0 && strncmp(text + len, ": ", 2) == 0;
    return is ? text + len + 2 : NULL;
}

static void read_rule(struct pelt_loader *l, const char *text)
{
    struct pelt_alert_row *row =
        pelt_loader_append(l, &l->r->alerts, l->r->alerts_len, sizeof *row);
    const char *end = strstr(text, ": ");
    if (row == NULL) {
        return;
    }
    l->r->alerts_len++;
    row->name = end != NULL ? strndup(text, (size_t)(end - text)) : strdup(text);
    row->rule = strdup(end != NULL ? end + 2 : "");
    if (row->name == NULL || row->rule == NULL) {
        pelt_loader_out_of_memory(l);
    }
}

static void add_firing(struct pelt_loader *l, struct pelt_alert_row *row, double t_s,
                       const char *why)
{
    struct pelt_firing *firing =
        pelt_loader_append(l, &row->firings, row->firings_len, sizeof *firing);
    if (firing != NULL) {
        row->firings_len++;
        firing->fired_s = t_s;
        firing->resolved_s = (double)NAN;
        snprintf(firing->why, sizeof firing->why, "%s", why);
    }
}

static void read_event(struct pelt_loader *l, struct pelt_alert_row *row,
                       const struct pelt_event_row *e)
{
    const char *why = row->name != NULL ? rest_of(e->text, row->name) : NULL;
    struct pelt_firing *newest = row->firings_len > 0 ? &row->firings[row->firings_len - 1] : NULL;
    if (why == NULL) {
        return;
    }
    if (strcmp(e->kind, PELT_EVENT_ALERT_FIRED) == 0) {
        add_firing(l, row, e->t_s, why);
    } else if (strcmp(e->kind, PELT_EVENT_ALERT_RESOLVED) == 0 && newest != NULL) {
        newest->resolved_s = e->t_s;
    } else if (strcmp(e->kind, PELT_EVENT_ALERT_UNJUDGED) == 0 && row->unjudged == NULL) {
        row->unjudged = strdup(why);
    }
}

void pelt_load_alerts(struct pelt_loader *l)
{
    const char *rule;
    char key[32] = "alert_1";
    for (size_t i = 1; (rule = pelt_results_meta(l->r, key)) != NULL && l->status == PELT_OK;) {
        read_rule(l, rule);
        snprintf(key, sizeof key, "alert_%zu", ++i);
    }
    for (size_t e = 0; e < l->r->events_len && l->status == PELT_OK; e++) {
        const struct pelt_event_row *event = &l->r->events[e];
        for (size_t i = 0; pelt_event_is_of_alert(event) && i < l->r->alerts_len; i++) {
            read_event(l, &l->r->alerts[i], event);
        }
    }
    for (size_t i = 0; i < l->r->alerts_len && !l->r->finished; i++) {
        if (l->r->alerts[i].unjudged == NULL) { /* whether it had figures is said at the end */
            l->r->alerts[i].unjudged = strdup("the run did not come to its end");
        }
    }
}
