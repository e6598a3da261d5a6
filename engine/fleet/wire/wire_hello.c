/* wire_hello: see the header. */
#include "pelt/wire_hello.h"

#include <assert.h>

#include "totals.h"

#define TIME_MAX (UINT64_C(1) << 62)

static void put_chars(struct pelt_buf *b, const char *text)
{
    pelt_wire_put_text(b, pelt_span_of(text));
}

static enum pelt_status put_status(const struct pelt_buf *b)
{
    return b->failed ? PELT_ENOMEM : PELT_OK;
}

static struct pelt_wire_reader begin(struct pelt_span message, enum pelt_wire_kind kind)
{
    struct pelt_wire_reader r = pelt_wire_read(message);
    if (pelt_wire_get_byte(&r) != kind || message.len > PELT_WIRE_MESSAGE_MAX) {
        pelt_wire_bad(&r, "of another kind, or too long");
    }
    return r;
}

/* ---- HELLO ---- */

enum pelt_status pelt_wire_hello_encode(const struct pelt_wire_hello *m, struct pelt_buf *out)
{
    pelt_wire_put_byte(out, PELT_WIRE_HELLO);
    pelt_wire_put_number(out, m->protocol);
    put_chars(out, m->version);
    put_chars(out, m->build);
    pelt_wire_put_number(out, m->features);
    pelt_wire_put_number(out, m->slot);
    put_chars(out, m->incarnation);
    put_chars(out, m->host);
    put_chars(out, m->kernel);
    pelt_wire_put_signed(out, m->pid);
    pelt_wire_put_number(out, m->cores);
    pelt_wire_put_number(out, m->fds);
    pelt_wire_put_number(out, m->memory_bytes);
    pelt_wire_put_number(out, m->wall_ns);
    pelt_wire_put_signed(out, m->clock_offset_ns);
    pelt_wire_put_number(out, m->clock_bound_ns);
    return put_status(out);
}

/* Behind protocol, version and build, which every protocol has. */
static void get_hello(struct pelt_wire_reader *r, struct pelt_wire_hello *m)
{
    m->features = pelt_wire_get_number(r);
    m->slot = (uint32_t)pelt_wire_get_most(r, UINT32_MAX, "a slot that is none");
    pelt_wire_get_clean(r, m->incarnation, sizeof m->incarnation, false);
    pelt_wire_get_clean(r, m->host, sizeof m->host, false);
    pelt_wire_get_clean(r, m->kernel, sizeof m->kernel, false);
    m->pid = pelt_wire_get_signed(r);
    m->cores = (uint32_t)pelt_wire_get_most(r, 1 << 20, "cores that cannot be");
    m->fds = pelt_wire_get_number(r);
    m->memory_bytes = pelt_wire_get_number(r);
    m->wall_ns = pelt_wire_get_number(r);
    m->clock_offset_ns = pelt_wire_get_signed(r);
    m->clock_bound_ns = pelt_wire_get_number(r);
}

enum pelt_status pelt_wire_hello_decode(struct pelt_span message, struct pelt_wire_hello *out,
                                        struct pelt_error *err)
{
    *out = (struct pelt_wire_hello){0};
    struct pelt_wire_reader r = begin(message, PELT_WIRE_HELLO);
    out->protocol = (uint32_t)pelt_wire_get_most(&r, UINT32_MAX, "a protocol that is none");
    pelt_wire_get_clean(&r, out->version, sizeof out->version, false);
    pelt_wire_get_clean(&r, out->build, sizeof out->build, false);
    if (r.why == NULL && out->protocol != PELT_WIRE_PROTOCOL) {
        return PELT_OK;
    }
    get_hello(&r, out);
    return pelt_wire_done(&r, "HELLO", err);
}

/* ---- READY ---- */

enum pelt_status pelt_wire_ready_encode(const struct pelt_wire_ready *m, struct pelt_buf *out)
{
    pelt_wire_put_byte(out, PELT_WIRE_READY);
    pelt_wire_put_number(out, m->epoch);
    pelt_wire_put_number(out, m->seq);
    pelt_wire_put_bytes(out, m->parcel, sizeof m->parcel);
    pelt_wire_put_byte(out, m->good);
    put_chars(out, m->why);
    pelt_wire_put_number(out, m->threads);
    pelt_wire_put_number(out, m->clock_bound_ns);
    return put_status(out);
}

