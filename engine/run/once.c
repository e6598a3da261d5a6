/*
 * once: `pelt check --once`: setup, one iteration, teardown on the calling thread, each exchange
 * shown. Nothing is kept.
 */
#include "hooks.h"

/* Users get setup's value in states made after it, so the iteration has hooks of its own. */
static enum pelt_status run_iteration(const struct pelt_run_options *options,
                                      struct pelt_registry *registry, const char *data_json,
                                      pelt_done_fn observe, void *arg, struct pelt_error *err)
{
    struct pelt_hooks hooks;
    enum pelt_status status =
        pelt_hooks_init(&hooks, options, registry, data_json, observe, arg, err);
    if (status == PELT_OK && !pelt_hooks_iteration(&hooks, options)) {
        status = pelt_fail(err, PELT_ESCRIPT, "%s", hooks.error.text);
    }
    pelt_hooks_deinit(&hooks);
    return status;
}

enum pelt_status pelt_run_once(const struct pelt_run_options *options, pelt_done_fn observe,
                               void *arg, struct pelt_error *err)
{
    const struct pelt_scenario *scenario = options->scenario;
    struct pelt_registry *registry = pelt_registry_new();
    if (registry == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    struct pelt_hooks hooks;
    enum pelt_status status = pelt_hooks_init(&hooks, options, registry, NULL, observe, arg, err);
    if (status == PELT_OK && scenario->has_setup && !pelt_hooks_setup(&hooks)) {
        status = pelt_fail(err, PELT_ESCRIPT, "setup: %s", hooks.error.text);
    }
    if (status == PELT_OK) {
        status = run_iteration(options, registry, hooks.data_json, observe, arg, err);
    }
    if (hooks.script != NULL && scenario->has_teardown && !pelt_hooks_teardown(&hooks) &&
        status == PELT_OK) {
        status = pelt_fail(err, PELT_ESCRIPT, "teardown: %s", hooks.error.text);
    }
    pelt_hooks_deinit(&hooks);
    pelt_registry_free(registry);
    return status;
}
