/*
 * cmd_demo: `pelt demo`: a first run without anything to prepare. pelt-target is the server,
 * watched by pelt-agent; scenarios/demo.lua (embedded) is the scenario; both stay within reach, so
 * that the user can go on from there.
 */
#include <errno.h>
#include <sys/stat.h>

#include "command.h"
#include "drive.h"
#include "exit_code.h"
#include "load.h"
#include "pelt/buf.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/report.h"
#include "run_path.h"
#include "target_process.h"

#define SCENARIO_PATH  CLI_RUNS_FOLDER "/demo.lua"
#define PATH_BYTES_MAX 4096

extern const char cli_demo_scenario[]; /* scenarios/demo.lua */
extern const size_t cli_demo_scenario_len;

/* Four workers of 20 ms, so that 200 chats a second are the most: the limit that the report is to
 * name. */
static const char *const target_arguments[] = {
    "--workers", "4", "--service-time", "lognormal:20ms,0.3", "--service-for", "work", NULL};

/* The workers among what pelt-target says of itself at /metrics, as pelt-agent is asked for a pool.
 */
#define POOL                                                                                       \
    "workers=%s/metrics#used=pelt_target_limit_used{limit=\"workers\"},"                           \
    "limit=pelt_target_limit_limit{limit=\"workers\"},"                                            \
    "waiters=pelt_target_limit_waiters{limit=\"workers\"},"                                        \
    "timeouts=pelt_target_limit_events_total{limit=\"workers\"}"

/* True: the file is there; *same: with just the embedded text. */
static bool compare_scenario(bool *same)
{
    FILE *file = fopen(SCENARIO_PATH, "re");
    if (file == NULL) {
        return false;
    }
    char *bytes = malloc(cli_demo_scenario_len + 1);
    size_t len = bytes != NULL ? fread(bytes, 1, cli_demo_scenario_len + 1, file) : 0;
    *same = len == cli_demo_scenario_len && memcmp(bytes, cli_demo_scenario, len) == 0;
    free(bytes);
    fclose(file);
    return true;
}

/* Puts the scenario where it can be read and run again. One that the user has edited is kept, and
 * run. */
static enum pelt_status lay_out_scenario(struct pelt_error *err)
{
    bool same = true;
    if (mkdir(CLI_RUNS_FOLDER, 0777) != 0 && errno != EEXIST) {
        return pelt_fail(err, PELT_EIO,
                         "cannot make the folder " CLI_RUNS_FOLDER
                         " here: %s; go to a folder of your own",
                         strerror(errno));
    }
    if (compare_scenario(&same)) {
        if (!same) {
            pelt_log(PELT_LOG_INFO, "pelt",
                     SCENARIO_PATH " differs from this version's and is run as it is (delete it "
                                   "to have the original again)");
        }
        return PELT_OK;
    }
    FILE *file = fopen(SCENARIO_PATH, "we");
    bool written = file != NULL && fwrite(cli_demo_scenario, 1, cli_demo_scenario_len, file) ==
                                       cli_demo_scenario_len;
    if (file != NULL) {
        written = fclose(file) == 0 && written;
    }
    return written
               ? PELT_OK
               : pelt_fail(err, PELT_EIO, "cannot write " SCENARIO_PATH ": %s", strerror(errno));
}

/* Where the page lies, for a browser that may be started elsewhere. */
static void tell_page(const char *path)
{
    char *whole = realpath(path, NULL);
    if (whole != NULL) { /* else it could not be written, which was said */
        pelt_log(PELT_LOG_INFO, "pelt", "the report to look at: file://%s", whole);
    }
    free(whole);
}

