/* bus_commands: what is asked of Redis, and what of its answers is wanted; see pelt/bus.h. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "pelt/digits.h"

#define FIELD "m" /* of an entry: the message */

/* ---- IDs ---- */

void pelt_bus_id_format(struct pelt_bus_id id, char out[PELT_BUS_ID_TEXT])
{
    if (id.major > INT64_MAX || id.minor > INT64_MAX) { /* nobody's but a hostile writer's */
        snprintf(out, PELT_BUS_ID_TEXT, "%" PRIu64 "-%" PRIu64, id.major, id.minor);
        return;
    }
    char *begin = out + PELT_BUS_ID_TEXT - 1;
    *begin = '\0';
    begin = pelt_digits_before(begin, (int64_t)id.minor);
    *--begin = '-';
    begin = pelt_digits_before(begin, (int64_t)id.major);
    memmove(out, begin, (size_t)(out + PELT_BUS_ID_TEXT - begin));
}

/* A number up to `stop` or the end; *p moves behind it. False: none, or too large. */
static bool number(const char **p, const char *end, uint64_t *out)
{
    const char *from = *p;
    uint64_t value = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value)) {
            return false;
        }
    }
    *out = value;
    return *p > from;
}

bool pelt_bus_id_parse(struct pelt_span text, struct pelt_bus_id *out)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    if (!number(&p, end, &out->major) || p == end || *p != '-') {
        return false;
    }
    p++;
    return number(&p, end, &out->minor) && p == end;
}

/* ---- put ---- */

size_t pelt_bus_put_xadd(struct pelt_bus *bus, const char *key, struct pelt_bus_id id,
                         struct pelt_span message)
{
    char text[PELT_BUS_ID_TEXT];
    pelt_bus_id_format(id, text);
    const struct pelt_span words[] = {pelt_span_of("XADD"), pelt_span_of(key), pelt_span_of(text),
                                      pelt_span_of(FIELD), message};
    return pelt_bus_put(bus, words, sizeof words / sizeof words[0]);
}

size_t pelt_bus_put_xadd_next(struct pelt_bus *bus, const char *key, struct pelt_span message)
{
    const struct pelt_span words[] = {pelt_span_of("XADD"), pelt_span_of(key), pelt_span_of("*"),
                                      pelt_span_of(FIELD), message};
    return pelt_bus_put(bus, words, sizeof words / sizeof words[0]);
}

size_t pelt_bus_put_get(struct pelt_bus *bus, const char *key)
{
    return pelt_bus_put_words(bus, "GET", key, NULL);
}

static size_t put_set(struct pelt_bus *bus, const char *key, struct pelt_span value, uint64_t px_ms,
                      bool only_new)
{
    char px[24];
    struct pelt_span words[6] = {pelt_span_of("SET"), pelt_span_of(key), value};
    size_t len = 3;
    if (only_new) {
        words[len++] = pelt_span_of("NX");
    }
    if (px_ms > 0) {
        snprintf(px, sizeof px, "%" PRIu64, px_ms);
        words[len++] = pelt_span_of("PX");
        words[len++] = pelt_span_of(px);
    }
    return pelt_bus_put(bus, words, len);
}

size_t pelt_bus_put_set(struct pelt_bus *bus, const char *key, struct pelt_span value,
                        uint64_t px_ms)
{
    return put_set(bus, key, value, px_ms, false);
}

size_t pelt_bus_put_last_id(struct pelt_bus *bus, const char *key)
{
    return pelt_bus_put_words(bus, "XINFO", "STREAM", key, NULL);
}

size_t pelt_bus_put_xtrim(struct pelt_bus *bus, const char *key, struct pelt_bus_id least)
{
    char text[PELT_BUS_ID_TEXT];
    pelt_bus_id_format(least, text);
    return pelt_bus_put_words(bus, "XTRIM", key, "MINID", text, NULL);
}

size_t pelt_bus_put_hset(struct pelt_bus *bus, const char *key, struct pelt_span field,
                         struct pelt_span value)
{
    const struct pelt_span words[] = {pelt_span_of("HSET"), pelt_span_of(key), field, value};
    return pelt_bus_put(bus, words, sizeof words / sizeof words[0]);
}

size_t pelt_bus_put_hget(struct pelt_bus *bus, const char *key, struct pelt_span field)
{
    const struct pelt_span words[] = {pelt_span_of("HGET"), pelt_span_of(key), field};
    return pelt_bus_put(bus, words, sizeof words / sizeof words[0]);
}

size_t pelt_bus_put_incr(struct pelt_bus *bus, const char *key, int64_t by)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, by);
    return pelt_bus_put_words(bus, "INCRBY", key, text, NULL);
}

size_t pelt_bus_put_rpush(struct pelt_bus *bus, const char *key, struct pelt_span value)
{
    const struct pelt_span words[] = {pelt_span_of("RPUSH"), pelt_span_of(key), value};
    return pelt_bus_put(bus, words, sizeof words / sizeof words[0]);
}

