/*
 * cmd_trace: `pelt trace RUN.pelt ID`: one exchange of a run, by its trace id.
 */
#include "command.h"
#include "exit_code.h"
#include "pelt/report.h"
#include "pelt/runfile.h"
#include "stdout.h"

int cmd_trace(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_results *results = NULL;
    enum pelt_status status = PELT_OK;
    if (o->source == NULL) {
        status = pelt_fail(&err, PELT_EINVAL,
                           "pelt trace needs an id, too: pelt trace %s ID; pelt report shows those "
                           "of the slowest exchanges",
                           o->operand);
    } else {
        status = pelt_results_load(o->operand, &results, &err);
    }
    if (status == PELT_OK) {
        status = report_trace(results, o->source, stdout, cli_stdout_color(o->no_color),
                              cli_stdout_columns(), &err);
    }
    pelt_results_free(results);
    return status == PELT_OK ? CLI_EXIT_PASSED : cli_fail(status, &err);
}
