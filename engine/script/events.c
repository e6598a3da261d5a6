/*
 * events: see the header. A record in the queue is a `struct record`, the texts behind it, and what
 * fills up 8 bytes. The queue is emptied before it is filled anew beyond its limit, so that nothing
 * in it ever moves down.
 */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/http1_response.h"
#include "pelt/observer.h"
#include "pelt/server_timing.h"
#include "pelt/own_metric.h"

struct record {
    uint64_t at_ns;
    uint32_t type_len, id_len, data_len;
    bool coalesced;
};

static const char MESSAGE[] = "message"; /* a type that is not written down: length 0 */

/* ---- series ---- */

static void intern(struct pelt_stream_series *s, struct pelt_registry *registry)
{
    struct pelt_metrics *m = pelt_registry_metrics(registry);
    char tags[PELT_TAGS_TEXT + 1];
    pelt_own_metric_tags(pelt_registry_name(registry, PELT_NAME_REQUEST, s->request), tags);
    s->ttfb = pelt_own_metric_series(m, PELT_OWN_STREAM_TTFB, tags);
    s->ttfb_due = pelt_own_metric_series(m, PELT_OWN_STREAM_TTFB_DUE, tags);
    s->first = pelt_own_metric_series(m, PELT_OWN_STREAM_FIRST, tags);
    s->first_due = pelt_own_metric_series(m, PELT_OWN_STREAM_FIRST_DUE, tags);
    s->match = pelt_own_metric_series(m, PELT_OWN_STREAM_MATCH, tags);
    s->match_due = pelt_own_metric_series(m, PELT_OWN_STREAM_MATCH_DUE, tags);
    s->gap = pelt_own_metric_series(m, PELT_OWN_STREAM_GAP, tags);
    s->freeze = pelt_own_metric_series(m, PELT_OWN_STREAM_FREEZE, tags);
    s->events = pelt_own_metric_series(m, PELT_OWN_STREAM_EVENTS, tags);
    s->coalesced = pelt_own_metric_series(m, PELT_OWN_STREAM_COALESCED, tags);
}

const struct pelt_stream_series *pelt_stream_series(struct pelt_shard *shard, uint32_t request)
{
    struct pelt_stream_series *s = shard->stream_series;
    while (s && s->request != request) {
        s = s->next;
    }
    if (!s && (s = calloc(1, sizeof *s))) {
        s->request = request;
        intern(s, shard->opt->registry);
        s->next = shard->stream_series;
        shard->stream_series = s;
    }
    return s;
}

void pelt_stream_series_free(struct pelt_stream_series *list)
{
    while (list) {
        struct pelt_stream_series *next = list->next;
        free(list);
        list = next;
    }
}

static void record_time(const struct pelt_events *e, uint32_t series, uint64_t ns)
{
    pelt_recorder_trend(e->recorder, series, (ns + 500) / 1000, e->now_ns);
}

static uint64_t since(uint64_t later_ns, uint64_t earlier_ns)
{
    return later_ns > earlier_ns ? later_ns - earlier_ns : 0;
}

static void record_since_begin(const struct pelt_events *e, uint32_t sent, uint32_t due,
                               uint64_t at_ns)
{
    record_time(e, sent, since(at_ns, e->sent_ns));
    record_time(e, due, since(at_ns, e->due_ns));
}

/* ---- the queue ---- */

static enum pelt_status push(struct pelt_events *e, const struct pelt_event *event)
{
    const struct record r = {.at_ns = event->at_ns,
                             .type_len = (uint32_t)event->type.len,
                             .id_len = (uint32_t)event->id.len,
                             .data_len = (uint32_t)event->data.len,
                             .coalesced = event->coalesced};
    const size_t texts = event->type.len + event->id.len + event->data.len;
    const size_t size = sizeof r + ((texts + 7) & ~(size_t)7);
    if (pelt_buf_reserve(&e->queue, size) != PELT_OK) {
        return PELT_ENOMEM;
    }
    char *at = e->queue.data + e->queue.len;
    at = mempcpy(at, &r, sizeof r);
    at = event->type.len > 0 ? mempcpy(at, event->type.ptr, event->type.len) : at;
    at = event->id.len > 0 ? mempcpy(at, event->id.ptr, event->id.len) : at;
    memcpy(at, event->data.ptr, event->data.len);
    e->queue.len += size;
    return PELT_OK;
}

void pelt_events_take(struct pelt_events *e, struct pelt_event *out)
{
    const char *at = e->queue.data + e->taken;
    struct record r;
    memcpy(&r, at, sizeof r);
    at += sizeof r;
    out->at_ns = r.at_ns;
    out->coalesced = r.coalesced;
    out->type = pelt_span(at, r.type_len);
    out->id = pelt_span(at + r.type_len, r.id_len);
    out->data = pelt_span(at + r.type_len + r.id_len, r.data_len);
    e->taken += sizeof r + (((size_t)r.type_len + r.id_len + r.data_len + 7) & ~(size_t)7);
    if (e->taken == e->queue.len) {
        e->queue.len = e->taken = 0;
    }
}

