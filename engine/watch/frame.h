/*
 * frame: reads what an agent sends: its catalogue (/v1/info), its clock (/v1/clock), frames (a line
 * of /v1/stream, or /v1/sample), errors. Bytes in, values out. All of it is untrusted: sizes are
 * bounded before anything is parsed, numbers and places are checked, and what does not fit is
 * refused with one line that names the field.
 *
 * Texts lie where the reader keeps them, until its next read or deinit; control characters in them
 * are '?' now.
 *
 * Storage: the caller's; zeroed is ready. Thread: one.
 */
#ifndef PELT_WATCH_FRAME_H
#define PELT_WATCH_FRAME_H

#include "pelt/agents.h"
#include "pelt/buf.h"

#define PELT_WATCH_SCHEMA        "pelt-agent/1"
#define PELT_WATCH_INFO_MAX      ((size_t)2 << 20)   /* bytes of an answer to /v1/info */
#define PELT_WATCH_LINE_MAX      ((size_t)512 << 10) /* of a frame */
#define PELT_WATCH_SMALL_MAX     4096                /* of /v1/clock and of errors */
#define PELT_WATCH_CATALOGUE_MAX 1000                /* figures of one process */
#define PELT_WATCH_TARGETS_MAX   256
#define PELT_WATCH_EVENTS_MAX    256 /* of a frame */
#define PELT_WATCH_TEXT_MAX      255 /* bytes of any text; what is longer is cut */

/* ---- /v1/info ---- */

struct pelt_watch_info {
    const char *version, *name, *boot, *hostname, *kernel, *boot_id;
    uint64_t cpus, tick_ns_least;
    struct pelt_agent_target *targets;
    size_t targets_len;
    struct pelt_agent_figure *figures; /* a figure's place is its index on the wire */
    size_t figures_len;
    char *texts; /* private: where all of them lie */
};

/* PELT_EPARSE: no JSON (an HTML page), another schema, a field that is missing or does not fit;
 * `err` goes on after "agent URL: ". PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_watch_info_read(struct pelt_watch_info *out,
                                                    struct pelt_span body, struct pelt_error *err);
void pelt_watch_info_deinit(struct pelt_watch_info *info);

/* ---- /v1/clock, errors ---- */

PELT_MUST_USE enum pelt_status pelt_watch_clock_read(struct pelt_span body, int64_t *t2_ns,
                                                     int64_t *t3_ns, struct pelt_error *err);
/* The line of {"error": "..."}; empty: the body is another thing. */
void pelt_watch_error_read(struct pelt_span body, char out[PELT_WATCH_TEXT_MAX + 1]);

/* ---- frames ---- */

/* Figures are places in the catalogue; times are those of the agent's clock. */
struct pelt_watch_frame {
    bool has_k;
    int64_t k, due_ns, at_ns;
    bool late;
    struct pelt_agent_value *value;
    size_t values;
    struct pelt_agent_unreadable *unreadable;
    size_t unreadables;
    struct pelt_agent_event *event; /* at_ns: the agent's clock */
    size_t events;
    struct pelt_agent_self self;
    char *texts; /* private, as are the sizes of the arrays */
};

/* `figures`: the catalogue that it belongs to. A refused frame leaves nothing of use in `f`. */
PELT_MUST_USE enum pelt_status pelt_watch_frame_read(struct pelt_watch_frame *f,
                                                     const struct pelt_agent_figure *figures,
                                                     size_t figures_len, struct pelt_span line,
                                                     struct pelt_error *err);
void pelt_watch_frame_deinit(struct pelt_watch_frame *f);

#endif
