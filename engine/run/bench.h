/*
 * bench: users that send one constant request again and again; no script. The fastest thing pelt
 * can do. A user has a connection of its own; with pipelining a connection has as many users as
 * requests in flight. Thread: the owner of the client.
 */
#ifndef PELT_BENCH_H
#define PELT_BENCH_H

#include "pelt/client.h"
#include "pelt/pipe.h"
#include "pelt/run.h"
#include "pelt/vu.h"

struct pelt_bench_load {
    struct pelt_client *client; /* borrowed */
    struct pelt_request request;
    struct pelt_buf bytes;   /* the request's */
    uint32_t depth;          /* users of a connection */
    bool http2;              /* they have streams of it */
    uint32_t joined;         /* users of the newest one */
    struct pelt_session way; /* HTTP/2: calls nothing, and stands for the newest connection */
    /* Pipelining, depth above 1: */
    struct pelt_train train;
    struct pelt_pipe *pipe; /* the newest */
};

/* `in_flight`: users of a connection (0: as 1): with HTTP/2 on streams of it, else by pipelining.
 * PELT_EINVAL: bad URL, method
 * or header; err names it. */
PELT_MUST_USE enum pelt_status pelt_bench_new(const struct pelt_bench *bench, uint32_t in_flight,
                                              const char *const *headers,
                                              struct pelt_client *client,
                                              struct pelt_registry *registry,
                                              struct pelt_bench_load **out, struct pelt_error *err);
void pelt_bench_free(struct pelt_bench_load *load); /* accepts NULL */

const struct pelt_vu_ops *pelt_bench_ops(const struct pelt_bench_load *load); /* ops_ctx: `load` */

#endif
