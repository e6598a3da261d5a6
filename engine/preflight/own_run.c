/*
 * own_run: see the header.
 */
#include "own_run.h"

#include <signal.h>
#include <string.h>

const char *pelt_own_run_event(const struct pelt_results *r, const char *kind)
{
    for (size_t i = 0; i < r->events_len; i++) {
        if (strcmp(r->events[i].kind, kind) == 0) {
            return r->events[i].text;
        }
    }
    return NULL;
}

static int signal_of(const struct pelt_results *r)
{
    const char *text = pelt_own_run_event(r, "signal");
    return text == NULL ? 0 : strcmp(text, "SIGTERM") == 0 ? SIGTERM : SIGINT;
}

enum pelt_status pelt_own_run(const struct pelt_own_run *own, struct pelt_results **out,
                              int *signal, struct pelt_error *err)
{
    struct pelt_run_options run = *own->asked;
    run.kind = "preflight";
    run.plan = own->plan;
    run.threads = PELT_OWN_RUN_THREADS;
    run.route = NULL;
    run.stand_in_port = own->server->port;
    run.skipped_ns = own->skipped_ns;
    run.thresholds = NULL;
    run.thresholds_len = 0;
    run.allow_script_errors = run.allow_invalid = true;
    run.run_file = NULL;
    run.on_live = own->on_live;
    run.on_live_arg = own->arg;
    const enum pelt_status status = pelt_run(&run, out, err);
    *signal = status == PELT_OK ? signal_of(*out) : 0;
    return status;
}
