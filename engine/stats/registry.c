/*
 * registry: two tables of names (requests, checks), each an array by id and a hash over it.
 *
 * Thread: any; one lock for both tables, since it is taken only when a thread meets a name for the
 * first time. Names are never moved or freed before the registry is.
 *
 * Also the rules of a name: how it is cleaned, and how a path is folded into one.
 */
#include "pelt/registry.h"

#include <assert.h>
#include <pthread.h>

#include "pelt/metric.h"

#define SLOTS    2048 /* of the hash; a power of two, at least twice the names */
#define NAMES    1000
#define UUID_LEN 36
#define HEX_LEN  8 /* shorter hex may be a word: "feed", "cafe" */

static_assert(PELT_SERIES_MAX == NAMES && PELT_CHECKS_MAX == NAMES, "both tables have one size");
static_assert(SLOTS >= 2 * NAMES, "open addressing needs room");

struct table {
    char *name[NAMES]; /* by id; NULL from count on */
    uint32_t count;
    uint64_t refused;
    uint16_t slot[SLOTS]; /* id + 1 by hash, open addressing; 0: empty */
};

struct pelt_registry {
    pthread_mutex_t lock;
    struct table table[PELT_NAME_KINDS];
    struct pelt_metrics *metrics;
    struct pelt_quota quota;
};

/* ---- names ---- */

/* Whether a terminal, or a line of text, would do something else than show it: C1 controls, line
 * separators, marks of writing direction (Unicode, UAX #9). */
static bool steers_text(uint32_t code)
{
    return code < 0xa0 || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* Bytes of the UTF-8 character at `s` (RFC 3629), 0 if there is none; `*shown`: it is nothing but
 * something to see. */
static size_t character_len(const unsigned char *s, size_t len, bool *shown)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: no overlong forms */
    if (s[0] < 0x80) {
        *shown = s[0] >= 0x20 && s[0] != 0x7f;
        return 1;
    }
    size_t need = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || need > len) {
        return 0;
    }
    uint32_t code = s[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (s[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    *shown = !steers_text(code);
    return code >= LEAST[need] && code <= 0x10ffff && !surrogate ? need : 0;
}

/* Printable ASCII: kept as it is. Most names have nothing else. */
static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f;
}

/* `name` as it is kept, in `out`; returns its length. */
static size_t clean_name(struct pelt_span name, char out[PELT_NAME_MAX + 1])
{
    size_t len = 0;
    while (len < name.len && len < PELT_NAME_MAX && is_plain(name.ptr[len])) {
        out[len] = name.ptr[len];
        len++;
    }
    for (size_t i = len; i < name.len;) {
        const unsigned char *s = (const unsigned char *)name.ptr + i;
        bool shown = false;
        const size_t read = character_len(s, name.len - i, &shown);
        const bool kept = read > 0 && shown;
        const size_t bytes = kept ? read : 1;
        if (len + bytes > PELT_NAME_MAX) {
            break;
        }
        memcpy(out + len, kept ? (const void *)s : "?", bytes);
        len += bytes;
        i += read > 0 ? read : 1;
    }
    out[len] = '\0';
    return len;
}

/* ---- tables ---- */

/* FNV-1a: short keys, no enemy (the cap bounds what collisions can cost). */
static uint32_t hash(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name != '\0'; name++) {
        h = (h ^ (unsigned char)*name) * 16777619u;
    }
    return h;
}

/* The slot that holds `name`, or the empty one where it belongs. */
static uint16_t *slot_of(struct table *t, const char *name)
{
    uint32_t i = hash(name) % SLOTS;
    while (t->slot[i] != 0 && strcmp(t->name[t->slot[i] - 1], name) != 0) {
        i = (i + 1) % SLOTS;
    }
    return &t->slot[i];
}

/* The id; 0 and counted when the table is full, the quota (may be NULL) spent or memory out. */
static uint32_t intern(struct table *t, struct pelt_shm *shm, const char *name,
                       struct pelt_quota *quota)
{
    uint16_t *slot = slot_of(t, name);
    if (*slot != 0) {
        return *slot - 1u;
    }
    if (t->count < NAMES && quota != NULL && !pelt_quota_admits(quota)) {
        return 0;
    }
    char *copy = t->count < NAMES ? pelt_shm_text(shm, name) : NULL;
    if (copy == NULL) {
        t->refused++;
        return 0;
    }
    t->name[t->count] = copy;
    *slot = (uint16_t)(t->count + 1);
    return t->count++;
}

struct pelt_registry *pelt_registry_new(void)
{
    return pelt_registry_new_in(NULL);
}

struct pelt_registry *pelt_registry_new_in(struct pelt_shm *shm)
{
    struct pelt_registry *reg = pelt_shm_take(shm, sizeof *reg);
    if (reg == NULL) {
        return NULL;
    }
    pthread_mutex_init(&reg->lock, NULL);
    pelt_quota_init(&reg->quota, 0);
    reg->quota.shm = shm;
    reg->metrics = pelt_metrics_new(&reg->quota);
    if (reg->metrics == NULL) {
        pelt_registry_free(reg);
        return NULL;
    }
    for (unsigned kind = 0; kind < PELT_NAME_KINDS; kind++) {
        if (intern(&reg->table[kind], shm, "_other", NULL) != 0 || reg->table[kind].count == 0) {
            pelt_registry_free(reg);
            return NULL;
        }
    }
    return reg;
}

