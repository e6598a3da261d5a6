/*
 * watch: see the header. Second s lies in slot s % kept of a ring, for as long as no later one
 * takes its place; which second a slot is of stands beside it.
 */
#include "pelt/watch.h"

#include <assert.h>
#include <stdlib.h>

#include "tally.h"

struct slot {
    int32_t second; /* -1: none */
    struct pelt_tally tally;
};

struct pelt_watch {
    struct pelt_threshold t;
    struct pelt_subject subject; /* of `t` */
    bool has_subject;            /* the run has the metric */
    bool met;                    /* some second had what is asked for by name */
    int32_t last;                /* second; -1: none yet */
    struct pelt_hist_pool pool;
    uint32_t kept;
    struct slot slot[];
};

struct pelt_watch *pelt_watch_new(const struct pelt_threshold *t, uint32_t seconds_kept,
                                  struct pelt_registry *names)
{
    assert(seconds_kept > 0);
    struct pelt_watch *w = calloc(1, sizeof *w + seconds_kept * sizeof w->slot[0]);
    if (w == NULL) {
        return NULL;
    }
    w->t = *t;
    w->last = -1;
    w->kept = seconds_kept;
    w->has_subject = pelt_subject_init(&w->subject, &w->t, names);
    w->met = t->name[0] == '\0' || w->subject.figure.source == PELT_FROM_METRIC;
    for (uint32_t i = 0; i < w->kept; i++) {
        w->slot[i].second = -1;
    }
    return w;
}

void pelt_watch_free(struct pelt_watch *w)
{
    if (w != NULL) {
        pelt_hist_pool_deinit(&w->pool);
        free(w);
    }
}

enum pelt_status pelt_watch_add(struct pelt_watch *w, const struct pelt_frame *second)
{
    if (second->second < 0 || second->second <= w->last) {
        return PELT_EINVAL;
    }
    w->last = second->second;
    struct slot *slot = &w->slot[(uint32_t)w->last % w->kept];
    pelt_tally_reset(&slot->tally, &w->pool);
    slot->second = w->last;
    if (w->has_subject) {
        pelt_tally_gather(&slot->tally, &w->pool, &w->subject, second);
        w->met = w->met || slot->tally.touched;
    }
    return PELT_OK;
}

void pelt_watch_judge(const struct pelt_watch *w, int32_t from, int32_t to,
                      struct pelt_verdict_line *out)
{
    struct pelt_tally sum = {0};
    struct pelt_hist_pool pool = {0};
    *out = (struct pelt_verdict_line){0};
    assert(from >= 0 && from < to && (uint32_t)(to - from) <= w->kept);
    if (!w->has_subject) {
        pelt_line_unjudged(out, "the run had no metric %s", w->t.metric);
    } else if (!w->met) {
        pelt_subject_absent(&w->subject, out);
    } else {
        for (int32_t s = from; s < to; s++) {
            const struct slot *slot = &w->slot[(uint32_t)s % w->kept];
            if (slot->second == s) {
                pelt_tally_add(&sum, &pool, &slot->tally);
            }
        }
        pelt_subject_judge(&w->subject, &sum, to - from, out);
    }
    out->from_s = from;
    out->to_s = to;
    pelt_hist_pool_deinit(&pool);
}

bool pelt_watch_is_met(const struct pelt_watch *w)
{
    return w->met;
}