size_t pelt_bus_put_lpop(struct pelt_bus *bus, const char *key)
{
    return pelt_bus_put_words(bus, "LPOP", key, NULL);
}

size_t pelt_bus_put_llen(struct pelt_bus *bus, const char *key)
{
    return pelt_bus_put_words(bus, "LLEN", key, NULL);
}

size_t pelt_bus_put_memory(struct pelt_bus *bus, const char *key)
{
    return pelt_bus_put_words(bus, "MEMORY", "USAGE", key, NULL);
}

size_t pelt_bus_put_expire(struct pelt_bus *bus, const char *key, uint64_t after_s)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, after_s);
    return pelt_bus_put_words(bus, "EXPIRE", key, text, NULL);
}

/* ---- took ---- */

static bool starts(struct pelt_span text, const char *word)
{
    return text.len >= strlen(word) && memcmp(text.ptr, word, strlen(word)) == 0;
}

/* Refusals that end by themselves. */
static bool passes(struct pelt_span text)
{
    static const char *const WORDS[] = {"OOM",         "MISCONF",  "BUSY ",      "READONLY",
                                        "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "NOREPLICAS"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (starts(text, WORDS[i])) {
            return true;
        }
    }
    return false;
}

enum pelt_status pelt_bus_took(const struct pelt_bus *bus, size_t i, struct pelt_error *err)
{
    const struct pelt_bus_reply *r = pelt_bus_reply(bus, i);
    if (r->kind != PELT_BUS_ERROR) {
        return PELT_OK;
    }
    return pelt_fail(err, passes(r->text) ? PELT_EIO : PELT_EINVAL, "bus %s: %.300s", bus->url.text,
                     r->text.ptr);
}

static enum pelt_status odd(const struct pelt_bus *bus, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL,
                     "bus %s: an answer of another kind than the command has: is it a Redis?",
                     bus->url.text);
}

enum pelt_status pelt_bus_took_integer(const struct pelt_bus *bus, size_t i, int64_t *out,
                                       struct pelt_error *err)
{
    enum pelt_status status = pelt_bus_took(bus, i, err);
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_bus_reply *r = pelt_bus_reply(bus, i);
    *out = r->integer;
    return r->kind == PELT_BUS_INTEGER ? PELT_OK : odd(bus, err);
}

enum pelt_status pelt_bus_took_text(const struct pelt_bus *bus, size_t i, struct pelt_span *out,
                                    struct pelt_error *err)
{
    enum pelt_status status = pelt_bus_took(bus, i, err);
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_bus_reply *r = pelt_bus_reply(bus, i);
    if (r->kind == PELT_BUS_NIL) {
        return PELT_ENOTFOUND;
    }
    *out = r->text;
    return r->kind == PELT_BUS_TEXT ? PELT_OK : odd(bus, err);
}

enum pelt_status pelt_bus_took_xadd(const struct pelt_bus *bus, size_t i, bool *there,
                                    struct pelt_error *err)
{
    const struct pelt_bus_reply *r = pelt_bus_reply(bus, i);
    *there = r->kind == PELT_BUS_ERROR && strstr(r->text.ptr, "equal or smaller") != NULL;
    if (*there) {
        return PELT_OK;
    }
    struct pelt_span id;
    enum pelt_status status = pelt_bus_took_text(bus, i, &id, err);
    return status == PELT_ENOTFOUND ? odd(bus, err) : status;
}

enum pelt_status pelt_bus_took_last_id(const struct pelt_bus *bus, size_t i,
                                       struct pelt_bus_id *out, struct pelt_error *err)
{
    const struct pelt_bus_reply *r = pelt_bus_reply(bus, i);
    if (r->kind == PELT_BUS_ERROR && strstr(r->text.ptr, "no such key") != NULL) {
        return PELT_ENOTFOUND;
    }
    enum pelt_status status = pelt_bus_took(bus, i, err);
    if (status != PELT_OK) {
        return status;
    }
    for (size_t at = 0; r->kind == PELT_BUS_LIST && at + 1 < r->len; at += 2) {
        const struct pelt_bus_reply *name = r->item[at], *value = r->item[at + 1];
        if (name->kind == PELT_BUS_TEXT && pelt_span_eq(name->text, "last-generated-id")) {
            bool good = value->kind == PELT_BUS_TEXT && pelt_bus_id_parse(value->text, out);
            return good ? PELT_OK : odd(bus, err);
        }
    }
    return odd(bus, err);
}

/* ---- one command ---- */

/* It was put; the number must be 0. */
static enum pelt_status alone(struct pelt_bus *bus, size_t i, struct pelt_error *err)
{
    assert(i == 0);
    (void)i;
    return pelt_bus_flush(bus, err);
}

enum pelt_status pelt_bus_xadd(struct pelt_bus *bus, const char *key, struct pelt_bus_id id,
                               struct pelt_span message, bool *there, struct pelt_error *err)
{
    enum pelt_status status = alone(bus, pelt_bus_put_xadd(bus, key, id, message), err);
    return status == PELT_OK ? pelt_bus_took_xadd(bus, 0, there, err) : status;
}

