/*
 * spool: see the header. The file:
 *
 *   head      a page: whose it is, what is acknowledged
 *   segments  1 MiB each: head (seq, used), then records (length, CRC, ID, message, to 8 bytes)
 *
 * Invariants, at any instruction at which the process may be killed: what lies below a segment's
 * `used` is whole, and IDs rise from record to record and from segment to segment in the order of
 * seq; a segment whose seq is 0 is free. The acknowledged ID is never above the true one.
 *
 * All of it may have been written by anybody: what is read back is checked.
 */
#include "pelt/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MAGIC      "peltSPL2"
#define HEAD_BYTES 4096
#define FIRST      HEAD_BYTES /* where segments begin */
#define FILE_MAX   (FIRST + PELT_SPOOL_SEGMENTS_MAX * PELT_SPOOL_SEGMENT_BYTES)

struct head {
    char magic[8];
    uint32_t segment_bytes; /* of who made it */
    struct pelt_spool_owner owner;
    _Atomic uint64_t acked_major, acked_minor;
    _Atomic uint64_t lost;
};

struct segment {
    _Atomic uint64_t seq;  /* 0: free; the newest has the highest */
    _Atomic uint64_t used; /* bytes of records */
    uint64_t unused[6];
};

struct record {
    uint32_t len, crc; /* of the message */
    uint64_t major, minor;
};

_Static_assert(sizeof(struct head) <= HEAD_BYTES, "the head is a page");
_Static_assert(sizeof(struct segment) == 64, "records begin behind it");
_Static_assert(sizeof(struct record) == 24, "and are aligned");

#define ROOM (PELT_SPOOL_SEGMENT_BYTES - sizeof(struct segment))
_Static_assert(ROOM >= sizeof(struct record) + PELT_SPOOL_MESSAGE_MAX, "each message fits");

struct place { /* of a record: in the order of segments, from its oldest */
    unsigned at;
    size_t offset;
};

struct pelt_spool {
    char *path;
    int fd;
    char *map;                               /* FILE_MAX of it, though the file may be shorter */
    unsigned made;                           /* segments in the file */
    unsigned order[PELT_SPOOL_SEGMENTS_MAX]; /* those in use, oldest first */
    unsigned in_use;
    uint64_t seq; /* of the newest */
    struct pelt_spool_id last, acked;
    uint64_t waiting;   /* bytes of messages above `acked` */
    struct place first; /* the first record above `acked` */
    struct place read;  /* behind the message that next() gave last */
    struct pelt_spool_id read_id;
};

static struct head *head_of(const struct pelt_spool *s)
{
    return (struct head *)s->map;
}

static struct segment *segment_at(const struct pelt_spool *s, unsigned i)
{
    return (struct segment *)(s->map + FIRST + i * PELT_SPOOL_SEGMENT_BYTES);
}

static size_t used_of(struct segment *g)
{
    return atomic_load_explicit(&g->used, memory_order_relaxed);
}

static struct record *record_at(struct segment *g, size_t offset)
{
    return (struct record *)((char *)(g + 1) + offset);
}

static size_t record_bytes(size_t len)
{
    return sizeof(struct record) + (len + 7) / 8 * 8;
}

static uint32_t crc_of(const struct record *r)
{
    uLong crc = crc32(0, (const unsigned char *)&r->major, 16);
    return (uint32_t)crc32(crc, (const unsigned char *)(r + 1), r->len);
}

static struct pelt_spool_id id_of(const struct record *r)
{
    return (struct pelt_spool_id){r->major, r->minor};
}

/* ---- opening ---- */

static struct pelt_spool *spool_new(const char *path)
{
    struct pelt_spool *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->fd = -1;
    s->map = MAP_FAILED;
    s->path = strdup(path);
    if (s->path == NULL) {
        pelt_spool_free(s);
        return NULL;
    }
    return s;
}

static enum pelt_status map_file(struct pelt_spool *s, struct pelt_error *err)
{
    s->map = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    return s->map != MAP_FAILED ? PELT_OK
                                : pelt_fail(err, PELT_EIO, "spool %s: cannot be mapped: %s",
                                            s->path, strerror(errno));
}

static bool extend(struct pelt_spool *s, size_t bytes)
{
    int error = posix_fallocate(s->fd, 0, (off_t)bytes);
    errno = error;
    return error == 0;
}

