/*
 * attribution: how well each limit of the servers explains that clients were served badly from a
 * moment on: by how full it was then, who waited for it, how often it was met, and in which order.
 *
 * It knows numbers only: no names, no units. It is an association: that two things happened
 * together. After Malkowski et al., "Bottleneck Detection Using Statistical Intervention Analysis"
 * (2007), but from the clients' break instead of each resource's own, and with queues and events,
 * as Gregg's USE method has them, in place of utilisation alone.
 *
 * Points of a limit: 1 if it is full (90% in the mean of a sample) around the break and was not
 * before, half of the share that is used, 2 exp(-distance / tau) for the time between its onset and
 * the break (counted twice where it is after it; neighbouring samples are no distance), a quarter
 * for a queue and a half for events that set in with it. One that is not full in the mean needs
 * events, to be half full, and to have been full at a moment: what is only met now and then (a
 * cgroup by its page cache) explains nothing.
 * Of a cache: 1 if its misses rise by a tenth of all lookups or more, half of that rise, the same
 * for the time, a half for evictions, and 1 more if it came first: a full pool cannot make a cache
 * miss, but misses fill pools.
 *
 * Where clients were served badly from the start there is no time before it, and no order: a limit
 * gets points only if it is full in most of the first samples (or met in them, and half full), and
 * a queue stands before it or events go on. Then: 1 if it was not full before the load came, half
 * of the share that is used, a quarter for the queue, a half for events, and up to 1 for the share
 * of what clients have in flight that stands in the queue. A queue that is less than a quarter of
 * that, or much more, is another one. A limit that is full and has none of these gets half of the
 * share that is used, which names nothing. A cache that never hit tells nothing.
 *
 * Pure functions; times are numbers of samples.
 */
#ifndef PELT_ATTRIBUTION_H
#define PELT_ATTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

#define PELT_SUSPECT_QUEUES 2
#define PELT_SUSPECT_FULL   0.9  /* of its max: full */
#define PELT_SUSPECT_NAMED  1.75 /* points; fewer explain nothing */

struct pelt_attribution { /* what is to be explained */
    size_t n;             /* samples of each series */
    size_t base_from, base_to;
    size_t at;  /* the break */
    double tau; /* samples: what is so far apart may still be one thing */
    /* From the start: `at` is 0, and 0 <= i < base_to are the samples that are looked at. */
    bool from_start;
    const double *backlog; /* what clients have in flight and waiting; else not looked at */
};

struct pelt_suspect_series { /* NULL: it has none; NaN: not read */
    bool is_cache;
    const double *use;  /* share of its limit, mean of a sample; of a cache share of misses */
    const double *peak; /* largest share of its limit in a sample; NULL: as `use` */
    const double *queue[PELT_SUSPECT_QUEUES]; /* who waits for it, for how long ... */
    const double *events; /* how often it was met in a sample; of a cache evictions */
    double rest;          /* share of its limit before the load; NaN: not read */
};

struct pelt_suspect {
    double points;    /* 0: nothing speaks for it */
    double use;       /* the highest around the break; NaN: not known */
    bool full;        /* it was at its limit around the break, or misses rose */
    bool always;      /* a limit: it had been before, so that its being full explains nothing */
    double part;      /* from the start: of what clients have in flight its queue is so much */
    bool has_onset;   /* the one that is nearest to the break */
    size_t onset;     /* sample */
    bool consequence; /* it set in more than 2 tau after the break */
    struct pelt_onset_of {
        bool found;
        size_t at;
    } by_use, by_queue[PELT_SUSPECT_QUEUES], by_events;
};

/* PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_attribution_weigh(const struct pelt_attribution *a,
                                                      const struct pelt_suspect_series *s,
                                                      struct pelt_suspect *out);

/* 0 to 1: how much speaks for the first (4 points are all), less up to a half where as much speaks
 * for the second. It is no probability. */
double pelt_attribution_confidence(double first, double second);

#endif
