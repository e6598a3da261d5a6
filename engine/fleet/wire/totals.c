/* totals: see the header. */
#include "totals.h"

#define MOST (UINT64_C(1) << 60)

void pelt_wire_put_totals(struct pelt_buf *b, const struct pelt_wire_totals *t)
{
    const uint64_t figures[] = {t->frames,         t->started,    t->bytes_sent,
                                t->bytes_received, t->iterations, t->script_errors,
                                t->planned,        t->dropped,    t->lost};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        pelt_wire_put_number(b, figures[i]);
    }
    for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
        pelt_wire_put_number(b, t->outcomes[o]);
    }
}

void pelt_wire_get_totals(struct pelt_wire_reader *r, struct pelt_wire_totals *t)
{
    uint64_t *const figures[] = {&t->frames,         &t->started,    &t->bytes_sent,
                                 &t->bytes_received, &t->iterations, &t->script_errors,
                                 &t->planned,        &t->dropped,    &t->lost};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        *figures[i] = pelt_wire_get_most(r, MOST, "totals that cannot be");
    }
    for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
        t->outcomes[o] = pelt_wire_get_most(r, MOST, "totals that cannot be");
    }
}
