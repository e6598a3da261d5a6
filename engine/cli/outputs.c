/*
 * outputs: see the header.
 */
#include "outputs.h"

#include "exit_code.h"
#include "pelt/log.h"
#include "pelt/report.h"
#include "stdout.h"

/* PATH of "FORMAT=PATH"; empty where there is none. */
static const char *path_of(const char *spec)
{
    const char *equals = strchr(spec, '=');
    return equals != NULL ? equals + 1 : "";
}

static bool is_stdout(const char *spec)
{
    return strcmp(path_of(spec), "-") == 0;
}

bool cli_outputs_take_stdout(const struct cli_texts *out)
{
    for (size_t i = 0; i < out->len; i++) {
        if (is_stdout(out->items[i])) {
            return true;
        }
    }
    return false;
}

enum pelt_status cli_outputs_check(const struct cli_texts *out, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < out->len && status == PELT_OK; i++) {
        status = report_check(out->items[i], err);
    }
    return status;
}

static int write_one(const char *spec, const struct pelt_results *results)
{
    struct pelt_error err = {{0}};
    enum pelt_status status = report_write(results, spec, &err);
    if (status == PELT_OK) {
        if (!is_stdout(spec)) {
            pelt_log(PELT_LOG_INFO, "pelt", "wrote %s", path_of(spec));
        }
        return CLI_EXIT_PASSED;
    }
    if (!is_stdout(spec)) {
        return cli_fail(status, &err);
    }
    bool gone = cli_stdout_gone();
    cli_stdout_drop();
    return gone ? CLI_EXIT_PASSED : cli_fail(status, &err);
}

int cli_outputs_write(const struct cli_texts *out, const struct pelt_results *results)
{
    int code = CLI_EXIT_PASSED;
    for (size_t i = 0; i < out->len; i++) {
        code = cli_exit_merge(code, write_one(out->items[i], results));
    }
    return code;
}
