/*
 * unused_data: see the header.
 */
#include "unused_data.h"

#include "pelt/log.h"

void cli_unused_data_warn(const struct pelt_scenario *scenario)
{
    for (size_t i = 0; i < scenario->unused_len; i++) {
        pelt_log(PELT_LOG_WARNING, "pelt", "%s", scenario->unused[i]);
    }
}
