/*
 * cmd_check: `pelt check SCENARIO.lua`: what a run of it would do, without load; with --once one
 * iteration, every exchange and every check of it.
 */
#include "agents.h"
#include "command.h"
#include "exchange.h"
#include "exit_code.h"
#include "http2.h"
#include "https.h"
#include "pelt/client.h"
#include "pelt/run.h"
#include "pelt/server_metric.h"
#include "pelt/webhook.h"
#include "routes.h"
#include "settings.h"
#include "stdout.h"
#include "threshold_names.h"
#include "unused_data.h"

static void print_tasks(const struct pelt_scenario *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->tasks_len; i++) {
        sum += s->tasks[i].weight;
    }
    for (size_t i = 0; i < s->tasks_len; i++) {
        printf("%-11s%s  weight %g", i == 0 ? "tasks" : "", s->tasks[i].name, s->tasks[i].weight);
        if (s->has_load && s->plan.parts_len > 0) {
            printf("\n"); /* each load has its own */
        } else {
            printf(" (%.3g%%)\n", sum > 0 ? 100 * s->tasks[i].weight / sum : 0);
        }
    }
}

/* Nothing where there are none: few scenarios have any. */
static void print_alerts(const struct pelt_scenario *s)
{
    for (size_t i = 0; i < s->alerts_len; i++) {
        char text[512];
        pelt_threshold_format(&s->alerts[i].rule, text, sizeof text);
        printf("%-11s%s: %s\n", i == 0 ? "alerts" : "", s->alerts[i].name, text);
    }
    if (s->webhook != NULL) {
        char place[300];
        pelt_webhook_place(s->webhook, place, sizeof place);
        printf("%-11s%s\n", "webhook", place);
    }
}

static void print_thresholds(const struct pelt_scenario *s)
{
    for (size_t i = 0; i < s->thresholds_len; i++) {
        char text[512];
        pelt_threshold_format(&s->thresholds[i], text, sizeof text);
        printf("%-11s%s\n", i == 0 ? "thresholds" : "", text);
    }
    if (s->thresholds_len == 0) {
        printf("%-11snone\n", "thresholds");
    }
}

/* What a stress load holds levels against. */
static void print_slo(const struct pelt_scenario *s)
{
    if (!s->has_load || strcmp(s->plan.kind, "stress") != 0) {
        return;
    }
    for (size_t i = 0; i < s->slo_len; i++) {
        char text[512];
        pelt_threshold_format(&s->slo[i], text, sizeof text);
        printf("%-11s%s\n", i == 0 ? "slo" : "", text);
    }
    if (s->slo_len == 0) {
        printf("%-11s%s\n", "slo",
               s->thresholds_len > 0 ? "the thresholds"
                                     : "http_response p99 <= 1s, errors share <= 1% (the default)");
    }
}

static void print_files(const struct pelt_scenario *s)
{
    struct pelt_scenario_file file;
    for (size_t i = 0; pelt_scenario_file(s, i, &file); i++) {
        char text[1024];
        pelt_scenario_file_describe(&file, text, sizeof text);
        printf("%-11s%s in memory\n", i == 0 ? "data" : "", text);
    }
}

static void print_scenario(const struct cli_options *o, const struct pelt_scenario *s)
{
    char plan[1024];
    if (s->has_load) {
        pelt_plan_describe(&s->plan, plan, sizeof plan);
    } else {
        snprintf(plan, sizeof plan, "none of its own: give --users or --rate, and --duration");
    }
    const char *target = o->target != NULL ? o->target : s->target;
    printf("%-11s%s (%s)\n", "scenario", s->name, s->path);
    printf("%-11s%s\n", "target", target != NULL ? target : "none: requests need whole URLs");
    printf("%-11s%s\n", "load", plan);
    print_slo(s);
    print_tasks(s);
    print_thresholds(s);
    print_alerts(s);
    print_files(s);
    printf("%-11s%s\n%-11s%s\n", "setup", s->has_setup ? "yes" : "no", "teardown",
           s->has_teardown ? "yes" : "no");
    if (s->has_user_init || s->has_user_exit) {
        printf("%-11s%s\n%-11s%s\n", "user_init", s->has_user_init ? "yes" : "no", "user_exit",
               s->has_user_exit ? "yes" : "no");
    }
}

