/*
 * drive: see the header. Results go to stdout, everything else to stderr. Where a report takes
 * stdout ("--out json=-") the summary moves to stderr, so that stdout is one document.
 */
#include "drive.h"

#include <unistd.h>

#include "agents.h"
#include "economy.h"
#include "exit_code.h"
#include "fleet.h"
#include "http2.h"
#include "https.h"
#include "outputs.h"
#include "routes.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/progress.h"
#include "pelt/report.h"
#include "pelt/server_metric.h"
#include "pelt/units.h"
#include "pelt/web.h"
#include "pelt/webhook.h"
#include "run_path.h"
#include "stderr.h"
#include "stdout.h"
#include "wait_for.h"

#define PATH_BYTES_MAX  4096
#define LONG_RUN_NS     (600 * PELT_NS_PER_S)
#define SUMMARY_COLUMNS 100

/*
 * A run file grows by the second: a row of totals and, for each name that was used, its counters
 * and some five compressed histograms; for each agent a block of samples.
 */
#define FILE_BYTES_A_SECOND       1500
#define FILE_BYTES_A_SECOND_NAME  2000
#define FILE_BYTES_A_SECOND_AGENT 700 /* of a hundred figures */

static enum pelt_status check_outputs(const struct cli_options *o, struct pelt_error *err)
{
    if (o->no_run_file && o->run_file != NULL) {
        return pelt_fail(err, PELT_EINVAL,
                         "--run-file and --no-run-file exclude each other: leave one out");
    }
    enum pelt_status status = o->run_file != NULL ? cli_run_path_check(o->run_file, err) : PELT_OK;
    return status == PELT_OK ? cli_outputs_check(&o->out, o->run_file, err) : status;
}

