/* scenario_text: a draft as the Lua of a scenario. */
#ifndef CONVERT_SCENARIO_TEXT_H
#define CONVERT_SCENARIO_TEXT_H

#include "draft.h"
#include "pelt/convert.h"

/* Fills a zeroed `out`. `d` has at least one request. */
PELT_MUST_USE enum pelt_status
convert_scenario_write(struct convert_draft *d, struct pelt_converted *out, struct pelt_error *err);

#endif
