/*
 * notes: see internal.h. Only the control thread writes the run file.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host.h"
#include "pelt/log.h"
#include "pelt/rng.h"
#include "pelt/secret.h"

void pelt_notes_written(struct pelt_running *run, enum pelt_status status)
{
    run->file_failed = run->file_failed || status != PELT_OK;
}

/* Since the load's start; before it 0. */
static double now_s(const struct pelt_running *run)
{
    const uint64_t now_ns = pelt_clock_ns();
    return run->start_ns != 0 ? (double)(int64_t)(now_ns - run->start_ns) / 1e9 : 0;
}

void pelt_notes_tell(struct pelt_running *run, const struct pelt_live_event *event)
{
    struct pelt_live live;
    if (run->opt.on_event != NULL) {
        pelt_control_picture(run, &live);
        run->opt.on_event(run->opt.on_live_arg, &live, event);
    }
}

void pelt_notes_event(struct pelt_running *run, const char *kind, const char *text)
{
    const double t_s = now_s(run);
    pelt_notes_written(run, pelt_runfile_event(run->file, t_s, kind, text));
    pelt_notes_tell(run, &(struct pelt_live_event){.t_s = t_s, .kind = kind, .text = text});
}

void pelt_notes_step(struct pelt_running *run, struct pelt_step_row *row)
{
    row->t_s = now_s(run);
    pelt_notes_written(run, pelt_runfile_step(run->file, row));
}

/* Of any length. */
static void put_text(struct pelt_running *run, const char *key, const char *value)
{
    pelt_notes_written(run, pelt_runfile_meta(run->file, key, value != NULL ? value : ""));
}

static void put_meta(struct pelt_running *run, const char *key, const char *fmt, ...)
    PELT_PRINTF(3, 4);
