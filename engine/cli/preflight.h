/*
 * preflight: what `pelt preflight` found, as text for people and as JSON.
 */
#ifndef CLI_PREFLIGHT_H
#define CLI_PREFLIGHT_H

#include <stdio.h>

#include "pelt/forecast.h"
#include "pelt/scenario.h"

struct cli_preflight { /* all borrowed */
    const struct pelt_scenario *scenario;
    const struct pelt_plan *plan;
    const struct pelt_limits *limits;
    const struct pelt_measured *measured;
    const struct pelt_forecast *forecast;
    bool without_tls; /* there are https URLs: they were asked for as http */
};

void cli_preflight_text(const struct cli_preflight *p, FILE *out);
/* One sentence: whether the plan fits, and the first limit. */
void cli_preflight_verdict(const struct cli_preflight *p, char *out, size_t size);
/* pelt-preflight/1 (docs/REPORTS.md) to a file, or to stdout for "-". PELT_EIO: err says why. */
PELT_MUST_USE enum pelt_status cli_preflight_json(const struct cli_preflight *p, const char *path,
                                                  struct pelt_error *err);
/* A number for people: "28,232", "5.2 million"; to three digits where it is an estimate. INFINITY:
 * "any number". 32 bytes hold it. */
void cli_preflight_number(double value, bool estimate, char *out, size_t size);

#endif
