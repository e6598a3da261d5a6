/*
 * parcel: see the header. Names are found by walking the list: a parcel has few files, and is made
 * once a run.
 */
#include "pelt/parcel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pelt/run_key.h"

void pelt_parcel_deinit(struct pelt_parcel *p)
{
    for (size_t i = 0; i < p->len; i++) {
        free(p->file[i].name);
    }
    free(p->file);
    *p = (struct pelt_parcel){0};
}

/* ---- names ---- */

static bool part_good(struct pelt_span part)
{
    return part.len > 0 && part.len <= 255 && !pelt_span_eq(part, ".") && !pelt_span_eq(part, "..");
}

enum pelt_status pelt_parcel_name_check(struct pelt_span name, struct pelt_error *err)
{
    size_t from = 0, depth = 0;
    bool good = name.len > 0 && name.len <= PELT_PARCEL_NAME_MAX;
    for (size_t i = 0; good && i <= name.len; i++) {
        if (i == name.len || name.ptr[i] == '/') {
            good =
                part_good(pelt_span(name.ptr + from, i - from)) && ++depth <= PELT_PARCEL_DEPTH_MAX;
            from = i + 1;
        } else {
            const unsigned char c = (unsigned char)name.ptr[i];
            good = c >= ' ' && c != 0x7f && c != '\\';
        }
    }
    if (good) {
        return PELT_OK;
    }
    char shown[81];
    size_t len = name.len < sizeof shown - 1 ? name.len : sizeof shown - 1;
    for (size_t i = 0; i < len; i++) {
        shown[i] = name.ptr[i] >= ' ' && name.ptr[i] < 0x7f ? name.ptr[i] : '?';
    }
    shown[len] = '\0';
    return pelt_fail(err, PELT_EINVAL,
                     "file \"%s\": what goes to other hosts lies in the scenario's folder or below "
                     "it: a relative path without \"..\", of at most %d bytes",
                     shown, PELT_PARCEL_NAME_MAX);
}

/* ---- the list ---- */

static const struct pelt_parcel_file *find(const struct pelt_parcel *p, struct pelt_span name)
{
    for (size_t i = 0; i < p->len; i++) {
        if (pelt_span_eq(name, p->file[i].name)) {
            return &p->file[i];
        }
    }
    return NULL;
}

const struct pelt_parcel_file *pelt_parcel_find(const struct pelt_parcel *p, const char *name)
{
    return find(p, pelt_span_of(name));
}

static enum pelt_status check_room(const struct pelt_parcel *p, struct pelt_span name,
                                   uint64_t bytes, struct pelt_error *err)
{
    if (p->len == PELT_PARCEL_FILES_MAX) {
        return pelt_fail(err, PELT_ELIMIT, "more than %d files for other hosts",
                         PELT_PARCEL_FILES_MAX);
    }
    if (bytes > PELT_PARCEL_FILE_MAX || p->bytes + bytes > PELT_PARCEL_BYTES_MAX) {
        return pelt_fail(err, PELT_ELIMIT,
                         "file %.*s of %llu bytes: a file for other hosts has at most %zu MiB, all "
                         "together %llu MiB",
                         (int)name.len, name.ptr, (unsigned long long)bytes,
                         PELT_PARCEL_FILE_MAX >> 20,
                         (unsigned long long)(PELT_PARCEL_BYTES_MAX >> 20));
    }
    return PELT_OK;
}

