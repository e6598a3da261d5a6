/*
 * judge: see the header. Exit codes and their precedence are CONTRACT's: 130/143, 1, 2, 4, 3.
 */
#include "judge.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include "collect.h"

/* From when on our own lateness is said, and from when on the run is not to be believed. Lateness
 * counts when it is a good part of what was measured. */
#define LAG_SUSPECT_US    1000
#define LAG_INVALID_US    10000
#define LAG_SHARE         0.10
#define LATE_SHARE        0.01 /* of the arrivals: so many may be late */
#define LATE_SHARE_FEW    0.10 /* of arrivals too few for a p99: one pause is no rate */
#define LATE_FEWEST       5    /* fewer late ones are one hiccup, however few arrivals there were */
#define FREEZE_SUSPECT_US 100000 /* a loop that did not turn for so long */
#define FREEZE_INVALID_US 500000
#define DEVIATIONS        4 /* that a random number of arrivals may lie below its mean */
#define CPU_SATURATED     0.90
#define STARTED_INVALID   0.99

static void add_reason(char **reasons, const char *fmt, ...) PELT_PRINTF(2, 3);
static void add_reason(char **reasons, const char *fmt, ...)
{
    size_t n = 0;
    while (reasons[n] != NULL) {
        n++;
    }
    if (n == PELT_REASONS_MAX) {
        return;
    }
    char text[768];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reasons[n] = strdup(text);
}

static void at_least(struct pelt_judgement *j, enum pelt_verdict verdict)
{
    if (verdict > j->verdict) {
        j->verdict = verdict;
    }
}

/* ---- verdict ---- */

static void check_reconciled(const struct pelt_counts *n, const char *of, struct pelt_judgement *j)
{
    if (n->started != n->ended) {
        at_least(j, PELT_INVALID);
        add_reason(j->verdict_reasons,
                   "figures%s do not reconcile: %llu exchanges started, %llu ended", of,
                   (unsigned long long)n->started, (unsigned long long)n->ended);
    }
}

static void check_counts(const struct pelt_results *r, const struct pelt_counts *n,
                         struct pelt_judgement *j)
{
    struct pelt_counts outside = pelt_frame_counts(r->outside);
    check_reconciled(n, "", j);
    check_reconciled(&outside, " of setup and teardown", j);
    if (n->started == 0) {
        at_least(j, PELT_SUSPECT);
        add_reason(j->verdict_reasons, "no request was started");
    } else if (n->ok == 0) {
        at_least(j, PELT_SUSPECT);
        add_reason(j->verdict_reasons, "no request ended ok: see the errors");
    }
}

static void check_own_limits(const struct pelt_counts *n, struct pelt_judgement *j)
{
    static const enum pelt_outcome own[] = {
        PELT_OUTCOME_GEN_FD_LIMIT, PELT_OUTCOME_GEN_PORT_EXHAUSTED, PELT_OUTCOME_GEN_MEMORY};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        uint64_t count = n->by_outcome[own[i]];
        if (count > 0) {
            at_least(j, PELT_INVALID);
            add_reason(j->verdict_reasons,
                       "%s: %llu requests were not sent because this host ran out",
                       pelt_outcome_name(own[i]), (unsigned long long)count);
        }
    }
}

static void check_memory(const struct pelt_results *r, const struct pelt_judge_options *opt,
                         struct pelt_judgement *j)
{
    uint64_t lost = pelt_results_lost(r);
    if (lost > 0) {
        at_least(j, PELT_INVALID);
        add_reason(j->verdict_reasons, PELT_REASON_LOST, (unsigned long long)lost);
    }
    if (opt->starved > 0) {
        at_least(j, PELT_INVALID);
        add_reason(j->verdict_reasons,
                   "the load of %u threads ended early: this host's memory ran out", opt->starved);
    }
}

/* What such a thread has sent since its last frame nobody knows. */
static void check_threads(const struct pelt_judge_options *opt, struct pelt_judgement *j)
{
    if (opt->given_up > 0) {
        at_least(j, PELT_INVALID);
        add_reason(j->verdict_reasons,
                   "%u thread%s did not end and %s given up: requests are missing in the figures",
                   opt->given_up, opt->given_up == 1 ? "" : "s",
                   opt->given_up == 1 ? "was" : "were");
    }
}

