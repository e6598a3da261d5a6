/*
 * measured: see the header. The figures come from the live view of the run: what the load had come
 * to when a second was over, and what the process had then.
 *
 *   seconds   0         1         2         3        4.5
 *             | warm-up |  CPU, iterations  | more users: memory, descriptors |
 */
#include "pelt/measured.h"

#include <dirent.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "own_run.h"

#define WARM_SECONDS   1
#define WINDOW_END     3 /* seconds since the start */
#define GROWTH_NS      (1500 * PELT_NS_PER_MS)
#define USERS_MOST     1000 /* in the window, and more of them after it */
#define USERS_OPEN     64   /* of an open loop, whose pool is as large as answers are slow */
#define ROOM_SHARE     4    /* users may have several connections: a quarter of the descriptors */
#define PAGES_TO_TRUST 8    /* of growth of memory */

struct totals { /* of the load up to the end of `second` */
    int32_t second;
    uint64_t iterations, requests, cpu_ns, connects, bytes_sent, bytes_received;
};

struct process { /* what it has at a moment */
    uint64_t resident_bytes, fds;
    bool known;
};

struct watch {
    const struct pelt_null_server *server;
    _Atomic uint64_t skipped_ns;
    uint64_t skipped_before_ns; /* by setup */
    bool loading;
    struct totals from, to;
    bool has_from, has_to;
    struct {
        uint64_t cpu_ns, at_ns;
    } server_from, server_to;
    struct process none, few, more; /* without users, before and after their growth */
};

static struct totals totals_of(const struct pelt_frame *f, int32_t second)
{
    struct totals t = {.second = second,
                       .iterations = f->iterations,
                       .requests = pelt_frame_counts(f).ended,
                       .cpu_ns = f->cpu_ns};
    for (uint32_t i = 0; i < f->requests_len; i++) {
        const struct pelt_request_frame *r = f->requests[i];
        if (r != NULL) {
            t.connects += r->hist[PELT_HIST_CONNECT].count;
            t.bytes_sent += r->bytes_sent;
            t.bytes_received += r->bytes_received;
        }
    }
    return t;
}

