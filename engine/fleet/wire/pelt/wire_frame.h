/*
 * wire_frame: a second of a worker (pelt/frame.h: the sum of its threads) in parts of at most 256
 * KiB, and back: added straight into the frame of all workers' second, with no histogram made in
 * between.
 *
 * Each part stands alone: what it has of a series comes with the series' name (and metric, unit,
 * tags). Names told once would be shorter by a tenth, but a part that is lost, or a coordinator
 * that is begun again, would make everything behind it unreadable. Ids on both sides are their own;
 * names join them.
 *
 * A histogram is its counters that are not zero, with the exact count, min and max before them: a
 * byte or two each, about as much as HdrHistogram's form deflated, without what that costs and
 * without a bomb in it.
 *
 * A part is checked whole before anything of it is added. Where it is refused nothing was.
 *
 * Thread: encoder and decoder have one each; no two need be the same.
 */
#ifndef PELT_WIRE_FRAME_H
#define PELT_WIRE_FRAME_H

#include "pelt/frame.h"
#include "pelt/registry.h"
#include "pelt/wire.h"

#define PELT_WIRE_THREADS_MAX 1024 /* of a worker */
#define PELT_WIRE_PARTS_MAX   1000 /* of a second */
#define PELT_WIRE_UNREAD      UINT64_MAX

/* One generator thread in this second. */
struct pelt_wire_thread {
    uint32_t thread;
    uint64_t started, cpu_ns, spin_ns, run_wait_ns;
    uint32_t run_wait_unread, lua_looks, lua_seen;
};

/* The host in this second, as struct pelt_host_row; PELT_WIRE_UNREAD: could not be read. */
struct pelt_wire_host {
    uint64_t throttled, throttled_ns, pressure_ns, stolen_ns, busy_ns, own_ns;
};

/* What a second has beside its frame. */
struct pelt_wire_second {
    const struct pelt_frame *frame; /* `second` and `last` count; `thread` does not */
    struct pelt_registry *names;    /* of the frame's ids */
    const struct pelt_wire_thread *threads;
    size_t threads_len;
    const struct pelt_wire_host *host;     /* NULL: unknown */
    const struct pelt_wire_totals *totals; /* so far, this second included */
    int64_t in_flight;                     /* exchanges under way at the second's end */
    uint64_t clock_bound_ns;
};

/* Told of each part, whose bytes are borrowed until it returns; what it answers but PELT_OK ends
 * the encoding. */
typedef enum pelt_status (*pelt_wire_part_fn)(void *arg, uint32_t part, struct pelt_span bytes);
/* Gives the parts, numbered from 0. PELT_ENOMEM; PELT_ELIMIT: more than PELT_WIRE_PARTS_MAX. */
PELT_MUST_USE enum pelt_status pelt_wire_frame_encode(const struct pelt_wire_second *s,
                                                      pelt_wire_part_fn fn, void *arg);

/* What a part says, read without adding anything. */
struct pelt_wire_part {
    int32_t second; /* -1: setup and teardown */
    uint32_t part;
    bool last;       /* of this second; what follows is of the last part alone: */
    bool frame_last; /* the worker sends no second after it */
    int64_t in_flight;
    uint64_t clock_bound_ns;
    struct pelt_wire_totals totals;
    bool has_host;
    struct pelt_wire_host host;
    struct pelt_wire_thread *threads; /* malloc'ed; pelt_wire_part_deinit() */
    size_t threads_len;
    uint32_t hists;   /* in this part: what reading it costs */
    uint64_t started; /* exchanges, by the requests of this part */
};
void pelt_wire_part_deinit(struct pelt_wire_part *p); /* accepts a zeroed one */

/*
 * Checks all of a part. PELT_EPARSE: refused, with what is wrong; PELT_ENOMEM. Plausible is what a
 * second of a host can be: no figure of it above 2^40 (bytes, nanoseconds: 2^50), no histogram of a
 * request with more samples than exchanges that ended.
 */
PELT_MUST_USE enum pelt_status
pelt_wire_frame_check(struct pelt_span message, struct pelt_wire_part *out, struct pelt_error *err);

/* Where parts are added. */
struct pelt_wire_into {
    struct pelt_frame *frame;    /* `second`, `thread` and `last` stay as they are */
    struct pelt_registry *names; /* gets the names that it has not; its caps and quota hold */
    uint16_t thread_base;        /* added to the threads of exchanges that are kept */
};
/*
 * Checks the part (once more if pelt_wire_frame_check() did: it costs a third of adding), then adds
 * it. PELT_EPARSE: refused, nothing was added; also where a metric of that name is another one
 * here. PELT_ENOMEM: a part of it is missing, and counted in the frame's and histograms' `lost`.
 */
PELT_MUST_USE enum pelt_status
pelt_wire_frame_add(struct pelt_span message, struct pelt_wire_into *into, struct pelt_error *err);

#endif