/* The scenario's thresholds and those of the options in one array. */
static enum pelt_status join_thresholds(const struct cli_options *o,
                                        const struct pelt_scenario *scenario,
                                        struct pelt_threshold **out, size_t *len,
                                        struct pelt_error *err)
{
    size_t own = scenario != NULL ? scenario->thresholds_len : 0;
    *len = own + o->thresholds_len;
    *out = malloc((*len + 1) * sizeof **out);
    if (*out == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (own > 0) {
        memcpy(*out, scenario->thresholds, own * sizeof **out);
    }
    if (o->thresholds_len > 0) {
        memcpy(*out + own, o->thresholds, o->thresholds_len * sizeof **out);
    }
    struct pelt_registry *known = scenario != NULL ? scenario->declared : pelt_registry_new();
    if (known == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < o->thresholds_len && status == PELT_OK; i++) {
        const char *text = o->threshold_texts[i];
        const bool got = scenario != NULL || strncmp(text, "tls_", 4) == 0 || /* has bench those? */
                         strncmp(text, "h2_", 3) == 0 || pelt_server_metric_is_meant(text);
        if (pelt_threshold_is_foreign(text)) {
            status = pelt_threshold_parse_with(text, got ? pelt_registry_metrics(known) : NULL,
                                               *out + own + i, err);
        }
    }
    for (size_t i = 0; i < *len; i++) {
        (*out)[i].abort = (*out)[i].abort || o->abort_on_fail;
    }
    if (scenario == NULL) {
        pelt_registry_free(known);
    }
    return status;
}

/* Who watches the run: a terminal (the plan once, then its progress), the live page, a webhook. */
struct show {
    const struct pelt_run_options *run;
    struct pelt_progress *progress; /* each NULL: nobody wants it */
    struct pelt_web *web;
    struct pelt_webhook *webhook;
    struct pelt_https *webhook_https;
    bool announced;
};

static void announce_files(const struct pelt_scenario *scenario)
{
    struct pelt_scenario_file file;
    for (size_t i = 0; scenario != NULL && pelt_scenario_file(scenario, i, &file); i++) {
        char text[1024];
        pelt_scenario_file_describe(&file, text, sizeof text);
        pelt_log(PELT_LOG_INFO, "data", "%s in memory, read once for all threads", text);
    }
}

/* A script may name as many series as it likes; without one there is one. */
static void announce_series(const struct pelt_run_options *run, size_t bytes_most)
{
    char size[32];
    pelt_format_bytes(bytes_most, size, sizeof size);
    if (run->scenario != NULL) {
        pelt_log(PELT_LOG_INFO, "pelt",
                 "memory for series: up to %s; when that is spent, new ones go to _other", size);
    }
}

static void announce(const struct pelt_run_options *run, size_t series_bytes_most)
{
    char plan[1024], size[32];
    pelt_plan_describe(run->plan, plan, sizeof plan);
    pelt_log(PELT_LOG_INFO, "pelt", "%s: %s", run->name, plan);
    announce_files(run->scenario);
    announce_series(run, series_bytes_most);
    if (run->run_file == NULL || run->plan->endless ||
        pelt_plan_length_ns(run->plan) <= LONG_RUN_NS) {
        return;
    }
    size_t names = run->scenario != NULL ? run->scenario->tasks_len : 1;
    pelt_format_bytes(3600 * (FILE_BYTES_A_SECOND + names * FILE_BYTES_A_SECOND_NAME +
                              run->agents_len * FILE_BYTES_A_SECOND_AGENT),
                      size, sizeof size);
    pelt_log(PELT_LOG_INFO, "pelt",
             "the run file %s grows by about %s an hour (for %zu request name%s)", run->run_file,
             size, names, names == 1 ? "" : "s");
}

/* The plan is told when the run lives, so that one refused before its start is one line. */
static void on_live(void *arg, const struct pelt_live *live)
{
    struct show *show = arg;
    if (!show->announced && show->progress != NULL) {
        show->announced = true;
        announce(show->run, live->series_bytes_most);
    }
    if (show->progress != NULL) {
        pelt_progress_update(show->progress, live);
    }
    if (show->web != NULL) {
        pelt_web_live(show->web, live);
    }
}

static void on_second(void *arg, const struct pelt_live *live)
{
    const struct show *show = arg;
    if (show->web != NULL) {
        pelt_web_second(show->web, live);
    }
}

static void on_event(void *arg, const struct pelt_live *live, const struct pelt_live_event *event)
{
    const struct show *show = arg;
    if (show->web != NULL) {
        pelt_web_event(show->web, live, event);
    }
    if (show->webhook != NULL) {
        pelt_webhook_event(show->webhook, live, event);
    }
}

static enum pelt_status open_webhook(const struct cli_options *o,
                                     const struct pelt_scenario *scenario, struct show *show,
                                     struct pelt_error *err)
{
    if (scenario == NULL || scenario->webhook == NULL) {
        return PELT_OK;
    }
    enum pelt_status status = cli_https_new(o, scenario, &show->webhook_https, err);
    const struct pelt_webhook_options options = {.url = scenario->webhook,
                                                 .https = show->webhook_https};
    return status == PELT_OK ? pelt_webhook_new(&options, &show->webhook, err) : status;
}

/* Before anything is sent: an address that is taken is a line and nothing more. */
static enum pelt_status open_show(const struct cli_options *o, const struct pelt_scenario *scenario,
                                  struct show *show, struct pelt_error *err)
{
    enum pelt_status status = open_webhook(o, scenario, show, err);
    if (status == PELT_OK && o->web != NULL) {
        status = pelt_web_new(o->web, &show->web, err);
    }
    if (status == PELT_OK && show->web != NULL) {
        char url[PELT_WEB_URL_SIZE];
        pelt_web_url(show->web, url);
        pelt_log_setup(PELT_LOG_INFO, o->log_json, NULL, NULL); /* also --quiet: it may be chosen */
        pelt_log(PELT_LOG_INFO, "pelt", "live page: %s", url);
        pelt_log_setup(o->quiet ? PELT_LOG_WARNING : PELT_LOG_INFO, o->log_json, NULL, NULL);
    }
    return status;
}

static void close_show(struct show *show)
{
    pelt_web_free(show->web);
    pelt_webhook_free(show->webhook);
    if (!pelt_run_gave_up()) {
        pelt_https_free(show->webhook_https);
    }
}

static enum pelt_status run_with_progress(const struct cli_options *o, struct pelt_run_options *run,
                                          struct show *show, struct pelt_results **results,
                                          struct pelt_error *err)
{
    if (!o->quiet) {
        struct pelt_progress_options options = {
            .out = stderr,
            .outlet = cli_stderr_outlet(),
            .color = cli_color_welcome(o->no_color),
            .json = o->log_json,
        };
        show->progress = pelt_progress_new(&options);
        if (show->progress == NULL) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
        pelt_log_setup(PELT_LOG_INFO, o->log_json, pelt_progress_clear, show->progress);
    }
    if (!o->quiet || show->web != NULL) {
        run->on_live = on_live;
    }
    run->on_second = show->web != NULL ? on_second : NULL;
    run->on_event = show->web != NULL || show->webhook != NULL ? on_event : NULL;
    run->on_live_arg = show;
    enum pelt_status status = pelt_run(run, results, err);
    if (show->progress != NULL) {
        pelt_progress_clear(show->progress);
        pelt_log_setup(PELT_LOG_INFO, o->log_json, NULL, NULL);
        pelt_progress_free(show->progress);
        show->progress = NULL;
    }
    if (show->web != NULL) {
        pelt_web_end(show->web, status == PELT_OK ? *results : NULL, err->text);
    }
    return status;
}

/* Where all on stderr is JSON lines, it is one of them. */
static void log_summary(const struct cli_options *o, const struct pelt_results *results)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    if (file != NULL) {
        report_summary(results, file, false, SUMMARY_COLUMNS);
        if (fclose(file) == 0) {
            pelt_log_setup(PELT_LOG_INFO, true, NULL, NULL); /* --quiet shows it, too */
            pelt_log(PELT_LOG_INFO, "summary", "%s", text);
            pelt_log_setup(o->quiet ? PELT_LOG_WARNING : PELT_LOG_INFO, true, NULL, NULL);
        }
        free(text);
    }
}

