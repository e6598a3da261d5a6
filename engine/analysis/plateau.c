#include "pelt/plateau.h"

#define SHORT_OF 0.95          /* achieved / offered below it */
#define GAIN     (0.02 / 0.10) /* of throughput for a gain of load */

static enum pelt_plateau_reason reason_at(const double *load, const double *offered_per_s,
                                          const double *throughput_per_s, size_t i)
{
    if (offered_per_s != NULL && throughput_per_s[i] < SHORT_OF * offered_per_s[i]) {
        return PELT_PLATEAU_SHORT;
    }
    if (i == 0) {
        return PELT_PLATEAU_NONE;
    }
    double more_load = load[i] / load[i - 1] - 1;
    double more_work = throughput_per_s[i] - throughput_per_s[i - 1];
    return more_work < GAIN * more_load * throughput_per_s[i - 1] ? PELT_PLATEAU_FLAT
                                                                  : PELT_PLATEAU_NONE;
}

enum pelt_status pelt_plateau_find(const double *load, const double *offered_per_s,
                                   const double *throughput_per_s, size_t n,
                                   struct pelt_plateau *out, struct pelt_error *err)
{
    *out = (struct pelt_plateau){0};
    if (n < 2) {
        return pelt_fail(err, PELT_EINVAL, "plateau of %zu levels: needs at least 2", n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!(load[i] > (i > 0 ? load[i - 1] : 0))) {
            return pelt_fail(err, PELT_EINVAL,
                             "plateau: level %zu, %g, is not above the one before", i + 1, load[i]);
        }
        if (throughput_per_s[i] > out->best_per_s) {
            out->best_per_s = throughput_per_s[i];
        }
    }
    for (size_t i = 0; i < n && out->reason == PELT_PLATEAU_NONE; i++) {
        out->reason = reason_at(load, offered_per_s, throughput_per_s, i);
        out->index = i;
    }
    if (out->reason != PELT_PLATEAU_NONE) {
        out->load = load[out->index];
        out->throughput_per_s = throughput_per_s[out->index];
    }
    return PELT_OK;
}
