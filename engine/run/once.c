/*
 * once: `pelt check --once`: setup, one iteration, teardown, each exchange and each check shown.
 * Nothing is kept. All of it happens aside, since scripts may hold it.
 */
#include <signal.h>
#include <stdlib.h>

#include "aside.h"
#include "hooks.h"
#include "pelt/log.h"
#include "signals.h"

struct once {
    struct pelt_run_options options;
    struct pelt_registry *registry;
    struct pelt_hooks around;    /* setup and teardown */
    struct pelt_hooks iteration; /* users get setup's value in states made after it */
    enum pelt_status status;
    struct pelt_error err;
    int signal; /* first one that came; 0: none */
    unsigned signals;
};

/* ---- on the thread aside ---- */

static void note(struct once *o, bool passed, const char *which, const struct pelt_error *err)
{
    if (!passed && o->status == PELT_OK) {
        o->status = pelt_fail(&o->err, PELT_ESCRIPT, "%s%.900s", which, err->text);
    }
}

static void set_up(struct once *o)
{
    o->status = pelt_hooks_load(&o->around, NULL, &o->err);
    if (o->status == PELT_OK && o->options.scenario->has_setup) {
        note(o, pelt_hooks_setup(&o->around), "setup: ", &o->around.error);
    }
}

static void iterate(struct once *o)
{
    o->status = pelt_hooks_load(&o->iteration, o->around.data_json, &o->err);
    if (o->status == PELT_OK) {
        note(o, pelt_hooks_iteration(&o->iteration), "", &o->iteration.error);
    }
}

static void tear_down(struct once *o)
{
    if (o->around.script != NULL && o->options.scenario->has_teardown) {
        pelt_hooks_renew(&o->around);
        note(o, pelt_hooks_teardown(&o->around), "teardown: ", &o->around.error);
    }
}

static void work(void *arg)
{
    struct once *o = arg;
    set_up(o);
    if (o->status == PELT_OK && !pelt_hooks_cancelled(&o->iteration)) {
        iterate(o);
    }
    tear_down(o);
}

/* ---- on the control thread ---- */

static bool on_signal(void *arg, int signal)
{
    struct once *o = arg;
    if (++o->signals > 1) {
        return true;
    }
    o->signal = signal;
    pelt_log(PELT_LOG_WARNING, "run", "stopping; once more to stop at once");
    pelt_hooks_cancel(&o->around);
    pelt_hooks_cancel(&o->iteration);
    return false;
}

static void tell_checks(struct once *o, const struct pelt_once *watch)
{
    struct pelt_frame *iteration = pelt_hooks_frame(&o->iteration);
    struct pelt_frame *around = pelt_hooks_frame(&o->around);
    uint32_t len = pelt_registry_count(o->registry, PELT_NAME_CHECK);
    for (uint32_t id = 0; id < len; id++) {
        uint64_t passed = 0, failed = 0;
        if (id < around->checks_len) {
            passed += around->checks[id].passed;
            failed += around->checks[id].failed;
        }
        if (id < iteration->checks_len) {
            passed += iteration->checks[id].passed;
            failed += iteration->checks[id].failed;
        }
        if (passed + failed > 0) {
            watch->on_check(watch->arg, pelt_registry_name(o->registry, PELT_NAME_CHECK, id),
                            passed, failed);
        }
    }
}

static enum pelt_status once_init(struct once *o, const struct pelt_run_options *options,
                                  const struct pelt_once *watch, struct pelt_error *err)
{
    o->options = *options;
    o->registry = pelt_registry_new();
    if (o->registry == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status =
        pelt_hooks_init(&o->around, &o->options, o->registry, watch->on_exchange, watch->arg, err);
    if (status == PELT_OK) {
        status = pelt_hooks_init(&o->iteration, &o->options, o->registry, watch->on_exchange,
                                 watch->arg, err);
    }
    return status;
}

static void once_free(struct once *o)
{
    pelt_hooks_deinit(&o->iteration);
    pelt_hooks_deinit(&o->around);
    pelt_registry_free(o->registry);
    free(o);
}

/* Takes `o`, unless it is given up. */
static enum pelt_status run_once(struct once *o, const struct pelt_once *watch, int *signal,
                                 struct pelt_error *err)
{
    struct pelt_aside aside = {.work = work, .on_signal = on_signal, .arg = o};
    enum pelt_status status = pelt_aside_run(&aside, err);
    *signal = o->signal;
    if (status == PELT_ESTOPPED) {
        return pelt_fail(err, status, "the script did not end when asked to, and was given up");
    }
    if (status == PELT_OK) {
        tell_checks(o, watch);
        status = o->signal != 0         ? pelt_fail(err, PELT_ESTOPPED, "stopped by a signal")
                 : o->status != PELT_OK ? pelt_fail(err, o->status, "%s", o->err.text)
                                        : PELT_OK;
    }
    once_free(o);
    return status;
}

enum pelt_status pelt_run_once(const struct pelt_run_options *options,
                               const struct pelt_once *watch, int *signal, struct pelt_error *err)
{
    sigset_t before;
    struct once *o = calloc(1, sizeof(struct once));
    if (o == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_signals_hold(&before);
    enum pelt_status status = once_init(o, options, watch, err);
    if (status == PELT_OK) {
        status = run_once(o, watch, signal, err);
    } else {
        once_free(o);
    }
    pelt_signals_drain();
    pelt_signals_release(&before);
    return status;
}