static enum pelt_status make(struct pelt_spool *s, const struct pelt_spool_owner *owner,
                             struct pelt_error *err)
{
    s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->fd < 0) {
        return pelt_fail(
            err, PELT_EINVAL, "spool %s: cannot be made: %s%s", s->path, strerror(errno),
            errno == EEXIST ? ": another worker's; end it, or take another folder" : "");
    }
    if (flock(s->fd, LOCK_EX | LOCK_NB) != 0 || !extend(s, FIRST + PELT_SPOOL_SEGMENT_BYTES)) {
        return pelt_fail(err, PELT_EIO, "spool %s: no room for it: %s", s->path, strerror(errno));
    }
    enum pelt_status status = map_file(s, err);
    if (status == PELT_OK) {
        struct head *h = head_of(s);
        h->segment_bytes = PELT_SPOOL_SEGMENT_BYTES;
        h->owner = *owner;
        memcpy(h->magic, MAGIC, sizeof h->magic);
        s->made = 1;
    }
    return status;
}

enum pelt_status pelt_spool_create(const char *path, const struct pelt_spool_owner *owner,
                                   struct pelt_spool **out, struct pelt_error *err)
{
    struct pelt_spool *s = spool_new(path);
    *out = NULL;
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = make(s, owner, err);
    if (status != PELT_OK) {
        if (s->fd >= 0) {
            pelt_spool_remove(s);
        } else {
            pelt_spool_free(s);
        }
        return status;
    }
    *out = s;
    return PELT_OK;
}

/* ---- recovering ---- */

static enum pelt_status broken(const struct pelt_spool *s, const char *why, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EPARSE, "spool %s: %s", s->path, why);
}

static enum pelt_status open_left(struct pelt_spool *s, struct pelt_error *err)
{
    struct stat st;
    s->fd = open(s->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        return pelt_fail(err, PELT_EINVAL, "spool %s: %s", s->path, strerror(errno));
    }
    if (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
        return pelt_fail(err, PELT_AGAIN, "spool %s: its worker still runs", s->path);
    }
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)FIRST || st.st_size > (off_t)FILE_MAX) {
        return broken(s, "no spool, by its size", err);
    }
    s->made = (unsigned)(((size_t)st.st_size - FIRST) / PELT_SPOOL_SEGMENT_BYTES);
    return map_file(s, err);
}

static enum pelt_status check_head(const struct pelt_spool *s, struct pelt_error *err)
{
    const struct head *h = head_of(s);
    const struct pelt_spool_owner *o = &h->owner;
    if (memcmp(h->magic, MAGIC, sizeof h->magic) != 0) {
        return broken(s, "no spool, by its head", err);
    }
    if (h->segment_bytes != PELT_SPOOL_SEGMENT_BYTES) {
        return broken(s, "of another version of pelt", err);
    }
    if (memchr(o->run, 0, sizeof o->run) == NULL || o->run[0] == '\0' ||
        memchr(o->incarnation, 0, sizeof o->incarnation) == NULL) {
        return broken(s, "does not say whose it is", err);
    }
    return PELT_OK;
}

/* The segments in use by their seq; false: two have one. */
static bool order_segments(struct pelt_spool *s)
{
    uint64_t seqs[PELT_SPOOL_SEGMENTS_MAX];
    for (unsigned i = 0; i < s->made; i++) {
        const uint64_t seq = atomic_load_explicit(&segment_at(s, i)->seq, memory_order_relaxed);
        unsigned at = s->in_use;
        if (seq == 0) {
            continue;
        }
        while (at > 0 && seqs[at - 1] > seq) {
            seqs[at] = seqs[at - 1];
            s->order[at] = s->order[at - 1];
            at--;
        }
        if (at > 0 && seqs[at - 1] == seq) {
            return false;
        }
        seqs[at] = seq;
        s->order[at] = i;
        s->in_use++;
    }
    s->seq = s->in_use > 0 ? seqs[s->in_use - 1] : 0;
    return s->seq < UINT64_MAX / 2;
}

/* The bytes of a segment's records up to the first that is none; `s->last` moves on. */
static size_t good_bytes(struct pelt_spool *s, struct segment *g)
{
    const size_t used = used_of(g) < ROOM ? used_of(g) : ROOM;
    size_t offset = 0;
    while (used - offset >= sizeof(struct record)) {
        const struct record *r = record_at(g, offset);
        if (r->len > PELT_SPOOL_MESSAGE_MAX || record_bytes(r->len) > used - offset ||
            pelt_spool_id_compare(id_of(r), s->last) <= 0 || crc_of(r) != r->crc) {
            break;
        }
        s->last = id_of(r);
        if (pelt_spool_id_compare(s->last, s->acked) > 0) {
            s->waiting += r->len;
        }
        offset += record_bytes(r->len);
    }
    return offset;
}

