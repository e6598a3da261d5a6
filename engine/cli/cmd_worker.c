/*
 * cmd_worker: `pelt worker`: this host's part of a run of many hosts. The plan's words are read as
 * those of `pelt run`, so that what comes of them is what the coordinator made of them.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "exit_code.h"
#include "fleet.h"
#include "http2.h"
#include "https.h"
#include "load.h"
#include "pelt/fleet_shared.h"
#include "pelt/fleet_worker.h"
#include "pelt/log.h"

struct part { /* of the run that is made here */
    struct cli_options o;
    char **words; /* of the command line; owned */
    int words_len;
    struct pelt_scenario *scenario;
    struct pelt_plan plan;
    struct pelt_https *https;
    struct pelt_http2 http2;
    struct pelt_fleet_shared *shared;
    struct pelt_run_options run;
};

static void on_wait(void *arg, const char *text)
{
    pelt_log(PELT_LOG_INFO, "worker", "waiting for the bus: %s", text);
}

/* ---- the command line ---- */

/* Takes the text. */
static bool add_word(struct part *p, char *text)
{
    char **longer =
        text != NULL ? realloc(p->words, ((size_t)p->words_len + 2) * sizeof *longer) : NULL;
    if (longer == NULL) {
        free(text);
        return false;
    }
    p->words = longer;
    longer[p->words_len++] = text;
    longer[p->words_len] = NULL;
    return true;
}

static char *boxed(const struct pelt_fleet_plan *plan, const char *path)
{
    char *out = NULL;
    return asprintf(&out, "%s%s", plan->box, path) >= 0 ? out : NULL;
}

/* The environment of the coordinator first, so that its --set goes before it. */
static bool make_words(struct part *p, const struct pelt_fleet_plan *plan)
{
    const struct pelt_order_plan *order = plan->order;
    bool good = add_word(p, strdup("run"));
    for (size_t i = 0; good && i < order->settings_len; i++) {
        const struct pelt_order_setting *s = &order->settings[i];
        if (strcmp(s->key, CLI_FLEET_ENV) == 0) {
            good = add_word(p, strdup("--set")) && add_word(p, strdup(s->value));
        }
    }
    for (size_t i = 0; good && i < order->settings_len; i++) {
        const struct pelt_order_setting *s = &order->settings[i];
        if (strcmp(s->key, CLI_FLEET_ARG) == 0) {
            const bool file = cli_fleet_is_file(p->words[p->words_len - 1]);
            good = add_word(p, file ? boxed(plan, s->value) : strdup(s->value));
        }
    }
    const char *path = pelt_order_get(order, CLI_FLEET_PATH);
    return good && path != NULL && path[0] == '/' && add_word(p, boxed(plan, path));
}

/* ---- the run ---- */

static void fill(struct part *p, struct pelt_fleet_worker *w)
{
    const struct cli_options *o = &p->o;
    p->run = (struct pelt_run_options){
        .kind = "worker",
        .name = p->scenario->name,
        .command = o->command_line,
        .plan = &p->plan,
        .threads = (uint32_t)o->threads,
        .pin = o->threads_pin,
        .pacing = o->pacing,
        .seed = o->seed,
        .scenario = p->scenario,
        .settings = o->settings,
        .settings_len = o->settings_len,
        .shared = p->scenario->shared_connections || o->connections > 0,
        .connections_max = (uint32_t)o->connections,
        .target = o->target,
        .headers = o->headers.items,
        .route = o->route,
        .force = o->force,
        .allow_script_errors = true, /* the coordinator judges */
        .https = p->https,
        .http2 = p->http2,
        .slot = pelt_fleet_worker_part(w),
        .on_event = pelt_fleet_worker_on_event,
        .on_live_arg = w,
    };
}

static enum pelt_status make_part(struct part *p, const struct pelt_fleet_plan *plan,
                                  const struct pelt_fleet_options *fleet,
                                  struct pelt_fleet_worker *w, struct pelt_error *err)
{
    if (!make_words(p, plan)) {
        return pelt_fail(err, PELT_EINVAL, "the plan names no scenario");
    }
    enum pelt_status status =
        cli_options_parse(&p->o, cli_command_find("run"), p->words_len, p->words, err);
    if (status == PELT_OK) {
        status = pelt_scenario_load_boxed(p->o.operand, plan->box, p->o.settings, p->o.settings_len,
                                          &p->scenario, err);
    }
    if (status == PELT_OK) {
        status = cli_load_settle(&p->o, p->scenario->has_load ? &p->scenario->plan : NULL, &p->plan,
                                 err);
    }
    if (status == PELT_OK) {
        status = pelt_scenario_pace(p->scenario, &p->plan, err);
    }
    if (status == PELT_OK) {
        status = cli_https_new(&p->o, p->scenario, &p->https, err);
    }
    if (status == PELT_OK) {
        status = cli_http2_settle(&p->o, p->scenario, &p->http2, err);
    }
    if (status == PELT_OK) {
        status = pelt_fleet_shared_new(fleet, plan->epoch, &p->shared, err);
    }
    if (status == PELT_OK) {
        pelt_scenario_reach(p->scenario, pelt_fleet_shared_far(p->shared));
        fill(p, w);
    }
    return status;
}

