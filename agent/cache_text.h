/*
 * cache_text: samples from the lines of the text formats that servers have: one function a format,
 * a line at a time, no state, no memory. Whatever a line holds, at most one sample comes of it; a
 * line that does not follow its format has none.
 *
 *   prometheus   name{label="value"} 12 [timestamp]     "# TYPE name counter" declares a name
 *   redis INFO   name:12
 *   memcached    STAT name 12
 *   squid        name = 12
 *   statsd       name:12|c|@0.1                          c, ms and h count, g sets (signed:
 * changes) nginx log    ... "HIT"                               the word of a field, counted one
 */
#ifndef AGENT_CACHE_TEXT_H
#define AGENT_CACHE_TEXT_H

#include "cache_sample.h"

typedef bool (*cache_text_fn)(struct pelt_span line, cache_sample_fn fn, void *arg);

/* `line` has no end of line. False: it does not follow the format (blank lines and comments do). */
bool cache_text_prometheus(struct pelt_span line, cache_sample_fn fn, void *arg);
bool cache_text_redis(struct pelt_span line, cache_sample_fn fn, void *arg);
bool cache_text_memcached(struct pelt_span line, cache_sample_fn fn, void *arg);
bool cache_text_squid(struct pelt_span line, cache_sample_fn fn, void *arg);
/* One of a datagram's lines. Counts and times are divided by the rate they were sampled with; sets
 * ("s") are left out. */
bool cache_text_statsd(struct pelt_span line, cache_sample_fn fn, void *arg);

/*
 * The cache status in a line of a log: the last word of capitals in its field number `field` (1:
 * the first; -1: the last, -2 ...; fields are parted by blanks, "..." and [...] hold them
 * together). The sample is that word, counted one. A request that asked no cache ("-") has none.
 * False: what stands there is neither.
 */
bool cache_text_nginx(struct pelt_span line, int field, cache_sample_fn fn, void *arg);

/* Walks the labels of a sample: *pos starts at 0; values are as written, with their escapes. */
bool cache_text_label(struct pelt_span labels, size_t *pos, struct pelt_span *name,
                      struct pelt_span *value);
/* A label's value as written is this text. */
bool cache_text_label_is(struct pelt_span value, struct pelt_span text);

#endif