enum pelt_status pelt_bus_xadd_next(struct pelt_bus *bus, const char *key, struct pelt_span message,
                                    struct pelt_bus_id *id, struct pelt_error *err)
{
    struct pelt_span text = {0};
    enum pelt_status status = alone(bus, pelt_bus_put_xadd_next(bus, key, message), err);
    if (status == PELT_OK) {
        status = pelt_bus_took_text(bus, 0, &text, err);
    }
    if (status == PELT_ENOTFOUND || (status == PELT_OK && !pelt_bus_id_parse(text, id))) {
        return odd(bus, err);
    }
    return status;
}

enum pelt_status pelt_bus_last_id(struct pelt_bus *bus, const char *key, struct pelt_bus_id *out,
                                  struct pelt_error *err)
{
    enum pelt_status status = alone(bus, pelt_bus_put_last_id(bus, key), err);
    return status == PELT_OK ? pelt_bus_took_last_id(bus, 0, out, err) : status;
}

enum pelt_status pelt_bus_set_new(struct pelt_bus *bus, const char *key, struct pelt_span value,
                                  uint64_t px_ms, bool *set, struct pelt_error *err)
{
    struct pelt_span text;
    enum pelt_status status = alone(bus, put_set(bus, key, value, px_ms, true), err);
    if (status == PELT_OK) {
        status = pelt_bus_took_text(bus, 0, &text, err);
    }
    *set = status == PELT_OK;
    return status == PELT_ENOTFOUND ? PELT_OK : status;
}

enum pelt_status pelt_bus_set(struct pelt_bus *bus, const char *key, struct pelt_span value,
                              uint64_t px_ms, struct pelt_error *err)
{
    enum pelt_status status = alone(bus, put_set(bus, key, value, px_ms, false), err);
    return status == PELT_OK ? pelt_bus_took(bus, 0, err) : status;
}

enum pelt_status pelt_bus_get(struct pelt_bus *bus, const char *key, struct pelt_span *out,
                              struct pelt_error *err)
{
    enum pelt_status status = alone(bus, pelt_bus_put_get(bus, key), err);
    return status == PELT_OK ? pelt_bus_took_text(bus, 0, out, err) : status;
}

enum pelt_status pelt_bus_get_keep(struct pelt_bus *bus, const char *key, uint64_t px_ms,
                                   struct pelt_span *out, struct pelt_error *err)
{
    char px[24];
    snprintf(px, sizeof px, "%" PRIu64, px_ms);
    enum pelt_status status =
        alone(bus, pelt_bus_put_words(bus, "GETEX", key, "PX", px, NULL), err);
    return status == PELT_OK ? pelt_bus_took_text(bus, 0, out, err) : status;
}

enum pelt_status pelt_bus_hset(struct pelt_bus *bus, const char *key, struct pelt_span field,
                               struct pelt_span value, struct pelt_error *err)
{
    enum pelt_status status = alone(bus, pelt_bus_put_hset(bus, key, field, value), err);
    return status == PELT_OK ? pelt_bus_took(bus, 0, err) : status;
}

enum pelt_status pelt_bus_hget(struct pelt_bus *bus, const char *key, struct pelt_span field,
                               struct pelt_span *out, struct pelt_error *err)
{
    enum pelt_status status = alone(bus, pelt_bus_put_hget(bus, key, field), err);
    return status == PELT_OK ? pelt_bus_took_text(bus, 0, out, err) : status;
}

enum pelt_status pelt_bus_incr(struct pelt_bus *bus, const char *key, int64_t by, int64_t *out,
                               struct pelt_error *err)
{
    enum pelt_status status = alone(bus, pelt_bus_put_incr(bus, key, by), err);
    return status == PELT_OK ? pelt_bus_took_integer(bus, 0, out, err) : status;
}

/* "seconds", "microseconds": any that do not overflow. */
static bool read_time(const struct pelt_bus_reply *r, uint64_t *server_ns)
{
    uint64_t part[2];
    for (size_t i = 0; i < 2; i++) {
        if (r->kind != PELT_BUS_LIST || r->len != 2 || r->item[i]->kind != PELT_BUS_TEXT) {
            return false;
        }
        const char *p = r->item[i]->text.ptr, *end = p + r->item[i]->text.len;
        if (!number(&p, end, &part[i]) || p != end) {
            return false;
        }
    }
    *server_ns = part[0] * UINT64_C(1000000000) + part[1] * 1000;
    return part[0] < UINT64_C(9000000000) && part[1] < 1000000;
}

enum pelt_status pelt_bus_time(struct pelt_bus *bus, uint64_t *server_ns, uint64_t *sent_ns,
                               uint64_t *received_ns, struct pelt_error *err)
{
    enum pelt_status status = alone(bus, pelt_bus_put_words(bus, "TIME", NULL), err);
    if (status == PELT_OK) {
        status = pelt_bus_took(bus, 0, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    *sent_ns = bus->sent_ns;
    *received_ns = bus->received_ns;
    return read_time(pelt_bus_reply(bus, 0), server_ns) ? PELT_OK : odd(bus, err);
}
