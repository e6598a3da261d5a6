/*
 * face: what the agent answers over HTTP, by libmicrohttpd on one thread of its own. Nothing on the
 * wire chooses a path, a process or a URL: clients choose among fixed pages.
 *
 *   /v1/info /v1/sample /v1/stream /v1/clock   the protocol pelt-agent/1 (docs/AGENT.md)
 *   /metrics                                   OpenMetrics 1.0, or the text format 0.0.4
 *   /health /health/live /health/ready /health/detailed
 *
 * The listening socket is opened by face_new; answering begins with face_start, so that the process
 * can be locked down between the two.
 *
 * At most FACE_CONNECTIONS_MAX connections are open. When few are left, each new one ends the one
 * that has waited longest without asking anything, so that slow clients never shut out good ones.
 *
 * Threads: main makes, starts, stops and frees it; answers are made on libmicrohttpd's thread,
 * which takes the sampler's lock to look at figures.
 */
#ifndef AGENT_FACE_H
#define AGENT_FACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "about.h"
#include "pelt/addr.h"
#include "pelt/status.h"
#include "sampler.h"

#define FACE_CONNECTIONS_MAX  96 /* STREAMS_MAX streams, and room for others */
#define FACE_CONNECTION_BYTES 8192
#define FACE_IDLE_S           30  /* without a request, or without taking any of its answer */
#define FACE_STREAM_IDLE_S    120 /* the same of a stream whose client does not read */

/* What is known of a request before it is answered. */
struct face_request {
    const char *method, *path;
    const char *authorization, *host, *origin; /* header fields; NULL: not sent */
    const char *fetch_site;                    /* likewise: Sec-Fetch-Site, which browsers send */
    const struct sockaddr *peer;
    uint64_t now_ns;
};

/* Why it is not answered. */
struct face_refusal {
    int status;         /* 401, 403, 429 ... */
    char why[160];      /* one line */
    const char *header; /* NULL, or a further field of the answer, with its value */
    const char *value;
};

/* May this be answered? On false `refusal` says why not. Called on libmicrohttpd's thread before
 * each request. */
typedef bool (*face_admits_fn)(void *guard, const struct face_request *request,
                               struct face_refusal *refusal);

struct face_options {
    struct pelt_addr listen;
    const struct about *about; /* borrowed */
    struct sampler *sampler;   /* borrowed */
    face_admits_fn admits;     /* NULL: all are */
    void *guard;
    const char *tls_certificate, *tls_key; /* PEM, borrowed until start; NULL: plain HTTP */
};

struct face;

/* Opens the listening socket. PELT_EIO: the line says what to try. */
PELT_MUST_USE enum pelt_status face_new(const struct face_options *options, struct face **out,
                                        struct pelt_error *err);
/* Where it listens: the port is that which was taken where 0 was asked for. */
void face_address(const struct face *f, struct pelt_addr *out);
PELT_MUST_USE enum pelt_status face_start(struct face *f, struct pelt_error *err);
/* Ends all streams and connections. Not under the sampler's lock. */
void face_stop(struct face *f);
void face_free(struct face *f); /* accepts NULL; stops it */

#endif
