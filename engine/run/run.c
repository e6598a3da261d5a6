/*
 * run: see the header. The order of a run:
 *
 *   limits (workers) -> run file (notes) -> agents (watching) -> setup (fixture) -> load (workers,
 *   control) -> teardown (fixture) -> judgement (finish) -> close
 *
 * SIGINT and SIGTERM are held from begin to end, and heard while a loop runs (control): one that
 * comes in between stops the next step.
 */
#include "pelt/run.h"

#include <signal.h>
#include <stdlib.h>

#include "capacity.h"
#include "internal.h"

#define START_DELAY_NS (20 * PELT_NS_PER_MS) /* all workers are up by then */

static void make_workers(void *arg)
{
    struct pelt_running *run = arg;
    run->aside.status = pelt_workers_new(run, &run->aside.err);
    if (run->aside.status == PELT_OK && run->plan.live && run->opt.slot == NULL) {
        run->aside.status = pelt_steer_new(run, &run->steer, &run->aside.err);
    }
}

static void wait_for_start(void *arg)
{
    struct pelt_running *run = arg;
    const struct pelt_run_slot *slot = run->opt.slot;
    run->aside.status =
        slot->ready(slot->arg, &run->collector.mail, run->threads, &run->start_ns, &run->aside.err);
}

/* Who shares the run begins when all do. */
static enum pelt_status settle_start(struct pelt_running *run, struct pelt_error *err)
{
    if (run->opt.slot != NULL) {
        return pelt_control_aside(run, wait_for_start, "waiting for the start", err);
    }
    run->start_ns = pelt_clock_ns() + START_DELAY_NS;
    return PELT_OK;
}

static enum pelt_status run_load(struct pelt_running *run, struct pelt_error *err)
{
    enum pelt_status status = pelt_control_aside(run, make_workers, "the script's file", err);
    if (status != PELT_OK || run->signal != 0) {
        run->length_ns = 0;
        return status;
    }
    if (run->steer != NULL && pelt_steer_first(run->steer, err) != PELT_OK) {
        run->length_ns = 0;
        return PELT_OK; /* a result, as a setup that failed */
    }
    pelt_watching_mark(run);
    status = settle_start(run, err);
    if (status != PELT_OK || run->signal != 0) {
        run->length_ns = 0;
        run->start_ns = 0;
        return status;
    }
    run->sending = true;
    run->phase = PELT_PHASE_LOAD;
    pelt_control_show(run);
    if (run->opt.hosts != NULL) {
        status = pelt_workers_start(run, err); /* they say when it is, in some seconds */
        pelt_notes_facts(run,
                         status == PELT_OK ? run->opt.hosts->facts(run->opt.hosts->arg) : NULL);
    }
    if (status == PELT_OK) {
        pelt_notes_start(run);
        pelt_control_start(run); /* before users may take the last descriptor */
    }
    if (status == PELT_OK && run->opt.hosts == NULL) {
        status = pelt_workers_start(run, err);
    }
    if (status == PELT_OK) {
        pelt_control_wait(run);
    }
    if (status != PELT_OK && run->opt.hosts != NULL) {
        return status;
    }
    pelt_control_stop(run);
    if (status != PELT_OK) {
        return status;
    }
    if (!run->gave_up) {
        pelt_workers_join(run);
    }
    pelt_control_cut(run); /* users may all have stopped before the plan's end */
    run->phase = PELT_PHASE_TEARDOWN;
    pelt_control_show(run);
    return PELT_OK;
}

/* What the file of a run that is resumed has. */
static bool recall_sums(struct pelt_running *run)
{
    struct pelt_collector *c = &run->collector;
    const struct pelt_results *past = run->past;
    return pelt_frame_add(c->total, past->total) == PELT_OK &&
           pelt_frame_add(c->after, past->after) == PELT_OK &&
           pelt_frame_add(c->outside, past->outside) == PELT_OK;
}

