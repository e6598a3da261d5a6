/*
 * feed: what happened in a run, as server-sent events, for readers of whom each is as fast as it
 * is: its seconds and what else came, numbered, and the newest status, which has no number.
 *
 * The newest entries are kept, so many and of so many bytes; a reader that fell behind them is told
 * how many it missed, and they are counted. Memory does not grow with the run or with readers.
 *
 * An id is "RUN:NUMBER", so that who comes back with the id of another run gets all of this one.
 *
 * Storage: the caller's, init/deinit; a reader's likewise. Thread: whoever holds its owner's lock;
 * texts that were taken (live_feed_hold) may be read without, and are dropped with it.
 */
#ifndef LIVE_FEED_H
#define LIVE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

#define LIVE_FEED_ENTRIES   4096
#define LIVE_FEED_BYTES_MAX ((size_t)16 << 20)
#define LIVE_FEED_NO_SECOND INT32_MIN

struct live_feed_text { /* one event as it goes over the wire; its JSON is a part of it */
    unsigned refs;
    int32_t t; /* the second that it is of; LIVE_FEED_NO_SECOND: something else */
    size_t len, json_at, json_len;
    char bytes[];
};

struct live_feed {
    char run[24];
    struct live_feed_text *ring[LIVE_FEED_ENTRIES]; /* entry k at k % LIVE_FEED_ENTRIES */
    uint64_t first, next;          /* kept are [first, next); the first of all is 1 */
    size_t bytes, bytes_max;       /* of those kept */
    struct live_feed_text *status; /* NULL: none so far */
    uint64_t statuses;             /* so many came */
    uint64_t missed;               /* entries that readers did not get */
    bool ended;                    /* nothing comes any more */
};

struct live_feed_reader {
    uint64_t next;
    uint64_t statuses;          /* the newest one it got */
    struct live_feed_text *now; /* it is in the middle of this one */
    size_t at;
};

void live_feed_init(struct live_feed *f, size_t bytes_max);
void live_feed_deinit(struct live_feed *f); /* accepts a zeroed one; no reader may be open */
void live_feed_name(struct live_feed *f, const char *run);
/* An event with a number; `event` is its type, `json` a text without line ends. PELT_ENOMEM: it is
 * lost, and nobody waits for it. */
PELT_MUST_USE enum pelt_status live_feed_put(struct live_feed *f, const char *event, int32_t t,
                                             const char *json);
/* Takes the place of the one before. */
PELT_MUST_USE enum pelt_status live_feed_set_status(struct live_feed *f, const char *json);
void live_feed_end(struct live_feed *f);

/* From the entry behind `last_id` (of this run), or from the first one kept: NULL, or not of this
 * run. */
void live_feed_open(struct live_feed *f, struct live_feed_reader *r, const char *last_id);
void live_feed_close(struct live_feed *f, struct live_feed_reader *r);
/* Copies what there is, at most `size` bytes. 0: nothing now; for good where `ended`. */
size_t live_feed_read(struct live_feed *f, struct live_feed_reader *r, char *into, size_t size);

/* Texts for longer than the lock is held. */
struct live_feed_text *live_feed_hold(struct live_feed_text *text); /* accepts NULL */
void live_feed_drop(struct live_feed_text *text);                   /* accepts NULL */

#endif
