/*
 * endpoint: where an agent is and how it is talked to: its options, checked, with their files read.
 *
 * Storage: heap, by new. Thread: made by any; then the watching thread's, but for url.
 */
#ifndef PELT_WATCH_ENDPOINT_H
#define PELT_WATCH_ENDPOINT_H

#include "pelt/agents.h"
#include "pelt/tls.h"

struct pelt_endpoint {
    char *url;  /* as given, without '/' at its end */
    char *name; /* NULL: as the agent says */
    char *host; /* without brackets */
    uint16_t port;
    bool https;
    char *host_header;
    char *path;  /* what stands before "/v1/...": "", or "/agents/a" */
    char *token; /* NULL: none */
    struct pelt_tls *tls;
    struct pelt_tls_thread *tls_thread;
    struct pelt_tls_session session;
};

/* PELT_EINVAL: what is wrong with an option, and what to try. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_endpoint_new(const struct pelt_agent_options *options,
                                                 struct pelt_endpoint **out,
                                                 struct pelt_error *err);
void pelt_endpoint_free(struct pelt_endpoint *e); /* NULL: nothing */

#endif
