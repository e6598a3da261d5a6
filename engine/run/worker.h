/*
 * worker: one load-generating thread: a station, a crew of users for each load of the run, and a
 * frame a second mailed to the control thread. Workers share nothing that they write, except the
 * registry of names.
 *
 * new, start, join, free are the control thread's; between start and join it may only stop, cancel
 * and hand frames back.
 */
#ifndef PELT_WORKER_H
#define PELT_WORKER_H

#include "pelt/letter.h"
#include "pelt/parts.h"
#include "pelt/run.h"
#include "pelt/script.h"

struct pelt_worker;

struct pelt_worker_options {
    const struct pelt_run_options *run; /* borrowed */
    struct pelt_registry *registry;     /* borrowed */
    struct pelt_mailbox *mail;          /* borrowed: frames and script errors go there */
    struct pelt_parts *parts;           /* borrowed: the run's loads; a crew of each is here */
    uint32_t thread, threads;           /* of this host */
    uint32_t slot, slots;               /* of the hosts that share the run; alone: 0 of 1 */
    bool spin;
    int cpu;               /* on which it stays; -1: on any */
    const char *data_json; /* borrowed: what setup returned; may be NULL */
};

/* What a worker mails: frames, which are handed back by pelt_worker_give(), and script errors,
 * freed by the receiver. */

/* Makes everything that can fail: loop, client, script. */
PELT_MUST_USE enum pelt_status pelt_worker_new(const struct pelt_worker_options *options,
                                               struct pelt_worker **out, struct pelt_error *err);
/* Starts the thread; second 0 begins at `start_ns`. */
PELT_MUST_USE enum pelt_status pelt_worker_start(struct pelt_worker *w, uint64_t start_ns,
                                                 struct pelt_error *err);
void pelt_worker_stop(struct pelt_worker *w); /* starts no more iterations; what runs may finish */
/* The live plan goes on with this stage: to be told to all workers, in the same order. PELT_ENOMEM:
 * this one was not told. */
PELT_MUST_USE enum pelt_status pelt_worker_extend(struct pelt_worker *w,
                                                  const struct pelt_stage *stage);
/* From then on the plan's levels are so many times what was given. PELT_ENOMEM: not told. */
PELT_MUST_USE enum pelt_status pelt_worker_turn(struct pelt_worker *w, uint64_t at_ns,
                                                double factor);
/* From `from_ns` of the plan on this worker's thread has its share, as one of the host's, of what
 * is `part` of `parts` of the load and was another host's. PELT_ENOMEM: not told. */
PELT_MUST_USE enum pelt_status pelt_worker_take_over(struct pelt_worker *w, uint64_t part,
                                                     uint64_t parts, uint64_t from_ns);
/* The load ends here at `at_ns` of the plan, as others have it from then on. Likewise. */
PELT_MUST_USE enum pelt_status pelt_worker_cut(struct pelt_worker *w, uint64_t at_ns);
void pelt_worker_close(struct pelt_worker *w);  /* it ends where it is known to */
void pelt_worker_cancel(struct pelt_worker *w); /* ends what runs, as unfinished */
/* It has heard that, or is done, so that no script holds it: what it has measured will come. */
bool pelt_worker_ending(const struct pelt_worker *w);
void pelt_worker_give(struct pelt_worker *w,
                      struct pelt_letter *letter); /* an emptied frame, back to its worker */
void pelt_worker_join(struct pelt_worker *w);
void pelt_worker_free(struct pelt_worker *w); /* joined or never started; accepts NULL */

#endif
