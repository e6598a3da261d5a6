/*
 * stream: an exchange whose body is told piece by piece as it arrives, each piece with the stamp of
 * the receive that brought it. A request whose `stream` is set is one (its `keep` is set, too, and
 * body_max is 0); it is called, counted, watched and ended as any other: pelt_session_call(), one
 * outcome, `done` once.
 *
 *   call -> [head -> piece ... -> received] -> [piece ... -> received] ... -> done
 *
 * `head` comes before the first piece of the body; the pieces of one receive come one after the
 * other, and behind them `received`, unless the exchange ends with them: then `done`. An answer
 * without a body is told by `done` alone, which has its head.
 *
 * Time: the first byte's limit is the request's; from the head on no two receives may lie more than
 * between_ns apart (outcome timeout), but for the time that receiving is paused. The limit of the
 * whole exchange holds beside it.
 *
 * Storage: the owner's, from the call until `done` was called, and, if that is called within
 * `received`, until the receive has been dealt with: `conn` is looked at once more. One exchange at
 * a time. Thread: the client's.
 */
#ifndef PELT_STREAM_H
#define PELT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/outcome.h"

struct pelt_conn;
struct pelt_stream;

struct pelt_stream_ops {
    /* The final head, from status line to blank line (1xx heads before it included); borrowed.
     * `head` and `piece` must not call the client; to give the answer up they set `refused`. */
    void (*head)(struct pelt_stream *s, unsigned status, struct pelt_span head, uint64_t now_ns);
    /* Bytes of the body without chunk framing; borrowed. now_ns: the clock just after the receive.
     */
    void (*piece)(struct pelt_stream *s, const char *bytes, size_t len, uint64_t now_ns);
    /* All pieces of a receive were told. May call the client, and end this exchange. False: nothing
     * more is received until pelt_stream_resume(). */
    bool (*received)(struct pelt_stream *s, uint64_t now_ns);
};

struct pelt_stream {
    const struct pelt_stream_ops *ops; /* set by the owner, as is between_ns */
    uint64_t between_ns;
    const char *refused;    /* set within head or piece: the exchange ends as bad_stream, with this
                               text, which lives until then; NULL at the call */
    struct pelt_conn *conn; /* from the head on; NULL: none, or the exchange has ended */
    bool partial; /* set within piece: what came so far ends within a message (gRPC: at the end that
                     is bad_body) */
    uint64_t sent_ns, first_ns; /* from the head on: just before sending; first byte */
};

/* In `done`, first of all. */
static inline void pelt_stream_ended(struct pelt_stream *s)
{
    s->conn = NULL;
}
/* Goes on receiving, after `received` had said false. From the head on only. */
void pelt_stream_resume(struct pelt_stream *s, uint64_t now_ns);
/* Ends the exchange (abandoned): closes its connection, calls `done`. From the head on only. */
void pelt_stream_cancel(struct pelt_stream *s, enum pelt_outcome outcome, uint64_t now_ns);

#endif
