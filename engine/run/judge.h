/*
 * judge: what a run that ended amounts to: thresholds, whether it can be believed, exit code. Pure:
 * reads the results, and in the options what only the run itself can know.
 */
#ifndef PELT_JUDGE_H
#define PELT_JUDGE_H

#include "pelt/results.h"
#include "pelt/rulebook.h"
#include "pelt/run.h"

#define PELT_REASONS_MAX 16

struct pelt_judgement {
    struct pelt_verdict_line *lines; /* one a threshold */
    size_t lines_len;
    enum pelt_verdict verdict;
    char *verdict_reasons[PELT_REASONS_MAX + 1]; /* NULL-terminated */
    int exit_code;
    char *exit_reasons[PELT_REASONS_MAX + 1];
};

struct pelt_judge_options {
    bool strict, allow_invalid, allow_script_errors;
    int signal;          /* that ended the run; 0: none */
    uint32_t starved;    /* threads whose load ended early because memory ran out */
    uint32_t given_up;   /* threads that did not end: what they sent last is not in the results */
    uint64_t unseen;     /* dropped arrivals that a stop found due before the loop had seen them */
    double arrivals_due; /* that the plan had until the end reached; 0: closed loop, or no load */
    double arrivals_deviation;   /* standard deviation of their number; 0: it is exact */
    struct pelt_rulebook *rules; /* the thresholds, fed with the run's seconds */
    /* A line each of the thresholds, which stands for what the rules say, but of a trend or what
     * stopped the run; NULL: none. Borrowed. */
    const struct pelt_verdict_line *lines;
    const struct pelt_capacity
        *capacity;            /* that a stress load found; NULL: it is none. Borrowed. */
    const char *own_failure;  /* exit 1: pelt itself failed; NULL: it did not */
    const char *script_error; /* first one, or setup's failure; NULL: none */
    const char *agent_lost;   /* that a threshold needs; NULL: none */
    const char *worker_lost;  /* a host that sent a part of the load; NULL: none */
    const struct pelt_worker_row *workers; /* each with a verdict of its own; NULL: none */
    size_t workers_len;
};

PELT_MUST_USE enum pelt_status pelt_judge(const struct pelt_results *r,
                                          const struct pelt_judge_options *options,
                                          struct pelt_judgement *out);
void pelt_judgement_deinit(struct pelt_judgement *j);

#endif