/* Median of the response times of all requests. */
static uint64_t median_response_us(const struct pelt_frame *total)
{
    struct pelt_hist_pool pool;
    struct pelt_hist all = {0};
    pelt_hist_pool_init(&pool, NULL);
    for (uint32_t i = 0; i < total->requests_len; i++) {
        if (total->requests[i] != NULL) {
            pelt_hist_add(&all, &pool, &total->requests[i]->hist[PELT_HIST_RESPONSE]);
        }
    }
    uint64_t median_us = pelt_hist_percentile_us(&all, 50);
    pelt_hist_reset(&all, &pool);
    pelt_hist_pool_deinit(&pool);
    return median_us;
}

/* Samples above `us`. */
static uint64_t count_above(const struct pelt_hist *h, uint64_t us)
{
    return h->count - (uint64_t)((double)h->count * pelt_hist_share_below(h, us) + 0.5);
}

static void check_send_lag(const struct pelt_results *r, struct pelt_judgement *j)
{
    const struct pelt_hist *lag = &r->total->hist[PELT_RUNHIST_SEND_LAG];
    double part_us = LAG_SHARE * (double)median_response_us(r->total);
    uint64_t limit_us = part_us > LAG_INVALID_US ? (uint64_t)part_us : LAG_INVALID_US;
    uint64_t late = count_above(lag, limit_us);
    if (late >= LATE_FEWEST && (double)late > LATE_SHARE * (double)lag->count) {
        bool sure = lag->count >= pelt_hist_samples_needed(99) ||
                    (double)late > LATE_SHARE_FEW * (double)lag->count;
        at_least(j, sure ? PELT_INVALID : PELT_SUSPECT);
        add_reason(j->verdict_reasons,
                   "%llu of %llu arrivals were sent more than %.1f ms late by this host",
                   (unsigned long long)late, (unsigned long long)lag->count,
                   (double)limit_us / 1000);
        return;
    }
    uint64_t p99_us = pelt_hist_percentile_us(lag, 99);
    if (lag->count >= pelt_hist_samples_needed(99) && p99_us > LAG_SUSPECT_US &&
        (double)p99_us > part_us) {
        at_least(j, PELT_SUSPECT);
        add_reason(j->verdict_reasons,
                   "1%% of the arrivals were sent more than %.1f ms late by this host",
                   (double)p99_us / 1000);
    }
}

/* Neither loop sends anything while its thread stands still, and a closed one has no arrivals that
 * would tell. */
static void check_freeze(const struct pelt_results *r, struct pelt_judgement *j)
{
    const struct pelt_hist *lag = &r->total->hist[PELT_RUNHIST_LOOP_LAG];
    if (lag->count == 0 || lag->max_us <= FREEZE_SUSPECT_US) {
        return;
    }
    bool long_one = lag->max_us > FREEZE_INVALID_US;
    at_least(j, long_one ? PELT_INVALID : PELT_SUSPECT);
    add_reason(j->verdict_reasons, "this host%s stopped the generator for %.1f s",
               long_one ? " (or a signal, or a script that computes)" : "",
               (double)lag->max_us / 1e6);
}

static void check_started(const struct pelt_results *r, const struct pelt_judge_options *opt,
                          struct pelt_judgement *j)
{
    double due = opt->arrivals_due;
    double least = STARTED_INVALID * due - DEVIATIONS * opt->arrivals_deviation;
    /* Where an arrival lies within its interval is the plan's: one more or less is no fault. */
    if ((double)r->total->planned + 1 < least) {
        at_least(j, PELT_INVALID);
        add_reason(j->verdict_reasons, "only %llu of %.0f planned arrivals were started",
                   (unsigned long long)r->total->planned, due);
    }
}

static void check_arrivals(const struct pelt_results *r, struct pelt_judgement *j)
{
    uint64_t planned = r->total->planned, dropped = r->total->dropped;
    if (dropped > 0) {
        bool many = (double)dropped > (1 - STARTED_INVALID) * (double)planned;
        at_least(j, many ? PELT_INVALID : PELT_SUSPECT);
        add_reason(j->verdict_reasons,
                   "%llu of %llu arrivals were not started: every user was busy (--users) or had "
                   "failed in user_init, or this host was too slow",
                   (unsigned long long)dropped, (unsigned long long)planned);
    }
}

static void check_cpu(const struct pelt_results *r, const struct pelt_counts *n, bool closed,
                      struct pelt_judgement *j)
{
    for (size_t i = 0; i < r->threads_len; i++) {
        const struct pelt_thread_row *t = &r->threads[i];
        double share = pelt_results_cpu_share(r, t);
        if (share >= CPU_SATURATED && n->started > 0) {
            at_least(j, PELT_SUSPECT);
            if (closed) {
                add_reason(j->verdict_reasons, "the generator was the limit: at least %.0f/s",
                           r->duration_s > 0 ? (double)n->started / r->duration_s : 0);
            } else {
                add_reason(j->verdict_reasons, "thread %u used %.0f%% of its core", t->thread,
                           share * 100);
            }
            return;
        }
    }
}

