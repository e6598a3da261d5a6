/*
 * letter: what the control thread of a run is mailed: by its own load threads, and, where several
 * hosts share the run, by who hears of the others (pelt/hosts.h).
 *
 * Storage: on the heap; the receiver's. Thread: whoever holds it.
 */
#ifndef PELT_LETTER_H
#define PELT_LETTER_H

#include "pelt/frame.h"
#include "pelt/mailbox.h"
#include "pelt/plan.h"
#include "pelt/results.h"
#include "pelt/script.h"

enum pelt_letter_kind {
    PELT_LETTER_FRAME,
    PELT_LETTER_SCRIPT_ERROR,
    /* Of runs on several hosts only: */
    PELT_LETTER_EVENT,     /* for the run file: kind `line`, text `traceback` */
    PELT_LETTER_STAGE,     /* a live plan goes on with `stage` */
    PELT_LETTER_CLOSE,     /* a live plan ends where it is known to */
    PELT_LETTER_TURN,      /* from turn_ns on the plan's levels are `factor` times what was given */
    PELT_LETTER_CUT,       /* the load ends here at turn_ns: others have it from then on */
    PELT_LETTER_TAKE_OVER, /* from turn_ns on `part` of `parts` of the load, another's so far */
    PELT_LETTER_END,       /* the load ends as by a first signal; `line` says why, or is NULL */
    PELT_LETTER_CANCEL,    /* what runs ends, as by a second one */
};

struct pelt_letter {
    struct pelt_mail mail; /* first member */
    enum pelt_letter_kind kind;
    uint32_t thread;
    struct pelt_frame *frame; /* PELT_LETTER_FRAME */
    bool same_host;           /* a server that it called is on this host */
    bool starved;             /* with the last frame: memory ran out, the load ended early */
    uint64_t paced, late, unseen, stayed; /* with the last frame: as pelt/crew.h says */
    char *line, *traceback;               /* owned by the letter; PELT_LETTER_SCRIPT_ERROR */
    struct pelt_script_whose whose;       /* likewise */
    struct pelt_stage stage;
    const struct pelt_taken_row *taken; /* of a frame of other hosts: with it they are in the run
                                           file; borrowed, NULL: of none */
    size_t taken_len;
    uint64_t turn_ns; /* since the run's start */
    double factor;
    uint64_t part, parts;
};
/* NULL: out of memory. Texts are copied; they may be NULL. */
struct pelt_letter *pelt_letter_new(enum pelt_letter_kind kind, uint32_t thread, const char *line,
                                    const char *traceback);
void pelt_letter_free(struct pelt_letter *letter); /* not its frame; accepts NULL */

#endif