/* Cuts off what cannot be read (the host fell, or somebody wrote it), and counts that it was there.
 */
static void check_records(struct pelt_spool *s)
{
    for (unsigned at = 0; at < s->in_use; at++) {
        struct segment *g = segment_at(s, s->order[at]);
        const size_t good = good_bytes(s, g);
        if (good != used_of(g)) {
            atomic_store_explicit(&g->used, good, memory_order_relaxed);
            atomic_fetch_add_explicit(&head_of(s)->lost, 1, memory_order_relaxed);
        }
    }
}

static void skip_acked(struct pelt_spool *s);

static enum pelt_status recover(struct pelt_spool *s, struct pelt_error *err)
{
    enum pelt_status status = open_left(s, err);
    if (status == PELT_OK) {
        status = check_head(s, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    const struct head *h = head_of(s);
    s->acked.major = atomic_load_explicit(&h->acked_major, memory_order_relaxed);
    s->acked.minor = atomic_load_explicit(&h->acked_minor, memory_order_relaxed);
    if (!order_segments(s)) {
        return broken(s, "its segments are in no order", err);
    }
    check_records(s);
    skip_acked(s);
    s->read = s->first;
    s->read_id = s->acked;
    return PELT_OK;
}

enum pelt_status pelt_spool_recover(const char *path, struct pelt_spool **out,
                                    struct pelt_error *err)
{
    struct pelt_spool *s = spool_new(path);
    *out = NULL;
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = recover(s, err);
    if (status != PELT_OK) {
        pelt_spool_free(s);
        return status;
    }
    *out = s;
    return PELT_OK;
}

void pelt_spool_free(struct pelt_spool *s)
{
    if (s == NULL) {
        return;
    }
    if (s->map != MAP_FAILED) {
        munmap(s->map, FILE_MAX);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->path);
    free(s);
}

void pelt_spool_remove(struct pelt_spool *s)
{
    if (s != NULL) {
        unlink(s->path);
    }
    pelt_spool_free(s);
}

/* ---- adding ---- */

/* A segment that is free, made if need be; -1: none, and no room for one. */
static int free_segment(struct pelt_spool *s)
{
    for (unsigned i = 0; i < s->made; i++) {
        if (atomic_load_explicit(&segment_at(s, i)->seq, memory_order_relaxed) == 0) {
            return (int)i;
        }
    }
    if (s->made == PELT_SPOOL_SEGMENTS_MAX ||
        !extend(s, FIRST + (s->made + 1) * PELT_SPOOL_SEGMENT_BYTES)) {
        return -1;
    }
    return (int)s->made++;
}

/* The segment that has room for a record; NULL: none. */
static struct segment *segment_for(struct pelt_spool *s, size_t bytes)
{
    struct segment *g = s->in_use > 0 ? segment_at(s, s->order[s->in_use - 1]) : NULL;
    if (g != NULL && ROOM - used_of(g) >= bytes) {
        return g;
    }
    int free = free_segment(s);
    if (free < 0) {
        return NULL;
    }
    g = segment_at(s, (unsigned)free);
    atomic_store_explicit(&g->used, 0, memory_order_relaxed);
    atomic_store_explicit(&g->seq, ++s->seq, memory_order_release);
    s->order[s->in_use++] = (unsigned)free;
    return g;
}

enum pelt_status pelt_spool_add(struct pelt_spool *s, struct pelt_spool_id id,
                                struct pelt_span message)
{
    assert(pelt_spool_id_compare(id, s->last) > 0);
    assert(message.len <= PELT_SPOOL_MESSAGE_MAX);
    struct segment *g = segment_for(s, record_bytes(message.len));
    if (g == NULL) {
        atomic_fetch_add_explicit(&head_of(s)->lost, 1, memory_order_relaxed);
        return PELT_ELIMIT;
    }
    struct record *r = record_at(g, used_of(g));
    *r = (struct record){.len = (uint32_t)message.len, .major = id.major, .minor = id.minor};
    memcpy(r + 1, message.ptr, message.len);
    r->crc = crc_of(r);
    /* Release: a process that finds this one killed sees the record before its length. */
    atomic_store_explicit(&g->used, used_of(g) + record_bytes(message.len), memory_order_release);
    s->last = id;
    s->waiting += message.len;
    return PELT_OK;
}

/* ---- acknowledging ---- */

/* Goes over the end of a segment where there is a next one. */
static void settle(const struct pelt_spool *s, struct place *p)
{
    while (p->at + 1 < s->in_use && p->offset >= used_of(segment_at(s, s->order[p->at]))) {
        p->at++;
        p->offset = 0;
    }
}

/* The record there; NULL: behind the last. */
static struct record *record_of(const struct pelt_spool *s, struct place *p)
{
    settle(s, p);
    if (p->at >= s->in_use) {
        return NULL;
    }
    struct segment *g = segment_at(s, s->order[p->at]);
    return p->offset < used_of(g) ? record_at(g, p->offset) : NULL;
}

static void move_down(struct place *p, unsigned segments)
{
    if (p->at < segments) {
        *p = (struct place){0, 0};
    } else {
        p->at -= segments;
    }
}

/* Frees the oldest segments, which nobody needs. */
static void free_oldest(struct pelt_spool *s, unsigned segments)
{
    for (unsigned i = 0; i < segments; i++) {
        atomic_store_explicit(&segment_at(s, s->order[i])->seq, 0, memory_order_release);
    }
    memmove(s->order, s->order + segments, (s->in_use - segments) * sizeof s->order[0]);
    s->in_use -= segments;
    move_down(&s->first, segments);
    move_down(&s->read, segments);
}

static void skip_acked(struct pelt_spool *s)
{
    const struct record *r;
    while ((r = record_of(s, &s->first)) != NULL &&
           pelt_spool_id_compare(id_of(r), s->acked) <= 0) {
        s->first.offset += record_bytes(r->len);
    }
    if (s->first.at > 0) {
        free_oldest(s, s->first.at);
    }
}

/* What skip_acked() will pass, no longer waits. */
static void count_acked(struct pelt_spool *s)
{
    struct place p = s->first;
    const struct record *r;
    while ((r = record_of(s, &p)) != NULL && pelt_spool_id_compare(id_of(r), s->acked) <= 0) {
        s->waiting -= r->len;
        p.offset += record_bytes(r->len);
    }
}

void pelt_spool_ack(struct pelt_spool *s, struct pelt_spool_id id)
{
    struct head *h = head_of(s);
    if (pelt_spool_id_compare(id, s->acked) <= 0) {
        return;
    }
    s->acked = id;
    /* In this order none of the IDs in between is above the new one. */
    atomic_store_explicit(&h->acked_minor, 0, memory_order_seq_cst);
    atomic_store_explicit(&h->acked_major, id.major, memory_order_seq_cst);
    atomic_store_explicit(&h->acked_minor, id.minor, memory_order_seq_cst);
    count_acked(s);
    skip_acked(s);
}

/* ---- questions ---- */

const struct pelt_spool_owner *pelt_spool_owner(const struct pelt_spool *s)
{
    return &head_of(s)->owner;
}

struct pelt_spool_id pelt_spool_acked(const struct pelt_spool *s)
{
    return s->acked;
}

struct pelt_spool_id pelt_spool_last(const struct pelt_spool *s)
{
    return s->last;
}

uint64_t pelt_spool_lost(const struct pelt_spool *s)
{
    return atomic_load_explicit(&head_of(s)->lost, memory_order_relaxed);
}

uint64_t pelt_spool_bytes(const struct pelt_spool *s)
{
    return s->waiting;
}

bool pelt_spool_next(struct pelt_spool *s, struct pelt_spool_id after, struct pelt_spool_id *id,
                     struct pelt_span *message)
{
    if (pelt_spool_id_compare(after, s->read_id) != 0 ||
        pelt_spool_id_compare(s->read_id, s->acked) < 0) {
        s->read = s->first;
    }
    for (const struct record *r; (r = record_of(s, &s->read)) != NULL;) {
        s->read.offset += record_bytes(r->len);
        s->read_id = id_of(r);
        if (pelt_spool_id_compare(s->read_id, after) > 0 &&
            pelt_spool_id_compare(s->read_id, s->acked) > 0) {
            *id = s->read_id;
            *message = pelt_span((const char *)(r + 1), r->len);
            return true;
        }
    }
    return false;
}
