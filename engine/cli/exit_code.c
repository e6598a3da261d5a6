/*
 * exit_code: see the header.
 */
#include "exit_code.h"

#include "pelt/log.h"

int cli_fail(enum pelt_status status, const struct pelt_error *err)
{
    const char *text = err->text[0] != '\0' ? err->text : pelt_status_name(status);
    pelt_log(PELT_LOG_ERROR, "pelt", "%s", text);
    switch (status) {
    case PELT_ESTOPPED:
        return CLI_EXIT_SIGINT;
    case PELT_EINVAL:
    case PELT_ELIMIT:
    case PELT_ENOTFOUND:
    case PELT_EPARSE:
    case PELT_ESCRIPT:
        return CLI_EXIT_USAGE;
    default:
        return CLI_EXIT_FAILED;
    }
}
