/*
 * demand: what is asked of the service elsewhere, as the user said with --demand: a rate, or a
 * series of rates of equal periods (hours, days), oldest first, and where that goes.
 *
 * Facts of the run file: demand_per_s, or demand_series, numbers with blanks between.
 */
#ifndef PELT_DEMAND_H
#define PELT_DEMAND_H

#include "making.h"
#include "pelt/outlook.h"

#define PELT_DEMAND_CONFIDENCE 0.95

struct pelt_demand {
    bool known;
    double per_s;                  /* of a series: what it is foretold to be `ahead` periods on */
    struct pelt_interval interval; /* of that; of a rate it is the rate */
    size_t periods, ahead;         /* of a series, else 0: how many there are; a quarter of them */
    bool foretold;                 /* there is a forecast; else `why` of a series */
    struct pelt_outlook forecast;
    struct pelt_error why;
};

/* PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_demand_read(const struct pelt_making *m,
                                                struct pelt_demand *out);

/* "by linear regression, the best of four in a backtest: MAPE 1.2%; moving average 8%, ..." */
void pelt_outlook_evidence(struct pelt_making *m, struct pelt_finding *f,
                           const struct pelt_outlook *forecast);

#endif
