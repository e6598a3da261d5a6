/*
 * queue_run: run files of the four kinds of load, as a run against a queue would give them: Poisson
 * arrivals by a plan, some workers, exponential service times that may depend on time and load. All
 * of it is drawn from a seed, so that what the findings must say is known.
 */
#ifndef TESTS_QUEUE_RUN_H
#define TESTS_QUEUE_RUN_H

#include "pelt/runfile.h"

#define QUEUE_STAGES_MAX 64

struct queue_run {
    const char *kind;   /* of load; "" */
    const char *params; /* JSON; "" */
    struct pelt_stage_row stages[QUEUE_STAGES_MAX];
    size_t stages_len;
    uint64_t seed;
    unsigned workers;
    double service_s; /* mean */
    double floor_s;   /* added to each service time, no worker is busy meanwhile */
    double drift;     /* service times grow by this share over the run */
    double warmup_s;  /* service times are `warmup_times` as long before that */
    double warmup_times;
    double error_share; /* answers with status 503 */
    double hit_share;   /* of answers that say a cache gave them; 0: none says anything */
    bool say_steps;     /* rows of table step: a step holds up to `holds_to` */
    double holds_to;
    bool unjudged; /* what would hold could not be judged */
    /* Writes what agents read, of so many seconds; NULL: there are none. */
    void (*watch)(struct pelt_runfile *f, int32_t seconds, const void *arg);
    const void *watch_arg;
    enum pelt_verdict verdict;
    const char *verdict_reason;           /* NULL: none */
    double recovered_s[QUEUE_STAGES_MAX]; /* out: of spike i + 1: when the queue was empty again */
};

/* Adds a stage at one level behind those that are there. */
void queue_run_add(struct queue_run *q, const char *part, unsigned span, double level,
                   double length_s);
/* Written into a temporary run file and read back; to be freed. */
struct pelt_results *queue_run_results(struct queue_run *q);
/* The same in a file that stays. */
struct pelt_results *queue_run_results_in(struct queue_run *q, const char *path);

/* The four kinds as the golden files have them. */
void queue_run_sustained(struct queue_run *q);
void queue_run_burst(struct queue_run *q);
void queue_run_stress(struct queue_run *q);
void queue_run_benchmark(struct queue_run *q);
/* By name; false: there is no such kind. */
bool queue_run_kind(struct queue_run *q, const char *name);

#endif
