/*
 * bus: one connection to the Redis (7.0 or later) or Valkey that carries a run of many hosts:
 * requests of one thread, several at a time (pipelined), answered in their order, each wait
 * bounded. Protocol by hiredis' reader, bytes by net's transports (TLS 1.2 and above).
 *
 *   new (checks options) -> ensure -> put ... put -> flush -> took ... took -> ... -> free
 *
 * Nothing is sent twice by itself: where the connection breaks, flush says so, and whoever asked
 * knows what may be asked again. ensure() connects anew, after waits of 100 ms to 2 s that double
 * and are drawn at random, so that many hosts do not come back at once.
 *
 * Answers are untrusted: their depth, lengths and sum are bounded.
 *
 * Thread: one at a time. Storage: new/free. Times: nanoseconds of the monotonic clock.
 */
#ifndef PELT_BUS_H
#define PELT_BUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_BUS_CONNECT_NS  UINT64_C(5000000000) /* unless told otherwise */
#define PELT_BUS_COMMAND_NS  UINT64_C(5000000000) /* likewise: a flush without any progress */
#define PELT_BUS_BACKOFF_MIN UINT64_C(100000000)
#define PELT_BUS_BACKOFF_MAX UINT64_C(2000000000)
#define PELT_BUS_REPLY_MAX   ((size_t)128 << 20) /* bytes of all answers of a flush */
#define PELT_BUS_ITEMS_MAX   ((size_t)1 << 20)   /* items in a list */
#define PELT_BUS_PENDING_MAX 16384               /* commands of a flush: one a slot, and more */

#define PELT_BUS_PASSWORD_ENV "PELT_BUS_PASSWORD"

struct pelt_bus_options { /* texts are copied; files are read by pelt_bus_new() */
    const char *url;      /* see pelt/bus_url.h */
    /* Whose first line is the password; NULL: PELT_BUS_PASSWORD of the environment, then the URL's
     */
    const char *password_file;
    const char *ca;       /* rediss: PEM file, the only CAs trusted; NULL: the system's */
    const char *cert;     /* client certificate (PEM); NULL: none */
    const char *key;      /* its key; NULL: in `cert` */
    bool plaintext;       /* redis:// to another host than this one is meant so */
    uint64_t connect_ns;  /* 0: PELT_BUS_CONNECT_NS */
    uint64_t command_ns;  /* 0: PELT_BUS_COMMAND_NS */
    size_t reply_max;     /* bytes of all answers of a flush; 0: PELT_BUS_REPLY_MAX */
    const char *password; /* for tests and who has it in memory; before all others; NULL: none */
    atomic_bool *cancel;  /* borrowed; once true each wait ends within 0.1 s with PELT_ESTOPPED;
                             NULL: none */
};

struct pelt_bus;

/* Checks all options and reads the files; nothing is sent. PELT_EINVAL: one line (exit 2), also
 * for plaintext to another host without `plaintext`. */
PELT_MUST_USE enum pelt_status pelt_bus_new(const struct pelt_bus_options *options,
                                            struct pelt_bus **out, struct pelt_error *err);
void pelt_bus_free(struct pelt_bus *bus); /* closes; accepts NULL */

/*
 * Connects now, whatever the backoff. PELT_EIO: it cannot be reached, or went away. PELT_EINVAL:
 * what answers is no Redis, is too old, refuses user or password, or its certificate is not trusted
 * (then nothing of ours was sent): waiting does not help. PELT_ESTOPPED: cancelled.
 */
PELT_MUST_USE enum pelt_status pelt_bus_connect(struct pelt_bus *bus, struct pelt_error *err);
/* PELT_OK if it stands; else connects if it is time. PELT_AGAIN: it is not: see pelt_bus_wait_ns.
 * Other answers are connect's. */
PELT_MUST_USE enum pelt_status pelt_bus_ensure(struct pelt_bus *bus, struct pelt_error *err);
bool pelt_bus_up(const struct pelt_bus *bus);
/* How long until ensure() would try; 0: at once. */
uint64_t pelt_bus_wait_ns(const struct pelt_bus *bus);
/* Ends the connection, as a failure would; what was put is dropped. */
void pelt_bus_close(struct pelt_bus *bus);
/* How often it was connected so far. One that changed: others may have been answered meanwhile, and
 * Redis may be an empty one. */
uint64_t pelt_bus_connects(const struct pelt_bus *bus);
const char *pelt_bus_text(const struct pelt_bus *bus);    /* URL without password */
const char *pelt_bus_version(const struct pelt_bus *bus); /* "redis 7.0.15", once connected */
/* Of the fastest answer of a flush of one command that did not block; UINT64_MAX: none so far. */
uint64_t pelt_bus_rtt_ns(const struct pelt_bus *bus);
/* What went over the wire so far, both directions, TLS' own left out. */
uint64_t pelt_bus_bytes_sent(const struct pelt_bus *bus);
uint64_t pelt_bus_bytes_received(const struct pelt_bus *bus);