static void judge_verdict(const struct pelt_results *r, const struct pelt_judge_options *opt,
                          struct pelt_judgement *j)
{
    struct pelt_counts n = pelt_frame_counts(r->total);
    const char *loop = pelt_results_meta(r, "loop");
    check_counts(r, &n, j);
    check_own_limits(&n, j);
    check_memory(r, opt, j);
    check_threads(opt, j);
    check_send_lag(r, j);
    check_freeze(r, j);
    check_started(r, opt, j);
    check_arrivals(r, j);
    check_cpu(r, &n, loop == NULL || strcmp(loop, "closed") == 0, j);
}

/* ---- thresholds and exit code ---- */

/* "missed", or "missed, which stopped the run at 12 s" */
static void format_level(const struct pelt_verdict_line *line, char *out, size_t size)
{
    if (line->aborted) {
        snprintf(out, size, "%s, which stopped the run at %d s", pelt_level_name(line->level),
                 (int)line->to_s);
    } else {
        snprintf(out, size, "%s", pelt_level_name(line->level));
    }
}

/* Notes a reason for `code`; the first one noted, the one of highest precedence, is the exit code.
 */
static void exit_with(struct pelt_judgement *j, int code)
{
    if (j->exit_code == 0) {
        j->exit_code = code;
    }
}

static void exit_by_thresholds(const struct pelt_results *r, struct pelt_judgement *j)
{
    for (size_t i = 0; i < j->lines_len; i++) {
        const struct pelt_verdict_line *line = &j->lines[i];
        if (line->level == PELT_LEVEL_MISSED || line->level == PELT_LEVEL_UNJUDGED) {
            char text[400], level[60];
            pelt_threshold_format(&r->thresholds[i].threshold, text, sizeof(text));
            format_level(line, level, sizeof(level));
            exit_with(j, 3);
            add_reason(j->exit_reasons, "threshold %s: %s%s%s", level, text,
                       line->why[0] != '\0' ? ": " : "", line->why);
        }
    }
}

static void judge_exit(const struct pelt_results *r, const struct pelt_judge_options *opt,
                       struct pelt_judgement *j)
{
    if (opt->signal != 0) {
        exit_with(j, opt->signal == SIGTERM ? 143 : 130);
        add_reason(j->exit_reasons, "stopped by %s", opt->signal == SIGTERM ? "SIGTERM" : "SIGINT");
    }
    if (opt->own_failure != NULL) {
        exit_with(j, 1);
        add_reason(j->exit_reasons, "%s", opt->own_failure);
    }
    if (opt->script_error != NULL && !opt->allow_script_errors) {
        exit_with(j, 2);
        add_reason(j->exit_reasons, "script error: %s", opt->script_error);
    }
    if ((j->verdict == PELT_INVALID && !opt->allow_invalid) ||
        (j->verdict == PELT_SUSPECT && opt->strict)) {
        exit_with(j, 4);
        add_reason(j->exit_reasons, "the run is %s%s%s", pelt_verdict_name(j->verdict),
                   j->verdict_reasons[0] != NULL ? ": " : "",
                   j->verdict_reasons[0] != NULL ? j->verdict_reasons[0] : "");
    }
    exit_by_thresholds(r, j);
}

enum pelt_status pelt_judge(const struct pelt_results *r, const struct pelt_judge_options *options,
                            struct pelt_judgement *out)
{
    *out = (struct pelt_judgement){.verdict = PELT_VALID, .lines_len = r->thresholds_len};
    out->lines = calloc(r->thresholds_len + 1, sizeof(struct pelt_verdict_line));
    if (out->lines == NULL) {
        return PELT_ENOMEM; /* nothing to deinit, which is fine nevertheless */
    }
    judge_verdict(r, options, out);
    pelt_rulebook_finish(options->rules, r->total, r->duration_s, out->lines);
    judge_exit(r, options, out);
    return PELT_OK;
}

void pelt_judgement_deinit(struct pelt_judgement *j)
{
    free(j->lines);
    for (size_t i = 0; i < PELT_REASONS_MAX; i++) {
        free(j->verdict_reasons[i]);
        free(j->exit_reasons[i]);
    }
}
