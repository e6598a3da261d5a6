/*
 * procfile: a file of /proc, /sys or a cgroup, held open and read again by pread; and reading the
 * numbers in such a text.
 *
 * The kernel makes some of these texts in a buffer of the size that is asked for (a read of a
 * sysctl by 1 MiB costs twenty times one by 128 bytes), so ask for as much as can come, no more.
 *
 * The parsers take any bytes: they fail on what is not what they expect, and never read behind
 * `len`. A number larger than its type is no number.
 *
 * Storage: the caller's, no heap. Thread: any, one at a time.
 */
#ifndef AGENT_PROCFILE_H
#define AGENT_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "figure.h"

#define PROCFILE_PATH 1024 /* bytes of a path with its end; a longer one is ENAMETOOLONG */

struct procfile {
    int fd;    /* -1: not open */
    int error; /* errno, where it is not open or the last read failed; else 0 */
};

#define PROCFILE_NONE ((struct procfile){.fd = -1})

/* `root` goes before `path`, which is absolute. False: see `error`. */
bool procfile_open(struct procfile *f, const char *root, const char *path);
/* `name` below the folder that `dir` is. */
bool procfile_open_at(struct procfile *f, int dir, const char *name);
void procfile_close(struct procfile *f);
/* The file's text from its begin, of at most size - 1 bytes, and a NUL behind it. False: see
 * `error`, and `buf` is "". */
bool procfile_read(struct procfile *f, char *buf, size_t size, size_t *len);
/* open_at, read and close in one, for what is read seldom. Returns 0 or errno. */
int procfile_once(int dir, const char *name, char *buf, size_t size, size_t *len);
/* The same of an absolute path below `root`. */
int procfile_once_in(const char *root, const char *path, char *buf, size_t size, size_t *len);
/* All of a file, at most `max` bytes, with a NUL behind it; the caller frees it. NULL: errno tells.
 * For what is read once, at the start. */
char *procfile_whole(const char *root, const char *path, size_t max, size_t *len);

/* Says of the figure that `path` cannot be read, and what to do about it. */
void procfile_unreadable(struct figure *f, int error, const char *path);
/* An errno in words: "Permission denied". */
const char *procfile_error_text(int error);

/* ---- parsing ---- */

struct text { /* what is left of one */
    const char *at, *end;
};

static inline struct text text_of(const char *bytes, size_t len)
{
    return (struct text){bytes, bytes + len};
}

/* The next line without its end; false: none is left. */
bool text_line(struct text *t, struct text *line);
/* The next word, up to a space or tab; false: none is left. */
bool text_word(struct text *t, struct text *word);
bool text_is(struct text t, const char *literal);
/* Whether it begins with `literal`, which is then taken off. */
bool text_skip(struct text *t, const char *literal);
/* The next word as a number of digits alone. */
bool text_number(struct text *t, uint64_t *out);
/* Passes over `n` words. False: there are not so many. */
bool text_pass(struct text *t, size_t n);
/* The value in "KEY VALUE" of the line whose first word is `key` ("nr_throttled", "MemTotal:"). */
bool text_value(struct text t, const char *key, uint64_t *out);
/* A word copied with a NUL behind it; false: it does not fit, or has a NUL in it. */
bool text_copy(struct text t, char *out, size_t size);
/* Makes a name of the host (a mount point, a cgroup) one that can be shown: what is no UTF-8 or no
 * letter becomes '?'. */
void text_clean(char *text);

#endif
