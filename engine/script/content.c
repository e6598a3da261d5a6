/*
 * A file is read whole rather than mapped: one that is changed or cut during the run must neither
 * change the rows nor end pelt by SIGBUS.
 */
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pelt/units.h"

#define READ_MAX ((size_t)1 << 30) /* bytes a read(2) */

static enum pelt_status fail_size(const char *path, size_t size, size_t bytes_max,
                                  struct pelt_error *err)
{
    char has[32], most[32];
    pelt_format_bytes(size, has, sizeof has);
    pelt_format_bytes(bytes_max, most, sizeof most);
    return pelt_fail(err, PELT_EINVAL, "%s: has %s, and at most %s are read: give a smaller file",
                     path, has, most);
}

static enum pelt_status read_bytes(struct pelt_content *c, int fd, size_t size,
                                   struct pelt_error *err)
{
    c->bytes = malloc(size + 1);
    if (!c->bytes) {
        char has[32];
        pelt_format_bytes(size, has, sizeof has);
        return pelt_fail(err, PELT_ENOMEM, "%s: not enough memory for its %s", c->path, has);
    }
    while (c->len < size) {
        size_t rest = size - c->len;
        ssize_t n = read(fd, c->bytes + c->len, rest < READ_MAX ? rest : READ_MAX);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return pelt_fail(err, PELT_EINVAL, "%s: %s", c->path, strerror(errno));
        }
        if (n == 0) {
            break; /* it has become shorter */
        }
        c->len += (size_t)n;
    }
    c->bytes[c->len] = '\0';
    return PELT_OK;
}

static enum pelt_status read_regular(struct pelt_content *c, int fd, const struct stat *st,
                                     size_t bytes_max, struct pelt_error *err)
{
    if (S_ISDIR(st->st_mode)) {
        return pelt_fail(err, PELT_EINVAL, "%s: is a folder: give a file", c->path);
    }
    if (!S_ISREG(st->st_mode)) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: is no regular file: write what the pipe or device gives into one",
                         c->path);
    }
    if ((uint64_t)st->st_size > bytes_max) {
        return fail_size(c->path, (size_t)st->st_size, bytes_max, err);
    }
    return read_bytes(c, fd, (size_t)st->st_size, err);
}

static enum pelt_status read_file(struct pelt_content *c, size_t bytes_max, struct pelt_error *err)
{
    struct stat st;
    int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */
    enum pelt_status status;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int error = errno;
        status = pelt_fail(err, PELT_EINVAL, "%s: %s%s", c->path, strerror(error),
                           error == ENOENT ? ": paths count from the scenario's folder" : "");
    } else {
        status = read_regular(c, fd, &st, bytes_max, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

enum pelt_status pelt_content_read(const char *path, size_t bytes_max, struct pelt_content **out,
                                   struct pelt_error *err)
{
    struct pelt_content *c = calloc(1, sizeof *c);
    enum pelt_status status = PELT_ENOMEM;
    if (c && (c->path = strdup(path)) != NULL) {
        status = read_file(c, bytes_max, err);
    } else {
        status = pelt_fail(err, status, "out of memory");
    }
    if (status == PELT_OK) {
        *out = c;
    } else {
        pelt_content_free(c);
    }
    return status;
}

enum pelt_status pelt_content_check(const struct pelt_content *c, size_t bytes_max,
                                    struct pelt_error *err)
{
    return c->len <= bytes_max ? PELT_OK : fail_size(c->path, c->len, bytes_max, err);
}

void pelt_content_free(struct pelt_content *c)
{
    if (c) {
        free(c->path);
        free(c->bytes);
        free(c);
    }
}