/* ---- what the process has ---- */

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;
    if (file != NULL) {
        if (fscanf(file, "%*s %lu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t n = 0;
    while (folder != NULL && readdir(folder) != NULL) {
        n++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return n;
}

static struct process look(void)
{
    return (struct process){.resident_bytes = resident_bytes(), .fds = open_fds(), .known = true};
}

/* ---- while the run goes ---- */

static void note_seconds(struct watch *w, const struct pelt_live *live)
{
    const int32_t second = live->second->second;
    const struct totals now = totals_of(live->total, second);
    if (!w->has_from && second >= WARM_SECONDS - 1) {
        w->from = now;
        w->has_from = true;
        w->server_from.cpu_ns = pelt_null_server_cpu_ns(w->server);
        w->server_from.at_ns = pelt_clock_ns();
    } else if (w->has_from && second > w->from.second && second < WINDOW_END &&
               (!w->has_to || second > w->to.second)) {
        w->to = now;
        w->has_to = true;
        w->server_to.cpu_ns = pelt_null_server_cpu_ns(w->server);
        w->server_to.at_ns = pelt_clock_ns();
    }
}

static void on_live(void *arg, const struct pelt_live *live)
{
    struct watch *w = arg;
    if (live->phase == PELT_PHASE_LOAD && !w->loading) { /* nothing runs yet but setup did */
        w->loading = true;
        w->none = look();
        w->skipped_before_ns = atomic_load_explicit(&w->skipped_ns, memory_order_relaxed);
        return;
    }
    if (live->phase != PELT_PHASE_LOAD || live->second == NULL) {
        return;
    }
    note_seconds(w, live);
    *(live->elapsed_s < WINDOW_END ? &w->few : &w->more) = look();
}

/* ---- the run ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct pelt_measured_users pelt_measured_users(const struct pelt_plan *plan, uint64_t fds)
{
    const uint64_t own = PELT_FDS_OWN + PELT_OWN_RUN_THREADS * PELT_FDS_A_THREAD;
    const uint64_t room = fds > own + 2 * ROOM_SHARE ? (fds - own) / ROOM_SHARE : 2;
    const uint64_t parts = pelt_plan_parts(plan);
    uint64_t planned = 0;
    for (size_t i = 0; i < parts; i++) {
        const struct pelt_plan *part = pelt_plan_part(plan, i);
        const bool open = part->loop == PELT_LOOP_OPEN;
        planned += open ? least(part->users_max, USERS_OPEN) : (uint64_t)ceil(pelt_plan_peak(part));
    }
    struct pelt_measured_users users = {.few = least(least(planned, USERS_MOST), room / 2)};
    users.few = users.few > parts ? users.few : parts;
    users.more = least(room - users.few, USERS_MOST);
    return users;
}

static enum pelt_status make_levels(struct pelt_plan *plan, double few, double all)
{
    pelt_plan_init(plan, PELT_LOOP_CLOSED);
    plan->grace_ns = PELT_NS_PER_S;
    enum pelt_status status = pelt_plan_add(plan, WINDOW_END * PELT_NS_PER_S, few, few);
    return status == PELT_OK ? pelt_plan_add(plan, GROWTH_NS, all, all) : status;
}

static double all_levels(const struct pelt_plan *plan)
{
    double sum = 0;
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        sum += pelt_plan_peak(pelt_plan_part(plan, i));
    }
    return sum;
}

/* The loads of a mix run side by side, each with one user and its part of the others, by its level:
 * what an iteration takes is that of the mix. */
static enum pelt_status make_mix(struct pelt_plan *mix, const struct pelt_plan *asked,
                                 struct pelt_measured_users users)
{
    const double level = all_levels(asked), rest = (double)users.few - (double)asked->parts_len;
    enum pelt_status status = PELT_OK;
    double below = 0;
    pelt_plan_init(mix, PELT_LOOP_CLOSED);
    mix->grace_ns = PELT_NS_PER_S;
    for (size_t i = 0; i < asked->parts_len && status == PELT_OK; i++) {
        struct pelt_plan part;
        const double from = below / level, to = (below += pelt_plan_peak(&asked->parts[i])) / level;
        const double few = 1 + floor(rest * to) - floor(rest * from);
        const double more = floor((double)users.more * to) - floor((double)users.more * from);
        status = make_levels(&part, few, few + more);
        if (status != PELT_OK) {
            pelt_plan_deinit(&part);
        } else {
            status = pelt_plan_add_part(mix, &part, asked->parts[i].name, 0);
        }
    }
    return status;
}

static enum pelt_status make_plan(struct pelt_plan *plan, const struct pelt_plan *asked,
                                  struct pelt_measured_users users)
{
    const double few = (double)users.few;
    return asked->parts_len > 0 ? make_mix(plan, asked, users)
                                : make_levels(plan, few, few + (double)users.more);
}

static void note_script_errors(const struct pelt_results *r, struct pelt_measured *out)
{
    const char *text = pelt_own_run_event(r, "script_error");
    out->script_errors = r->total->script_errors;
    snprintf(out->script_error, sizeof out->script_error, "%s", text != NULL ? text : "");
    out->script_error[strcspn(out->script_error, "\n")] = '\0';
}

/* Users who all end at once leave no whole seconds: then all there was is taken. */
static void note_window(const struct watch *w, const struct pelt_results *r,
                        struct pelt_measured *out)
{
    const bool whole = w->has_to && w->to.requests > w->from.requests;
    const struct totals from = whole ? w->from : (struct totals){.second = -1};
    const struct totals to = whole ? w->to : totals_of(r->total, (int32_t)ceil(r->duration_s) - 1);
    out->seconds = whole ? to.second - from.second : r->duration_s;
    out->iterations = to.iterations - from.iterations;
    out->requests = to.requests - from.requests;
    out->cpu_ns = to.cpu_ns - from.cpu_ns;
    out->connects = to.connects - from.connects;
    out->bytes_sent = to.bytes_sent - from.bytes_sent;
    out->bytes_received = to.bytes_received - from.bytes_received;
    const uint64_t ns = w->server_to.at_ns - w->server_from.at_ns;
    if (w->has_to && ns > 0) {
        out->server_share = (double)(w->server_to.cpu_ns - w->server_from.cpu_ns) / (double)ns;
    }
}

static double fds_each(const struct process *before, const struct process *after, uint64_t users)
{
    return after->fds > before->fds ? (double)(after->fds - before->fds) / (double)users : 0;
}

/* Where new users were too slow to make their connections, those of the window tell, who had time.
 * Shared connections do not grow with users. */
static void note_growth(const struct watch *w, struct pelt_measured *out, uint64_t more,
                        bool shared)
{
    if (!w->few.known || !w->more.known || more == 0) {
        return;
    }
    const double bytes = (double)w->more.resident_bytes - (double)w->few.resident_bytes;
    out->users_more = more;
    out->bytes_a_user =
        bytes > PAGES_TO_TRUST * (double)sysconf(_SC_PAGESIZE) ? bytes / (double)more : 0;
    out->fds_a_user = fds_each(&w->few, &w->more, more);
    const double settled = fds_each(&w->none, &w->few, out->users); /* and a few of pelt's own */
    if (!shared && out->fds_a_user < settled / 2) {
        out->fds_a_user = settled;
    }
}

static enum pelt_status note_all(const struct watch *w, const struct pelt_results *r,
                                 struct pelt_measured_users users, bool shared,
                                 struct pelt_measured *out, struct pelt_error *err)
{
    const char *hook = pelt_own_run_event(r, "hook_failed");
    const struct pelt_counts counts = pelt_frame_counts(r->total);
    if (hook != NULL && strncmp(hook, "setup", 5) == 0) {
        return pelt_fail(err, PELT_ESCRIPT,
                         "%.800s (against the null server; have it answer what the script needs: "
                         "--answer '{\"token\": \"x\"}')",
                         hook);
    }
    out->users = users.few;
    note_script_errors(r, out);
    note_window(w, r, out);
    note_growth(w, out, users.more, shared);
    out->errors = counts.ended - counts.ok - counts.by_outcome[PELT_OUTCOME_UNFINISHED];
    if (r->total->iterations > 0) {
        const uint64_t skipped_ns = atomic_load(&w->skipped_ns) - w->skipped_before_ns;
        out->pause_s = (double)skipped_ns / 1e9 / (double)r->total->iterations;
    }
    if (out->iterations == 0 && out->requests == 0) {
        return pelt_fail(err, PELT_ESCRIPT,
                         "%s: no iteration ended and no request was made against the null server "
                         "in %.1f s%s%s",
                         pelt_results_meta(r, "scenario"), r->duration_s,
                         out->script_error[0] != '\0' ? ": " : "", out->script_error);
    }
    return PELT_OK;
}

static enum pelt_status run_and_note(const struct pelt_run_options *asked, struct watch *w,
                                     struct pelt_measured_users users, struct pelt_measured *out,
                                     int *signal, struct pelt_error *err)
{
    struct pelt_plan plan;
    struct pelt_results *results = NULL;
    if (make_plan(&plan, asked->plan, users) != PELT_OK) {
        pelt_plan_deinit(&plan);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    const struct pelt_own_run own = {.asked = asked,
                                     .plan = &plan,
                                     .server = w->server,
                                     .skipped_ns = &w->skipped_ns,
                                     .on_live = on_live,
                                     .arg = w};
    enum pelt_status status = pelt_own_run(&own, &results, signal, err);
    if (status == PELT_OK && *signal == 0) {
        status = note_all(w, results, users, asked->shared, out, err);
    }
    pelt_results_free(results);
    pelt_plan_deinit(&plan);
    return status;
}

double pelt_measured_per_s(const struct pelt_measured *m)
{
    return m->cpu_ns > 0 ? (double)m->iterations / ((double)m->cpu_ns / 1e9) : 0;
}

enum pelt_status pelt_measured_make(const struct pelt_run_options *run,
                                    const struct pelt_limits *limits, struct pelt_span answer,
                                    struct pelt_measured *out, int *signal, struct pelt_error *err)
{
    /* A thread that was given up may still add to it. */
    static struct watch w;
    struct pelt_null_server server;
    struct pelt_null_counts counts;
    *out = (struct pelt_measured){0};
    *signal = 0;
    memset(&w, 0, sizeof w);
    w.server = &server;
    enum pelt_status status = pelt_null_server_start(&server, answer, err);
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_measured_users users = pelt_measured_users(run->plan, limits->fds);
    status = run_and_note(run, &w, users, out, signal, err);
    if (status == PELT_OK && *signal == 0 && pelt_plan_has_arrivals(run->plan) &&
        out->iterations > 0) {
        status = pelt_ontime_measure(run, &server, users.few + users.more, pelt_measured_per_s(out),
                                     &out->ontime, signal, err);
    }
    pelt_null_server_stop(&server, &counts);
    out->server_requests = counts.requests;
    return status;
}
