/*
 * alert: what somebody is told of while a run goes: rules on its figures, each with a name, and
 * when they fired and were resolved. They judge nothing: the run passes or not by its thresholds.
 *
 * An alert's rule is a threshold of one bound. Once a second its figure of the last `over` seconds
 * (default 1) is looked at. It fires when that was broken `for` seconds in a row (default 1), and
 * is resolved by the first one that holds. A second that gives no figure (too few samples, nobody
 * asked) changes nothing.
 *
 * Memory: of `over` seconds of each alert's figures. Storage: new/free. Thread: one at a time.
 * Clock: seconds since the run's start.
 */
#ifndef PELT_ALERT_H
#define PELT_ALERT_H

#include "pelt/threshold.h"

#define PELT_ALERT_NAME_MAX 47
#define PELT_ALERTS_MAX     100 /* of a run */

struct pelt_alert {
    char name[PELT_ALERT_NAME_MAX + 1];
    struct pelt_threshold rule;
};

enum pelt_alert_state { PELT_ALERT_UNJUDGED, PELT_ALERT_QUIET, PELT_ALERT_FIRING };

/* What a rule asks that an alert cannot mean ("trend", "abort", several bounds ...); NULL: nothing.
 */
const char *pelt_alert_meaningless(const struct pelt_threshold *rule);

struct pelt_alert_turn {            /* an alert fired, or was resolved */
    const struct pelt_alert *alert; /* borrowed */
    size_t index;                   /* of it */
    bool fired;                     /* else resolved */
    int32_t at_s;                   /* the second that decided it was over at this time */
    int32_t since_s;                /* fired: when the first of the broken windows began */
    double value;                   /* in the rule's unit */
    char why[320];                  /* "share is 12.5%, 5% was allowed" */
};
typedef void (*pelt_alert_fn)(void *arg, const struct pelt_alert_turn *turn);

struct pelt_alertbook;

/* `alerts` are copied, `names` is borrowed: those of the frames to come. NULL: out of memory. */
struct pelt_alertbook *pelt_alertbook_new(const struct pelt_alert *alerts, size_t len,
                                          struct pelt_registry *names);
void pelt_alertbook_free(struct pelt_alertbook *b); /* accepts NULL */
/* A second of the load, in order, and `whole` of them are over; tells what that changed. */
void pelt_alertbook_add(struct pelt_alertbook *b, const struct pelt_frame *second, int32_t whole,
                        pelt_alert_fn fn, void *arg);
size_t pelt_alertbook_len(const struct pelt_alertbook *b); /* 0 of NULL */
const struct pelt_alert *pelt_alertbook_at(const struct pelt_alertbook *b, size_t index);
enum pelt_alert_state pelt_alertbook_state(const struct pelt_alertbook *b, size_t index);
/* Of one that was never judged: why its newest window was not. */
const char *pelt_alertbook_why(const struct pelt_alertbook *b, size_t index);

#endif
