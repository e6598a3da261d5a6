/*
 * exit_code: see the header.
 */
#include "exit_code.h"

#include "pelt/log.h"

/* The codes that a finished run carries stand here as users see them, as numbers. */
static int rank(int code)
{
    static const int order[] = {
        CLI_EXIT_SIGINT, 143, CLI_EXIT_FAILED, CLI_EXIT_USAGE, CLI_EXIT_LOST, 4, 3, 5};
    const int len = sizeof order / sizeof *order;
    int i = 0;
    while (i < len && order[i] != code) {
        i++;
    }
    return i;
}

int cli_exit_merge(int a, int b)
{
    return rank(b) < rank(a) ? b : a;
}

int cli_fail(enum pelt_status status, const struct pelt_error *err)
{
    const char *text = err->text[0] != '\0' ? err->text : pelt_status_name(status);
    pelt_log(PELT_LOG_ERROR, "pelt", "%s", text);
    switch (status) {
    case PELT_ESTOPPED:
        return CLI_EXIT_SIGINT;
    case PELT_ELOST:
        return CLI_EXIT_LOST;
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
