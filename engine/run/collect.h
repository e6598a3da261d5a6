/*
 * collect: puts the frames of all workers together, second by second, into the run file and the
 * load's total; setup's and teardown's apart from it.
 *
 * A worker's frames come in order, so a second is whole once each worker has sent a later one or
 * ended; it is written then. Thread: control.
 */
#ifndef PELT_COLLECT_H
#define PELT_COLLECT_H

#include "fold.h"
#include "pelt/run.h"
#include "pelt/runfile.h"
#include "worker.h"

#define PELT_ERRORS_TOLD_MAX 100 /* script errors of a run; further ones are only counted */

struct pelt_collector {
    struct pelt_mailbox mail;       /* from the workers */
    struct pelt_registry *registry; /* borrowed */
    struct pelt_runfile *file;      /* borrowed */
    struct pelt_worker **workers;   /* borrowed */
    uint32_t workers_len;
    struct {
        struct pelt_letter *head, *tail; /* frames that wait for the others */
        bool ended;
    } * inbox;                       /* one a worker */
    struct pelt_thread_row *threads; /* one a worker: what of `total` is its */
    const uint64_t *length_ns;       /* of the load, as it is known so far; borrowed */
    struct pelt_frame **group;       /* scratch: the frames of one second */
    struct pelt_fold fold;           /* names that ended for want of memory */
    struct pelt_frame *second;       /* sum of the newest whole second */
    struct pelt_frame *total;        /* sum of all seconds: the load */
    struct pelt_frame *after;        /* of it, what came behind the load's whole seconds */
    struct pelt_frame *outside;      /* sum of setup and teardown, in no other figure */
    /* Script errors told so far, each text once, whichever threads met it. Owned. */
    struct pelt_letter *told[PELT_ERRORS_TOLD_MAX];
    size_t told_len;
    bool same_host;    /* a server that was called is on this host */
    uint32_t starved;  /* workers whose load ended early for want of memory */
    uint32_t given_up; /* workers that did not end, and whose last frames are missing */
    struct pelt_error first_script_error;
    /* Of all workers that ended, as pelt/crew.h says. */
    uint64_t paced, late, unseen, stayed;
    /* May add to the sum of a whole second before it goes anywhere; NULL: nobody. */
    void (*on_sum)(void *arg, struct pelt_frame *second);
    void *on_sum_arg;
    /* Told of each whole second of the load once it is in `total`; NULL: nobody. */
    void (*on_second)(void *arg, const struct pelt_frame *second);
    void *on_second_arg;
    /* Told of an event that went into the run file; NULL: nobody. */
    void (*on_event)(void *arg, double t_s, const char *kind, const char *text);
    void *on_event_arg;
    /* Takes a letter back with its frame, where there are no threads here to give it to. */
    void (*give)(void *arg, struct pelt_letter *letter);
    void *give_arg;
    /* What is neither a frame nor a script error; takes the letter. NULL: there is none. */
    void (*on_letter)(void *arg, struct pelt_letter *letter);
    void *on_letter_arg;
    /* Not NULL: seconds go there instead of into the run file. */
    void (*hand_on)(void *arg, const struct pelt_slot_second *second);
    void *hand_on_arg;
    int32_t newest_s; /* the newest second that was written; below 0: none so far */
    bool has_second;
    bool newest_is_after; /* `second` is in `after` */
    bool write_failed;    /* said so once */
};

PELT_MUST_USE enum pelt_status
pelt_collector_init(struct pelt_collector *c, uint32_t workers_len, struct pelt_registry *registry,
                    struct pelt_runfile *file, const uint64_t *length_ns, struct pelt_error *err);
void pelt_collector_deinit(struct pelt_collector *c); /* accepts a zeroed one */
void pelt_collector_take(struct pelt_collector *c,
                         uint64_t start_ns); /* all waiting mail; writes whole seconds */
bool pelt_collector_done(const struct pelt_collector *c); /* every worker sent its last frame */
/* Waits for no worker any more: writes what those that still run have sent, and all of the others.
 */
void pelt_collector_close(struct pelt_collector *c, uint64_t start_ns);
/* Metrics that were not known when second newest_s was added up: they belong to it. */
void pelt_collector_add_late(struct pelt_collector *c, const struct pelt_frame *late);
/* What happened outside of the load (setup, teardown) since this was called last: written, added,
 * and the frame emptied for the next time. It stays the caller's. */
void pelt_collector_add_outside(struct pelt_collector *c, struct pelt_frame *frame);

#endif