static void put_meta(struct pelt_running *run, const char *key, const char *fmt, ...)
{
    char value[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    pelt_notes_written(run, pelt_runfile_meta(run->file, key, value));
}

static void put_environment(struct pelt_running *run)
{
    struct utsname system;
    if (uname(&system) == 0) {
        put_meta(run, "host", "%s", system.nodename);
        put_meta(run, "kernel", "%s %s", system.sysname, system.release);
    }
    put_meta(run, "cpus", "%u", (unsigned)pelt_host_cpus());
    put_meta(run, "host_cpus", "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    put_meta(run, "version", "%s", PELT_VERSION);
}

static const char *target(const struct pelt_run_options *opt)
{
    if (opt->bench != NULL) {
        return opt->bench->url;
    }
    const char *base = opt->target;
    if (base == NULL && opt->scenario != NULL) {
        base = opt->scenario->target;
    }
    return base != NULL ? base : "";
}

void pelt_notes_params(struct pelt_running *run)
{
    put_text(run, "load_params", run->plan.params);
}

void pelt_notes_facts(struct pelt_running *run, const char *const *facts)
{
    for (size_t i = 0; facts != NULL && facts[i] != NULL; i += 2) {
        put_text(run, facts[i], facts[i + 1]);
    }
}

static void put_description(struct pelt_running *run)
{
    const struct pelt_run_options *opt = &run->opt;
    pelt_plan_describe(&run->plan, run->plan_text, sizeof(run->plan_text));
    uint64_t wall_ns = pelt_clock_wall_ns();
    struct pelt_rng id;
    pelt_rng_init(&id, wall_ns, (uint64_t)getpid());
    put_meta(run, "schema", "%d", PELT_RUNFILE_SCHEMA);
    run->start_wall_ns = wall_ns;
    snprintf(run->run_id, sizeof(run->run_id), "%016llx", (unsigned long long)pelt_rng_u64(&id));
    put_text(run, "run_id", run->run_id);
    put_meta(run, "kind", "%s", opt->kind);
    put_text(run, "scenario", opt->name);
    put_text(run, "command", opt->command);
    put_meta(run, "start_wall_ns", "%llu", (unsigned long long)wall_ns);
    put_meta(run, "duration_ns", "%llu", (unsigned long long)run->length_ns);
    put_text(run, "plan", run->plan_text);
    if (run->plan.warmup_ns > 0) {
        put_meta(run, "warmup_s", "%llu",
                 (unsigned long long)(run->plan.warmup_ns / PELT_NS_PER_S));
    }
    put_meta(run, "peak", "%.17g", pelt_plan_peak(&run->plan));
    put_meta(run, "loop", "%s",
             pelt_plan_mixed(&run->plan)        ? "mixed"
             : run->plan.loop == PELT_LOOP_OPEN ? "open"
                                                : "closed");
    put_meta(run, "load_kind", "%s", run->plan.parts_len > 0 ? "mix" : run->plan.kind);
    pelt_notes_params(run);
    pelt_secret_mask(target(opt), run->target_text, sizeof(run->target_text));
    put_text(run, "target", run->target_text);
    put_meta(run, "seed", "%llu", (unsigned long long)opt->seed);
    put_meta(run, "threads", "%u", (unsigned)run->threads);
    put_meta(run, "hosts", "%u", run->opt.hosts != NULL ? (unsigned)run->opt.hosts->slots : 1);
    put_text(run, "file", opt->scenario != NULL ? opt->scenario->path : NULL);
    pelt_notes_facts(run, opt->facts);
    put_environment(run);
}

void pelt_notes_stage(struct pelt_running *run, const struct pelt_plan *plan,
                      const struct pelt_stage *s, uint64_t from_ns)
{
    struct pelt_stage_row row = {
        .from_s = (double)from_ns / 1e9,
        .to_s = (double)(from_ns + s->duration_ns) / 1e9,
        .from = s->from,
        .to = s->to,
        .exponential = s->exponential,
        .span = s->span,
    };
    memcpy(row.part, s->part, sizeof(row.part));
    memcpy(row.load, plan->name, sizeof(row.load));
    pelt_notes_written(run, pelt_runfile_stage(run->file, &row));
}

static void put_stages(struct pelt_running *run)
{
    for (size_t p = 0; p < pelt_plan_parts(&run->plan); p++) {
        const struct pelt_plan *plan = pelt_plan_part(&run->plan, p);
        uint64_t from_ns = 0;
        for (size_t i = 0; i < plan->stages_len; i++) {
            pelt_notes_stage(run, plan, &plan->stages[i], from_ns);
            from_ns += plan->stages[i].duration_ns;
        }
    }
}

static bool recall_names(struct pelt_registry *into, struct pelt_registry *from)
{
    for (int kind = 0; kind < PELT_NAME_KINDS; kind++) {
        for (uint32_t id = pelt_registry_count(into, kind); id < pelt_registry_count(from, kind);
             id++) {
            const char *name = pelt_registry_name(from, kind, id);
            if (pelt_registry_intern(into, kind, pelt_span_of(name)) != id) {
                return false;
            }
        }
    }
    return pelt_metrics_copy(pelt_registry_metrics(into), pelt_registry_metrics(from)) == PELT_OK;
}

enum pelt_status pelt_notes_recall(struct pelt_running *run, struct pelt_error *err)
{
    struct pelt_results *past = NULL;
    enum pelt_status status = pelt_results_load(run->opt.run_file, &past, err);
    if (status == PELT_OK && !recall_names(run->registry, past->names)) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_results_free(past);
    return status;
}

static enum pelt_status go_on(struct pelt_running *run, struct pelt_error *err)
{
    enum pelt_status status =
        pelt_runfile_resume(run->opt.run_file, run->rules, &run->file, &run->past, err);
    if (status != PELT_OK) {
        return status;
    }
    const char *id = pelt_results_meta(run->past, "run_id");
    const char *wall_ns = pelt_results_meta(run->past, "start_wall_ns");
    snprintf(run->run_id, sizeof(run->run_id), "%s", id != NULL ? id : "");
    run->start_wall_ns = wall_ns != NULL ? strtoull(wall_ns, NULL, 10) : 0;
    run->sending = true; /* the file stays, whatever comes */
    pelt_plan_describe(&run->plan, run->plan_text, sizeof(run->plan_text));
    return PELT_OK;
}

enum pelt_status pelt_notes_open(struct pelt_running *run, struct pelt_error *err)
{
    const struct pelt_run_options *opt = &run->opt;
    if (opt->resume) {
        return go_on(run, err);
    }
    enum pelt_status status =
        pelt_runfile_create(opt->run_file != NULL ? opt->run_file : ":memory:", &run->file, err);
    if (status != PELT_OK) {
        return status;
    }
    put_description(run);
    put_stages(run);
    if (pelt_runfile_thresholds(run->file, opt->thresholds, opt->thresholds_len) != PELT_OK) {
        return pelt_fail(err, PELT_EIO, "the run file does not take writes");
    }
    return PELT_OK;
}

/* For people: the run's times are the monotonic clock's. */
static uint64_t wall_at(uint64_t at_ns)
{
    return pelt_clock_wall_ns() + at_ns - pelt_clock_ns();
}

void pelt_notes_start(struct pelt_running *run)
{
    run->start_wall_ns = wall_at(run->start_ns);
    put_meta(run, "start_wall_ns", "%llu", (unsigned long long)run->start_wall_ns);
}

void pelt_notes_length(struct pelt_running *run)
{
    put_meta(run, "duration_ns", "%llu", (unsigned long long)run->length_ns);
}

void pelt_notes_workers(struct pelt_running *run)
{
    const struct pelt_run_hosts *hosts = run->opt.hosts;
    uint64_t threads = 0, cpus = 0;
    if (hosts == NULL || run->start_ns == 0) {
        return;
    }
    hosts->outcome(hosts->arg, &run->hosts_outcome);
    for (size_t i = 0; i < run->hosts_outcome.len; i++) {
        const struct pelt_worker_row *row = &run->hosts_outcome.workers[i];
        pelt_notes_written(run, pelt_runfile_worker(run->file, row));
        threads += row->threads;
        cpus += row->cpus;
    }
    put_meta(run, "threads", "%llu", (unsigned long long)threads);
    put_meta(run, "cpus", "%llu", (unsigned long long)cpus);
}

void pelt_notes_same_host(struct pelt_running *run)
{
    const bool same_host = run->collector.same_host || run->hosts_outcome.same_host;
    put_meta(run, "same_host", "%s", same_host ? "yes" : "no");
}

void pelt_notes_tls(struct pelt_running *run)
{
    const struct pelt_https *https = run->opt.https;
    if (run->opt.http2.on) {
        put_meta(run, "http2_streams", "%u", run->opt.http2.streams);
    }
    if (https == NULL || !pelt_https_met(https) || run->opt.stand_in_port != 0) {
        return;
    }
    const struct pelt_tls_settings *s = pelt_https_settings(https);
    put_meta(run, "tls_library", "%s", pelt_tls_library_name(s->backend));
    put_meta(run, "tls_insecure", "%s", s->insecure ? "yes" : "no");
    put_meta(run, "tls_resume", "%s", s->no_resume ? "no" : "yes");
    if (s->version_min != 0) {
        put_meta(run, "tls_min", "%s", pelt_tls_version_name(s->version_min) + strlen("TLS "));
    }
    if (s->version_max != 0) {
        put_meta(run, "tls_max", "%s", pelt_tls_version_name(s->version_max) + strlen("TLS "));
    }
    put_text(run, "tls_ciphers", s->ciphers);
}

void pelt_notes_close(struct pelt_running *run, enum pelt_status status)
{
    if (run->file == NULL) {
        return;
    }
    struct pelt_error err = {{0}};
    if (pelt_runfile_close(run->file, &err) != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "run", "%s", err.text);
    }
    if (status != PELT_OK && !run->sending && run->opt.run_file != NULL) {
        unlink(run->opt.run_file);
    }
}
