/*
 * wire_frame_encode: a frame into parts. Each record is written by itself and then put into the
 * part if it fits, else into the next one; a request's histograms may need a record each.
 */
#include <assert.h>

#include "frame_record.h"
#include "hist_wire.h"
#include "pelt/wire_frame.h"
#include "totals.h"
#include "wire_kept.h"

#define FLAGS_AT 1 /* of a part: known when it ends */

struct writing {
    const struct pelt_wire_second *s;
    pelt_wire_part_fn fn;
    void *arg;
    struct pelt_buf part, record;
    uint32_t parts; /* given so far */
    enum pelt_status status;
};

/* ---- parts ---- */

static void begin_part(struct writing *w)
{
    pelt_buf_reset(&w->part);
    pelt_wire_put_byte(&w->part, PELT_WIRE_FRAME);
    pelt_wire_put_byte(&w->part, 0);
    pelt_wire_put_signed(&w->part, w->s->frame->second);
    pelt_wire_put_number(&w->part, w->parts);
}

static void give_part(struct writing *w, unsigned flags)
{
    pelt_wire_put_byte(&w->part, PELT_RECORD_END);
    if (w->part.failed) {
        w->status = PELT_ENOMEM;
        return;
    }
    w->part.data[FLAGS_AT] = (char)flags;
    w->status = w->fn(w->arg, w->parts, pelt_span(w->part.data, w->part.len));
    w->parts++;
}

/* Puts the record that was written into a part, and begins anew. */
static void end_record(struct writing *w)
{
    if (w->status == PELT_OK && (w->record.failed || w->part.failed)) {
        w->status = PELT_ENOMEM;
    }
    if (w->status == PELT_OK && w->part.len + w->record.len + 1 > PELT_WIRE_MESSAGE_MAX) {
        if (w->parts + 1 >= PELT_WIRE_PARTS_MAX) {
            w->status = PELT_ELIMIT;
        } else {
            give_part(w, 0);
            begin_part(w);
        }
    }
    if (w->status == PELT_OK) {
        assert(w->part.len + w->record.len + 1 <= PELT_WIRE_MESSAGE_MAX);
        pelt_buf_add(&w->part, w->record.data, w->record.len);
    }
    pelt_buf_reset(&w->record);
}

static struct pelt_buf *begin_record(struct writing *w, enum pelt_frame_record type)
{
    pelt_wire_put_byte(&w->record, type);
    return &w->record;
}

static void put_name(struct writing *w, enum pelt_name_kind kind, uint32_t id)
{
    pelt_wire_put_text(&w->record, pelt_span_of(pelt_registry_name(w->s->names, kind, id)));
}

/* ---- what a second has one of ---- */

static bool has(const struct pelt_hist *h)
{
    return h->count > 0 || h->lost > 0;
}

static void put_run(struct writing *w)
{
    const struct pelt_frame *f = w->s->frame;
    struct pelt_buf *b = begin_record(w, PELT_RECORD_RUN);
    const uint64_t figures[] = {
        f->iterations, f->script_errors, f->planned,       f->dropped,     f->users,
        f->waiting,    f->cpu_ns,        f->spin_ns,       f->run_wait_ns, f->run_wait_unread,
        f->lua_looks,  f->lua_seen,      f->unanswered_ns, f->lost};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        pelt_wire_put_number(b, figures[i]);
    }
    pelt_wire_put_word(b, f->flight_ns);
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        pelt_wire_put_number(b, f->slots[i].started);
        pelt_wire_put_number(b, f->slots[i].ended);
        pelt_wire_put_signed(b, f->slots[i].waiting);
    }
    end_record(w);
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        if (has(&f->hist[kind])) {
            b = begin_record(w, PELT_RECORD_RUN_HIST);
            pelt_wire_put_byte(b, kind);
            pelt_wire_put_hist(b, &f->hist[kind]);
            end_record(w);
        }
    }
}