/* Those of a receive that brought several are told so; the first one of them afterwards. */
static void coalesce_first(struct pelt_events *e)
{
    memset(e->queue.data + e->first_in_receive + offsetof(struct record, coalesced), true,
           sizeof(bool));
}

static void note_event(struct pelt_events *e)
{
    if (e->last_ns == 0) {
        record_since_begin(e, e->series->first, e->series->first_due, e->now_ns);
    } else {
        const uint64_t gap_ns = since(e->now_ns, e->last_ns);
        record_time(e, e->series->gap, gap_ns);
        e->freeze_ns = gap_ns > e->freeze_ns ? gap_ns : e->freeze_ns;
        e->gaps++;
    }
    e->last_ns = e->now_ns;
    e->came++;
    e->in_receive++;
}

static enum pelt_status add(struct pelt_events *e, struct pelt_span type, struct pelt_span id,
                            struct pelt_span data)
{
    const struct pelt_event event = {
        .at_ns = e->now_ns, .coalesced = e->in_receive > 0, .type = type, .id = id, .data = data};
    if (e->in_receive == 0) {
        e->first_in_receive = e->queue.len;
    } else if (e->in_receive == 1) {
        coalesce_first(e);
    }
    enum pelt_status status = push(e, &event);
    if (status == PELT_OK) {
        note_event(e);
    }
    return status;
}

static enum pelt_status on_sse(void *arg, const struct pelt_sse_event *event)
{
    const bool plain = event->type.len == sizeof MESSAGE - 1 &&
                       memcmp(event->type.ptr, MESSAGE, sizeof MESSAGE - 1) == 0;
    return add(arg, plain ? pelt_span("", 0) : event->type, event->id, event->data);
}

/* What the server says of its own time behind the head: it counts if somebody observes. */
static void on_comment(void *arg, struct pelt_span comment)
{
    const struct pelt_events *e = arg;
    const struct pelt_span timing = pelt_server_timing_of_comment(comment);
    if (timing.ptr) {
        pelt_observer_hear(e->conn, timing);
    }
}

static enum pelt_status on_message(void *arg, struct pelt_span message)
{
    return add(arg, pelt_span("", 0), pelt_span("", 0), message);
}

static enum pelt_status on_line(void *arg, struct pelt_span line)
{
    struct pelt_events *e = arg;
    if (e->format == PELT_EVENTS_JSONL && pelt_span_trim(line).len == 0) {
        return PELT_OK;
    }
    return add(e, pelt_span("", 0), pelt_span("", 0), line);
}

/* ---- the head ---- */

static struct pelt_span media_type(struct pelt_span content_type)
{
    const char *end = content_type.len > 0 ? memchr(content_type.ptr, ';', content_type.len) : NULL;
    if (end) {
        content_type.len = (size_t)(end - content_type.ptr);
    }
    return pelt_span_trim(content_type);
}

static enum pelt_events_format format_of(struct pelt_span type)
{
    static const char *const JSONL[] = {"application/x-ndjson",   "application/ndjson",
                                        "application/jsonl",      "application/x-jsonl",
                                        "application/jsonlines",  "application/x-jsonlines",
                                        "application/json-lines", "application/stream+json"};
    if (pelt_span_eq_nocase(type, "text/event-stream")) {
        return PELT_EVENTS_SSE;
    }
    for (size_t i = 0; i < sizeof JSONL / sizeof JSONL[0]; i++) {
        if (pelt_span_eq_nocase(type, JSONL[i])) {
            return PELT_EVENTS_JSONL;
        }
    }
    return PELT_EVENTS_AUTO;
}

static void refuse(struct pelt_events *e, struct pelt_stream *s, const char *what,
                   struct pelt_span text, const char *why)
{
    const int len = text.len < 60 ? (int)text.len : 60;
    snprintf(e->why, sizeof e->why, "%s%.*s%s", what, len, text.len > 0 ? text.ptr : "", why);
    s->refused = e->why;
}

/* An answer that is ok: does it have events? */
static void find_format(struct pelt_events *e, struct pelt_stream *s, unsigned status,
                        struct pelt_span head)
{
    const struct pelt_span type = pelt_http1_head_field(head, "Content-Type");
    const struct pelt_span coding = pelt_http1_head_field(head, "Content-Encoding");
    e->format = e->wanted != PELT_EVENTS_AUTO ? e->wanted : format_of(media_type(type));
    e->is_stream = e->format != PELT_EVENTS_AUTO;
    if (e->format == PELT_EVENTS_GRPC && !pelt_grpc_type(type)) {
        refuse(e, s, "no answer of gRPC: Content-Type '", type, "'");
    } else if (e->is_stream && coding.len > 0 && !pelt_span_eq_nocase(coding, "identity")) {
        refuse(e, s, "Content-Encoding ", coding, ": a stream is read as it is");
    } else if (!e->is_stream && status >= 200 && status <= 299 && status != 204) {
        if (type.len > 0) {
            refuse(e, s, "Content-Type ", type, " is none of a stream (`format` says what it is)");
        } else {
            refuse(e, s, "no Content-Type", type, " (`format` says what it is)");
        }
    }
}

