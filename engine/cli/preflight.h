/*
 * preflight: what `pelt preflight` found, as text for people and as JSON.
 */
#ifndef CLI_PREFLIGHT_H
#define CLI_PREFLIGHT_H

#include <jansson.h>
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
/* pelt-preflight/1 (docs/REPORTS.md), the caller's; NULL: out of memory. */
json_t *cli_preflight_json(const struct cli_preflight *p);
/* A number for people: "28,232", "5.2 million"; to three digits where it is an estimate. INFINITY:
 * "any number". 32 bytes hold it. */
void cli_preflight_number(double value, bool estimate, char *out, size_t size);

#endif