static int show_summary(const void *arg, const struct pelt_results *results)
{
    const struct cli_options *o = arg;
    bool aside = cli_outputs_take_stdout(&o->out);
    if (aside && o->log_json) {
        log_summary(o, results);
        return cli_stdout_finish(results->exit_code);
    }
    cli_stderr_flush();
    report_summary(results, aside ? stderr : stdout, !aside && cli_stdout_color(o->no_color),
                   cli_stdout_columns());
    return cli_stdout_finish(results->exit_code);
}

static void fill(const struct cli_options *o, struct pelt_run_options *run)
{
    run->command = o->command_line;
    run->threads = (uint32_t)o->threads;
    run->pin = o->threads_pin;
    run->pacing = o->pacing;
    run->seed = o->seed;
    run->settings = o->settings;
    run->settings_len = o->settings_len;
    run->headers = o->headers.items;
    run->route = o->route;
    run->allow_script_errors = o->allow_script_errors;
    run->strict = o->strict;
    run->allow_invalid = o->allow_invalid;
    run->force = o->force;
}

int cli_drive(const struct cli_options *o, struct pelt_run_options *run)
{
    char path[PATH_BYTES_MAX];
    struct pelt_error err = {{0}};
    struct pelt_threshold *thresholds = NULL;
    struct pelt_results *results = NULL;
    int signal = 0;
    struct cli_agents agents = {.len = 0};
    struct cli_economy economy;
    struct cli_fleet fleet = {.coordinator = NULL};
    struct show show = {.run = run};
    fill(o, run);
    enum pelt_status status = cli_economy_init(&economy, o, &err);
    run->facts = economy.facts;
    if (status == PELT_OK) {
        status = check_outputs(o, &err);
    }
    if (status == PELT_OK) {
        status = join_thresholds(o, run->scenario, &thresholds, &run->thresholds_len, &err);
        run->thresholds = thresholds;
    }
    if (status == PELT_OK) {
        status = cli_agents_make(o, run->scenario, &agents, &err);
        run->agents = agents.list;
        run->agents_len = agents.len;
    }
    if (status == PELT_OK) {
        status = cli_routes_settle(o, run->scenario, &err);
    }
    if (status == PELT_OK) {
        status = cli_http2_settle(o, run->scenario, &run->http2, &err);
    }
    if (status == PELT_OK) {
        status = cli_https_new(o, run->scenario, &run->https, &err);
    }
    if (status == PELT_OK) {
        status = open_show(o, run->scenario, &show, &err);
    }
    if (status == PELT_OK && o->wait_for != NULL) {
        status = cli_wait_for(o->wait_for, o->wait_timeout_ns, o->route, run->https, &run->http2,
                              &signal, &err);
    }
    if (status == PELT_OK) {
        cli_run_path(pelt_clock_wall_ns(), run->name, path, sizeof path);
        run->run_file = o->no_run_file ? NULL : o->run_file != NULL ? o->run_file : path;
        run->resume = o->bus.resume != NULL;
        run->run_file = run->resume ? o->bus.resume : run->run_file;
        status = o->bus.url != NULL ? cli_fleet_open(o, run, &fleet, &signal, &err) : PELT_OK;
    }
    if (status == PELT_OK) {
        status = run_with_progress(o, run, &show, &results, &err);
        if (status == PELT_OK && o->ran != NULL && run->run_file != NULL) {
            snprintf(o->ran, o->ran_size, "%s", run->run_file);
        }
    }
    if (status == PELT_OK) {
        status = cli_fleet_leads(&fleet, run->run_file, &err);
    }
    cli_fleet_close(&fleet);
    int code = status == PELT_OK ? cli_outputs_write_of_run(&o->out, results, show_summary, o)
                                 : cli_fail(status, &err);
    code = signal != 0 ? CLI_EXIT_BY_SIGNAL + signal : code;
    close_show(&show);
    pelt_results_free(results);
    free(thresholds);
    cli_agents_free(&agents);
    cli_economy_deinit(&economy);
    if (!pelt_run_gave_up()) {
        pelt_https_free(run->https);
    }
    return code;
}
