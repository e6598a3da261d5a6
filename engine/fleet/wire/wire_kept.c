/* wire_kept: see the header. */
#include "wire_kept.h"

#define TIME_MAX  (UINT64_C(1) << 60)
#define BYTES_MAX (UINT64_C(1) << 50)

enum { SENT = 1, ANSWERED = 2, HAS_USER = 4, ALL = 7 };

static unsigned flags_of(const struct pelt_kept *k)
{
    return (k->sent ? SENT : 0u) | (k->answered ? ANSWERED : 0u) | (k->has_user ? HAS_USER : 0u);
}

void pelt_wire_put_kept(struct pelt_buf *b, const struct pelt_kept *k)
{
    unsigned phases = 0;
    for (unsigned i = 0; i < PELT_KEPT_PHASES; i++) {
        phases |= (k->phase_ns[i] != UINT64_MAX ? 1u : 0u) << i;
    }
    pelt_wire_put_number(b, k->thread);
    pelt_wire_put_number(b, k->status);
    pelt_wire_put_byte(b, k->outcome);
    pelt_wire_put_byte(b, flags_of(k));
    pelt_wire_put_number(b, k->done_ns);
    pelt_wire_put_number(b, k->response_ns);
    pelt_wire_put_number(b, k->service_ns);
    pelt_wire_put_byte(b, phases);
    for (unsigned i = 0; i < PELT_KEPT_PHASES; i++) {
        if (k->phase_ns[i] != UINT64_MAX) {
            pelt_wire_put_number(b, k->phase_ns[i]);
        }
    }
    pelt_wire_put_number(b, k->bytes_sent);
    pelt_wire_put_number(b, k->bytes_received);
    if (k->has_user) {
        pelt_wire_put_number(b, k->user);
        pelt_wire_put_number(b, k->iteration);
    }
    pelt_wire_put_text(b, pelt_span_of(k->id));
}

static uint64_t get_time(struct pelt_wire_reader *r)
{
    return pelt_wire_get_most(r, TIME_MAX, "an exchange with a time that cannot be");
}

void pelt_wire_get_kept(struct pelt_wire_reader *r, struct pelt_kept *k)
{
    *k = (struct pelt_kept){0};
    k->thread = (uint16_t)pelt_wire_get_most(r, UINT16_MAX, "a thread that is none");
    k->status = (uint16_t)pelt_wire_get_most(r, 999, "a status that is none");
    k->outcome =
        (enum pelt_outcome)pelt_wire_get_most(r, PELT_OUTCOME_COUNT - 1, "an outcome that is none");
    const unsigned flags = (unsigned)pelt_wire_get_most(r, ALL, "an exchange with unknown flags");
    k->sent = (flags & SENT) != 0;
    k->answered = (flags & ANSWERED) != 0;
    k->has_user = (flags & HAS_USER) != 0;
    k->done_ns = get_time(r);
    k->response_ns = get_time(r);
    k->service_ns = get_time(r);
    const unsigned phases = (unsigned)pelt_wire_get_most(r, (1u << PELT_KEPT_PHASES) - 1,
                                                         "an exchange with unknown phases");
    for (unsigned i = 0; i < PELT_KEPT_PHASES; i++) {
        k->phase_ns[i] = (phases >> i & 1) != 0 ? get_time(r) : UINT64_MAX;
    }
    k->bytes_sent = pelt_wire_get_most(r, BYTES_MAX, "more bytes than can be");
    k->bytes_received = pelt_wire_get_most(r, BYTES_MAX, "more bytes than can be");
    if (k->has_user) {
        k->user = pelt_wire_get_number(r);
        k->iteration = pelt_wire_get_number(r);
    }
    pelt_wire_get_clean(r, k->id, sizeof k->id, false);
}
