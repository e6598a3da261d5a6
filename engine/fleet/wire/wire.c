/* wire: kinds of messages, and a worker's totals; see the header. */
#include "pelt/wire.h"

#include "pelt/frame.h"

enum pelt_wire_kind pelt_wire_kind(struct pelt_span message)
{
    const unsigned first = message.len > 0 ? (unsigned char)message.ptr[0] : PELT_WIRE_NONE;
    return first < PELT_WIRE_KINDS ? (enum pelt_wire_kind)first : PELT_WIRE_NONE;
}

void pelt_wire_totals_add(struct pelt_wire_totals *t, const struct pelt_frame *f)
{
    if (f->second < 0) {
        return;
    }
    t->frames++;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        const struct pelt_request_frame *r = f->requests[i];
        if (r == NULL) {
            continue;
        }
        t->started += r->started;
        t->bytes_sent += r->bytes_sent;
        t->bytes_received += r->bytes_received;
        for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
            t->outcomes[o] += r->outcomes[o];
        }
    }
    t->iterations += f->iterations;
    t->script_errors += f->script_errors;
    t->planned += f->planned;
    t->dropped += f->dropped;
    t->lost += pelt_frame_lost(f);
}

bool pelt_wire_totals_equal(const struct pelt_wire_totals *a, const struct pelt_wire_totals *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* nothing but 64-bit numbers */
}

static uint64_t less(uint64_t after, uint64_t before)
{
    return after > before ? after - before : 0;
}

struct pelt_wire_totals pelt_wire_totals_less(const struct pelt_wire_totals *after,
                                              const struct pelt_wire_totals *before)
{
    struct pelt_wire_totals t = {
        .frames = less(after->frames, before->frames),
        .started = less(after->started, before->started),
        .bytes_sent = less(after->bytes_sent, before->bytes_sent),
        .bytes_received = less(after->bytes_received, before->bytes_received),
        .iterations = less(after->iterations, before->iterations),
        .script_errors = less(after->script_errors, before->script_errors),
        .planned = less(after->planned, before->planned),
        .dropped = less(after->dropped, before->dropped),
        .lost = less(after->lost, before->lost),
    };
    for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
        t.outcomes[o] = less(after->outcomes[o], before->outcomes[o]);
    }
    return t;
}

uint64_t pelt_wire_totals_ended(const struct pelt_wire_totals *t)
{
    uint64_t ended = 0;
    for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
        ended += t->outcomes[o];
    }
    return ended;
}
