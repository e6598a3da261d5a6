/*
 * feed: which row of a file is whose. Each row is a function of who asks and of the seed alone, so
 * the same rows come on any number of shards and threads, and nobody has to be asked.
 *
 * Pure: no I/O, no heap, no state. Thread: any.
 */
#ifndef PELT_FEED_H
#define PELT_FEED_H

#include <stdbool.h>
#include <stdint.h>

enum pelt_order {
    PELT_ORDER_SEQUENTIAL, /* place mod rows */
    PELT_ORDER_RANDOM,     /* drawn for each turn, every row equally likely */
    PELT_ORDER_SHUFFLE,    /* as sequential, each pass through the rows in an order of its own */
    PELT_ORDER_UNIQUE      /* place; none behind the last row */
};

struct pelt_feed {
    enum pelt_order order;
    uint64_t rows;   /* above 0 */
    uint64_t seed;   /* of the run */
    uint64_t number; /* of the feed in the scenario: two feeds draw apart */
};

/* One next(). Its place among all is who + turn * of. In closed loop `who` is the user; in open
 * loop the arrival, which has one iteration only: number 0, whose first turns and draws are those
 * of user_init. */
struct pelt_turn {
    uint64_t who;
    uint64_t of;        /* users of the plan's peak, or its arrivals; above 0 */
    uint64_t turn;      /* how many it took before */
    uint64_t iteration; /* its number */
    uint64_t draw;      /* how many it took before in this iteration */
};

/* Random bits for what has no rows: of the turn's user, iteration and draw, and of nothing else. */
uint64_t pelt_feed_key(uint64_t seed, uint64_t number, const struct pelt_turn *turn);
/* Those that all turns have in common. */
uint64_t pelt_feed_common(uint64_t seed, uint64_t number);
uint64_t pelt_feed_mix(uint64_t key, uint64_t more);
/* False: unique, and no row is left. */
bool pelt_feed_row(const struct pelt_feed *feed, const struct pelt_turn *turn, uint64_t *row);

#endif
