/*
 * bench: users that send one constant request again and again; no script. The fastest thing pelt
 * can do. Thread: the owner of the client.
 */
#ifndef PELT_BENCH_H
#define PELT_BENCH_H

#include "pelt/client.h"
#include "pelt/run.h"
#include "pelt/vu.h"

struct pelt_bench_load {
    struct pelt_client *client; /* borrowed */
    struct pelt_request request;
    struct pelt_buf bytes; /* the request's */
};

/* PELT_EINVAL: bad URL, method or header; err names it. */
PELT_MUST_USE enum pelt_status pelt_bench_new(const struct pelt_bench *bench,
                                              const char *const *headers,
                                              struct pelt_client *client,
                                              struct pelt_registry *registry,
                                              struct pelt_bench_load **out, struct pelt_error *err);
void pelt_bench_free(struct pelt_bench_load *load); /* accepts NULL */

extern const struct pelt_vu_ops pelt_bench_vu_ops; /* ops_ctx: the struct pelt_bench_load */

#endif
