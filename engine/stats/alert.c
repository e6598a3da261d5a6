/*
 * alert: see the header. Each alert has a watch of its own, and takes a step at the end of each
 * whole second.
 */
#include "pelt/alert.h"

#include <math.h>
#include <stdlib.h>

#include "bound.h"
#include "pelt/watch.h"
#include "tally.h"

#define LAG_S 2 /* that the whole seconds may be behind the newest */

struct entry {
    struct pelt_alert alert;
    struct pelt_watch *watch;
    enum pelt_alert_state state;
    int32_t done;    /* whole seconds looked at */
    uint32_t broken; /* windows in a row */
    int32_t since_s; /* the first of them began */
    char why[320];   /* the newest window has no figure */
};

struct pelt_alertbook {
    size_t len;
    struct entry entry[];
};

const char *pelt_alert_meaningless(const struct pelt_threshold *rule)
{
    return pelt_threshold_is_of_capacity(rule) ? "capacity"
           : rule->trend                       ? "trend"
           : rule->abort                       ? "abort"
           : !rule->single                     ? "target, warning and critical"
                                               : NULL;
}

static int32_t window_s(const struct entry *e)
{
    return e->alert.rule.over_s > 0 ? (int32_t)e->alert.rule.over_s : 1;
}

struct pelt_alertbook *pelt_alertbook_new(const struct pelt_alert *alerts, size_t len,
                                          struct pelt_registry *names)
{
    struct pelt_alertbook *b = calloc(1, sizeof *b + len * sizeof b->entry[0]);
    for (size_t i = 0; b != NULL && i < len; i++) {
        struct entry *e = &b->entry[i];
        b->len++;
        e->alert = alerts[i];
        e->watch = pelt_watch_new(&e->alert.rule, (uint32_t)window_s(e) + LAG_S, names);
        if (e->watch == NULL) {
            pelt_alertbook_free(b);
            return NULL;
        }
    }
    return b;
}

void pelt_alertbook_free(struct pelt_alertbook *b)
{
    for (size_t i = 0; b != NULL && i < b->len; i++) {
        pelt_watch_free(b->entry[i].watch);
    }
    free(b);
}

/* A broken window's line says it already. */
static void describe(const struct pelt_threshold *t, const struct pelt_verdict_line *line,
                     char out[320])
{
    char is[PELT_BOUND_TEXT], bound[PELT_BOUND_TEXT];
    pelt_bound_format(t, line->value, is, sizeof is);
    pelt_bound_format(t, t->critical, bound, sizeof bound);
    snprintf(out, 320, "%s is %s, %s was %s", t->stat, is, bound,
             t->lower_is_better ? "allowed" : "wanted");
    if (line->why[0] != '\0') {
        snprintf(out, 320, "%s", line->why);
    }
}

static void turn(struct pelt_alertbook *b, struct entry *e, const struct pelt_verdict_line *line,
                 pelt_alert_fn fn, void *arg)
{
    struct pelt_alert_turn t = {.alert = &e->alert,
                                .index = (size_t)(e - b->entry),
                                .fired = e->state == PELT_ALERT_FIRING,
                                .at_s = line->to_s,
                                .since_s = e->since_s,
                                .value = line->value};
    describe(&e->alert.rule, line, t.why);
    fn(arg, &t);
}

static bool fires(struct entry *e, const struct pelt_verdict_line *line)
{
    const uint32_t wanted = e->alert.rule.for_s > 0 ? e->alert.rule.for_s : 1;
    e->since_s = e->broken == 0 ? line->from_s : e->since_s;
    e->broken++;
    return e->state != PELT_ALERT_FIRING && e->broken >= wanted;
}

/* The window that ends at `end`. */
static void step(struct pelt_alertbook *b, struct entry *e, int32_t end, pelt_alert_fn fn,
                 void *arg)
{
    struct pelt_verdict_line line;
    if (end < window_s(e) || end < (int32_t)e->alert.rule.delay_s) {
        return;
    }
    pelt_watch_judge(e->watch, end - window_s(e), end, &line);
    if (!line.has_value) {
        snprintf(e->why, sizeof e->why, "%s", line.why);
        return;
    }
    const enum pelt_alert_state before = e->state;
    if (pelt_level_meets(&e->alert.rule, line.value)) {
        e->broken = 0;
        e->state = PELT_ALERT_QUIET;
    } else if (fires(e, &line)) {
        e->state = PELT_ALERT_FIRING;
    } else if (before == PELT_ALERT_UNJUDGED) {
        e->state = PELT_ALERT_QUIET;
    }
    if ((before == PELT_ALERT_FIRING) != (e->state == PELT_ALERT_FIRING)) {
        turn(b, e, &line, fn, arg);
    }
}

static void advance(struct pelt_alertbook *b, struct entry *e, int32_t whole, pelt_alert_fn fn,
                    void *arg)
{
    while (e->done < whole) {
        e->done++;
        step(b, e, e->done, fn, arg);
    }
}

void pelt_alertbook_add(struct pelt_alertbook *b, const struct pelt_frame *second, int32_t whole,
                        pelt_alert_fn fn, void *arg)
{
    for (size_t i = 0; i < b->len; i++) {
        struct entry *e = &b->entry[i];
        advance(b, e, second->second, fn, arg); /* all before it are whole */
        /* One that comes again, as after a gap, was looked at without it. */
        if (pelt_watch_add(e->watch, second) == PELT_OK) {
            advance(b, e, whole, fn, arg);
        }
    }
}

size_t pelt_alertbook_len(const struct pelt_alertbook *b)
{
    return b != NULL ? b->len : 0;
}

const struct pelt_alert *pelt_alertbook_at(const struct pelt_alertbook *b, size_t index)
{
    return &b->entry[index].alert;
}

enum pelt_alert_state pelt_alertbook_state(const struct pelt_alertbook *b, size_t index)
{
    return b->entry[index].state;
}

const char *pelt_alertbook_why(const struct pelt_alertbook *b, size_t index)
{
    const struct entry *e = &b->entry[index];
    return e->why[0] != '\0' ? e->why : "the load had no whole second that it looks at";
}
