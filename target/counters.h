/*
 * counters: exact counts of requests and answers, a set a loop, summed when someone asks.
 *
 * Each set has one writer, its loop; any loop may read all sets to answer /count or /metrics. A
 * count is stored with release before the answer leaves and read with acquire, so whoever got an
 * answer and then asks finds that request in the sum.
 */
#ifndef TARGET_COUNTERS_H
#define TARGET_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "figures.h"
#include "routes.h"

#define TARGET_STATUS_MIN 100
#define TARGET_STATUS_MAX 599

/* A bucket is up to TOOK_NS, 4 times that, 16 times, ...; what took longer is in the last. */
#define TARGET_TOOK_BUCKETS 12
#define TARGET_TOOK_NS      UINT64_C(100000)

typedef _Atomic uint64_t target_counter;

struct target_counters {                      /* of one loop; 70 KB */
    target_counter heads[TARGET_ROUTES];      /* requests whose head was fully received */
    target_counter done;                      /* of these: answered, or ended without */
    target_counter took[TARGET_TOOK_BUCKETS]; /* of those done: by how long it took, see below */
    target_counter took_ns;                   /* all those together */
    target_counter unanswered[TARGET_ROUTES]; /* of those done: ended without an answer */
    target_counter answers[TARGET_ROUTES][TARGET_STATUS_MAX - TARGET_STATUS_MIN + 1];
};

struct target_tally { /* all sets; they outlive every reader */
    struct target_counters *set;
    size_t sets;
};

/* By the owning loop. Observers are not counted; `status` is of 100 to 599. */
void target_counters_head(struct target_counters *set, enum target_route route);
void target_counters_answer(struct target_counters *set, enum target_route route, unsigned status);
void target_counters_unanswered(struct target_counters *set, enum target_route route);
void target_counters_done(struct target_counters *set, enum target_route route, uint64_t took_ns);

/* Requests received and not yet done, over all sets. */
uint64_t target_tally_in_flight(const struct target_tally *tally);

struct target_totals { /* over all sets and paths */
    uint64_t requests;
    uint64_t over;   /* answered, or ended without */
    uint64_t errors; /* of these: 5xx, or ended without */
};

struct target_totals target_tally_totals(const struct target_tally *tally);

/* The histogram request_seconds: from a request's head to its end, of those done. */
void target_tally_add_times(const struct target_tally *tally, struct target_figures *figures);

struct target_action { /* what was done of one path, over all sets */
    uint64_t over, errors;
};

struct target_action target_tally_action(const struct target_tally *tally, enum target_route route);

/*
 * The bodies of /count and /metrics (Prometheus text format 0.0.4), heap memory that the caller
 * frees; NULL: no memory. Names that were never counted are left out. `figures` of the systems
 * stand at the end, and those of keyfigures.h; NULL: none.
 */
char *target_tally_json(const struct target_tally *tally);
char *target_tally_prometheus(const struct target_tally *tally, uint64_t stalls,
                              const struct target_figures *figures, uint64_t uptime_ns);

#endif
