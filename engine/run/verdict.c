/*
 * verdict: see the header. Causes come before what follows from them, so that a run that was
 * throttled says so first, and not only that it was late. The rules and where their limits come
 * from stand in docs/REPORTS.md ("Verdict"), too.
 */
#include "verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"

/*
 * The limits, one a line: SUSPECT from the first one on, INVALID from the second one.
 *
 * Causes. A stop that takes 1% of the time is in the p99 of what is measured. A thread that is kept
 * from its CPU for a quarter of the time shares it with somebody who wants all of it: an equal
 * competitor takes half.
 */
#define THROTTLED_INVALID 0.01 /* of the load's seconds: stopped by a quota; less is SUSPECT */
#define RUN_WAIT_SUSPECT  0.15 /* of the load's seconds: in a CPU's run queue */
#define RUN_WAIT_INVALID  0.25
#define RUN_WAIT_LATE     0.20 /* INVALID where arrivals were late, too: cause and effect agree */
#define RUN_WAIT_SHARED   0.60 /* INVALID in closed loop beside the target */
#define RUN_WAIT_LEAST_NS (100 * PELT_NS_PER_MS) /* in a short run a few waits are no share */
#define LUA_INVALID       0.50 /* of a thread's time, where times or arrivals suffered from it */
#define LUA_LOOKS         20   /* that such a share needs: 1 s of one thread */
#define TAINTED_INVALID   0.50 /* of all answers: then it is the median that is not the server's */
/* Effects. Lateness counts when it is a good part of what was measured. */
#define LAG_SUSPECT_US    1000
#define LAG_INVALID_US    10000
#define LAG_SHARE         0.10 /* of the median response time: less lateness does not matter */
#define LATE_SHARE        0.01 /* of the arrivals: so many may be late */
#define LATE_SHARE_FEW    0.10 /* of arrivals too few for a p99: one pause is no rate */
#define LATE_FEWEST       5    /* fewer late ones are one hiccup, however few arrivals there were */
#define FREEZE_SUSPECT_US 100000 /* a loop that did not turn for so long */
#define FREEZE_INVALID_US 500000
#define STARTED_INVALID   0.99 /* of the planned arrivals: fewer were not the plan */
#define DEVIATIONS        4    /* that a random number of arrivals may lie below its mean */
/* Accounts: the area below the number in flight against the sum of the response times. */
#define LITTLE_INVALID 0.02
#define ROUNDING_NS    500 /* a histogram's: of each sample */

#define WORKERS_TOLD 3 /* of each verdict */

/* How late arrivals were sent. */
struct lateness {
    enum pelt_verdict level;
    uint64_t late, limit_us; /* so many later than that, where they are the reason */
    uint64_t p99_us;
};

struct verdict {
    const struct pelt_results *r;
    const struct pelt_judge_options *opt;
    struct pelt_judgement *out;
    struct pelt_counts n;
    struct lateness lateness;
    size_t invalid, reasons; /* of INVALID, of all */
    size_t causes;           /* of the first, those that are causes */
    bool slow;               /* one of them is about time: what the host did may explain it */
};

static void add(struct verdict *v, enum pelt_verdict level, const char *fmt, ...) PELT_PRINTF(3, 4);
static void add(struct verdict *v, enum pelt_verdict level, const char *fmt, ...)
{
    char text[512], **reasons = v->out->verdict_reasons;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    v->out->verdict = level > v->out->verdict ? level : v->out->verdict;
    if (v->reasons == PELT_REASONS_MAX) {
        return;
    }
    size_t at = level == PELT_INVALID ? v->invalid++ : v->reasons;
    memmove(&reasons[at + 1], &reasons[at], (v->reasons++ - at) * sizeof(*reasons));
    reasons[at] = strdup(text);
}

/* ---- accounts ---- */

static void check_reconciled(struct verdict *v, const struct pelt_counts *n, const char *of)
{
    if (n->started != n->ended) {
        add(v, PELT_INVALID, "figures%s do not reconcile: %llu exchanges started, %llu ended", of,
            (unsigned long long)n->started, (unsigned long long)n->ended);
    }
}