/* ---- several commands at once ----
 *
 * put: adds a command and returns its number, from 0; nothing is sent. It cannot fail: want of
 * memory or too many commands are told by flush. flush: sends all, waits for all answers. took:
 * reads one of them, until the next put. */

struct pelt_bus_id { /* of a stream's entry: "major-minor" */
    uint64_t major, minor;
};
static inline int pelt_bus_id_compare(struct pelt_bus_id a, struct pelt_bus_id b)
{
    return a.major != b.major ? (a.major > b.major) - (a.major < b.major)
                              : (a.minor > b.minor) - (a.minor < b.minor);
}
#define PELT_BUS_ID_TEXT 44
void pelt_bus_id_format(struct pelt_bus_id id, char out[PELT_BUS_ID_TEXT]);
/* False: not "number-number". */
bool pelt_bus_id_parse(struct pelt_span text, struct pelt_bus_id *out);

enum pelt_bus_kind {
    PELT_BUS_NIL,
    PELT_BUS_INTEGER,
    PELT_BUS_TEXT, /* bulk strings and statuses */
    PELT_BUS_ERROR,
    PELT_BUS_LIST,
};
struct pelt_bus_reply {
    enum pelt_bus_kind kind;
    int64_t integer;
    struct pelt_span text; /* TEXT, ERROR; NUL-terminated */
    struct pelt_bus_reply **item;
    size_t len; /* LIST; its items are never NULL */
};

size_t pelt_bus_put(struct pelt_bus *bus, const struct pelt_span *words, size_t len);
/* XADD with this ID, one field "m". */
size_t pelt_bus_put_xadd(struct pelt_bus *bus, const char *key, struct pelt_bus_id id,
                         struct pelt_span message);
/* XADD with an ID of Redis' own, after all others. */
size_t pelt_bus_put_xadd_next(struct pelt_bus *bus, const char *key, struct pelt_span message);
size_t pelt_bus_put_get(struct pelt_bus *bus, const char *key);
/* SET with a time to live; px_ms 0: none. */
size_t pelt_bus_put_set(struct pelt_bus *bus, const char *key, struct pelt_span value,
                        uint64_t px_ms);
/* XINFO STREAM, for pelt_bus_took_last_id(). */
size_t pelt_bus_put_last_id(struct pelt_bus *bus, const char *key);
/* XTRIM MINID: entries below `least` go. */
size_t pelt_bus_put_xtrim(struct pelt_bus *bus, const char *key, struct pelt_bus_id least);
size_t pelt_bus_put_hset(struct pelt_bus *bus, const char *key, struct pelt_span field,
                         struct pelt_span value);
size_t pelt_bus_put_hget(struct pelt_bus *bus, const char *key, struct pelt_span field);
size_t pelt_bus_put_incr(struct pelt_bus *bus, const char *key, int64_t by);
size_t pelt_bus_put_rpush(struct pelt_bus *bus, const char *key, struct pelt_span value);
size_t pelt_bus_put_lpop(struct pelt_bus *bus, const char *key);
size_t pelt_bus_put_llen(struct pelt_bus *bus, const char *key);
/* MEMORY USAGE: bytes, estimated by some of its items; nil: no such key. */
size_t pelt_bus_put_memory(struct pelt_bus *bus, const char *key);
/* The key goes `after_s` seconds from now; 0: at once. */
size_t pelt_bus_put_expire(struct pelt_bus *bus, const char *key, uint64_t after_s);

/*
 * PELT_OK: all were answered, some perhaps by an error. PELT_EIO: the connection is gone; what of
 * the commands was done is unknown. PELT_ELIMIT: an answer beyond the bounds, PELT_EPARSE: no
 * answer of a Redis: the connection was closed. PELT_ENOMEM, PELT_ESTOPPED. Nothing put: PELT_OK.
 */
PELT_MUST_USE enum pelt_status pelt_bus_flush(struct pelt_bus *bus, struct pelt_error *err);
const struct pelt_bus_reply *pelt_bus_reply(const struct pelt_bus *bus, size_t i);

/* Each: PELT_EINVAL if Redis answered by an error (told with its words) or by something else than
 * it should. */
PELT_MUST_USE enum pelt_status pelt_bus_took(const struct pelt_bus *bus, size_t i,
                                             struct pelt_error *err); /* any answer but an error */