enum pelt_status pelt_wire_ready_decode(struct pelt_span message, struct pelt_wire_ready *out,
                                        struct pelt_error *err)
{
    *out = (struct pelt_wire_ready){0};
    struct pelt_wire_reader r = begin(message, PELT_WIRE_READY);
    out->epoch = pelt_wire_get_number(&r);
    out->seq = pelt_wire_get_number(&r);
    struct pelt_span parcel = pelt_wire_get_bytes(&r, sizeof out->parcel);
    memcpy(out->parcel, parcel.ptr, parcel.len);
    out->good = pelt_wire_get_bool(&r);
    pelt_wire_get_clean(&r, out->why, sizeof out->why, false);
    out->threads = (uint32_t)pelt_wire_get_most(&r, 1 << 20, "threads that cannot be");
    out->clock_bound_ns = pelt_wire_get_number(&r);
    return pelt_wire_done(&r, "READY", err);
}

/* ---- EVENT ---- */

static bool kind_good(const char *kind)
{
    return kind[0] != '\0' &&
           kind[strspn(kind, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
               '\0';
}

enum pelt_status pelt_wire_event_encode(const struct pelt_wire_event *m, struct pelt_buf *out)
{
    assert(kind_good(m->kind));
    pelt_wire_put_byte(out, PELT_WIRE_EVENT);
    pelt_wire_put_double(out, m->t_s);
    put_chars(out, m->kind);
    put_chars(out, m->text);
    return put_status(out);
}

enum pelt_status pelt_wire_event_decode(struct pelt_span message, struct pelt_wire_event *out,
                                        struct pelt_error *err)
{
    *out = (struct pelt_wire_event){0};
    struct pelt_wire_reader r = begin(message, PELT_WIRE_EVENT);
    out->t_s = pelt_wire_get_double(&r);
    pelt_wire_get_clean(&r, out->kind, sizeof out->kind, false);
    pelt_wire_get_clean(&r, out->text, sizeof out->text, true);
    if (r.why == NULL && !kind_good(out->kind)) {
        pelt_wire_bad(&r, "of no kind");
    }
    return pelt_wire_done(&r, "EVENT", err);
}

/* ---- BYE ---- */

enum pelt_status pelt_wire_bye_encode(const struct pelt_wire_bye *m, struct pelt_buf *out)
{
    pelt_wire_put_byte(out, PELT_WIRE_BYE);
    pelt_wire_put_totals(out, &m->totals);
    pelt_wire_put_signed(out, m->last_second);
    pelt_wire_put_number(out, m->spool_lost);
    pelt_wire_put_byte(out, m->recovered);
    pelt_wire_put_number(out, m->unknown);
    pelt_wire_put_number(out, m->paced);
    pelt_wire_put_number(out, m->late);
    pelt_wire_put_number(out, m->unseen);
    pelt_wire_put_number(out, m->stayed);
    pelt_wire_put_number(out, m->start_late_ns);
    put_chars(out, m->reason);
    return put_status(out);
}

enum pelt_status pelt_wire_bye_decode(struct pelt_span message, struct pelt_wire_bye *out,
                                      struct pelt_error *err)
{
    *out = (struct pelt_wire_bye){0};
    struct pelt_wire_reader r = begin(message, PELT_WIRE_BYE);
    pelt_wire_get_totals(&r, &out->totals);
    const int64_t last = pelt_wire_get_signed(&r);
    if (last < -2 || last > INT32_MAX) {
        pelt_wire_bad(&r, "a second that cannot be");
    }
    out->last_second = (int32_t)last;
    out->spool_lost = pelt_wire_get_number(&r);
    out->recovered = pelt_wire_get_bool(&r);
    uint64_t *const counts[] = {&out->unknown, &out->paced, &out->late, &out->unseen, &out->stayed};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = pelt_wire_get_most(&r, UINT64_C(1) << 60, "a count that cannot be");
    }
    out->start_late_ns = pelt_wire_get_most(&r, TIME_MAX, "a time that cannot be");
    pelt_wire_get_clean(&r, out->reason, sizeof out->reason, false);
    return pelt_wire_done(&r, "BYE", err);
}