static void check_counts(struct verdict *v)
{
    struct pelt_counts outside = pelt_frame_counts(v->r->outside);
    check_reconciled(v, &v->n, "");
    check_reconciled(v, &outside, " of setup and teardown");
    if (v->n.started == 0) {
        add(v, PELT_SUSPECT, "no request was started");
    } else if (v->n.ok == 0) {
        add(v, PELT_SUSPECT, "no request ended ok: see the errors");
    }
}

/*
 * Little's law: what was in flight over time is what each exchange took, all together. Where each
 * that began has ended, both sides begin and end with nothing in flight, so there are no edges to
 * correct, however short the run was. The one side is from the stamps of all begins and ends, the
 * other from the histograms.
 */
static void check_little(struct verdict *v)
{
    const struct pelt_frame *f = v->r->total;
    double in_flight_ns = (double)(int64_t)f->flight_ns, took_ns = (double)f->unanswered_ns;
    uint64_t answered = 0, clamped = 0;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        if (f->requests[i] != NULL) {
            const struct pelt_hist *h = &f->requests[i]->hist[PELT_HIST_RESPONSE];
            took_ns += 1000 * pelt_hist_mean_us(h) * (double)h->count;
            answered += h->count;
            clamped += h->clamped;
        }
    }
    double allowed_ns =
        LITTLE_INVALID * fmax(in_flight_ns, took_ns) + ROUNDING_NS * (double)answered;
    bool whole = v->r->taint_known && clamped == 0 && v->n.started == v->n.ended &&
                 pelt_results_lost(v->r) == 0 && v->opt->given_up == 0 &&
                 v->opt->worker_lost == NULL;
    if (whole && fabs(in_flight_ns - took_ns) > allowed_ns) {
        add(v, PELT_INVALID,
            "figures do not reconcile: by begins and ends %.3f s were spent in flight, by response "
            "times %.3f s (Little's law); please report this",
            in_flight_ns / 1e9, took_ns / 1e9);
    }
}

static void check_memory(struct verdict *v)
{
    uint64_t lost = pelt_results_lost(v->r);
    if (lost > 0) {
        add(v, PELT_INVALID, PELT_REASON_LOST, (unsigned long long)lost);
    }
    if (v->opt->starved > 0) {
        add(v, PELT_INVALID, "the load of %u threads ended early: this host's memory ran out",
            v->opt->starved);
    }
}

/* What such a thread has sent since its last frame nobody knows. */
static void check_threads(struct verdict *v)
{
    const uint32_t n = v->opt->given_up;
    if (n > 0) {
        add(v, PELT_INVALID,
            "%u thread%s did not end and %s given up: requests are missing in the figures", n,
            n == 1 ? "" : "s", n == 1 ? "was" : "were");
    }
}

/* Each has judged itself, by its threads and its host: nobody else knows those. */
static void check_workers_of(struct verdict *v, enum pelt_verdict level)
{
    const char *name = pelt_verdict_name(level);
    size_t told = 0, more = 0;
    for (size_t i = 0; i < v->opt->workers_len; i++) {
        const struct pelt_worker_row *w = &v->opt->workers[i];
        if (strcmp(w->verdict, name) == 0 && told < WORKERS_TOLD) {
            add(v, level, "worker %u (%s): %s", w->slot, w->host, w->reason);
            told++;
        } else {
            more += strcmp(w->verdict, name) == 0;
        }
    }
    if (more > 0) {
        add(v, level, "%zu more workers found themselves %s", more, name);
    }
}

static void check_workers(struct verdict *v)
{
    check_workers_of(v, PELT_INVALID);
    check_workers_of(v, PELT_SUSPECT);
    if (v->opt->worker_lost != NULL) {
        add(v, PELT_SUSPECT, "%s", v->opt->worker_lost);
    }
}

/* ---- lateness ---- */

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

