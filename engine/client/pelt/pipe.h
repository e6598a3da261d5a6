/*
 * pipe: one connection with several exchanges of one constant request in flight at the same time:
 * HTTP/1.1 pipelining (RFC 9112, section 9.3.2). Answers come in the order of the requests. Each
 * exchange has its own times and ends in exactly one outcome.
 *
 * What is called while a batch of answers is being received is sent after it in one send, where the
 * client may hold (struct pelt_client_options).
 *
 * When the connection ends, the exchange whose answer was awaited ends as on any other connection.
 * Those behind it whose bytes were sent end as `timeout` if that one did, else as `reset`, or
 * `stale_reuse` once the connection had answered: also behind an answer that closes. Those of which
 * nothing was sent go on, on a new connection; unless none can be made: then they end as the first
 * one did.
 *
 * Timeouts are watched for the exchange whose answer comes next; its first byte is waited for from
 * its send, or from the end of the answer before it, whichever is later.
 *
 * Storage: new/free. Thread: the client's. Clock: as pelt/client.h.
 */
#ifndef PELT_PIPE_H
#define PELT_PIPE_H

#include "pelt/client.h"

#define PELT_PIPE_DEPTH_MAX 64

/* A request's bytes several times in a row, so that one send takes several requests. */
struct pelt_train {
    const struct pelt_request *request; /* borrowed; neither `keep` nor `cookies` */
    struct pelt_buf bytes;
};
/* `copies` of the request, fewer where it is large. Deinit accepts a zeroed one. */
PELT_MUST_USE enum pelt_status pelt_train_init(struct pelt_train *t,
                                               const struct pelt_request *request, unsigned copies);
void pelt_train_deinit(struct pelt_train *t);

struct pelt_pipe;

/* At most `depth` (1 to PELT_PIPE_DEPTH_MAX) exchanges in flight; `train` is borrowed. `done` is
 * called for each. NULL: out of memory. */
struct pelt_pipe *pelt_pipe_new(const struct pelt_train *train, unsigned depth, pelt_done_fn done);
void pelt_pipe_free(struct pelt_pipe *p); /* closes; none may be in flight; accepts NULL */

/* As pelt_session_call(), of which fewer than `depth` are in flight. `done` gets `arg`; it may call
 * again, and may not free the pipe. */
void pelt_pipe_call(struct pelt_pipe *p, uint64_t due_ns, uint64_t now_ns, void *arg);
/* Ends every exchange in flight with `outcome` and closes the connection; what a `done` calls anew
 * goes on. */
void pelt_pipe_cancel(struct pelt_pipe *p, enum pelt_outcome outcome, uint64_t now_ns);

#endif