/* JSON, CSV and HTML beside the run file: the same path without ".pelt". */
static void run_against(const struct cli_options *o, struct pelt_run_options *run, int *code)
{
    char path[PATH_BYTES_MAX], json[PATH_BYTES_MAX + 16], csv[PATH_BYTES_MAX + 16],
        html[PATH_BYTES_MAX + 16];
    struct pelt_error no_page = {{0}};
    if (o->run_file != NULL) {
        snprintf(path, sizeof path, "%s", o->run_file);
    } else {
        cli_run_path(pelt_clock_wall_ns(), run->name, path, sizeof path);
    }
    const char *dot = strrchr(path, '.');
    int stem = dot != NULL && strcmp(dot, ".pelt") == 0 ? (int)(dot - path) : (int)strlen(path);
    snprintf(json, sizeof json, "json=%.*s.json", stem, path);
    snprintf(csv, sizeof csv, "csv=%.*s-csv", stem, path);
    snprintf(html, sizeof html, "html=%.*s.html", stem, path);
    const char *reports[] = {json, csv, html, NULL};
    const bool has_page = report_check(html, &no_page) == PELT_OK;
    struct cli_options with_reports = *o;
    with_reports.run_file = path;
    with_reports.out = (struct cli_texts){reports, has_page ? 3 : 2};
    /* A busy host makes the measurement INVALID, which the summary says; the demonstration has not
     * failed. */
    with_reports.allow_invalid = true;
    *code = cli_drive(&with_reports, run);
    if (has_page) {
        tell_page(html + strlen("html="));
    } else {
        pelt_log(PELT_LOG_WARNING, "pelt", "%s", no_page.text);
    }
}

static enum pelt_status run_demo(const struct cli_options *o, const struct cli_target *target,
                                 int *code, struct pelt_error *err)
{
    struct pelt_scenario *scenario = NULL;
    struct pelt_plan plan = {0};
    enum pelt_status status = pelt_scenario_load(SCENARIO_PATH, NULL, 0, &scenario, err);
    if (status == PELT_OK) {
        status = cli_load_settle(o, scenario->has_load ? &scenario->plan : NULL, &plan, err);
    }
    if (status == PELT_OK) {
        struct pelt_run_options run = {.kind = "demo",
                                       .name = "demo",
                                       .plan = &plan,
                                       .scenario = scenario,
                                       .target = target->url};
        run_against(o, &run, code);
    }
    pelt_plan_deinit(&plan);
    if (!pelt_run_gave_up()) {
        pelt_scenario_free(scenario);
    }
    return status;
}

/* On the target's port, and its pool of workers. Without one the demonstration goes on. */
static void start_agent(const struct cli_target *target, struct cli_target *agent)
{
    const char *port = strrchr(target->url, ':') + 1;
    char pool[sizeof target->url + sizeof POOL];
    const char *arguments[] = {"--port", port, "--name", "demo", "--pool", pool, NULL};
    struct pelt_error err = {{0}};
    snprintf(pool, sizeof pool, POOL, target->url);
    if (cli_target_start(agent, "pelt-agent", arguments, &err) == PELT_OK) {
        pelt_log(PELT_LOG_INFO, "pelt", "pelt-agent (pid %d) watches it and listens on %s",
                 (int)agent->pid, agent->url);
    } else {
        pelt_log(PELT_LOG_WARNING, "pelt", "no figures of the server: %s", err.text);
    }
}

int cmd_demo(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct cli_options on_demo = *o; /* borrows all of `o`; never deinited */
    struct cli_target target = {0}, agent = {0};
    int code = CLI_EXIT_PASSED;
    on_demo.operand = SCENARIO_PATH;
    pelt_log(PELT_LOG_INFO, "pelt",
             "demo: starts pelt-target, and pelt-agent beside it, on free ports of 127.0.0.1, "
             "runs " SCENARIO_PATH " against it for about 30 s, stops them");
    enum pelt_status status = lay_out_scenario(&err);
    if (status == PELT_OK) {
        status = cli_target_start(&target, "pelt-target", target_arguments, &err);
    }
    if (status == PELT_OK) {
        pelt_log(PELT_LOG_INFO, "pelt", "pelt-target (pid %d) listens on %s", (int)target.pid,
                 target.url);
        start_agent(&target, &agent);
        char watched[sizeof agent.url + 8];
        const char *agents[] = {watched, NULL};
        snprintf(watched, sizeof watched, "demo=%s", agent.url);
        on_demo.agents = (struct cli_texts){agents, agent.pid != 0};
        status = run_demo(&on_demo, &target, &code, &err);
    }
    cli_target_stop(&agent);
    cli_target_stop(&target);
    if (status != PELT_OK) {
        return cli_fail(status, &err);
    }
    pelt_log(PELT_LOG_INFO, "pelt",
             "your own next: edit " SCENARIO_PATH ", then: pelt run " SCENARIO_PATH
             " --target http://YOUR-SERVER");
    return code;
}