static struct lateness measure_lateness(const struct pelt_results *r)
{
    const struct pelt_hist *lag = &r->total->hist[PELT_RUNHIST_SEND_LAG];
    const double part_us = LAG_SHARE * (double)median_response_us(r->total);
    const bool enough = lag->count >= pelt_hist_samples_needed(99);
    struct lateness l = {.limit_us = part_us > LAG_INVALID_US ? (uint64_t)part_us : LAG_INVALID_US,
                         .p99_us = pelt_hist_percentile_us(lag, 99)};
    uint64_t late = count_above(lag, l.limit_us);
    if (late >= LATE_FEWEST && (double)late > LATE_SHARE * (double)lag->count) {
        bool sure = enough || (double)late > LATE_SHARE_FEW * (double)lag->count;
        l.level = sure ? PELT_INVALID : PELT_SUSPECT;
        l.late = late;
    } else if (enough && l.p99_us > LAG_SUSPECT_US && (double)l.p99_us > part_us) {
        l.level = PELT_SUSPECT;
    }
    return l;
}

/* ---- causes ---- */

static void check_own_limits(struct verdict *v)
{
    static const enum pelt_outcome own[] = {
        PELT_OUTCOME_GEN_FD_LIMIT, PELT_OUTCOME_GEN_PORT_EXHAUSTED, PELT_OUTCOME_GEN_MEMORY};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        uint64_t count = v->n.by_outcome[own[i]];
        if (count > 0) {
            add(v, PELT_INVALID, "%s: %llu requests were not sent because this host ran out",
                pelt_outcome_name(own[i]), (unsigned long long)count);
        }
    }
}

static double throttled_share(const struct verdict *v)
{
    uint64_t ns = v->r->host.throttled_ns;
    return ns != PELT_UNREAD ? pelt_results_host_share(v->r, ns) : 0;
}

static void check_throttled(struct verdict *v)
{
    const struct pelt_host_row *host = &v->r->host;
    if (host->throttled == PELT_UNREAD || host->throttled == 0) {
        return;
    }
    double share = throttled_share(v);
    add(v, share >= THROTTLED_INVALID ? PELT_INVALID : PELT_SUSPECT,
        "pelt was throttled: the CPU quota of its cgroup stopped it %llu times, %.1f s in all "
        "(%.1f%% of the load)",
        (unsigned long long)host->throttled, (double)host->throttled_ns / 1e9, share * 100);
    v->slow = true;
}

/* The thread that waited longest; NULL: that could not be read. */
static const struct pelt_thread_row *waited_most(const struct verdict *v, double *share)
{
    const struct pelt_thread_row *most = NULL;
    *share = 0;
    for (size_t i = 0; i < v->r->threads_len; i++) {
        double of_it;
        if (pelt_thread_row_run_wait_share(&v->r->threads[i], &of_it) &&
            (most == NULL || of_it > *share)) {
            most = &v->r->threads[i];
            *share = of_it;
        }
    }
    return most;
}

static bool is(const struct verdict *v, const char *key, const char *value)
{
    const char *text = pelt_results_meta(v->r, key);
    return text != NULL && strcmp(text, value) == 0;
}

static double number_of(const struct verdict *v, const char *key, double without)
{
    const char *text = pelt_results_meta(v->r, key);
    return text != NULL ? strtod(text, NULL) : without;
}

/*
 * A thread that is throttled waits as well: that was told. A closed loop takes all that its host
 * has, and so does a target beside it: then each waits for the other half of the time, as a
 * generator that is the limit does, and only more than that is somebody else. Threads that are more
 * than the CPUs wait for each other.
 */
