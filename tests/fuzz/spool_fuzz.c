/*
 * spool: any file as what a killed worker left. The input is the head's page, what of the first
 * segment's head is said (8 + 8 bytes), and its records; so that it need not be a megabyte. What is
 * taken can be read, acknowledged and added to.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pelt/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENT_HEAD 64

static char path[64];

static void remove_it(void)
{
    unlink(path);
}

/* A good file, made once; each input changes it. Returns where its segments begin. */
static off_t make(void)
{
    static const struct pelt_spool_owner owner = {"r", 1, "0123456789abcdef"};
    static off_t first;
    struct pelt_spool *s;
    if (first == 0) {
        snprintf(path, sizeof path, "/tmp/pelt-spool-fuzz-%d", (int)getpid());
        if (pelt_spool_create(path, &owner, &s, NULL) != PELT_OK) {
            abort();
        }
        pelt_spool_free(s);
        atexit(remove_it);
        int fd = open(path, O_RDONLY);
        first = lseek(fd, 0, SEEK_END) - (off_t)PELT_SPOOL_SEGMENT_BYTES;
        close(fd);
    }
    return first;
}

static void put(int fd, const void *bytes, size_t len, off_t at)
{
    if (pwrite(fd, bytes, len, at) != (ssize_t)len) {
        abort();
    }
}

static void use(struct pelt_spool *s)
{
    struct pelt_spool_id id = {0, 0}, last = {0, 0};
    struct pelt_span m;
    uint64_t bytes = 0;
    while (pelt_spool_next(s, id, &id, &m)) {
        assert(m.len <= PELT_SPOOL_MESSAGE_MAX && pelt_spool_id_compare(id, last) > 0);
        bytes += m.len;
        last = id;
    }
    assert(bytes == pelt_spool_bytes(s));
    const struct pelt_spool_id end = pelt_spool_last(s);
    pelt_spool_ack(s, (struct pelt_spool_id){end.major / 2, end.minor});
    if (end.major < UINT64_MAX) {
        assert(pelt_spool_add(s, (struct pelt_spool_id){end.major + 1, 0}, pelt_span("x", 1)) ==
               PELT_OK);
    }
    pelt_spool_ack(s, (struct pelt_spool_id){UINT64_MAX, UINT64_MAX});
    assert(pelt_spool_bytes(s) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char none[8192];
    const off_t first = make();
    struct pelt_spool *s;
    struct pelt_error err = {""};
    if (size < 17 || size > sizeof none) {
        return 0;
    }
    const size_t head = data[0];
    data++;
    size--;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        abort();
    }
    if (ftruncate(fd, first + (off_t)PELT_SPOOL_SEGMENT_BYTES) != 0) {
        abort();
    }
    put(fd, none, sizeof none, first);
    if (head < 200 && head < size) { /* part of the file's head; else it stays good */
        put(fd, data, head, 0);
        data += head;
        size -= head;
    }
    put(fd, data, size < 16 ? size : 16, first);
    if (size > 16) {
        put(fd, data + 16, size - 16, first + SEGMENT_HEAD);
    }
    close(fd);
    if (pelt_spool_recover(path, &s, &err) == PELT_OK) {
        use(s);
        pelt_spool_free(s);
    } else {
        assert(*err.text != '\0');
    }
    /* A good head again. */
    remove_it();
    static const struct pelt_spool_owner owner = {"r", 1, "0123456789abcdef"};
    if (pelt_spool_create(path, &owner, &s, NULL) != PELT_OK) {
        abort();
    }
    pelt_spool_free(s);
    return 0;
}
