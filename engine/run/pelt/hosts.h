/*
 * hosts: a run that several hosts share. Each of them runs one *slot* of it (struct pelt_run_slot):
 * arrival k of the whole schedule is slot k mod slots', and so are users, rows and iterations, so
 * that all slots together are the run that one host would have made. Who collects them runs none of
 * the load (struct pelt_run_hosts): the slots' seconds stand in for those of its own threads.
 *
 * How slots and their collector hear of each other is not this room's.
 */
#ifndef PELT_HOSTS_H
#define PELT_HOSTS_H

#include "pelt/estate.h"
#include "pelt/letter.h"
#include "pelt/results.h"

struct pelt_slot_second {
    const struct pelt_frame *sum;
    struct pelt_frame *const *threads; /* their own frames of it */
    size_t threads_len;
    struct pelt_registry *names;
};

struct pelt_slot_end { /* of all threads, as pelt/crew.h says */
    uint64_t paced, late, unseen, stayed;
    uint64_t length_ns; /* of the load, as it was reached */
};

/* This process sends the load of one slot. No setup, no teardown, no run file of its own. */
struct pelt_run_slot {
    uint32_t slot, slots;
    const char *data_json;      /* what setup returned; NULL: nothing */
    struct pelt_estate *estate; /* for the seconds under way; NULL: nobody wants them */
    /*
     * Everything is loaded: says so, and waits, on a thread aside, until it is known when second 0
     * begins (monotonic). From then on letters may come into `mail`: STAGE, CLOSE, END, CANCEL.
     * PELT_ESTOPPED: there will be no load.
     */
    enum pelt_status (*ready)(void *arg, struct pelt_mailbox *mail, uint32_t threads,
                              uint64_t *start_ns, struct pelt_error *err);
    void (*cancel)(void *arg); /* a signal: ready() shall return; any thread */
    /* A second of all threads here is whole. Control thread; all is borrowed. */
    void (*on_frame)(void *arg, const struct pelt_slot_second *second);
    /* The load is over. Control thread. */
    void (*on_end)(void *arg, const struct pelt_slot_end *end);
    void *arg;
};

/* What slots are told before they begin; borrowed. */
struct pelt_run_share {
    const struct pelt_plan *plan;    /* of a live one the stages that are known */
    const char *data_json;           /* what setup returned; NULL: nothing */
    struct pelt_registry *names;     /* of what the frames hold */
    struct pelt_mailbox *mail;       /* into which letters go */
    const struct pelt_results *past; /* of a run that is resumed: what its file has; else NULL */
};

/* What came of the slots; borrowed. */
struct pelt_hosts_outcome {
    const struct pelt_worker_row *workers; /* one a slot */
    size_t len;
    bool same_host;   /* one of them called a server on its own host */
    const char *lost; /* a part of the load was lost with its worker: exit 6; NULL: none was */
};

/*
 * Other hosts send the load, as many slots of it. They are to the run as one thread, 0, whose
 * frames are the sums of their seconds: in order, but that a second may come again with what came
 * late of it; the last one says so (`last`), and its letter has what they have at their end.
 */
struct pelt_run_hosts {
    uint32_t slots;
    /* On a thread aside: all slots are made ready. PELT_ESTOPPED: by cancel(). */
    enum pelt_status (*prepare)(void *arg, const struct pelt_run_share *share,
                                struct pelt_error *err);
    void (*cancel)(void *arg); /* prepare() shall return; any thread */
    /* The rest: control thread. Tells when second 0 begins; letters come from here on. */
    enum pelt_status (*start)(void *arg, uint64_t *start_ns, struct pelt_error *err);
    /* Behind start(): what a run that is resumed needs to know, for the run file's meta: key,
     * value, ..., NULL; borrowed. */
    const char *const *(*facts)(void *arg);
    void (*stop)(void *arg, bool at_once); /* no more iterations; at_once: what runs ends as well */
    enum pelt_status (*extend)(void *arg, const struct pelt_stage *stage);
    void (*close)(void *arg);
    /* A frame was written; takes the letter and it. */
    void (*give)(void *arg, struct pelt_letter *letter);
    void (*cut)(void *arg);   /* who has not ended is not waited for: all that came is mailed */
    void (*join)(void *arg);  /* nothing will be mailed any more */
    bool (*leads)(void *arg); /* false: another process has taken the run over */
    void (*outcome)(void *arg, struct pelt_hosts_outcome *out); /* behind join() */
    void *arg;
};

#endif
