/*
 * cmd_run: `pelt run SCENARIO.lua`.
 */
#include "command.h"
#include "drive.h"
#include "exit_code.h"
#include "fleet.h"
#include "load.h"
#include "repeat.h"
#include "settings.h"
#include "threshold_names.h"
#include "unused_data.h"

static int run_once(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_scenario *scenario = NULL;
    struct pelt_plan plan = {0};
    int code;
    if (o->bus.resume != NULL && o->operand == NULL) {
        return cli_fleet_resume(o, cmd_run);
    }
    enum pelt_status status = cli_fleet_check(o, &err);
    if (status == PELT_OK && o->bus.url != NULL) {
        status =
            pelt_scenario_load_boxed(o->operand, "", o->settings, o->settings_len, &scenario, &err);
    } else if (status == PELT_OK) {
        status = pelt_scenario_load(o->operand, o->settings, o->settings_len, &scenario, &err);
    }
    if (status == PELT_OK) {
        cli_settings_warn_unread(o, scenario);
        cli_unused_data_warn(scenario);
        pelt_scenario_tell_misspelt(scenario);
        cli_threshold_names_warn(scenario, scenario->thresholds, scenario->thresholds_len);
        cli_threshold_names_warn(scenario, o->thresholds, o->thresholds_len);
        cli_alert_names_warn(scenario);
        cli_threshold_names_warn(scenario, scenario->slo, scenario->slo_len);
        status = cli_load_settle(o, scenario->has_load ? &scenario->plan : NULL, &plan, &err);
    }
    if (status == PELT_OK) {
        status = pelt_scenario_pace(scenario, &plan, &err);
    }
    if (status == PELT_OK) {
        struct pelt_run_options run = {.kind = "run",
                                       .name = scenario->name,
                                       .plan = &plan,
                                       .scenario = scenario,
                                       .shared = scenario->shared_connections || o->connections > 0,
                                       .connections_max = (uint32_t)o->connections,
                                       .target = o->target};
        code = cli_drive(o, &run);
    } else {
        code = cli_fail(status, &err);
    }
    pelt_plan_deinit(&plan);
    if (!pelt_run_gave_up()) {
        pelt_scenario_free(scenario);
    }
    return code;
}

int cmd_run(const struct cli_options *o)
{
    return cli_repeat(o, run_once);
}