static void check_run_wait(struct verdict *v)
{
    double share;
    const struct pelt_thread_row *most = waited_most(v, &share);
    const bool shared = is(v, "loop", "closed") && is(v, "same_host", "yes");
    const bool crowded = number_of(v, "cpus", HUGE_VAL) < (double)v->r->threads_len;
    const bool late = v->lateness.level != PELT_VALID;
    const double invalid = shared ? RUN_WAIT_SHARED : late ? RUN_WAIT_LATE : RUN_WAIT_INVALID;
    share -= throttled_share(v);
    if (most != NULL && most->run_wait_ns >= RUN_WAIT_LEAST_NS && share >= RUN_WAIT_SUSPECT) {
        const bool starved = share >= invalid && !crowded;
        add(v, starved ? PELT_INVALID : PELT_SUSPECT,
            "%s: thread %u waited for its CPU %.0f%% of the time (run queue wait)",
            crowded              ? "pelt has more threads than CPUs"
            : shared && !starved ? "the target and other programs took CPU from pelt"
                                 : "other programs starved pelt",
            most->thread, share * 100);
        v->slow = true;
    }
}

/* ---- effects ---- */

static void check_send_lag(struct verdict *v)
{
    const struct lateness *l = &v->lateness;
    if (l->late > 0) {
        add(v, l->level, "%llu of %llu arrivals were sent more than %.1f ms late by this host",
            (unsigned long long)l->late,
            (unsigned long long)v->r->total->hist[PELT_RUNHIST_SEND_LAG].count,
            (double)l->limit_us / 1000);
    } else if (l->level != PELT_VALID) {
        add(v, l->level, "1%% of the arrivals were sent more than %.1f ms late by this host",
            (double)l->p99_us / 1000);
    }
    v->slow = v->slow || l->level != PELT_VALID;
}

/* Neither loop sends anything while its thread stands still, and a closed one has no arrivals that
 * would tell. */
static void check_freeze(struct verdict *v)
{
    const struct pelt_hist *lag = &v->r->total->hist[PELT_RUNHIST_LOOP_LAG];
    if (lag->count == 0 || lag->max_us <= FREEZE_SUSPECT_US) {
        return;
    }
    bool long_one = lag->max_us > FREEZE_INVALID_US;
    add(v, long_one ? PELT_INVALID : PELT_SUSPECT, "this host%s stopped the generator for %.1f s",
        long_one ? " (or a signal, or a script that computes)" : "", (double)lag->max_us / 1e6);
    v->slow = true;
}

static void check_started(struct verdict *v)
{
    double due = v->opt->arrivals_due;
    double least = STARTED_INVALID * due - DEVIATIONS * v->opt->arrivals_deviation;
    /* Where an arrival lies within its interval is the plan's: one more or less is no fault. */
    if ((double)v->r->total->planned + 1 < least) {
        add(v, PELT_INVALID, "only %llu of %.0f planned arrivals were started",
            (unsigned long long)v->r->total->planned, due);
        v->slow = true;
    }
}

/* What only a stop kept from being started says nothing of this host; how late it was is in the
 * send lag. */
static void check_dropped(struct verdict *v)
{
    const uint64_t planned = v->r->total->planned;
    const uint64_t dropped = v->r->total->dropped - v->opt->unseen;
    if (v->r->total->dropped > v->opt->unseen) {
        bool many = (double)dropped > (1 - STARTED_INVALID) * (double)planned;
        add(v, many ? PELT_INVALID : PELT_SUSPECT,
            "%llu of %llu arrivals were not started: every user was busy (--users) or had failed "
            "in user_init, or this host was too slow",
            (unsigned long long)dropped, (unsigned long long)planned);
    }
}

static void check_cpu(struct verdict *v)
{
    bool closed = !is(v, "loop", "open");
    for (size_t i = 0; i < v->r->threads_len; i++) {
        const struct pelt_thread_row *t = &v->r->threads[i];
        double share = pelt_thread_row_cpu_share(t);
        if (share < PELT_CPU_BUSY || v->n.started == 0) {
            continue;
        }
        if (closed) {
            add(v, PELT_SUSPECT, PELT_REASON_GENERATOR ": at least %.0f/s",
                pelt_results_per_s(v->r, v->n.started, pelt_frame_counts(v->r->after).started));
        } else {
            add(v, PELT_SUSPECT, "thread %u used %.0f%% of its core", t->thread, share * 100);
        }
        return;
    }
}

