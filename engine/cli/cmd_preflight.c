/*
 * cmd_preflight: `pelt preflight SCENARIO.lua`: what this host can send with it, and which of its
 * limits comes first. Results go to stdout, or to stderr where --out takes stdout.
 */

#include "command.h"
#include "exit_code.h"
#include "http2.h"
#include "https.h"
#include "json_out.h"
#include "load.h"
#include "outputs.h"
#include "pelt/log.h"
#include "pelt/parts.h"
#include "pelt/report.h"
#include "pelt/route.h"
#include "routes.h"
#include "preflight.h"
#include "settings.h"
#include "stderr.h"
#include "stdout.h"
#include "text_or_file.h"

#define ANSWER "{}"

static enum pelt_status read_answer(const struct cli_options *o, struct pelt_buf *out,
                                    struct pelt_error *err)
{
    return cli_text_or_file("--answer", o->answer != NULL ? o->answer : ANSWER, out, err);
}

/* As a run has them. */
static uint32_t threads_of(const struct cli_options *o, const struct pelt_plan *plan)
{
    const uint64_t users = pelt_parts_users_most(plan), asked = o->threads;
    return asked == 0 ? pelt_run_default_threads(users) : (uint32_t)(asked < users ? asked : users);
}

static int tell(const struct cli_options *o, const struct cli_preflight *p)
{
    cli_stderr_flush();
    cli_preflight_text(p, cli_outputs_take_stdout(&o->out) ? stderr : stdout);
    return cli_json_out_write(&o->out, cli_preflight_json(p),
                              p->forecast->fits ? CLI_EXIT_PASSED : CLI_EXIT_USAGE);
}

static int measure_and_tell(const struct cli_options *o, const struct pelt_scenario *scenario,
                            const struct pelt_plan *plan, struct pelt_https *https,
                            const struct pelt_http2 *http2, struct pelt_span answer)
{
    struct pelt_limits limits;
    struct pelt_measured measured;
    struct pelt_forecast forecast;
    struct pelt_error err = {{0}};
    int signal = 0;
    struct pelt_run_options run = {
        .name = scenario->name,
        .command = o->command_line,
        .plan = plan,
        .seed = o->seed,
        .scenario = scenario,
        .settings = o->settings,
        .settings_len = o->settings_len,
        .shared = scenario->shared_connections || o->connections > 0,
        .connections_max = (uint32_t)o->connections,
        .target = o->target,
        .headers = o->headers.items,
        .https = https,
        .http2 = *http2,
    };
    pelt_limits_read("/proc", "/sys/fs/cgroup", &limits);
    limits.sources = pelt_route_sources(o->route);
    pelt_log(PELT_LOG_INFO, "pelt",
             "%s against a null server on this host, for about %d s; nothing is sent elsewhere",
             scenario->name, pelt_plan_has_arrivals(plan) ? 9 : 5);
    const enum pelt_status status =
        pelt_measured_make(&run, &limits, answer, &measured, &signal, &err);
    if (status != PELT_OK) {
        return cli_fail(status, &err);
    }
    if (signal != 0) {
        pelt_log(PELT_LOG_WARNING, "pelt", "stopped: nothing was measured to its end");
        return CLI_EXIT_BY_SIGNAL + signal;
    }
    pelt_forecast_make(&measured, &limits, plan, threads_of(o, plan), &forecast);
    return tell(o, &(struct cli_preflight){.scenario = scenario,
                                           .plan = plan,
                                           .limits = &limits,
                                           .measured = &measured,
                                           .forecast = &forecast,
                                           .without_tls = pelt_https_met(https)});
}

int cmd_preflight(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_scenario *scenario = NULL;
    struct pelt_plan plan = {0};
    struct pelt_https *https = NULL;
    struct pelt_http2 http2 = {.on = false};
    struct pelt_buf answer;
    pelt_buf_init(&answer, CLI_TEXT_BYTES_MAX);
    enum pelt_status status = cli_json_out_check(&o->out, "preflight", &err);
    if (status == PELT_OK) {
        status = read_answer(o, &answer, &err);
    }
    if (status == PELT_OK) {
        status = pelt_scenario_load(o->operand, o->settings, o->settings_len, &scenario, &err);
    }
    if (status == PELT_OK) {
        cli_settings_warn_unread(o, scenario);
        status = cli_load_settle(o, scenario->has_load ? &scenario->plan : NULL, &plan, &err);
    }
    if (status == PELT_OK) {
        status = pelt_scenario_pace(scenario, &plan, &err);
    }
    if (status == PELT_OK) {
        status = cli_routes_settle(o, scenario, &err);
    }
    if (status == PELT_OK) {
        status = cli_http2_settle(o, scenario, &http2, &err);
    }
    if (status == PELT_OK) {
        status = cli_https_new(o, scenario, &https, &err);
    }
    const int code = status == PELT_OK ? measure_and_tell(o, scenario, &plan, https, &http2,
                                                          pelt_span(answer.data, answer.len))
                                       : cli_fail(status, &err);
    pelt_buf_deinit(&answer);
    if (!pelt_run_gave_up()) { /* else a thread may still use them */
        pelt_plan_deinit(&plan);
        pelt_https_free(https);
        pelt_scenario_free(scenario);
    }
    return code;
}
