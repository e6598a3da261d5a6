/*
 * cache_sample: one named number as a server says it, whatever the format: a line of a metrics
 * page, of redis' INFO, of memcached's stats, of a statsd datagram, a word of a log. Readers of
 * formats make them, cache_gather takes them.
 */
#ifndef AGENT_CACHE_SAMPLE_H
#define AGENT_CACHE_SAMPLE_H

#include <stdbool.h>

#include "pelt/buf.h"

enum cache_sample_how {
    CACHE_PART,     /* the value as it is now; those of one name in one answer add up */
    CACHE_SET,      /* the value as it is now, instead of the one before */
    CACHE_ADD,      /* so much more than before */
    CACHE_DECLARED, /* the name is known, but has no value so far */
};

struct cache_sample { /* all borrowed until the callback returns */
    enum cache_sample_how how;
    struct pelt_span name;
    struct pelt_span labels; /* what stands between the braces; empty: none */
    struct pelt_span text;   /* the number as it is written; empty: `number` has it */
    double number;
};

typedef void (*cache_sample_fn)(void *arg, const struct cache_sample *sample);

/* Reads a number that fills all of `text` ("12", "1.5e+09", "NaN", "+Inf"; at most 63 bytes;
 * none in hexadecimal). False: it is none. */
bool cache_number(struct pelt_span text, double *number);

#endif