void pelt_registry_free(struct pelt_registry *reg)
{
    if (reg == NULL) {
        return;
    }
    struct pelt_shm *shm = reg->quota.shm;
    for (unsigned kind = 0; kind < PELT_NAME_KINDS; kind++) {
        for (uint32_t id = 0; id < reg->table[kind].count; id++) {
            pelt_shm_give(shm, reg->table[kind].name[id]);
        }
    }
    pelt_metrics_free(reg->metrics);
    pthread_mutex_destroy(&reg->lock);
    pelt_shm_give(shm, reg);
}

void pelt_registry_inherit(struct pelt_registry *reg)
{
    pthread_mutex_init(&reg->lock, NULL);
    pelt_metrics_inherit(reg->metrics);
}

uint32_t pelt_registry_intern(struct pelt_registry *reg, enum pelt_name_kind kind,
                              struct pelt_span name)
{
    char clean[PELT_NAME_MAX + 1];
    clean_name(name, clean);
    struct table *t = &reg->table[kind];
    /* A check is two numbers a frame: no series. */
    struct pelt_quota *quota = kind == PELT_NAME_REQUEST ? &reg->quota : NULL;
    pthread_mutex_lock(&reg->lock);
    uint32_t id = intern(t, reg->quota.shm, clean, quota);
    pthread_mutex_unlock(&reg->lock);
    return id;
}

bool pelt_registry_find(struct pelt_registry *reg, enum pelt_name_kind kind, struct pelt_span name,
                        uint32_t *id)
{
    char clean[PELT_NAME_MAX + 1];
    clean_name(name, clean);
    pthread_mutex_lock(&reg->lock);
    uint16_t slot = *slot_of(&reg->table[kind], clean);
    pthread_mutex_unlock(&reg->lock);
    if (slot != 0) {
        *id = slot - 1u;
    }
    return slot != 0;
}

const char *pelt_registry_name(struct pelt_registry *reg, enum pelt_name_kind kind, uint32_t id)
{
    pthread_mutex_lock(&reg->lock);
    assert(id < reg->table[kind].count);
    const char *name = reg->table[kind].name[id];
    pthread_mutex_unlock(&reg->lock);
    return name;
}

uint32_t pelt_registry_count(struct pelt_registry *reg, enum pelt_name_kind kind)
{
    pthread_mutex_lock(&reg->lock);
    uint32_t count = reg->table[kind].count;
    pthread_mutex_unlock(&reg->lock);
    return count;
}

uint64_t pelt_registry_refused(struct pelt_registry *reg, enum pelt_name_kind kind)
{
    pthread_mutex_lock(&reg->lock);
    uint64_t refused = reg->table[kind].refused;
    pthread_mutex_unlock(&reg->lock);
    return refused;
}

struct pelt_quota *pelt_registry_quota(struct pelt_registry *reg)
{
    return &reg->quota;
}

struct pelt_metrics *pelt_registry_metrics(struct pelt_registry *reg)
{
    return reg->metrics;
}

void pelt_name_clean(char *name, size_t len)
{
    char clean[PELT_NAME_MAX + 1];
    assert(len <= PELT_NAME_MAX);
    len = clean_name(pelt_span(name, len), clean);
    memcpy(name, clean, len + 1);
}

/* ---- series names from paths ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool all(struct pelt_span s, bool (*is)(char))
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

/* 8-4-4-4-12 hex digits (RFC 9562). */
static bool is_uuid(struct pelt_span s)
{
    if (s.len != UUID_LEN) {
        return false;
    }
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !is_hex(s.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_id(struct pelt_span segment)
{
    return all(segment, is_digit) || (segment.len >= HEX_LEN && all(segment, is_hex)) ||
           is_uuid(segment);
}

/* Where a path with query and fragment ends. */
static size_t path_len(struct pelt_span target)
{
    size_t i = 0;
    while (i < target.len && target.ptr[i] != '?' && target.ptr[i] != '#') {
        i++;
    }
    return i;
}

static size_t segment_end(struct pelt_span path, size_t from)
{
    while (from < path.len && path.ptr[from] != '/') {
        from++;
    }
    return from;
}

/* Appends what fits. */
static size_t append(char *out, size_t len, size_t size, struct pelt_span s)
{
    size_t bytes = s.len < size - len ? s.len : size - len;
    memcpy(out + len, s.ptr, bytes);
    return len + bytes;
}

size_t pelt_series_name(const char *method, struct pelt_span target, char out[PELT_NAME_MAX + 1])
{
    char raw[PELT_NAME_MAX + 4]; /* one character more than a name, so that the cut sees it whole */
    size_t len = append(raw, 0, sizeof raw, pelt_span_of(method));
    len = append(raw, len, sizeof raw, pelt_span(" ", 1));
    struct pelt_span path = pelt_span(target.ptr, path_len(target));
    if (path.len == 0) { /* as it is sent (RFC 9112, 3.2.1) */
        path = pelt_span("/", 1);
    }
    for (size_t i = 0; i < path.len;) {
        size_t end = segment_end(path, i);
        struct pelt_span segment = pelt_span(path.ptr + i, end - i);
        len = append(raw, len, sizeof raw, is_id(segment) ? pelt_span("{}", 2) : segment);
        len = append(raw, len, sizeof raw, pelt_span("/", end < path.len));
        i = end + 1;
    }
    return clean_name(pelt_span(raw, len), out);
}