/* ---- a script that computes: a cause that shows by its effects ---- */

static bool mostly_tainted(const struct verdict *v)
{
    uint64_t answered = 0;
    for (uint32_t i = 0; i < v->r->total->requests_len; i++) {
        const struct pelt_request_frame *f = v->r->total->requests[i];
        answered += f != NULL ? f->hist[PELT_HIST_RESPONSE].count : 0;
    }
    return (double)v->r->total->hist[PELT_RUNHIST_TAINTED].count >
           TAINTED_INVALID * (double)answered;
}

/* Lua may take what it wants of a thread that is never late. */
static void check_script(struct verdict *v)
{
    if (v->out->verdict != PELT_INVALID && !mostly_tainted(v)) {
        return;
    }
    for (size_t i = 0; i < v->r->threads_len; i++) {
        const struct pelt_thread_row *t = &v->r->threads[i];
        double share = t->lua_looks >= LUA_LOOKS ? (double)t->lua_seen / t->lua_looks : 0;
        if (share > LUA_INVALID) {
            const size_t effects = v->invalid - v->causes;
            v->invalid = v->causes;
            add(v, PELT_INVALID,
                "the script computes: its Lua took about %.0f%% of the time of thread %u, and what "
                "that thread measured waited meanwhile",
                share * 100, t->thread);
            v->invalid += effects;
            return;
        }
    }
}

/* ---- what the host did ---- */

static void say_share(char *text, size_t size, double share, const char *what)
{
    const size_t len = strlen(text);
    snprintf(text + len, size - len, "%s%.1f%% %s", len > 0 ? ", " : "", fmin(share, 1) * 100,
             what);
}

/* Lateness that came from outside shows here. */
static void explain(struct verdict *v)
{
    const struct pelt_host_row *host = &v->r->host;
    const double cpus = fmax(number_of(v, "host_cpus", 1), 1);
    char text[400] = "";
    double share;
    if (!v->slow) {
        return;
    }
    if (waited_most(v, &share) != NULL) {
        say_share(text, sizeof(text), share, "run queue wait");
    }
    if (host->stolen_ns != PELT_UNREAD) {
        say_share(text, sizeof(text), pelt_results_host_share(v->r, host->stolen_ns) / cpus,
                  "stolen by the hypervisor");
    }
    if (host->busy_ns != PELT_UNREAD && host->own_ns != PELT_UNREAD) {
        uint64_t others_ns = host->busy_ns > host->own_ns ? host->busy_ns - host->own_ns : 0;
        say_share(text, sizeof(text), pelt_results_host_share(v->r, others_ns) / cpus,
                  "of the CPUs used by other programs");
    }
    if (host->pressure_ns != PELT_UNREAD) {
        say_share(text, sizeof(text), pelt_results_host_share(v->r, host->pressure_ns),
                  "CPU pressure");
    }
    if (text[0] != '\0') {
        add(v, v->out->verdict, "this host meanwhile: %s", text);
    } else {
        add(v, v->out->verdict,
            "what this host did meanwhile cannot be read: no /proc/self/schedstat, /proc/stat or "
            "/proc/pressure/cpu");
    }
}

void pelt_verdict_make(const struct pelt_results *r, const struct pelt_judge_options *options,
                       struct pelt_judgement *out)
{
    struct verdict v = {.r = r,
                        .opt = options,
                        .out = out,
                        .n = pelt_frame_counts(r->total),
                        .lateness = measure_lateness(r)};
    check_counts(&v);
    check_little(&v);
    check_own_limits(&v);
    check_memory(&v);
    check_threads(&v);
    check_workers(&v);
    if (options->workers_len == 0) {
        check_throttled(&v);
        check_run_wait(&v);
    }
    v.causes = v.invalid;
    check_send_lag(&v);
    check_freeze(&v);
    check_started(&v);
    check_dropped(&v);
    check_script(&v);
    if (options->workers_len == 0) {
        check_cpu(&v);
        explain(&v);
    }
}
