/*
 * drawn_digest: digests of runs whose truth is known: response times of each second are log-normal
 * around a level that is itself a log-normal AR(1), with errors; from a seed.
 */
#ifndef PELT_TEST_DRAWN_DIGEST_H
#define PELT_TEST_DRAWN_DIGEST_H

#include "pelt/digest.h"

struct drawn_run {
    uint64_t seed;
    int32_t seconds, per_second;
    double median_us;
    double within, between; /* spread of logarithms, in a second and of levels */
    double phi;             /* how alike neighbouring seconds are */
    double tail;            /* times beyond the run's usual 90% are that much longer: 1.1 is 10% */
    double error_share;
    double run_spread; /* of the level of whole runs */
    size_t pieces;
};

/* One request series, "chat". To be freed. */
struct pelt_digest *drawn_digest(const struct drawn_run *run);

#endif
