/*
 * dashboard: the service looks at itself at even intervals and shows what it saw: as a page, as
 * JSON, as a history of samples, and pushed to whoever opens the WebSocket /ws.
 *
 * Thread: any; one lock inside. Samples are taken by one loop.   Clock: CLOCK_MONOTONIC
 * nanoseconds, passed in.
 */
#ifndef TARGET_DASHBOARD_H
#define TARGET_DASHBOARD_H

#include "asked.h"
#include "draft.h"
#include "sources.h"

#define TARGET_PUSH_BYTES 1024 /* of a push, without its stamps */

struct target_dashboard_settings {
    uint64_t sample_ns;
    uint64_t history; /* samples kept */
    uint64_t push_ns;
};

struct target_sample { /* totals so far, but for what is now */
    uint64_t at_ns;
    uint64_t requests, answers, errors; /* errors: 5xx and none at all; of those over */
    uint64_t in_flight, waiters;        /* now */
    uint64_t resident_bytes;            /* now */
    double cpu_s;
    bool is_ready;
};

extern const struct target_system target_dashboard_system;

struct target_dashboard;

/* Takes a sample if one is due, and tells the alerts; returns when the next one is. One loop. */
uint64_t target_dashboard_turn(struct target_dashboard *dashboard,
                               const struct target_sources *from, uint64_t now_ns);

struct target_rates_seen { /* requests a second, between two samples: the last, and the most */
    double now_per_s, peak_per_s;
};

struct target_rates_seen target_dashboard_rates(struct target_dashboard *dashboard);

/* How often a client is pushed to. */
uint64_t target_dashboard_push_ns(struct target_dashboard *dashboard);

/*
 * When the next client gets its first push: clients are spread evenly over the period, whenever
 * they come.
 */
uint64_t target_dashboard_place(struct target_dashboard *dashboard, uint64_t now_ns);

/* What is pushed now, a JSON object without its closing brace; its length. */
size_t target_dashboard_push(struct target_dashboard *dashboard, char text[TARGET_PUSH_BYTES]);

/* All the paths of the dashboard; the route says which. */
struct target_draft target_dashboard_answer(const struct target_sources *from,
                                            const struct target_asked *asked);

#endif