static void print_counts(const struct cli_exchange_counts *n)
{
    const char *plural = n->all == 1 ? "" : "s";
    if (n->not_ok > 0) {
        printf("\n%llu of %llu exchange%s not ok\n", (unsigned long long)n->not_ok,
               (unsigned long long)n->all, plural);
    } else {
        printf("\n%llu exchange%s\n", (unsigned long long)n->all, plural);
    }
}

struct shown { /* of one iteration, so far */
    struct cli_exchange_counts exchanges;
    bool checks;
};

static void on_exchange(void *arg, const struct pelt_exchange *x)
{
    struct shown *shown = arg;
    cli_exchange_print(&shown->exchanges, x);
}

static void on_check(void *arg, const char *name, uint64_t passed, uint64_t failed)
{
    struct shown *shown = arg;
    printf("%s%-11s", shown->checks ? "" : "\n", shown->checks ? "" : "checks");
    shown->checks = true;
    cli_stdout_clean(name, strlen(name));
    if (failed == 0) {
        puts(": passed");
    } else if (passed == 0) {
        puts(": failed");
    } else {
        printf(": failed %llu of %llu times\n", (unsigned long long)failed,
               (unsigned long long)(passed + failed));
    }
}

/* What the one iteration, setup and teardown let lie. */
static void print_untaken(const struct pelt_scenario *s)
{
    struct pelt_scenario_file file;
    for (size_t i = 0; pelt_scenario_file(s, i, &file); i++) {
        if (!file.taken) {
            printf("%-11s%s: no row was taken\n", "data", file.path);
        }
    }
}

/* What the server did, and checks, are told and no failure of the script: that one raises. */
static int run_once(const struct cli_options *o, const struct pelt_scenario *s,
                    struct pelt_https *https, const struct pelt_http2 *http2)
{
    static struct shown shown; /* a thread that was given up may still come to it */
    struct pelt_error err = {{0}};
    int signal = 0;
    struct pelt_run_options run = {
        .kind = "check",
        .name = s->name,
        .command = o->command_line,
        .seed = o->seed,
        .scenario = s,
        .settings = o->settings,
        .settings_len = o->settings_len,
        .target = o->target,
        .headers = o->headers.items,
        .route = o->route,
        .https = https,
        .http2 = *http2,
    };
    struct pelt_once watch = {.on_exchange = on_exchange, .on_check = on_check, .arg = &shown};
    enum pelt_status status = pelt_run_once(&run, &watch, &signal, &err);
    if (!pelt_run_gave_up()) {
        print_counts(&shown.exchanges);
        print_untaken(s);
    }
    fflush(stdout);
    int code = status == PELT_OK ? CLI_EXIT_PASSED : cli_fail(status, &err);
    return signal != 0 ? CLI_EXIT_BY_SIGNAL + signal : code;
}

/* Where it is known to be needed, or was said. */
static void print_tls(const struct cli_options *o, const struct pelt_scenario *s,
                      const struct pelt_https *https)
{
    char text[256];
    if (cli_https_is_asked_for(o, s, https)) {
        cli_https_describe(https, text, sizeof text);
        printf("%-11s%s\n", "tls", text);
    }
}

/* As a run would refuse it. */
static enum pelt_status check_target(const struct cli_options *o, const struct pelt_scenario *s,
                                     struct pelt_error *err)
{
    const char *target = o->target != NULL ? o->target : s->target;
    struct pelt_url url;
    struct pelt_error why;
    if (target == NULL) {
        return PELT_OK;
    }
    enum pelt_status status = pelt_url_parse(pelt_span_of(target), &url, &why);
    status = status == PELT_OK ? pelt_client_speaks(&url, &why) : status;
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "target: %.900s", why.text);
}