static void free_part(struct part *p)
{
    if (pelt_run_gave_up()) {
        return;
    }
    pelt_plan_deinit(&p->plan);
    pelt_scenario_free(p->scenario);
    pelt_https_free(p->https);
    pelt_fleet_shared_free(p->shared);
    cli_options_deinit(&p->o);
    for (int i = 0; i < p->words_len; i++) {
        free(p->words[i]);
    }
    free(p->words);
}

/* What the worker says of its end where it was not the plan's. */
static const char *why_early(const struct pelt_results *results)
{
    return results->exit_code == 130   ? "SIGINT at the worker"
           : results->exit_code == 143 ? "SIGTERM at the worker"
                                       : NULL;
}

static int run_part(struct part *p, struct pelt_fleet_worker *w)
{
    struct pelt_error err = {{0}}, end_err = {{0}};
    struct pelt_results *results = NULL;
    enum pelt_status status = pelt_run(&p->run, &results, &err);
    int code = status == PELT_OK ? 0 : cli_fail(status, &err);
    const char *why = status == PELT_OK ? why_early(results) : err.text;
    if (status == PELT_OK && why != NULL) {
        code = results->exit_code;
    }
    const enum pelt_status end = pelt_fleet_worker_end(w, results, why, &end_err);
    if (end != PELT_OK && code == 0) {
        code = cli_fail(end, &end_err);
    }
    if (status == PELT_OK && code == 0) {
        const struct pelt_counts n = pelt_frame_counts(results->total);
        pelt_log(PELT_LOG_INFO, "worker",
                 "slot %u: %llu requests in %.1f s, all with the coordinator",
                 pelt_fleet_worker_slot(w), (unsigned long long)n.started, results->duration_s);
    }
    pelt_results_free(results);
    return code;
}

static int work(struct pelt_fleet_worker *w, const struct pelt_fleet_options *fleet)
{
    struct pelt_error err = {{0}};
    struct pelt_fleet_plan plan;
    struct part part = {.words = NULL};
    int signal = 0, code;
    enum pelt_status status = pelt_fleet_worker_wait(w, &signal, &plan, &err);
    if (status == PELT_EOF) {
        pelt_log(PELT_LOG_INFO, "worker", "%s", err.text);
        return 0;
    }
    if (status == PELT_OK) {
        status = make_part(&part, &plan, fleet, w, &err);
        if (status != PELT_OK) {
            pelt_fleet_worker_refuse(w, err.text);
        }
    }
    code = status == PELT_OK ? run_part(&part, w) : cli_fail(status, &err);
    free_part(&part);
    return signal != 0 ? CLI_EXIT_BY_SIGNAL + signal : code;
}

static int lend(const struct pelt_fleet_worker_options *options)
{
    struct pelt_error err = {{0}};
    struct pelt_fleet_worker *w = NULL;
    int signal = 0;
    enum pelt_status status = pelt_fleet_worker_new(options, &signal, &w, &err);
    const int code = status == PELT_OK ? work(w, &options->fleet) : cli_fail(status, &err);
    pelt_fleet_worker_free(w);
    return signal != 0 ? CLI_EXIT_BY_SIGNAL + signal : code;
}

int cmd_worker(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    sigset_t asked;
    if (o->bus.url == NULL) {
        pelt_fail(&err, PELT_EINVAL, "pelt worker: where is the bus? --bus redis://HOST");
        return cli_fail(PELT_EINVAL, &err);
    }
    sigemptyset(&asked);
    sigaddset(&asked, SIGINT);
    sigaddset(&asked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &asked, NULL); /* looked at where it waits */
    const struct pelt_fleet_worker_options options = {.fleet = cli_fleet_options(o),
                                                      .slot = o->bus.slot,
                                                      .slots = PELT_BUS_SLOTS_MAX,
                                                      .wait_ns = o->bus.wait_ns,
                                                      .patience_ns = PELT_FLEET_BUS_NS,
                                                      .on_wait = on_wait};
    return lend(&options);
}
