/*
 * fixture: setup before the load, teardown after it: when they run, and what comes of their
 * failures. How a hook runs is hooks.c's.
 */
#include "internal.h"

#include "pelt/log.h"

/* What setup returned in a run that is resumed. */
static const char *past_data(const struct pelt_running *run)
{
    return run->past != NULL ? pelt_results_meta(run->past, "setup_data") : NULL;
}

static void load_hooks(void *arg)
{
    struct pelt_running *run = arg;
    run->aside.status = pelt_hooks_load(&run->hooks, past_data(run), &run->aside.err);
}

static void call_setup(void *arg)
{
    struct pelt_running *run = arg;
    run->aside.passed = pelt_hooks_setup(&run->hooks);
}

static void call_teardown(void *arg)
{
    struct pelt_running *run = arg;
    run->aside.passed = pelt_hooks_teardown(&run->hooks);
}

/* A hook that ended badly by its own fault; for what a signal stopped there is the signal. */
static void note_failed_hook(struct pelt_running *run, const char *which)
{
    if (pelt_hooks_cancelled(&run->hooks)) {
        return;
    }
    char text[1024];
    snprintf(text, sizeof(text), "%s: %.900s", which, run->hooks.error.text);
    pelt_notes_event(run, "hook_failed", text);
    if (run->script_error.text[0] == '\0') {
        pelt_fail(&run->script_error, PELT_ESCRIPT, "%s", text);
    }
}

/* What was sent outside of the load. Of a hook that was given up nothing can be known. */
static void keep_hooks_frame(struct pelt_running *run)
{
    if (!run->hooks_lost) {
        pelt_collector_add_outside(&run->collector, pelt_hooks_frame(&run->hooks));
    }
}

enum pelt_status pelt_fixture_setup(struct pelt_running *run, struct pelt_error *err)
{
    const struct pelt_scenario *scenario = run->opt.scenario;
    if (scenario == NULL || run->opt.slot != NULL ||
        (!scenario->has_setup && !scenario->has_teardown)) {
        return PELT_OK;
    }
    enum pelt_status status =
        pelt_hooks_init(&run->hooks, &run->opt, run->registry, NULL, NULL, err);
    run->has_hooks = true;
    if (status == PELT_OK) {
        status = pelt_control_aside(run, load_hooks, "the script's file", err);
    }
    if (status != PELT_OK || !scenario->has_setup || run->signal != 0 || run->past != NULL) {
        return status;
    }
    run->phase = PELT_PHASE_SETUP;
    run->sending = true;
    pelt_control_show(run); /* nothing is left that could refuse the run before it sends */
    status = pelt_control_aside(run, call_setup, "setup", err);
    if (status == PELT_OK && !run->hooks_lost && !run->aside.passed) {
        note_failed_hook(run, "setup");
    }
    keep_hooks_frame(run);
    if (run->opt.hosts != NULL && run->hooks.data_json != NULL) { /* in case it is resumed */
        pelt_notes_facts(run, (const char *const[]){"setup_data", run->hooks.data_json, NULL});
    }
    return status;
}

bool pelt_fixture_ready(const struct pelt_running *run)
{
    return run->signal == 0 && run->script_error.text[0] == '\0';
}
const char *pelt_fixture_data_json(const struct pelt_running *run)
{
    if (run->opt.slot != NULL) {
        return run->opt.slot->data_json;
    }
    return run->has_hooks ? run->hooks.data_json : NULL;
}

static void call_teardown_aside(struct pelt_running *run)
{
    struct pelt_error err = {{0}};
    run->phase = PELT_PHASE_TEARDOWN;
    run->sending = true;
    pelt_control_show(run);
    pelt_hooks_renew(&run->hooks);
    run->aside.passed = true;
    if (pelt_control_aside(run, call_teardown, "teardown", &err) != PELT_OK) {
        run->own_failure = err;
    } else if (!run->hooks_lost && !run->aside.passed) {
        note_failed_hook(run, "teardown");
    }
}

void pelt_fixture_teardown(struct pelt_running *run)
{
    if (!run->has_hooks || run->hooks_lost || run->hooks.script == NULL ||
        !run->opt.scenario->has_teardown) {
        return;
    }
    if (run->asked > 1) {
        pelt_log(PELT_LOG_WARNING, "run", "teardown was left out");
        pelt_notes_event(run, "given_up", "teardown was left out");
        return;
    }
    if (run->opt.hosts != NULL && !run->opt.hosts->leads(run->opt.hosts->arg)) {
        return; /* it is that one's */
    }
    call_teardown_aside(run);
    keep_hooks_frame(run);
}