static enum pelt_status append(struct pelt_parcel *p, struct pelt_span name, uint64_t bytes,
                               const uint8_t sha256[32], struct pelt_error *err)
{
    if (p->len == p->room) {
        const size_t room = p->room == 0 ? 16 : 2 * p->room;
        struct pelt_parcel_file *grown = realloc(p->file, room * sizeof *grown);
        if (grown == NULL) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
        p->file = grown;
        p->room = room;
    }
    struct pelt_parcel_file *f = &p->file[p->len];
    *f = (struct pelt_parcel_file){.name = strndup(name.ptr, name.len), .bytes = bytes};
    if (f->name == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    memcpy(f->sha256, sha256, sizeof f->sha256);
    p->bytes += bytes;
    p->len++;
    return PELT_OK;
}

enum pelt_status pelt_parcel_add_known(struct pelt_parcel *p, struct pelt_span name, uint64_t bytes,
                                       const uint8_t sha256[32], struct pelt_error *err)
{
    enum pelt_status status = pelt_parcel_name_check(name, err);
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_parcel_file *same = find(p, name);
    if (same != NULL) {
        const bool equal =
            same->bytes == bytes && memcmp(same->sha256, sha256, sizeof same->sha256) == 0;
        return equal ? PELT_OK
                     : pelt_fail(err, PELT_EINVAL,
                                 "file %s: twice, with two contents: was it "
                                 "written meanwhile?",
                                 same->name);
    }
    status = check_room(p, name, bytes, err);
    return status == PELT_OK ? append(p, name, bytes, sha256, err) : status;
}

enum pelt_status pelt_parcel_add(struct pelt_parcel *p, struct pelt_span name,
                                 struct pelt_span content, struct pelt_error *err)
{
    uint8_t sha256[32];
    pelt_sha256(content, sha256);
    return pelt_parcel_add_known(p, name, content.len, sha256, err);
}

static int compare_names(const void *a, const void *b)
{
    const struct pelt_parcel_file *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

void pelt_parcel_sha256(const struct pelt_parcel *p, uint8_t out[32])
{
    /* A chain, so that it needs no room for all: hash of (hash so far, name's hash, content's). */
    uint8_t chain[96] = {0};
    const struct pelt_parcel_file *order[PELT_PARCEL_FILES_MAX];
    assert(p->len <= PELT_PARCEL_FILES_MAX);
    for (size_t i = 0; i < p->len; i++) {
        order[i] = &p->file[i];
    }
    qsort(order, p->len, sizeof order[0], compare_names);
    for (size_t i = 0; i < p->len; i++) {
        pelt_sha256(pelt_span_of(order[i]->name), chain + 32);
        memcpy(chain + 64, order[i]->sha256, 32);
        pelt_sha256(pelt_span((const char *)chain, sizeof chain), chain);
    }
    memcpy(out, chain, 32);
}

/* ---- contents ---- */

enum pelt_status pelt_parcel_check(const struct pelt_parcel_file *file, struct pelt_span content,
                                   struct pelt_error *err)
{
    uint8_t sha256[32];
    if (content.len != file->bytes) {
        return pelt_fail(err, PELT_EPARSE, "file %s: %zu bytes came, of %llu", file->name,
                         content.len, (unsigned long long)file->bytes);
    }
    pelt_sha256(content, sha256);
    if (memcmp(sha256, file->sha256, sizeof sha256) != 0) {
        return pelt_fail(err, PELT_EPARSE, "file %s: what came has another SHA-256 than the plan's",
                         file->name);
    }
    return PELT_OK;
}

/* The folder in which the file goes, its own descriptor; -1: errno. *last: the file's own name. */
static int open_folders(int folder_fd, const char *name, const char **last)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *slash;
    while (fd >= 0 && (slash = strchr(name, '/')) != NULL) {
        char part[256];
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        int next = -1;
        if (mkdirat(fd, part, 0700) == 0 || errno == EEXIST) {
            next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        const int error = errno;
        close(fd);
        errno = error;
        fd = next;
        name = slash + 1;
    }
    *last = name;
    return fd;
}

static bool write_all(int fd, struct pelt_span content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        content.ptr += n > 0 ? n : 0;
        content.len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

enum pelt_status pelt_parcel_unpack(int folder_fd, const struct pelt_parcel_file *file,
                                    struct pelt_span content, struct pelt_error *err)
{
    const char *last;
    enum pelt_status status = pelt_parcel_name_check(pelt_span_of(file->name), err);
    if (status == PELT_OK) {
        status = pelt_parcel_check(file, content, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    int folder = open_folders(folder_fd, file->name, &last);
    int fd = folder < 0
                 ? -1
                 : openat(folder, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, content);
    const int error = errno;
    good = fd >= 0 && close(fd) == 0 && good;
    if (folder >= 0) {
        close(folder);
    }
    return good ? PELT_OK
                : pelt_fail(err, PELT_EIO, "file %s: cannot be written: %s", file->name,
                            strerror(error));
}
