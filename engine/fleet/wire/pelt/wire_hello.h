/*
 * wire_hello: what a worker says beside its seconds: who it is, that it is ready, what happened,
 * and its totals at the end. Texts are cut at their sizes when written, and cleaned when read.
 *
 * Storage: the caller's. Thread: any.
 */
#ifndef PELT_WIRE_HELLO_H
#define PELT_WIRE_HELLO_H

#include "pelt/wire.h"

struct pelt_wire_hello {
    uint32_t protocol; /* PELT_WIRE_PROTOCOL; decode gives any, so that it can be named */
    char version[32];  /* "0.1.0" */
    char build[65];    /* of the program: differs where the code does */
    uint64_t features; /* bits that the plan may need */
    uint32_t slot;
    char incarnation[17];
    char host[65], kernel[65];
    int64_t pid;
    uint32_t cores;          /* that it may use */
    uint64_t fds;            /* file descriptors that it may have */
    uint64_t memory_bytes;   /* that it may use */
    uint64_t wall_ns;        /* its wall clock, for people */
    int64_t clock_offset_ns; /* Redis' clock less its own; bus_clock */
    uint64_t clock_bound_ns;
};
PELT_MUST_USE enum pelt_status pelt_wire_hello_encode(const struct pelt_wire_hello *m,
                                                      struct pelt_buf *out);
/* A HELLO of another protocol is PELT_OK, with protocol, version and build alone: say both versions
 * and refuse. PELT_EPARSE. */
PELT_MUST_USE enum pelt_status pelt_wire_hello_decode(struct pelt_span message,
                                                      struct pelt_wire_hello *out,
                                                      struct pelt_error *err);

struct pelt_wire_ready {
    uint64_t epoch, seq;              /* of the PLAN that it answers */
    uint8_t parcel[PELT_WIRE_SHA256]; /* pelt_parcel_sha256() of what it got */
    bool good;
    char why[512]; /* where it cannot run that plan */
    uint32_t threads;
    uint64_t clock_bound_ns; /* as it is now */
};
PELT_MUST_USE enum pelt_status pelt_wire_ready_encode(const struct pelt_wire_ready *m,
                                                      struct pelt_buf *out);
PELT_MUST_USE enum pelt_status pelt_wire_ready_decode(struct pelt_span message,
                                                      struct pelt_wire_ready *out,
                                                      struct pelt_error *err);

struct pelt_wire_event {
    double t_s;      /* since the run's start; finite */
    char kind[33];   /* as in the run file: "script_error" ...: letters, digits, '_' */
    char text[4001]; /* lines stay lines */
};
PELT_MUST_USE enum pelt_status pelt_wire_event_encode(const struct pelt_wire_event *m,
                                                      struct pelt_buf *out);
PELT_MUST_USE enum pelt_status pelt_wire_event_decode(struct pelt_span message,
                                                      struct pelt_wire_event *out,
                                                      struct pelt_error *err);

struct pelt_wire_bye {
    struct pelt_wire_totals totals;
    int32_t last_second; /* the last that was sent; -2: none */
    uint64_t spool_lost; /* messages that found no room in the spool */
    bool recovered;      /* not the worker itself says it: who found its spool does */
    uint64_t unknown;    /* recovered: requests that were under way when it was killed */
    uint64_t paced, late, unseen, stayed; /* as the collector sums them of its threads */
    uint64_t start_late_ns;               /* how long after START's moment its second 0 began */
    char reason[512];                     /* it ended before its time; "": it did not */
};
PELT_MUST_USE enum pelt_status pelt_wire_bye_encode(const struct pelt_wire_bye *m,
                                                    struct pelt_buf *out);
PELT_MUST_USE enum pelt_status
pelt_wire_bye_decode(struct pelt_span message, struct pelt_wire_bye *out, struct pelt_error *err);

#endif
