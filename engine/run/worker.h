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

#include "pelt/mailbox.h"
#include "pelt/parts.h"
#include "pelt/run.h"
#include "pelt/script.h"

struct pelt_worker;

struct pelt_worker_options {
    const struct pelt_run_options *run; /* borrowed */
    struct pelt_registry *registry;     /* borrowed */
    struct pelt_mailbox *mail;          /* borrowed: frames and script errors go there */
    struct pelt_parts *parts;           /* borrowed: the run's loads; a crew of each is here */
    uint32_t thread, threads;
    bool spin;
    int cpu;               /* on which it stays; -1: on any */
    const char *data_json; /* borrowed: what setup returned; may be NULL */
};

/* What a worker mails. Frames are handed back by pelt_worker_give(); errors are freed by the
 * receiver (free()). */
enum pelt_letter_kind { PELT_LETTER_FRAME, PELT_LETTER_SCRIPT_ERROR };
struct pelt_letter {
    struct pelt_mail mail; /* first member */
    enum pelt_letter_kind kind;
    uint32_t thread;
    struct pelt_frame *frame; /* PELT_LETTER_FRAME */
    bool same_host;           /* a server that it called is on this host */
    bool starved;             /* with the last frame: memory ran out, the load ended early */
    uint64_t paced, late, unseen, stayed; /* with the last frame: as pelt/crew.h says */
    char *line, *traceback;               /* PELT_LETTER_SCRIPT_ERROR: owned by the letter */
    struct pelt_script_whose whose;       /* likewise */
};
void pelt_letter_free(struct pelt_letter *letter); /* not its frame */

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
void pelt_worker_close(struct pelt_worker *w);  /* it ends where it is known to */
void pelt_worker_cancel(struct pelt_worker *w); /* ends what runs, as unfinished */
/* It has heard that, or is done, so that no script holds it: what it has measured will come. */
bool pelt_worker_ending(const struct pelt_worker *w);
void pelt_worker_give(struct pelt_worker *w,
                      struct pelt_letter *letter); /* an emptied frame, back to its worker */
void pelt_worker_join(struct pelt_worker *w);
void pelt_worker_free(struct pelt_worker *w); /* joined or never started; accepts NULL */

#endif