static void put_beside(struct writing *w)
{
    const struct pelt_wire_second *s = w->s;
    for (size_t i = 0; i < s->threads_len; i++) {
        const struct pelt_wire_thread *t = &s->threads[i];
        struct pelt_buf *b = begin_record(w, PELT_RECORD_THREAD);
        const uint64_t figures[] = {t->thread,      t->started,         t->cpu_ns,    t->spin_ns,
                                    t->run_wait_ns, t->run_wait_unread, t->lua_looks, t->lua_seen};
        for (size_t k = 0; k < sizeof figures / sizeof figures[0]; k++) {
            pelt_wire_put_number(b, figures[k]);
        }
        end_record(w);
    }
    if (s->host != NULL) {
        const struct pelt_wire_host *h = s->host;
        struct pelt_buf *b = begin_record(w, PELT_RECORD_HOST);
        const uint64_t figures[] = {h->throttled, h->throttled_ns, h->pressure_ns,
                                    h->stolen_ns, h->busy_ns,      h->own_ns};
        for (size_t k = 0; k < sizeof figures / sizeof figures[0]; k++) {
            /* Unread is 0, all else one more. */
            pelt_wire_put_number(b, figures[k] == PELT_WIRE_UNREAD ? 0 : figures[k] + 1);
        }
        end_record(w);
    }
}

/* ---- series ---- */

static void put_request_head(struct writing *w, uint32_t id, const struct pelt_request_frame *r)
{
    struct pelt_buf *b = begin_record(w, PELT_RECORD_REQUEST);
    put_name(w, PELT_NAME_REQUEST, id);
    pelt_wire_put_byte(b, r == NULL);
    if (r == NULL) {
        return;
    }
    unsigned classes = 0;
    for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
        classes |= (r->outcomes[o] > 0 ? 1u : 0u) << o;
    }
    pelt_wire_put_number(b, r->started);
    pelt_wire_put_number(b, r->bytes_sent);
    pelt_wire_put_number(b, r->bytes_received);
    pelt_wire_put_number(b, classes);
    for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
        if (r->outcomes[o] > 0) {
            pelt_wire_put_number(b, r->outcomes[o]);
        }
    }
    const struct pelt_slowest_frame *slowest = r->slowest;
    pelt_wire_put_byte(b, slowest != NULL ? slowest->len : 0);
    for (uint8_t i = 0; slowest != NULL && i < slowest->len; i++) {
        pelt_wire_put_kept(b, &slowest->list[i]);
    }
}

static unsigned kinds_of(const struct pelt_request_frame *r)
{
    unsigned kinds = 0;
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        kinds |= (has(&r->hist[kind]) ? 1u : 0u) << kind;
    }
    return kinds;
}

static void put_hists(struct writing *w, const struct pelt_request_frame *r, unsigned kinds)
{
    pelt_wire_put_number(&w->record, kinds);
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        if ((kinds >> kind & 1) != 0) {
            pelt_wire_put_hist(&w->record, &r->hist[kind]);
        }
    }
}

static void put_request(struct writing *w, uint32_t id, const struct pelt_request_frame *r)
{
    const unsigned kinds = kinds_of(r);
    put_request_head(w, id, r);
    const size_t head = w->record.len;
    put_hists(w, r, kinds);
    if (!w->record.failed && w->record.len > PELT_WIRE_MESSAGE_MAX / 2) {
        w->record.len = head; /* one by one */
        put_hists(w, r, 0);
        for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
            if ((kinds >> kind & 1) != 0) {
                end_record(w);
                put_request_head(w, id, NULL);
                put_hists(w, r, 1u << kind);
            }
        }
    }
    end_record(w);
}

static void put_check(struct writing *w, uint32_t id, const struct pelt_check_frame *c)
{
    if (c->passed + c->failed > 0) {
        struct pelt_buf *b = begin_record(w, PELT_RECORD_CHECK);
        put_name(w, PELT_NAME_CHECK, id);
        pelt_wire_put_number(b, c->passed);
        pelt_wire_put_number(b, c->failed);
        end_record(w);
    }
}

