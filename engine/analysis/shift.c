#include "pelt/shift.h"

#include <math.h>
#include <stdlib.h>

/* One of both, walked along. */
struct walk {
    struct pelt_hist_walker walker;
    double whole, below; /* samples; of these so far */
    unsigned index;      /* of the next counter */
    uint64_t count;      /* in it */
    bool more;
};

static void advance(struct walk *w)
{
    w->more = pelt_hist_walker_next(&w->walker, &w->index, &w->count);
}

static void begin(struct walk *w, const struct pelt_hist *h)
{
    w->whole = (double)h->count;
    w->below = 0;
    pelt_hist_walker_init(&w->walker, h);
    advance(w);
}

static void take(struct walk *w, unsigned index)
{
    if (w->more && w->index == index) {
        w->below += (double)w->count;
        advance(w);
    }
}

static void find_distance(struct walk *base, struct walk *more, struct pelt_shift *out)
{
    while (base->more || more->more) {
        unsigned index =
            !more->more || (base->more && base->index < more->index) ? base->index : more->index;
        take(base, index);
        take(more, index);
        double apart = base->below / base->whole - more->below / more->whole;
        if (fabs(apart) > out->distance) {
            out->distance = fabs(apart);
            out->at_us = pelt_hist_highest_us(index);
            out->more_below = apart > 0;
        }
    }
}

enum pelt_status pelt_shift_of(const struct pelt_hist *base, const struct pelt_hist *more,
                               struct pelt_shift *out)
{
    struct walk *walks = malloc(2 * sizeof *walks);
    *out = (struct pelt_shift){0};
    if (walks == NULL) {
        return PELT_ENOMEM;
    }
    begin(&walks[0], base);
    begin(&walks[1], more);
    find_distance(&walks[0], &walks[1], out);
    free(walks);
    for (int i = 0; i < PELT_SHIFT_DECILES; i++) {
        out->base_us[i] = pelt_hist_percentile_us(base, 10 * (i + 1));
        out->more_us[i] = pelt_hist_percentile_us(more, 10 * (i + 1));
    }
    return PELT_OK;
}
