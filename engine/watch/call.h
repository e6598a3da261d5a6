/*
 * call: one connection to an agent, on which GETs are made one after another, by HTTP/1.1 over
 * plain TCP or TLS. It opens itself when asked for something, and again where an idle connection
 * turns out to be gone.
 *
 * Its stamps are those of a clock exchange: sent_ns just before the request's send, received_ns
 * just after the recv that brought the answer's last bytes.
 *
 * A callback may get and close, not deinit. Storage: the caller's. Thread: the loop's.
 */
#ifndef PELT_WATCH_CALL_H
#define PELT_WATCH_CALL_H

#include <ev.h>

#include "endpoint.h"
#include "pelt/addr.h"
#include "pelt/buf.h"
#include "pelt/http1_response.h"
#include "pelt/transport.h"

struct pelt_call_ops {
    /* The body's next bytes, of an answer 200 to a request that streams. Borrowed. */
    void (*on_bytes)(void *arg, const char *bytes, size_t len);
    /* The answer is complete: pelt_call_status(), and its body, if it does not stream, until the
     * next get. */
    void (*on_done)(void *arg);
    /* There is no answer, and the connection is closed. PELT_EIO: the way there or the peer;
     * PELT_EINVAL: what answers does not speak HTTP or TLS as it should, or is not trusted. `why`
     * goes on after "agent URL: ". */
    void (*on_failed)(void *arg, enum pelt_status status, const char *why);
};

enum pelt_call_state {
    PELT_CALL_CLOSED,
    PELT_CALL_CONNECTING,
    PELT_CALL_SHAKING, /* TLS handshake */
    PELT_CALL_SENDING,
    PELT_CALL_RECEIVING,
    PELT_CALL_IDLE, /* open, nothing asked */
};

struct pelt_call {
    const struct pelt_call_ops *ops;
    void *arg;
    struct ev_loop *loop;
    struct pelt_endpoint *endpoint;
    enum pelt_call_state state;
    struct pelt_addrs addrs;
    size_t next_addr;
    struct pelt_transport transport;
    ev_io io;
    struct pelt_buf request;
    size_t sent; /* bytes of it */
    struct pelt_http1_response response;
    struct pelt_buf body;
    bool streams;
    bool reused;     /* the connection has answered before */
    bool answered;   /* one of them has */
    uint32_t serial; /* counts gets and closes, so that a callback's are noticed */
    uint64_t sent_ns, received_ns;
};

void pelt_call_init(struct pelt_call *c, struct ev_loop *loop, struct pelt_endpoint *endpoint,
                    const struct pelt_call_ops *ops, void *arg);
void pelt_call_deinit(struct pelt_call *c);
/* Where the agent is: before the first get. Copied. */
void pelt_call_set_addrs(struct pelt_call *c, const struct pelt_addrs *addrs);
/* GET path + `target`; the answer's body may have `most` bytes (of a stream: at a time). Nothing
 * else is asked meanwhile: what was, is given up. Any callback may come before it returns. */
void pelt_call_get(struct pelt_call *c, const char *target, bool streams, size_t most);
void pelt_call_close(struct pelt_call *c); /* without a callback */
unsigned pelt_call_status(const struct pelt_call *c);
struct pelt_span pelt_call_body(const struct pelt_call *c);

#endif
