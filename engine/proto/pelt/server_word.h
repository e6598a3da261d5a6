/*
 * server_word: what an answer says of itself in its fields: the server's own time (Server-Timing)
 * and what caches did (Cache-Status, X-Cache-Status, X-Cache, CF-Cache-Status, Age).
 *
 * Server time is the duration of the entry named "total", the last one if there are several; else
 * the sum of all durations. Of fields about caches the first of this list that says something
 * decides: Cache-Status, X-Cache-Status, X-Cache, CF-Cache-Status; without any, an Age above 0 is a
 * hit, and one of 0 a miss.
 *
 * Bytes in, spans into them out; no heap. Thread: any.
 */
#ifndef PELT_SERVER_WORD_H
#define PELT_SERVER_WORD_H

#include "pelt/cache_status.h"
#include "pelt/server_timing.h"

#define PELT_SERVER_WORD_ENTRIES 32 /* of Server-Timing; further ones are left out */

enum pelt_server_word_about { PELT_ABOUT_TIMING = 1, PELT_ABOUT_CACHE = 2 };

struct pelt_server_word {
    struct pelt_server_timing entry[PELT_SERVER_WORD_ENTRIES];
    size_t entries;
    bool timed;                                             /* some entry has a duration */
    uint64_t server_us;                                     /* of use if timed */
    enum pelt_cache_result cache;                           /* of the whole chain */
    const char *cache_field;                                /* that decided; NULL: none */
    struct pelt_cache_status member[PELT_CACHE_STATUS_MAX]; /* of Cache-Status */
    size_t members;
    bool aged;
    uint32_t age_s; /* of use if aged */
};

/* Reads what `about` (bits) asks for from a head, and from the fields of a trailer ("Name: value"
 * lines; empty: none). */
void pelt_server_word_read(struct pelt_server_word *word, unsigned about, struct pelt_span head,
                           struct pelt_span trailer);
/* Reads the value of a Server-Timing that came otherwise: in the last comment of a stream, say. */
void pelt_server_word_read_timing(struct pelt_server_word *word, struct pelt_span value);
/* Which of these fields the head has, as bits. */
unsigned pelt_server_word_find(struct pelt_span head);

#endif
