/*
 * service: the settings of the service itself: where it listens, how long requests take, what it
 * logs. The other systems have theirs in their own files.
 *
 * Each loop keeps a copy of the struct and refreshes it when a knob was turned.
 */
#ifndef TARGET_SERVICE_H
#define TARGET_SERVICE_H

#include <stdint.h>

#include "calendar.h"
#include "error.h"
#include "law.h"
#include "systems.h"

#define TARGET_THREADS_MAX  64
#define TARGET_FILES_BESIDE 64 /* descriptors needed besides connections, generously */
#define TARGET_PATH_BYTES   1000
#define TARGET_VARY_BYTES   200

enum target_service_for {
    TARGET_SERVICE_FOR_ALL,  /* but for probes and observers */
    TARGET_SERVICE_FOR_WORK, /* requests that have work */
};

struct target_service {
    struct target_address listen;
    char port_file[TARGET_PATH_BYTES]; /* empty: none */
    char log[TARGET_PATH_BYTES];       /* the truth log; empty: none */
    char json_log[TARGET_PATH_BYTES];  /* empty: none */
    struct target_law time;
    unsigned time_for; /* enum target_service_for */
    struct target_calendar stalls;
    double error_share;  /* of requests answered 500, in [0, 1] */
    uint64_t body_bytes; /* JSON answers are padded to at least this */
    uint64_t seed;
    uint64_t threads;             /* loops; 0: as many as target_service_settle says */
    uint64_t connections;         /* most open at once in each loop; 0: likewise */
    uint64_t backlog;             /* of each loop's listening socket */
    uint64_t drain_ns;            /* what is in flight gets this long to be answered at the end */
    char vary[TARGET_VARY_BYTES]; /* names of headers that make answers differ; empty: none */
    bool has_server_timing;
    bool has_admin;
};

extern const struct target_system target_service_system;

/* Puts numbers in place of what was left to the service: threads and connections. */
void target_service_settle(struct target_service *service);

#endif
