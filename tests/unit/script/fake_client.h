/*
 * fake_client: the client room's functions that scripts call, without network: each call waits in a
 * queue until the test has it answered. It takes the place of pelt_client (and of pelt_crew_ended)
 * when the test is linked.
 *
 * Answers depend on the target: /status/N a bare status; /refused no connection; /text a plain
 * body; /cookie/TEXT with Set-Cookie: TEXT; /redirect/N/rest and /away/N/rest with status N and a
 * Location at the same or another host; /decoded says whether bodies are to be decoded; all others
 * echo the request as JSON: { "method", "target", "host", "headers": { lower-case name: value },
 * "body"
 * }.
 */
#ifndef FAKE_CLIENT_H
#define FAKE_CLIENT_H

#include "pelt/client.h"
#include "pelt/stream.h"
#include "pelt/vu.h"

struct fake_call {
    struct pelt_session *session;
    const struct pelt_request *request;
    uint64_t due_ns, now_ns;
    pelt_done_fn done;
    void *arg;
};

extern struct fake_call fake_calls[64]; /* waiting, the oldest first */
extern size_t fake_calls_len;
extern size_t fake_calls_max; /* beyond so many there is no room for one; 64 after a reset */
extern int fake_sessions;     /* open */
extern int fake_ended;        /* iterations that ended */
extern int fake_ended_error;  /* of these by a script error */
extern int fake_resumed;      /* calls of pelt_stream_resume() */

void fake_reset(void);
/* Streams are answered piece by piece: the head, then pieces and `received` by the stream's own
 * ops, then the i-th waiting call's end. */
void fake_head(struct pelt_stream *s, const char *head, uint64_t sent_ns, uint64_t now_ns);
void fake_end(size_t i, enum pelt_outcome outcome, uint64_t now_ns);
bool fake_answer(void); /* the oldest call; false: none waits */

#endif
