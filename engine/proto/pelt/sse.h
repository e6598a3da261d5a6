/*
 * sse: reads server-sent events from bytes, by the rules of the WHATWG HTML standard (section
 * "Interpreting an event stream"): a byte-order mark at the beginning, lines that end with CR, LF
 * or CRLF, comments, the fields data, event, id and retry, and the last event id, which goes on
 * from event to event. An event without data is none. What stands behind the last blank line when
 * the stream ends is dropped.
 *
 * Any split of the input gives the same events. An event whose data is one line that came whole is
 * told where it lies, without a copy; buffers are reused, so that nothing is allocated once the
 * longest has come.
 *
 * Storage: the caller's. Thread: the owner's. No clock.
 */
#ifndef PELT_SSE_H
#define PELT_SSE_H

#include <stdint.h>

#include "pelt/lines.h"

struct pelt_sse_event {    /* borrowed until the callback returns */
    struct pelt_span type; /* "message" unless the event said another */
    struct pelt_span data; /* lines joined by LF */
    struct pelt_span id;   /* the last event id, empty: none */
};
/* Not PELT_OK: the feed ends with that answer. */
typedef enum pelt_status (*pelt_sse_fn)(void *arg, const struct pelt_sse_event *event);

struct pelt_sse { /* private but for retry_ms, id and on_comment */
    struct pelt_lines lines;
    pelt_sse_fn on_event;
    /* A comment, as it stands behind its colon, borrowed; NULL: nobody reads them. The owner sets
     * it. */
    void (*on_comment)(void *arg, struct pelt_span comment);
    void *arg;
    size_t max;            /* bytes of an event's data, and of a line */
    struct pelt_span only; /* data that is one line of the running feed; ptr NULL: none */
    struct pelt_buf data;  /* else: its lines, each with LF */
    struct pelt_buf type;
    struct pelt_buf id;     /* the last event id; to be sent when the stream goes on elsewhere */
    struct pelt_buf new_id; /* said by an event that has not ended; of use with has_new_id */
    int64_t retry_ms;       /* what the server last asked for; -1: nothing so far */
    unsigned bom;           /* bytes of the mark that came; more than 3: it is past */
    bool has_data, has_new_id;
};

/* on_event: called with `arg` for each event. `max` > 0. */
void pelt_sse_init(struct pelt_sse *s, size_t max, pelt_sse_fn on_event, void *arg);
void pelt_sse_deinit(struct pelt_sse *s); /* accepts a zeroed one */
/* The stream was lost and another connection goes on with it: id and retry_ms stay. */
void pelt_sse_reset(struct pelt_sse *s);
/* PELT_ELIMIT: an event or a line above max. PELT_ENOMEM. What on_event answered. After any of
 * these only reset or deinit. */
PELT_MUST_USE enum pelt_status pelt_sse_feed(struct pelt_sse *s, const char *bytes, size_t len);

#endif