static void put_metric(struct writing *w, uint32_t series, const struct pelt_metric_frame *m)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(w->s->names);
    uint32_t id;
    const char *tags = pelt_metrics_tags(metrics, series, &id);
    if (tags == NULL || m->values == 0) {
        return;
    }
    const struct pelt_metric *metric = pelt_metrics_at(metrics, id);
    struct pelt_buf *b = begin_record(w, PELT_RECORD_METRIC);
    pelt_wire_put_text(b, pelt_span_of(metric->name));
    pelt_wire_put_byte(b, metric->type);
    pelt_wire_put_text(b, pelt_span_of(metric->unit));
    pelt_wire_put_byte(b, metric->decimals);
    pelt_wire_put_text(b, pelt_span_of(tags));
    pelt_wire_put_number(b, m->values);
    if (metric->type == PELT_METRIC_COUNTER || metric->type == PELT_METRIC_SHARE) {
        pelt_wire_put_number(b, m->sum);
    } else if (metric->type == PELT_METRIC_GAUGE) {
        pelt_wire_put_number(b, m->at_ns);
        pelt_wire_put_double(b, m->last);
        pelt_wire_put_double(b, m->min);
        pelt_wire_put_double(b, m->max);
    } else {
        pelt_wire_put_hist(b, &m->hist);
    }
    end_record(w);
}

static void put_error(struct writing *w, uint32_t series, enum pelt_outcome outcome,
                      const struct pelt_error_frame *e)
{
    struct pelt_buf *b = begin_record(w, PELT_RECORD_ERROR);
    put_name(w, PELT_NAME_REQUEST, series);
    pelt_wire_put_byte(b, outcome);
    pelt_wire_put_number(b, e->count);
    pelt_wire_put_number(b, e->first_ns);
    pelt_wire_put_number(b, e->last_ns);
    pelt_wire_put_text(b, pelt_span(e->sample, strnlen(e->sample, sizeof e->sample - 1)));
    pelt_wire_put_byte(b, e->has_exchange);
    if (e->has_exchange) {
        pelt_wire_put_kept(b, &e->exchange);
    }
    end_record(w);
}

static void put_slow(struct writing *w, const struct pelt_kept *k)
{
    struct pelt_buf *b = begin_record(w, PELT_RECORD_SLOW);
    put_name(w, PELT_NAME_REQUEST, k->series);
    pelt_wire_put_kept(b, k);
    end_record(w);
}

static void put_all(struct writing *w)
{
    const struct pelt_frame *f = w->s->frame;
    put_run(w);
    put_beside(w);
    for (uint32_t i = 0; i < f->requests_len; i++) {
        if (f->requests[i] != NULL) {
            put_request(w, i, f->requests[i]);
        }
    }
    for (uint32_t i = 0; i < f->checks_len; i++) {
        put_check(w, i, &f->checks[i]);
    }
    for (uint32_t i = 0; i < f->metrics_len; i++) {
        if (f->metrics[i] != NULL) {
            put_metric(w, i, f->metrics[i]);
        }
    }
    for (uint32_t i = 0; i < f->errors_len; i++) {
        put_error(w, f->errors[i].series, f->errors[i].outcome, &f->errors[i].e);
    }
    for (uint8_t i = 0; i < f->slowest_len; i++) {
        put_slow(w, &f->slowest[i]);
    }
    struct pelt_buf *b = begin_record(w, PELT_RECORD_TOTALS);
    pelt_wire_put_signed(b, w->s->in_flight);
    pelt_wire_put_number(b, w->s->clock_bound_ns);
    pelt_wire_put_totals(b, w->s->totals);
    end_record(w);
}

enum pelt_status pelt_wire_frame_encode(const struct pelt_wire_second *s, pelt_wire_part_fn fn,
                                        void *arg)
{
    struct writing w = {.s = s, .fn = fn, .arg = arg};
    assert(s->threads_len <= PELT_WIRE_THREADS_MAX);
    pelt_buf_init(&w.part, 0);
    pelt_buf_init(&w.record, 0);
    begin_part(&w);
    put_all(&w);
    if (w.status == PELT_OK) {
        give_part(&w, PELT_PART_LAST | (s->frame->last ? PELT_PART_FRAME_LAST : 0u));
    }
    pelt_buf_deinit(&w.part);
    pelt_buf_deinit(&w.record);
    return w.status;
}