static void print_agents(const struct cli_agents *agents)
{
    for (size_t i = 0; i < agents->len; i++) {
        const struct pelt_agent_options *a = &agents->list[i];
        printf("%-11s%s%s%s\n", i == 0 ? "agents" : "", a->name != NULL ? a->name : "",
               a->name != NULL ? " at " : "", a->url);
    }
}

/* One without a name gets it from the agent, so it may be the one that is meant. */
static bool is_there(const struct cli_agents *agents, const struct pelt_server_metric *m)
{
    for (size_t i = 0; i < agents->len; i++) {
        const char *name = agents->list[i].name;
        if (m->agent[0] == '\0' || name == NULL || strcmp(name, m->agent) == 0) {
            return true;
        }
    }
    return false;
}

/* A threshold on what agents read, where there is none of its name. What an agent has is known once
 * it is asked, which a run does. `key`: that of the list in the scenario. */
static enum pelt_status check_list(const char *key, const struct pelt_threshold *list, size_t len,
                                   const struct cli_agents *agents, struct pelt_error *err)
{
    for (size_t i = 0; i < len; i++) {
        struct pelt_server_metric m;
        if (pelt_server_metric_parse(list[i].metric, &m) && !is_there(agents, &m)) {
            return pelt_fail(err, PELT_EINVAL,
                             "%s[%zu]: %s needs an agent%s%s: agents = { ... } in the scenario, or "
                             "--agent NAME=URL",
                             key, i + 1, list[i].metric, m.agent[0] != '\0' ? " called " : "",
                             m.agent);
        }
    }
    return PELT_OK;
}

static enum pelt_status check_agents(const struct pelt_scenario *s, const struct cli_agents *agents,
                                     struct pelt_error *err)
{
    enum pelt_status status =
        check_list("thresholds", s->thresholds, s->thresholds_len, agents, err);
    return status == PELT_OK ? check_list("load.slo", s->slo, s->slo_len, agents, err) : status;
}

int cmd_check(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_scenario *scenario = NULL;
    struct cli_agents agents = {.len = 0};
    enum pelt_status status =
        pelt_scenario_load(o->operand, o->settings, o->settings_len, &scenario, &err);
    if (status == PELT_OK && scenario->webhook != NULL) {
        status = pelt_webhook_check(scenario->webhook, &err);
    }
    if (status == PELT_OK) {
        status = cli_routes_settle(o, scenario, &err);
    }
    if (status != PELT_OK) {
        pelt_scenario_free(scenario);
        return cli_fail(status, &err);
    }
    struct pelt_https *https = NULL;
    struct pelt_error bad_tls;
    const enum pelt_status tls = cli_https_new(o, scenario, &https, &bad_tls);
    print_scenario(o, scenario);
    struct pelt_error bad_agents;
    enum pelt_status asked = cli_agents_make(o, scenario, &agents, &bad_agents);
    print_agents(&agents);
    asked = asked == PELT_OK ? check_agents(scenario, &agents, &bad_agents) : asked;
    cli_agents_free(&agents);
    if (tls == PELT_OK) {
        print_tls(o, scenario, https);
    }
    fflush(stdout);
    cli_settings_warn_unread(o, scenario);
    cli_unused_data_warn(scenario);
    pelt_scenario_tell_misspelt(scenario);
    cli_threshold_names_warn(scenario, scenario->thresholds, scenario->thresholds_len);
    cli_alert_names_warn(scenario);
    cli_threshold_names_warn(scenario, scenario->slo, scenario->slo_len);
    status = check_target(o, scenario, &err);
    struct pelt_http2 http2;
    status = status == PELT_OK ? cli_http2_settle(o, scenario, &http2, &err) : status;
    int code = status != PELT_OK  ? cli_fail(status, &err)
               : tls != PELT_OK   ? cli_fail(tls, &bad_tls)
               : asked != PELT_OK ? cli_fail(asked, &bad_agents)
               : o->once          ? run_once(o, scenario, https, &http2)
                                  : CLI_EXIT_PASSED;
    if (!pelt_run_gave_up()) {
        pelt_https_free(https);
        pelt_scenario_free(scenario);
    }
    return code;
}
