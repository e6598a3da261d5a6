/*
 * finish: the end of a run: what happened that a user should know, the judgement, and the results,
 * from the run file or, where it did not take everything, from memory.
 */
#include "internal.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "judge.h"
#include "pelt/log.h"
#include "pelt/units.h"
#include "rescue.h"

static void note_refused(struct pelt_running *run, enum pelt_name_kind kind, int most,
                         const char *event, const char *what)
{
    if (pelt_registry_refused(run->registry, kind) > 0) {
        char text[160];
        snprintf(text, sizeof(text), "more than %d %s", most, what);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        pelt_notes_event(run, event, text);
    }
}

static void note_refused_names(struct pelt_running *run)
{
    note_refused(run, PELT_NAME_REQUEST, PELT_SERIES_MAX, "series_cap",
                 "request names: the rest is counted as _other; give requests a name");
    note_refused(run, PELT_NAME_CHECK, PELT_CHECKS_MAX, "checks_cap",
                 "check names: the rest is counted as _other; give checks fixed names");
    if (pelt_metrics_refused(pelt_registry_metrics(run->registry)) > 0) {
        char text[160];
        snprintf(text, sizeof(text),
                 "more than %d series with tags: the rest is counted as _other of its metric; use "
                 "tags of few values",
                 PELT_METRIC_TAGGED_MAX);
        pelt_notes_event(run, "metrics_cap", text); /* said when it happened */
    }
}

static const char *text_or_null(const struct pelt_error *err)
{
    return err->text[0] != '\0' ? err->text : NULL;
}

static const char *script_error(const struct pelt_running *run)
{
    const char *text = text_or_null(&run->script_error);
    if (text == NULL) {
        text = text_or_null(&run->collector.first_script_error);
    }
    if (text == NULL && run->collector.total->script_errors > 0) {
        text = "iterations ended by Lua errors";
    }
    return text;
}

static const char *own_failure(const struct pelt_running *run)
{
    if (run->file_failed || run->collector.write_failed) {
        return run->plan.warmup_ns > 0
                   ? "the run file could not be written and is not whole: the totals here are, "
                     "with "
                     "the warm-up in them; the seconds are not"
                   : "the run file could not be written and is not whole: the totals here are, the "
                     "seconds are not";
    }
    return text_or_null(&run->own_failure);
}

static void note_lives(struct pelt_running *run)
{
    const struct pelt_collector *c = &run->collector;
    char text[200];
    if (c->late > 0) {
        char pacing[32];
        pelt_format_duration(pelt_plan_part(&run->plan, 0)->pacing_ns, pacing, sizeof(pacing));
        snprintf(
            text, sizeof(text),
            "%llu of %llu iterations started late: the ones before took longer than the pacing "
            "of %s",
            (unsigned long long)c->late, (unsigned long long)c->paced, pacing);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        pelt_notes_event(run, "pacing_late", text);
    }
    if (c->stayed > 0 && run->opt.scenario != NULL && run->opt.scenario->has_user_exit) {
        snprintf(
            text, sizeof(text),
            "user_exit of %llu users did not run, or not to its end: the grace period was over",
            (unsigned long long)c->stayed);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        pelt_notes_event(run, "user_exit_missed", text);
    }
}

/* What one load's plan had until the end reached. */
static double arrivals_due(const struct pelt_running *run, const struct pelt_plan *plan)
{
    bool loaded = run->start_ns != 0 && plan->loop == PELT_LOOP_OPEN;
    const uint64_t warmup_ns =
        run->plan.warmup_ns < run->length_ns ? run->plan.warmup_ns : run->length_ns;
    double due =
        loaded ? pelt_plan_integral(plan, run->length_ns) - pelt_plan_integral(plan, warmup_ns) : 0;
    const double most = (double)plan->iterations;
    return most > 0 && due > most ? most : due;
}

/* Of the number of arrivals in a time in which `mean` are expected: the variance of a renewal
 * process with gamma intervals is mean / shape (Cox, Renewal Theory, 1962), 1 being Poisson's. */
static double arrivals_deviation(const struct pelt_plan *plan, double mean)
{
    if (plan->replay.len > 0) {
        return 0;
    }
    switch (plan->arrivals) {
    case PELT_ARRIVALS_UNIFORM:
        return 0;
    case PELT_ARRIVALS_POISSON:
        return sqrt(mean);
    case PELT_ARRIVALS_GAMMA:
        return sqrt(mean / plan->gamma_shape);
    }
    return 0;
}

/* Of all loads of the run. */
static void sum_arrivals(const struct pelt_running *run, double *due, double *deviation)
{
    double variance = 0;
    *due = 0;
    for (size_t i = 0; i < pelt_plan_parts(&run->plan); i++) {
        const struct pelt_plan *plan = pelt_plan_part(&run->plan, i);
        const double part_due = arrivals_due(run, plan);
        const double part_deviation = arrivals_deviation(plan, part_due);
        *due += part_due;
        variance += part_deviation * part_deviation;
    }
    *deviation = sqrt(variance);
    if (run->opt.slot != NULL) {
        *due /= run->opt.slot->slots;
    }
}

