/*
 * events: what a stream has told and its script has not taken yet: pieces of a body become events,
 * each with the stamp of the receive that brought it, in a bounded queue; and the metrics stream_*
 * are recorded, when an event came, not when it is taken.
 *
 * Storage: the caller's; the queue grows to what a receive brings, at most. Thread: the shard's.
 */
#ifndef PELT_EVENTS_H
#define PELT_EVENTS_H

#include "pelt/grpc.h"
#include "pelt/sse.h"
#include "pelt/stream.h"
#include "shard.h"

#define PELT_EVENT_MAX        (1u << 20)   /* bytes of an event's data, and of a line */
#define PELT_EVENTS_QUEUE_MAX (256u << 10) /* bytes that wait; with more, receiving is paused */
#define PELT_EVENTS_TEXT_MAX  (64u << 10)  /* of a body that is no stream */

/* GRPC: messages, of a request whose `grpc` is set. */
enum pelt_events_format {
    PELT_EVENTS_AUTO,
    PELT_EVENTS_SSE,
    PELT_EVENTS_JSONL,
    PELT_EVENTS_LINES,
    PELT_EVENTS_GRPC
};

/* The series stream_*{name=...} of streams of one name; a list a shard. */
struct pelt_stream_series {
    struct pelt_stream_series *next;
    uint32_t request; /* the name's own series */
    uint32_t ttfb, ttfb_due, first, first_due, match, match_due, gap, freeze, events, coalesced;
};
/* Made at the first time. NULL: out of memory. */
const struct pelt_stream_series *pelt_stream_series(struct pelt_shard *shard, uint32_t request);
void pelt_stream_series_free(struct pelt_stream_series *list); /* accepts NULL */

/* One that waits; its texts are borrowed until the next call on the queue. */
struct pelt_event {
    uint64_t at_ns;
    bool coalesced; /* another one came in the same receive */
    struct pelt_span type, id, data;
};

struct pelt_events {
    struct pelt_sse sse;            /* of use with SSE */
    struct pelt_lines lines;        /* with JSONL and LINES */
    struct pelt_grpc_frames frames; /* with GRPC */
    struct pelt_buf queue;          /* records; those before `taken` were taken */
    size_t taken;
    struct pelt_buf head; /* of the newest answer; empty: none */
    struct pelt_buf text; /* of an answer that is no stream: what came of its body */
    struct pelt_recorder *recorder;
    const struct pelt_stream_series *series;
    uint64_t due_ns, sent_ns;       /* of the stream's first request; sent 0: not known yet */
    uint64_t first_byte_ns;         /* likewise */
    uint64_t now_ns;                /* of the running receive */
    uint64_t last_ns;               /* of the newest event; 0: none so far */
    uint64_t freeze_ns;             /* longest gap so far */
    uint64_t came;                  /* events so far */
    uint64_t gaps;                  /* of them with one before */
    struct pelt_conn *conn;         /* that the running piece came on */
    uint32_t in_receive;            /* events of the running receive */
    size_t first_in_receive;        /* where the first one of them lies in the queue */
    enum pelt_events_format format; /* AUTO until the head has said */
    enum pelt_events_format wanted; /* as the script says */
    uint16_t status;                /* 0: no head */
    bool is_stream;                 /* the head promises events */
    char why[160];                  /* it was refused */
};

void pelt_events_init(struct pelt_events *e, enum pelt_events_format wanted,
                      struct pelt_recorder *recorder, const struct pelt_stream_series *series,
                      uint64_t due_ns);
void pelt_events_deinit(struct pelt_events *e); /* accepts a zeroed one */
/* The stream goes on over another connection: event id and times stay. */
void pelt_events_resume(struct pelt_events *e);

/* What pelt/stream.h tells, of an exchange with `request`. */
void pelt_events_head(struct pelt_events *e, struct pelt_stream *s,
                      const struct pelt_request *request, unsigned status, struct pelt_span head);
void pelt_events_piece(struct pelt_events *e, struct pelt_stream *s, const char *bytes, size_t len,
                       uint64_t now_ns);
void pelt_events_received(struct pelt_events *e);
/* The answer has come whole: what a last line without an end is. */
void pelt_events_whole(struct pelt_events *e, uint64_t now_ns);
/* No event comes any more. */
void pelt_events_finish(struct pelt_events *e, uint64_t now_ns);
/* The event is the first that the option `first` asks for. */
void pelt_events_matched(const struct pelt_events *e, uint64_t at_ns);

static inline bool pelt_events_wait(const struct pelt_events *e)
{
    return e->taken < e->queue.len;
}
static inline bool pelt_events_full(const struct pelt_events *e)
{
    return e->queue.len > PELT_EVENTS_QUEUE_MAX;
}
/* The oldest; some must wait. */
void pelt_events_take(struct pelt_events *e, struct pelt_event *out);

#endif