void pelt_events_head(struct pelt_events *e, struct pelt_stream *s,
                      const struct pelt_request *request, unsigned status, struct pelt_span head)
{
    e->status = (uint16_t)status;
    pelt_buf_reset(&e->head);
    (void)pelt_buf_add(&e->head, head.ptr, head.len); /* out of memory: no headers */
    if (e->sent_ns == 0) {
        e->sent_ns = s->sent_ns;
        e->first_byte_ns = e->now_ns = s->first_ns;
        record_since_begin(e, e->series->ttfb, e->series->ttfb_due, s->first_ns);
    }
    e->frames.grpc = request->grpc;
    if (pelt_request_accepts(request, status)) {
        find_format(e, s, status, head);
    }
}

/* ---- the body ---- */

static void add_text(struct pelt_events *e, const char *bytes, size_t len)
{
    const size_t room = PELT_EVENTS_TEXT_MAX - e->text.len;
    (void)pelt_buf_add(&e->text, bytes, len < room ? len : room); /* as much as there is memory */
}

void pelt_events_piece(struct pelt_events *e, struct pelt_stream *s, const char *bytes, size_t len,
                       uint64_t now_ns)
{
    enum pelt_status status = PELT_OK;
    e->now_ns = now_ns;
    e->conn = s->conn;
    if (!e->is_stream) {
        add_text(e, bytes, len);
    } else if (e->format == PELT_EVENTS_SSE) {
        status = pelt_sse_feed(&e->sse, bytes, len);
    } else if (e->format == PELT_EVENTS_GRPC) {
        s->refused = pelt_grpc_frames_feed(&e->frames, bytes, len);
        s->partial = e->frames.part.len > 0;
    } else {
        status = pelt_lines_feed(&e->lines, bytes, len);
    }
    if (status == PELT_ELIMIT) {
        refuse(e, s, "an event or a line above 1 MiB", pelt_span("", 0), "");
    } else if (status != PELT_OK) {
        refuse(e, s, "no memory for an event", pelt_span("", 0), "");
    }
}

void pelt_events_received(struct pelt_events *e)
{
    if (e->in_receive > 0) {
        pelt_recorder_counter(e->recorder, e->series->events, e->in_receive, e->now_ns);
        for (uint32_t i = 0; i < e->in_receive; i++) {
            pelt_recorder_share(e->recorder, e->series->coalesced, e->in_receive > 1, e->now_ns);
        }
        e->in_receive = 0;
    }
}

void pelt_events_whole(struct pelt_events *e, uint64_t now_ns)
{
    if (e->is_stream && e->format != PELT_EVENTS_SSE && e->format != PELT_EVENTS_GRPC) {
        e->now_ns = now_ns;
        const enum pelt_status status = pelt_lines_end(&e->lines);
        (void)status; /* it can only lack memory: then a last line without an end is lost */
    }
}

void pelt_events_finish(struct pelt_events *e, uint64_t now_ns)
{
    e->now_ns = now_ns;
    if (e->gaps > 0) {
        record_time(e, e->series->freeze, e->freeze_ns);
    }
}

void pelt_events_matched(const struct pelt_events *e, uint64_t at_ns)
{
    record_since_begin(e, e->series->match, e->series->match_due, at_ns);
}

/* ---- life ---- */

void pelt_events_init(struct pelt_events *e, enum pelt_events_format wanted,
                      struct pelt_recorder *recorder, const struct pelt_stream_series *series,
                      uint64_t due_ns)
{
    *e = (struct pelt_events){
        .wanted = wanted, .recorder = recorder, .series = series, .due_ns = due_ns};
    pelt_sse_init(&e->sse, PELT_EVENT_MAX, on_sse, e);
    e->sse.on_comment = on_comment;
    e->lines = (struct pelt_lines){.on_line = on_line, .arg = e, .max = PELT_EVENT_MAX};
    e->frames = (struct pelt_grpc_frames){.on_message = on_message, .arg = e};
}

void pelt_events_deinit(struct pelt_events *e)
{
    pelt_sse_deinit(&e->sse);
    pelt_lines_deinit(&e->lines);
    pelt_grpc_frames_deinit(&e->frames);
    pelt_buf_deinit(&e->queue);
    pelt_buf_deinit(&e->head);
    pelt_buf_deinit(&e->text);
}

void pelt_events_resume(struct pelt_events *e)
{
    pelt_sse_reset(&e->sse);
    pelt_lines_reset(&e->lines);
    pelt_buf_reset(&e->head);
    pelt_buf_reset(&e->text);
    e->status = 0;
    e->is_stream = false;
    e->in_receive = 0;
}
