/*
 * reply: what Redis answers, as bytes come, made into trees by hiredis' reader. All trees of a
 * flush lie in one arena, which is emptied at once; depth, items and bytes are bounded, so that
 * neither a broken nor a hostile server takes more memory than PELT_BUS_REPLY_MAX allows (and the
 * same again for what of an answer came so far).
 *
 * Storage: the caller's. Thread: the bus'.
 */
#ifndef PELT_BUS_REPLY_H
#define PELT_BUS_REPLY_H

#include "pelt/bus.h"

struct pelt_replies {
    struct redisReader *reader; /* NULL: none; made when first fed */
    struct pelt_replies_chunk *chunks;
    size_t most;    /* bytes of the trees, and of an answer under way; 0: PELT_BUS_REPLY_MAX */
    size_t used;    /* bytes of all chunks in use */
    size_t waiting; /* bytes fed since an answer was complete */
    bool over;      /* a bound was passed */
    bool oom;
};

void pelt_replies_deinit(struct pelt_replies *r); /* accepts a zeroed one */
/* All trees are gone; what was fed and is no answer yet stays. */
void pelt_replies_clear(struct pelt_replies *r);
/* Nothing is left of the connection that it came by. */
void pelt_replies_reset(struct pelt_replies *r);
PELT_MUST_USE enum pelt_status pelt_replies_feed(struct pelt_replies *r, const char *bytes,
                                                 size_t len);
/* The next answer. PELT_AGAIN: it has not all come. PELT_ELIMIT, PELT_EPARSE, PELT_ENOMEM: reset.
 */
PELT_MUST_USE enum pelt_status pelt_replies_next(struct pelt_replies *r,
                                                 struct pelt_bus_reply **out);

#endif
