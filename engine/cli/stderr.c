/*
 * stderr: see the header.
 */
#include "stderr.h"

#include <unistd.h>

#include "exit_code.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/run.h"

#define MOMENT_NS   (100 * PELT_NS_PER_MS)
#define PATIENCE_NS PELT_NS_PER_S

static struct pelt_outlet *outlet;

void cli_stderr_start(void)
{
    outlet = pelt_outlet_new(STDERR_FILENO);
    pelt_log_through(outlet);
}

struct pelt_outlet *cli_stderr_outlet(void)
{
    return outlet;
}

void cli_stderr_flush(void)
{
    if (outlet != NULL) {
        pelt_outlet_flush(outlet, MOMENT_NS);
    }
}

void cli_stderr_finish(int code)
{
    if (outlet == NULL) {
        return;
    }
    pelt_outlet_flush(outlet, code > CLI_EXIT_BY_SIGNAL ? MOMENT_NS : PATIENCE_NS);
    if (!pelt_run_gave_up()) { /* else a thread may still log */
        pelt_log_through(NULL);
        pelt_outlet_free(outlet);
        outlet = NULL;
    }
}
