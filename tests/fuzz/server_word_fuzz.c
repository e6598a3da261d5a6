/*
 * server_word: a field's value of any bytes, as each field that says something of a server or a
 * cache: what is read lies within the bytes, and does not depend on where they lie.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/age.h"
#include "pelt/cache_word.h"
#include "pelt/server_word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct pelt_span part, struct pelt_span whole)
{
    assert(part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void timings(struct pelt_span value)
{
    struct pelt_server_timing entry;
    size_t pos = 0, before = 0;
    while (pelt_server_timing_next(value, &pos, &entry)) {
        assert(pos > before && pos <= value.len);
        assert(entry.name.len > 0);
        within(entry.name, value);
        within(entry.desc, value);
        assert(entry.dur_us <= (uint64_t)PELT_SERVER_TIMING_MS_MAX * 1000);
        before = pos;
    }
    assert(pos == value.len);
}

static void caches(struct pelt_span value)
{
    struct pelt_cache_status member[PELT_CACHE_STATUS_MAX];
    const size_t len = pelt_cache_status_read(value, member);
    assert(len <= PELT_CACHE_STATUS_MAX);
    for (size_t i = 0; i < len; i++) {
        within(member[i].name, value);
        within(member[i].fwd, value);
        within(member[i].key, value);
        within(member[i].detail, value);
        assert(pelt_cache_status_result(&member[i]) > PELT_CACHE_NONE);
    }
    assert(pelt_cache_word_read(value) < PELT_CACHE_RESULTS);
    uint32_t age_s;
    assert(!pelt_age_read(value, &age_s) || age_s <= PELT_AGE_MAX);
}

/* The same bytes as a head's field and as a trailer's. */
static void whole(struct pelt_span value)
{
    static const char *const NAMES[] = {"Server-Timing", "Cache-Status", "X-Cache",
                                        "X-Cache-Status"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct pelt_server_word word;
        struct pelt_buf head = {0};
        assert(pelt_buf_addf(&head, "HTTP/1.1 200 OK\r\n%s: ", NAMES[i]) == PELT_OK);
        assert(pelt_buf_add(&head, value.ptr, value.len) == PELT_OK);
        assert(pelt_buf_add_str(&head, "\r\n\r\n") == PELT_OK);
        struct pelt_span all = pelt_span(head.data, head.len);
        pelt_server_word_read(&word, PELT_ABOUT_TIMING | PELT_ABOUT_CACHE, all, all);
        assert(word.entries <= PELT_SERVER_WORD_ENTRIES && word.members <= PELT_CACHE_STATUS_MAX);
        assert((word.cache == PELT_CACHE_NONE) == (word.cache_field == NULL));
        pelt_buf_deinit(&head);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + (size == 0)); /* its end is a wall */
    assert(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct pelt_span value = pelt_span(copy, size);
    timings(value);
    caches(value);
    whole(value);
    free(copy);
    return 0;
}
