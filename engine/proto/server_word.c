/*
 * server_word: see the header. Values are collected while the fields are walked over, as several
 * fields of one name are one list.
 */
#include "pelt/server_word.h"

#include <string.h>

#include "pelt/age.h"
#include "pelt/cache_word.h"
#include "pelt/http1_response.h"

enum field {
    FIELD_TIMING,
    FIELD_STATUS,
    FIELD_X_STATUS,
    FIELD_X_CACHE,
    FIELD_CF,
    FIELD_AGE,
    FIELDS
};

static const char *const NAMES[FIELDS] = {"Server-Timing", "Cache-Status",    "X-Cache-Status",
                                          "X-Cache",       "CF-Cache-Status", "Age"};

struct reading {
    struct pelt_server_word *word;
    unsigned about;
    uint64_t sum_us, total_us;
    bool has_total;
    bool bad_status;                     /* one Cache-Status of several spoils all */
    enum pelt_cache_result said[FIELDS]; /* by field */
    enum pelt_cache_result chain[PELT_CACHE_STATUS_MAX];
};

/* FIELDS: none of these. No two are of one length. */
static enum field field_of(struct pelt_span name)
{
    static const unsigned char LENGTHS[FIELDS] = {13, 12, 14, 7, 15, 3};
    int i = 0;
    while (i < FIELDS && LENGTHS[i] != name.len) {
        i++;
    }
    return i < FIELDS && pelt_span_eq_nocase(name, NAMES[i]) ? (enum field)i : FIELDS;
}

static void read_timing(struct reading *r, struct pelt_span value)
{
    struct pelt_server_word *w = r->word;
    struct pelt_server_timing entry;
    size_t pos = 0;
    while (w->entries < PELT_SERVER_WORD_ENTRIES && pelt_server_timing_next(value, &pos, &entry)) {
        w->entry[w->entries++] = entry;
        if (entry.has_dur) {
            w->timed = true;
            r->sum_us += entry.dur_us;
            if (pelt_span_eq_nocase(entry.name, "total")) {
                r->has_total = true;
                r->total_us = entry.dur_us;
            }
        }
    }
}

static void read_status(struct reading *r, struct pelt_span value)
{
    struct pelt_server_word *w = r->word;
    struct pelt_cache_status members[PELT_CACHE_STATUS_MAX];
    const size_t len = pelt_cache_status_read(value, members);
    r->bad_status = r->bad_status || len == 0;
    for (size_t i = 0; i < len && w->members < PELT_CACHE_STATUS_MAX; i++) {
        r->chain[w->members] = pelt_cache_status_result(&members[i]);
        w->member[w->members++] = members[i];
    }
}

static void read_field(struct reading *r, struct pelt_span name, struct pelt_span value)
{
    const enum field field = field_of(name);
    if (field == FIELDS) {
        return;
    }
    if (field == FIELD_TIMING) {
        if (r->about & PELT_ABOUT_TIMING) {
            read_timing(r, value);
        }
    } else if (!(r->about & PELT_ABOUT_CACHE)) {
        return;
    } else if (field == FIELD_STATUS) {
        read_status(r, value);
    } else if (field == FIELD_AGE) {
        struct pelt_server_word *w = r->word;
        w->aged = pelt_age_read(value, &w->age_s);
        r->said[field] = !w->aged       ? PELT_CACHE_NONE
                         : w->age_s > 0 ? PELT_CACHE_HIT
                                        : PELT_CACHE_MISS;
    } else {
        r->said[field] = pelt_cache_word_read(value); /* of several the last: next to the user */
    }
}

static void conclude(struct reading *r)
{
    struct pelt_server_word *w = r->word;
    w->server_us = r->has_total ? r->total_us : r->sum_us;
    if (r->bad_status) {
        w->members = 0;
    }
    r->said[FIELD_STATUS] = pelt_cache_result_of_chain(r->chain, w->members);
    for (int i = FIELD_STATUS; i < FIELDS && w->cache == PELT_CACHE_NONE; i++) {
        if (r->said[i] != PELT_CACHE_NONE) {
            w->cache = r->said[i];
            w->cache_field = NAMES[i];
        }
    }
}

/* Field by field what is read; the lists stay as they are behind what is counted. */
static void begin(struct reading *r, struct pelt_server_word *word, unsigned about)
{
    *r = (struct reading){.word = word, .about = about};
    word->entries = word->members = 0;
    word->timed = word->aged = false;
    word->server_us = 0;
    word->cache = PELT_CACHE_NONE;
    word->cache_field = NULL;
    word->age_s = 0;
}

void pelt_server_word_read(struct pelt_server_word *word, unsigned about, struct pelt_span head,
                           struct pelt_span trailer)
{
    struct reading r;
    struct pelt_span name, value;
    size_t pos = 0;
    begin(&r, word, about);
    while (head.len > 0 && pelt_http1_head_next(head, &pos, &name, &value)) {
        read_field(&r, name, value);
    }
    pos = 0;
    while (trailer.len > 0 && pelt_http1_trailer_next(trailer, &pos, &name, &value)) {
        read_field(&r, name, value);
    }
    conclude(&r);
}

void pelt_server_word_read_timing(struct pelt_server_word *word, struct pelt_span value)
{
    struct reading r;
    begin(&r, word, PELT_ABOUT_TIMING);
    read_timing(&r, value);
    conclude(&r);
}

unsigned pelt_server_word_find(struct pelt_span head)
{
    struct pelt_span name, value;
    unsigned about = 0;
    size_t pos = 0;
    while (head.len > 0 && pelt_http1_head_next(head, &pos, &name, &value)) {
        const enum field field = field_of(name);
        about |= field == FIELD_TIMING ? PELT_ABOUT_TIMING : field < FIELDS ? PELT_ABOUT_CACHE : 0;
    }
    return about;
}