static enum pelt_status judge(const struct pelt_running *run, const struct pelt_results *results,
                              struct pelt_judgement *judgement, struct pelt_error *err)
{
    double due, deviation;
    struct pelt_error lost = {{0}};
    const bool agent_lost = run->servers != NULL && pelt_servers_lost(run->servers, &lost);
    sum_arrivals(run, &due, &deviation);
    struct pelt_judge_options options = {
        .strict = run->opt.strict,
        .allow_invalid = run->opt.allow_invalid,
        .allow_script_errors = run->opt.allow_script_errors && run->script_error.text[0] == '\0',
        .signal = run->signal,
        .starved = run->collector.starved,
        .given_up = run->collector.given_up,
        .unseen = run->collector.unseen,
        .arrivals_due = due,
        .arrivals_deviation = deviation,
        .rules = run->rules,
        .lines = pelt_steer_judge(run->steer),
        .capacity = pelt_steer_capacity(run->steer),
        .own_failure = own_failure(run),
        .script_error = script_error(run),
        .agent_lost = agent_lost ? lost.text : NULL,
        .worker_lost = run->hosts_outcome.lost,
        .workers = run->hosts_outcome.workers,
        .workers_len = run->hosts_outcome.len,
    };
    enum pelt_status status = pelt_judge(results, &options, judgement);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "out of memory");
}

static bool file_whole(const struct pelt_running *run)
{
    return !run->file_failed && !run->collector.write_failed && run->collector.hand_on == NULL;
}

static void write_end(struct pelt_running *run, const struct pelt_judgement *j)
{
    pelt_notes_written(run,
                       pelt_runfile_finish(run->file, j->lines, j->lines_len, j->verdict,
                                           (const char *const *)j->verdict_reasons, j->exit_code,
                                           (const char *const *)j->exit_reasons));
}

/* The run file did not take everything: the report is from memory, and says so. */
static enum pelt_status rescue(struct pelt_running *run, struct pelt_results *results,
                               struct pelt_error *err)
{
    struct pelt_judgement j = {0};
    enum pelt_status status =
        pelt_rescue_total(results, &run->collector, (double)run->length_ns / 1e9);
    if (status == PELT_OK) {
        results->host =
            run->start_ns != 0 ? run->host_total : (struct pelt_host_row)PELT_HOST_UNREAD;
        results->host_measured_s = run->host_measured_s > 0
                                       ? run->host_measured_s
                                       : pelt_load_measured_s(results->duration_s);
        status = judge(run, results, &j, err);
    }
    if (status == PELT_OK) {
        write_end(run, &j); /* there may be room for this much */
        status = pelt_rescue_end(results, &j);
    }
    pelt_judgement_deinit(&j);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "out of memory");
}

static enum pelt_status judge_whole(struct pelt_running *run, const struct pelt_results *results,
                                    struct pelt_error *err)
{
    struct pelt_judgement j = {0};
    enum pelt_status status = judge(run, results, &j, err);
    if (status == PELT_OK) {
        write_end(run, &j);
    }
    pelt_judgement_deinit(&j);
    return status;
}

static enum pelt_status judge_and_read(struct pelt_running *run, struct pelt_results **out,
                                       struct pelt_error *err)
{
    struct pelt_results *results = NULL;
    enum pelt_status status = pelt_runfile_results(run->file, &results, err);
    if (status == PELT_OK && file_whole(run)) {
        status = judge_whole(run, results, err);
        if (status == PELT_OK && file_whole(run)) {
            pelt_results_free(results);
            return pelt_runfile_results(run->file, out, err);
        }
    }
    if (status == PELT_OK) {
        status = rescue(run, results, err);
    }
    if (status != PELT_OK) {
        pelt_results_free(results);
        return status;
    }
    *out = results;
    return PELT_OK;
}

/* What was due is what the plan came to be. */
static void turn_plan(struct pelt_running *run)
{
    struct pelt_plan given = {0};
    enum pelt_status status = run->turns_len > 0 ? pelt_plan_copy(&given, &run->plan) : PELT_OK;
    for (size_t i = 0; i < run->turns_len && status == PELT_OK; i++) {
        status = pelt_plan_turn(&run->plan, &given, run->turns[i].at_ns, run->turns[i].factor);
    }
    pelt_plan_deinit(&given);
}

static void tell_slot_end(const struct pelt_running *run)
{
    const struct pelt_run_slot *slot = run->opt.slot;
    const struct pelt_collector *c = &run->collector;
    if (slot != NULL) {
        const struct pelt_slot_end end = {.paced = c->paced,
                                          .late = c->late,
                                          .unseen = c->unseen,
                                          .stayed = c->stayed,
                                          .length_ns = run->length_ns};
        slot->on_end(slot->arg, &end);
    }
}

enum pelt_status pelt_finish(struct pelt_running *run, struct pelt_results **out,
                             struct pelt_error *err)
{
    pelt_series_tell_end(run);
    note_refused_names(run);
    note_lives(run);
    pelt_alerts_close(run);
    if (run->signal != 0) {
        pelt_notes_event(run, "signal", run->signal == SIGTERM ? "SIGTERM" : "SIGINT");
    }
    turn_plan(run);
    tell_slot_end(run);
    pelt_notes_workers(run);
    pelt_notes_length(run);
    pelt_notes_same_host(run);
    pelt_notes_tls(run);
    return judge_and_read(run, out, err);
}