PELT_MUST_USE enum pelt_status pelt_bus_took_integer(const struct pelt_bus *bus, size_t i,
                                                     int64_t *out, struct pelt_error *err);
/* Borrowed until the next put. PELT_ENOTFOUND: nil. */
PELT_MUST_USE enum pelt_status pelt_bus_took_text(const struct pelt_bus *bus, size_t i,
                                                  struct pelt_span *out, struct pelt_error *err);
/* Of put_xadd. *there: the stream has an entry of this ID or a later one already, so nothing was
 * added. */
PELT_MUST_USE enum pelt_status pelt_bus_took_xadd(const struct pelt_bus *bus, size_t i, bool *there,
                                                  struct pelt_error *err);
/* The stream's newest ID, whether its entry is still there or not. PELT_ENOTFOUND: no stream. */
PELT_MUST_USE enum pelt_status pelt_bus_took_last_id(const struct pelt_bus *bus, size_t i,
                                                     struct pelt_bus_id *out,
                                                     struct pelt_error *err);

/* ---- one command, put, flushed and taken; nothing else may be put ---- */

PELT_MUST_USE enum pelt_status pelt_bus_xadd(struct pelt_bus *bus, const char *key,
                                             struct pelt_bus_id id, struct pelt_span message,
                                             bool *there, struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_bus_xadd_next(struct pelt_bus *bus, const char *key,
                                                  struct pelt_span message, struct pelt_bus_id *id,
                                                  struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_bus_last_id(struct pelt_bus *bus, const char *key,
                                                struct pelt_bus_id *out, struct pelt_error *err);
/* *set: it was not there before. */
PELT_MUST_USE enum pelt_status pelt_bus_set_new(struct pelt_bus *bus, const char *key,
                                                struct pelt_span value, uint64_t px_ms, bool *set,
                                                struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_bus_set(struct pelt_bus *bus, const char *key,
                                            struct pelt_span value, uint64_t px_ms,
                                            struct pelt_error *err);
/* Borrowed until the next put. PELT_ENOTFOUND: no such key. */
PELT_MUST_USE enum pelt_status pelt_bus_get(struct pelt_bus *bus, const char *key,
                                            struct pelt_span *out, struct pelt_error *err);
/* The same, and the key's time to live is px_ms from now on. */
PELT_MUST_USE enum pelt_status pelt_bus_get_keep(struct pelt_bus *bus, const char *key,
                                                 uint64_t px_ms, struct pelt_span *out,
                                                 struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_bus_hset(struct pelt_bus *bus, const char *key,
                                             struct pelt_span field, struct pelt_span value,
                                             struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_bus_hget(struct pelt_bus *bus, const char *key,
                                             struct pelt_span field, struct pelt_span *out,
                                             struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_bus_incr(struct pelt_bus *bus, const char *key, int64_t by,
                                             int64_t *out, struct pelt_error *err);
/* Redis' clock, ns since 1970 in steps of a microsecond, with our clock before and after. */
PELT_MUST_USE enum pelt_status pelt_bus_time(struct pelt_bus *bus, uint64_t *server_ns,
                                             uint64_t *sent_ns, uint64_t *received_ns,
                                             struct pelt_error *err);

/* ---- reading streams ---- */

struct pelt_bus_stream { /* the caller's */
    const char *key;
    struct pelt_bus_id last; /* of the newest entry that was given; 0-0: from the beginning. A
                                stream that is made anew (FLUSHALL) is read on above it. */
    /* An entry above `last` is beyond what an answer may be: nobody who wrote it meant well. The
     * stream is left out until the caller clears this. */
    bool refused;
};
struct pelt_bus_entry { /* borrowed until the callback returns */
    size_t stream;      /* index in `streams` */
    struct pelt_bus_id id;
    struct pelt_bus_id before; /* the stream's `last` until then, for who will not have this one */
    struct pelt_span message;  /* of its field "m"; ptr NULL: it is no message of ours */
};
/* May not use the bus, but set its stream's `last` back and `refused`. */
typedef void (*pelt_bus_entry_fn)(void *arg, const struct pelt_bus_entry *entry);

/*
 * XREAD of all streams from their `last` on, which moves on with each entry given: at most
 * `most_each` of each stream (at least 1). With nothing there it waits up to block_ms (0: not at
 * all; nor where all streams are refused). PELT_AGAIN: nothing came. Other answers: as flush; what
 * was given by then counts.
 */
PELT_MUST_USE enum pelt_status pelt_bus_xread(struct pelt_bus *bus, struct pelt_bus_stream *streams,
                                              size_t len, unsigned most_each, unsigned block_ms,
                                              pelt_bus_entry_fn fn, void *arg,
                                              struct pelt_error *err);

#endif
