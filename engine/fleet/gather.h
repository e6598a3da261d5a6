/*
 * gather: the seconds of all slots put together, as they come: each part is added straight into the
 * frame of its second; a second is whole once every slot that is there has sent it, or a later one,
 * and is then mailed to the run.
 *
 * Nobody waits for a slot that is lost, nor for ever for one that is there but lags. What comes of
 * it all the same is added to the seconds that it is of, which are mailed once more with that
 * alone.
 *
 * What slots send is untrusted. Pure: no bus, no clock. Storage: new/free. Thread: one.
 */
#ifndef PELT_GATHER_H
#define PELT_GATHER_H

#include "pelt/bus.h"
#include "pelt/letter.h"
#include "pelt/wire_frame.h"
#include "pelt/wire_hello.h"

/* KILLED: it was, and what it had done until then has been handed in: nothing more comes. */
enum pelt_slot_state { PELT_SLOT_THERE, PELT_SLOT_LOST, PELT_SLOT_KILLED, PELT_SLOT_ENDED };

struct pelt_gather_slot {
    enum pelt_slot_state state;
    int32_t newest;               /* second that is complete; -1: none */
    int32_t open;                 /* second of which parts came; -1: none */
    uint32_t part;                /* next one of it */
    uint64_t open_started;        /* exchanges begun in those of its parts that came */
    struct pelt_bus_id id;        /* of the newest message taken */
    struct pelt_taken_row mailed; /* up to which all is in letters */
    bool resumed; /* what came before was another coordinator's: nothing is known of it */
    struct pelt_wire_totals totals; /* as its newest second says */
    bool has_bye;
    struct pelt_wire_bye bye;
    /* What came: */
    uint64_t frames, cpu_ns, refused;
    uint64_t started;  /* exchanges: as many as were added to seconds */
    int64_t in_flight; /* at the end of its newest second */
    uint64_t bound_ns; /* of its clock */
    /* What did not, by the totals of what came later: */
    uint64_t missing;         /* exchanges started */
    int32_t gap_from, gap_to; /* seconds from <= t < to; equal: none */
};

/* A letter to the run: up to which message each slot is in it or in one before. */
struct pelt_gather_letter {
    struct pelt_letter letter;    /* first member */
    struct pelt_taken_row upto[]; /* one a slot */
};

struct pelt_gather;

/* `mail` and `names` are borrowed. NULL: out of memory. */
struct pelt_gather *pelt_gather_new(uint32_t slots, struct pelt_registry *names,
                                    struct pelt_mailbox *mail);
/* What another coordinator has written: up to `taken` of each slot; `total` is the sum of it. */
void pelt_gather_resume(struct pelt_gather *g, const struct pelt_taken_row *taken,
                        const struct pelt_frame *total);
void pelt_gather_free(struct pelt_gather *g); /* accepts NULL */
struct pelt_gather_slot *pelt_gather_slot(struct pelt_gather *g, uint32_t slot);
/* A FRAME message with its ID, of a second not behind `latest`. PELT_EPARSE: refused and counted,
 * nothing of it was added. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_gather_part(struct pelt_gather *g, uint32_t slot,
                                                struct pelt_bus_id id, struct pelt_span message,
                                                int32_t latest, struct pelt_error *err);
/* It sends nothing more. */
void pelt_gather_bye(struct pelt_gather *g, uint32_t slot, struct pelt_bus_id id,
                     const struct pelt_wire_bye *bye);
void pelt_gather_lose(struct pelt_gather *g, uint32_t slot);
/* Mails the seconds that are whole, and those up to `due`, whether they are or not. */
void pelt_gather_post(struct pelt_gather *g, int32_t due);
/* All that is there, and the last letter. Once. */
void pelt_gather_end(struct pelt_gather *g);
bool pelt_gather_ended(const struct pelt_gather *g); /* no slot is there any more */

#endif
