/*
 * fold: request names that the memory for series does not suffice for. A name whose figures would
 * need more than 7/8 of the quota leaves ends: what it has from that moment on is counted as
 * `_other`. Names with 5% of all requests, which are 20 at most, stay.
 *
 * Thread: control.
 */
#ifndef PELT_FOLD_H
#define PELT_FOLD_H

#include "pelt/frame.h"

struct pelt_fold { /* zeroed: none so far */
    bool ended[PELT_SERIES_MAX];
    uint32_t len; /* how many */
};

/* Makes `second`, which is to be added to `total`, ready for that. */
void pelt_fold_second(struct pelt_fold *fold, struct pelt_frame *second,
                      const struct pelt_frame *total, struct pelt_quota *quota);

#endif
