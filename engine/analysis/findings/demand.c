/* demand: see the header. */
#include "demand.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of the text; `out` has room for one each two bytes. */
static size_t read_numbers(const char *text, double *out)
{
    size_t len = 0;
    for (;;) {
        char *end;
        const double value = strtod(text, &end);
        if (end == text) {
            return len;
        }
        out[len++] = value;
        text = end;
    }
}

static enum pelt_status read_series(const char *text, struct pelt_demand *out)
{
    double *y = malloc((strlen(text) / 2 + 2) * sizeof *y);
    if (y == NULL) {
        return PELT_ENOMEM;
    }
    out->periods = read_numbers(text, y);
    out->ahead = out->periods / 4 > 0 ? out->periods / 4 : 1;
    const enum pelt_status status =
        pelt_outlook_make(y, out->periods, out->ahead, &out->forecast, &out->why);
    if (status == PELT_OK) {
        out->foretold = out->known = true;
        out->interval = pelt_outlook_at(&out->forecast, (double)out->ahead, PELT_DEMAND_CONFIDENCE);
        out->per_s = out->interval.value;
    }
    free(y);
    return status == PELT_ENOMEM ? status : PELT_OK;
}

enum pelt_status pelt_demand_read(const struct pelt_making *m, struct pelt_demand *out)
{
    const char *rate = pelt_results_meta(m->r, "demand_per_s");
    const char *series = pelt_results_meta(m->r, "demand_series");
    *out = (struct pelt_demand){.known = false};
    if (series != NULL && series[0] != '\0') {
        return read_series(series, out);
    }
    const double per_s = rate != NULL ? strtod(rate, NULL) : 0;
    if (per_s > 0 && isfinite(per_s)) {
        out->known = true;
        out->per_s = per_s;
        out->interval = (struct pelt_interval){per_s, per_s, per_s};
    }
    return PELT_OK;
}

void pelt_outlook_evidence(struct pelt_making *m, struct pelt_finding *f,
                           const struct pelt_outlook *forecast)
{
    char others[160] = "", share[PELT_WORDS];
    size_t len = 0;
    for (int i = 0; i < PELT_SMOOTHINGS; i++) {
        if (i != (int)forecast->best) {
            len +=
                (size_t)snprintf(others + len, sizeof others - len, "%s%s %s", len > 0 ? ", " : "",
                                 pelt_smoothing_name((enum pelt_smoothing)i),
                                 pelt_words_share(forecast->mape[i], share));
        }
    }
    pelt_making_line(m, &f->evidence,
                     "by %s: MAPE %s where it foretells the second half from what came before (%s)",
                     pelt_smoothing_name(forecast->best),
                     pelt_words_share(forecast->mape[forecast->best], share), others);
}
