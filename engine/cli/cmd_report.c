/*
 * cmd_report: `pelt report RUN.pelt`: the summary on stdout, or the formats of --out; of all of the
 * load or of a part of it.
 */
#include "command.h"
#include "economy.h"
#include "exit_code.h"
#include "outputs.h"
#include "pelt/report.h"
#include "pelt/runfile.h"
#include "stdout.h"

static enum pelt_status load(const struct cli_options *o, struct pelt_results **results,
                             struct pelt_error *err)
{
    const struct pelt_period part = {.from_s = o->from_s,
                                     .to_s = o->to_s >= 0 ? o->to_s : INT32_MAX};
    if (o->from_s < 0 && o->to_s < 0) {
        return pelt_results_load(o->operand, results, err);
    }
    if (part.from_s >= part.to_s) {
        return pelt_fail(err, PELT_EINVAL,
                         "--from %ds --to %ds: there is nothing in between; --to is the later one",
                         part.from_s, part.to_s);
    }
    return pelt_results_load_part(o->operand, part, results, err);
}

/* Exit 0 whatever the run itself ended with: what was asked for here is the report. */
int cmd_report(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_results *results = NULL;
    struct cli_economy economy;
    int code = CLI_EXIT_PASSED;
    enum pelt_status status = cli_economy_init(&economy, o, &err);
    if (status == PELT_OK) {
        status = cli_outputs_check(&o->out, o->operand, &err);
    }
    if (status == PELT_OK) {
        status = load(o, &results, &err);
    }
    if (status == PELT_OK && cli_economy_apply(&economy, results) != PELT_OK) {
        status = pelt_fail(&err, PELT_ENOMEM, "out of memory");
    }
    if (status != PELT_OK) {
        code = cli_fail(status, &err);
    } else if (o->out.len > 0) {
        code = cli_outputs_write(&o->out, results);
    } else {
        report_summary(results, stdout, cli_stdout_color(o->no_color), cli_stdout_columns());
    }
    pelt_results_free(results);
    cli_economy_deinit(&economy);
    return code;
}
