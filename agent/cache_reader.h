/*
 * cache_reader: what comes back on a connection to a server, read in the server's protocol: HTTP
 * (a metrics page), RESP (redis), memcached's text. Bytes in, samples out; no socket, no clock.
 *
 * What a server sends is untrusted: all that is kept of it has a fixed size, at most
 * CACHE_ANSWER_MAX bytes of an answer are read, and what does not follow the protocol ends it.
 *
 *   begin -> feed (MORE)* -> DONE | LAST | BAD | NEVER        eof instead of a feed
 *
 * Storage: made by its new with all it needs; nothing is allocated behind it. Thread: the owner's.
 */
#ifndef AGENT_CACHE_READER_H
#define AGENT_CACHE_READER_H

#include <stddef.h>

#include "cache_sample.h"
#include "cache_text.h"

struct cache_reader;

#define CACHE_ANSWER_MAX (4u << 20) /* bytes of one answer */

/* A sample of redis' and memcached's readers: another number is another run of the server. No
 * server's name has a '/'. */
#define CACHE_READER_RUN "/run"

enum cache_answer {
    CACHE_MORE,  /* all bytes used, the answer goes on */
    CACHE_DONE,  /* the answer is complete, the connection may be used again */
    CACHE_LAST,  /* it is complete, and the connection is not to be used again */
    CACHE_BAD,   /* it is none; try again another time */
    CACHE_NEVER, /* it is none, and asking again makes no sense: this is no page of metrics */
};

struct cache_reader_ops {
    void (*begin)(struct cache_reader *r);
    enum cache_answer (*feed)(struct cache_reader *r, const char *bytes, size_t len);
    enum cache_answer (*eof)(struct cache_reader *r); /* the server ended the connection */
};

struct cache_reader {
    const struct cache_reader_ops *ops;
    cache_sample_fn fn; /* called for each sample, also of answers that turn out to be BAD */
    void *arg;
    char why[160]; /* behind BAD and NEVER */
};

/* NULL: out of memory. `format`: of the lines of the page. */
struct cache_reader *cache_http_new(cache_text_fn format);
/* `replies`: how many bulk strings the request is answered with (AUTH's +OK is none). */
struct cache_reader *cache_redis_new(unsigned replies);
struct cache_reader *cache_memcached_new(void);
void cache_reader_free(struct cache_reader *r); /* accepts NULL */

#endif
