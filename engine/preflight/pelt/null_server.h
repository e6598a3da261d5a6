/*
 * null_server: the server that costs least: answers every request, of HTTP/1.1 or HTTP/2 (prior
 * knowledge), with 200 and the same body, at once, on a port of the loopback interface, in a
 * process of its own: its CPU time, descriptors and memory are not pelt's. Connections stay open
 * until the client ends them; bodies of requests are read and dropped.
 *
 * Storage: the caller's. Thread: one that lives as long as the server, which ends with it.
 */
#ifndef PELT_NULL_SERVER_H
#define PELT_NULL_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "pelt/buf.h"
#include "pelt/status.h"

struct pelt_null_server {
    pid_t pid;     /* 0: it does not run */
    int line;      /* a socket to it: when this end closes, it ends */
    uint16_t port; /* on 127.0.0.1 */
};

struct pelt_null_counts { /* of its whole life */
    uint64_t requests, connections;
    uint64_t cpu_ns;
};

/* `body`: of each answer, borrowed until this returns; sent as application/json. PELT_EIO: err says
 * which call failed. */
PELT_MUST_USE enum pelt_status
pelt_null_server_start(struct pelt_null_server *s, struct pelt_span body, struct pelt_error *err);
/* CPU time that it has used so far, in ns; 0: unknown. */
uint64_t pelt_null_server_cpu_ns(const struct pelt_null_server *s);
/* Ends it, and gives what it counted (zeros where it had died). Accepts one that does not run. */
void pelt_null_server_stop(struct pelt_null_server *s, struct pelt_null_counts *counts);

#endif
