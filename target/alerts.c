/* alerts: see the header. */
#include "alerts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

enum rule { ERRORS, QUEUE, MEMORY, DOWN, RULES };

static const char *const names[RULES] = {
    [ERRORS] = "HighErrorRate",
    [QUEUE] = "QueueBacklog",
    [MEMORY] = "HighMemory",
    [DOWN] = "ServiceDown",
};

struct target_alerts {
    pthread_mutex_t lock;
    struct target_alerts_settings settings;
    struct target_alert alert[RULES];
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_alerts_settings, name)

static const struct target_knob knobs[] = {
    {.name = "alert-errors",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(errors),
     .initial = "5%",
     .is_live = true,
     .text = "HighErrorRate fires above this share of 5xx and of requests without an answer; "
             "100%: never"},
    {.name = "alert-queue",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(queue),
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "100",
     .is_live = true,
     .text = "QueueBacklog fires when more requests than this wait, over all limits"},
    {.name = "alert-memory",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(memory),
     .initial = "1g",
     .is_live = true,
     .text = "HighMemory fires when the process has more resident memory"},
    {.name = "alert-for",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(for_ns),
     .max = 3600 * NS_PER_S,
     .initial = "5s",
     .is_live = true,
     .text = "an alert fires once it was so for this long"},
};

/* ---- the rules ---- */

static double error_share(const struct target_sample *before, const struct target_sample *now)
{
    uint64_t errors = now->errors - before->errors, over = now->answers - before->answers;

    return over > 0 ? (double)errors / (double)over : 0;
}

static double value_of(enum rule rule, const struct target_sample *before,
                       const struct target_sample *now)
{
    switch (rule) {
    case ERRORS:
        return before ? error_share(before, now) : 0;
    case QUEUE:
        return (double)now->waiters;
    case MEMORY:
        return (double)now->resident_bytes;
    case DOWN:
    case RULES:
        break;
    }
    return now->is_ready ? 0 : 1;
}

static double bound_of(const struct target_alerts_settings *settings, enum rule rule)
{
    switch (rule) {
    case ERRORS:
        return settings->errors;
    case QUEUE:
        return (double)settings->queue;
    case MEMORY:
        return (double)settings->memory;
    case DOWN:
    case RULES:
        break;
    }
    return 0;
}

void target_alerts_see(struct target_alerts *alerts, const struct target_sample *before,
                       const struct target_sample *now, const struct target_scene *scene)
{
    pthread_mutex_lock(&alerts->lock);
    for (enum rule rule = 0; rule < RULES; rule++) {
        double value = value_of(rule, before, now), bound = bound_of(&alerts->settings, rule);
        int change = target_alert_see(&alerts->alert[rule], value, bound, alerts->settings.for_ns,
                                      now->at_ns);

        if (change != 0) {
            target_journal_event(scene->journal, scene->now_ns, now->at_ns,
                                 target_alerts_system.name, change > 0 ? "fired" : "resolved",
                                 ",\"alert\":\"%s\",\"value\":%.6g,\"bound\":%.6g", names[rule],
                                 value, bound);
        }
    }
    pthread_mutex_unlock(&alerts->lock);
}

/* ---- telling ---- */

static json_t *firings_json(const struct target_alert *alert)
{
    uint64_t first = alert->fired > TARGET_ALERT_PAST ? alert->fired - TARGET_ALERT_PAST : 0;
    json_t *all = json_array();

    for (uint64_t n = first; n < alert->fired; n++) {
        const struct target_alert_firing *past = &alert->past[n % TARGET_ALERT_PAST];

        json_array_append_new(
            all, json_pack("{s:I, s:o}", "fired_ns", (json_int_t)past->fired_ns, "resolved_ns",
                           past->resolved_ns ? json_integer((json_int_t)past->resolved_ns)
                                             : json_null()));
    }
    return all;
}

json_t *target_alerts_json(struct target_alerts *alerts)
{
    static const char *const states[] = {
        [TARGET_ALERT_QUIET] = "quiet",
        [TARGET_ALERT_PENDING] = "pending",
        [TARGET_ALERT_FIRING] = "firing",
    };
    json_t *all = json_array();

    pthread_mutex_lock(&alerts->lock);
    for (enum rule rule = 0; rule < RULES; rule++) {
        const struct target_alert *alert = &alerts->alert[rule];

        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:f, s:f, s:I, s:o}", "name", names[rule],
                                        "state", states[alert->state], "value", alert->value,
                                        "bound", bound_of(&alerts->settings, rule), "fired",
                                        (json_int_t)alert->fired, "firings", firings_json(alert)));
    }
    pthread_mutex_unlock(&alerts->lock);
    return json_pack("{s:o}", "alerts", all);
}

/* ---- the system ---- */

static void *start(const void *cls, uint64_t now_ns)
{
    struct target_alerts *alerts = calloc(1, sizeof *alerts);

    if (alerts) {
        alerts->settings = *(const struct target_alerts_settings *)cls;
        pthread_mutex_init(&alerts->lock, NULL);
    }
    return alerts;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_alerts *alerts = state;

    pthread_mutex_destroy(&alerts->lock);
    free(alerts);
}

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_alerts *alerts = state;

    pthread_mutex_lock(&alerts->lock);
    alerts->settings = *(const struct target_alerts_settings *)cls;
    pthread_mutex_unlock(&alerts->lock);
    return true;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_alerts *alerts = state;

    pthread_mutex_lock(&alerts->lock);
    for (enum rule rule = 0; rule < RULES; rule++) {
        struct target_series_figure firing = {
            .name = "alert_firing",
            .label = "alert",
            .help = "Of an alert: 1, it fires.",
            .value = alerts->alert[rule].state == TARGET_ALERT_FIRING,
        };

        snprintf(firing.of, sizeof firing.of, "%s", names[rule]);
        target_figures_add_series(figures, &firing);
    }
    pthread_mutex_unlock(&alerts->lock);
}

const struct target_system target_alerts_system = {
    .name = "alerts",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_alerts_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .figures = figures,
};
