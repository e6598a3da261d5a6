/*
 * cache_log: a log that another program appends to: read from where it ended when we began, by
 * pread. Rotation is noticed each time it is looked at: behind a name that leads to another file
 * the old one is read to its end, then the new one from its start. A file that is shorter than what
 * was read, or has other bytes at its end (copytruncate, and it has grown since), begins anew.
 *
 * Lines are untrusted: clients choose what stands in most of their fields.
 */
#include "cache_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache_lines.h"
#include "cache_text.h"

#define ROOM    16384
#define AT_ONCE (4u << 20) /* bytes a look */
#define TAIL    64         /* bytes that tell a file from one that was cut and has grown again */

struct growing_log {
    struct cache_source base;
    char *path;
    int field;
    int fd; /* -1: there is none now */
    ino_t inode;
    dev_t device;
    off_t at;        /* read so far */
    char tail[TAIL]; /* the last bytes before `at` */
    size_t tail_len;
    bool had_one;  /* the next file is read from its start */
    uint64_t good; /* lines whose field says what became of a lookup, or that there was none */
    uint64_t bad;
    char bad_line[60]; /* the first */
    char why[160];
    struct cache_lines lines;
};

static void on_line(void *arg, struct pelt_span line)
{
    struct growing_log *g = arg;

    if (cache_text_nginx(line, g->field, cache_gather_take, g->base.gather)) {
        g->good++;
        return;
    }
    if (g->bad++ == 0) {
        size_t from = g->field < 0 && line.len > 50 ? line.len - 50 : 0;
        snprintf(g->bad_line, sizeof g->bad_line, "%.*s",
                 (int)(line.len - from < 50 ? line.len - from : 50), line.ptr + from);
        for (char *c = g->bad_line; *c; c++) {
            *c = *c < ' ' || *c > '~' ? '?' : *c;
        }
    }
    cache_source_tell(&g->base, CACHE_OWN_BAD, CACHE_ADD, 1);
}

static void close_log(struct growing_log *g)
{
    if (g->fd >= 0) {
        close(g->fd);
    }
    g->fd = -1;
    cache_lines_reset(&g->lines);
}

/* These bytes were read last. */
static void keep_tail(struct growing_log *g, const char *bytes, size_t len)
{
    const size_t taken = len < TAIL ? len : TAIL;
    const size_t kept = g->tail_len < TAIL - taken ? g->tail_len : TAIL - taken;

    memmove(g->tail, g->tail + g->tail_len - kept, kept);
    memcpy(g->tail + kept, bytes + len - taken, taken);
    g->tail_len = kept + taken;
}

/* What is before `at` is as good as read. */
static void begin_at(struct growing_log *g, off_t at)
{
    char bytes[TAIL];
    const size_t len = at < TAIL ? (size_t)at : TAIL;

    g->at = at;
    g->tail_len = 0;
    if (len > 0 && pread(g->fd, bytes, len, at - (off_t)len) == (ssize_t)len) {
        keep_tail(g, bytes, len);
    }
}

/* What was read is no longer in the file. */
static bool is_cut(const struct growing_log *g)
{
    char bytes[TAIL];
    ssize_t n = pread(g->fd, bytes, g->tail_len, g->at - (off_t)g->tail_len);

    return n >= 0 && ((size_t)n < g->tail_len || memcmp(bytes, g->tail, g->tail_len) != 0);
}

/* 0 or errno. The first file is read from its end. */
static int open_log(struct growing_log *g)
{
    struct stat st;

    g->fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (g->fd < 0) {
        return errno;
    }
    int error = fstat(g->fd, &st) < 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
    if (error != 0) {
        close_log(g);
        return error;
    }
    g->inode = st.st_ino;
    g->device = st.st_dev;
    begin_at(g, g->had_one ? 0 : st.st_size);
    g->had_one = true;
    return 0;
}

/* What was appended, at most AT_ONCE bytes of it. True: all. */
static bool read_on(struct growing_log *g)
{
    char bytes[ROOM];

    for (size_t taken = 0; taken < AT_ONCE;) {
        ssize_t n = pread(g->fd, bytes, sizeof bytes, g->at);
        if (n <= 0) {
            return true;
        }
        cache_lines_feed(&g->lines, bytes, (size_t)n);
        keep_tail(g, bytes, (size_t)n);
        g->at += n;
        taken += (size_t)n;
    }
    return false;
}

/* The name leads to another file now. */
static bool is_rotated(const struct growing_log *g)
{
    struct stat st;

    return stat(g->path, &st) == 0 && (st.st_ino != g->inode || st.st_dev != g->device);
}

static void look(struct growing_log *g)
{
    if (is_cut(g)) {
        begin_at(g, 0);
        cache_lines_reset(&g->lines);
    }
    /* Whether it was rotated is asked before it is read: what was written in between is not lost.
     */
    bool rotated = is_rotated(g);
    if (!read_on(g) || !rotated) {
        return;
    }
    cache_lines_end(&g->lines);
    close_log(g);
    if (open_log(g) == 0) {
        read_on(g);
    }
}

static void answer(struct growing_log *g, int error)
{
    if (error != 0) {
        snprintf(g->why, sizeof g->why, "%s", error == EINVAL ? "it is no file" : strerror(error));
        g->base.on_answer(&g->base, CACHE_UNREACHABLE, g->why);
    } else if (g->good == 0 && g->bad > 0) {
        snprintf(g->why, sizeof g->why,
                 "field %d is no $upstream_cache_status: give #field=NUMBER (%s)", g->field,
                 g->bad_line);
        g->base.on_answer(&g->base, CACHE_REFUSED, g->why);
    } else {
        g->base.on_answer(&g->base, CACHE_READ, NULL);
    }
}

static void ask(struct cache_source *base, uint64_t timeout_ns)
{
    struct growing_log *g = (struct growing_log *)base;
    int error = g->fd < 0 ? open_log(g) : 0;

    if (error == 0) {
        look(g);
    }
    answer(g, g->fd < 0 && error == 0 ? ENOENT : error);
}

static void free_log(struct cache_source *base)
{
    struct growing_log *g = (struct growing_log *)base;

    close_log(g);
    free(g->path);
    free(g);
}

static const struct cache_source_ops ops = {NULL, ask, free_log};

enum pelt_status cache_log_new(const struct cache_wish *wish, struct ev_loop *loop,
                               struct cache_source **out, struct pelt_error *err)
{
    struct growing_log *g = calloc(1, sizeof *g);

    *out = NULL;
    if (!g) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    g->fd = -1;
    g->field = wish->field;
    g->lines.on_line = on_line;
    g->lines.arg = g;
    g->path = strdup(wish->path);
    enum pelt_status status = cache_source_init(&g->base, &ops, wish, loop, err);
    if (status == PELT_OK && !g->path) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status != PELT_OK) {
        cache_source_free(&g->base);
        return status;
    }
    /* A log that is not there yet may come: all of it is new then. */
    g->had_one = open_log(g) == ENOENT || g->had_one;
    *out = &g->base;
    return PELT_OK;
}