static enum pelt_status run_init(struct pelt_running *run, const struct pelt_run_options *options,
                                 struct pelt_error *err)
{
    run->opt = *options;
    run->opt.plan = &run->plan;
    enum pelt_status status = pelt_plan_copy(&run->plan, options->plan);
    if (status == PELT_OK) {
        status = pelt_plan_validate(&run->plan, err);
    }
    if (status == PELT_OK) {
        status = pelt_capacity_check(&run->plan, options->thresholds, options->thresholds_len, err);
    }
    if (status == PELT_OK) {
        status = pelt_workers_settle(run, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    run->length_ns = pelt_plan_length_ns(&run->plan);
    struct pelt_estate *estate = options->slot != NULL ? options->slot->estate : NULL;
    run->registry = pelt_registry_new_in(pelt_estate_shm(estate));
    run->loop = ev_loop_new(EVFLAG_AUTO);
    if (run->registry == NULL || run->loop == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_estate_name(estate, run->registry);
    pelt_series_limit(run);
    status = options->resume ? pelt_notes_recall(run, err) : PELT_OK;
    if (status == PELT_OK && pelt_rules_open(run) != PELT_OK) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status == PELT_OK) {
        status = pelt_notes_open(run, err);
    }
    if (status == PELT_OK) {
        status = pelt_collector_init(&run->collector, run->threads, run->registry, run->file,
                                     &run->length_ns, err);
        if (options->slot != NULL) {
            run->collector.hand_on = options->slot->on_frame;
            run->collector.hand_on_arg = options->slot->arg;
        }
        if (options->hosts != NULL) {
            run->collector.give = options->hosts->give;
            run->collector.give_arg = options->hosts->arg;
        }
    }
    if (status == PELT_OK && run->past != NULL && !recall_sums(run)) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status == PELT_OK && pelt_alerts_open(run) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return status;
}

static void run_deinit(struct pelt_running *run)
{
    if (run->gave_up) {
        return; /* a thread still uses all this; the process ends soon */
    }
    pelt_workers_free(run);
    pelt_steer_free(run->steer);
    pelt_servers_free(run->servers);
    if (run->has_hooks) {
        pelt_hooks_deinit(&run->hooks);
    }
    pelt_collector_deinit(&run->collector);
    pelt_results_free(run->past);
    pelt_rulebook_free(run->rules);
    pelt_alertbook_free(run->alerts);
    if (run->loop != NULL) {
        ev_loop_destroy(run->loop);
    }
    pelt_registry_free(run->registry);
    free(run->turns);
    pelt_plan_deinit(&run->plan);
    free(run);
}

static enum pelt_status run_all(struct pelt_running *run, const struct pelt_run_options *options,
                                struct pelt_results **out, struct pelt_error *err)
{
    enum pelt_status status = run_init(run, options, err);
    if (status == PELT_OK) {
        status = pelt_watching_open(run, err);
    }
    if (status == PELT_OK && run->signal == 0) {
        status = pelt_fixture_setup(run, err);
    }
    if (status == PELT_OK && pelt_fixture_ready(run)) {
        status = run_load(run, err);
    } else {
        run->length_ns = 0;
    }
    pelt_fixture_teardown(run);
    if (run->opt.scenario != NULL) {
        pelt_scenario_tell_left_out(run->opt.scenario);
    }
    if (status == PELT_OK) {
        status = pelt_finish(run, out, err);
    }
    return status;
}

/* Whoever stopped the run is told what it found, however often Ctrl-C was pressed. */
enum pelt_status pelt_run(const struct pelt_run_options *options, struct pelt_results **out,
                          struct pelt_error *err)
{
    struct pelt_running *run = calloc(1, sizeof(struct pelt_running));
    if (run == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    sigset_t before;
    pelt_signals_hold(&before);
    enum pelt_status status = run_all(run, options, out, err);
    pelt_notes_close(run, status);
    if (run->signal != 0) {
        sigaddset(&before, SIGINT);
    }
    run_deinit(run);
    pelt_signals_drain();
    pelt_signals_release(&before);
    return status;
}
