/*
 * cache_gather: see the header. An expression is a list of selectors, each of a term; selectors of
 * one term are alternatives, terms add up.
 *
 * While a name is not there, names that are like it are kept for the message: by the share of
 * letter pairs that two names have in common (Dice's coefficient), in the answer after the first
 * one without it and then in each 64th, for at most NEAR_LOOKS names an answer.
 */
#include "cache_gather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_text.h"

#define SLOTS_MAX  64
#define NEAR_MAX   3
#define NEAR_NAME  80 /* bytes of a name that are kept */
#define NEAR_LOOKS 2000
#define NEAR_EVERY 64
#define NEAR_LEAST 0.35 /* share of pairs in common */

struct near {
    char name[NEAR_NAME];
    double likeness; /* 0: none */
};

struct label {
    struct pelt_span name, value; /* of the slot's text */
};

struct selector {
    struct pelt_span name; /* of the slot's text; empty: the number */
    struct label labels[CACHE_LABELS_MAX];
    size_t labels_len;
    unsigned slot, term;
    bool may_lack;   /* "?" */
    bool is_largest; /* "^" */
    bool is_there;   /* in this answer */
    bool is_kept;    /* counted by us: an answer does not begin it anew */
    double value;
    unsigned lacked; /* answers without it, one after the other */
    struct near near[NEAR_MAX];
};

struct cache_gather {
    struct selector selectors[CACHE_SELECTORS_MAX];
    size_t len;
    char *slots[SLOTS_MAX]; /* the expressions' texts */
    size_t slots_len;
    bool begun;                /* answers are told apart; else one goes on for good */
    bool is_looking;           /* for names like those that are not there */
    unsigned looks;            /* at names of this answer */
    char last_name[NEAR_NAME]; /* looked at last: samples of a name come together */
};

struct cache_gather *cache_gather_new(void)
{
    struct cache_gather *g = calloc(1, sizeof *g);

    if (g) {
        g->is_looking = true;
    }
    return g;
}

void cache_gather_free(struct cache_gather *g)
{
    for (size_t i = 0; g && i < g->slots_len; i++) {
        free(g->slots[i]);
    }
    free(g);
}

/* ---- expressions ---- */

static enum pelt_status bad(struct pelt_error *err, const char *text, const char *why)
{
    return pelt_fail(err, PELT_EINVAL,
                     "'%s': %s: give a metric's NAME, NAME{label=\"value\"}, A+B or A|B", text,
                     why);
}

static bool read_labels(struct selector *s, struct pelt_span text)
{
    struct pelt_span name, value;
    size_t pos = 0;

    while (cache_text_label(text, &pos, &name, &value)) {
        if (s->labels_len == CACHE_LABELS_MAX) {
            return false;
        }
        s->labels[s->labels_len++] = (struct label){name, value};
    }
    while (pos < text.len && (text.ptr[pos] == ' ' || text.ptr[pos] == ',')) {
        pos++;
    }
    return pos == text.len;
}

/* One selector at *at; what follows it ('+', '|' or the end) is left there. NULL: read; else what
 * is wrong. */
static const char *read_selector(struct selector *s, const char **at)
{
    size_t len = strcspn(*at, "{+|?^ \t\"}");

    if (len == 0) {
        return "a name is missing";
    }
    s->name = pelt_span(*at, len);
    *at += len;
    if (**at == '{') {
        const char *end = *at + 1;
        for (bool quoted = false; *end && (quoted || *end != '}'); end++) {
            if (quoted && *end == '\\' && end[1]) {
                end++;
            } else if (*end == '"') {
                quoted = !quoted;
            }
        }
        if (*end != '}' || !read_labels(s, pelt_span(*at + 1, (size_t)(end - *at - 1)))) {
            return "its labels cannot be read";
        }
        *at = end + 1;
    }
    for (; **at == '?' || **at == '^'; (*at)++) {
        *(**at == '?' ? &s->may_lack : &s->is_largest) = true;
    }
    return **at == '\0' || **at == '+' || **at == '|' ? NULL : "something follows the name";
}

static enum pelt_status read_expression(struct cache_gather *g, const char *text,
                                        struct pelt_error *err)
{
    const char *at = text;
    unsigned term = 0;
    double number;

    for (;;) {
        if (g->len == CACHE_SELECTORS_MAX) {
            return pelt_fail(err, PELT_ELIMIT, "'%s': more than %d names of one server", text,
                             CACHE_SELECTORS_MAX);
        }
        struct selector *s = &g->selectors[g->len];
        *s = (struct selector){.slot = (unsigned)g->slots_len, .term = term};
        const char *why = read_selector(s, &at);
        if (why) {
            return bad(err, text, why);
        }
        if (s->name.ptr[0] >= '0' && s->name.ptr[0] <= '9' && cache_number(s->name, &number)) {
            s->name.len = 0;
            s->value = number;
            s->is_there = s->is_kept = true;
        }
        g->len++;
        if (*at == '\0') {
            return PELT_OK;
        }
        term += *at++ == '+';
    }
}

enum pelt_status cache_gather_add(struct cache_gather *g, const char *expression, size_t *slot,
                                  struct pelt_error *err)
{
    const size_t before = g->len;

    if (g->slots_len == SLOTS_MAX) {
        return pelt_fail(err, PELT_ELIMIT, "more than %d figures of one server", SLOTS_MAX);
    }
    char *text = strdup(expression);
    if (!text) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = read_expression(g, text, err);
    if (status != PELT_OK) {
        g->len = before;
        free(text);
        return status;
    }
    *slot = g->slots_len;
    g->slots[g->slots_len++] = text;
    return PELT_OK;
}

void cache_gather_from_zero(struct cache_gather *g)
{
    for (size_t i = 0; i < g->len; i++) {
        g->selectors[i].is_there = g->selectors[i].is_kept = true;
    }
}

const char *cache_gather_text(const struct cache_gather *g, size_t slot)
{
    return g->slots[slot];
}

/* ---- names that are like one that is not there ---- */

static double likeness(struct pelt_span a, struct pelt_span b)
{
    size_t same = 0;

    if (a.len < 2 || b.len < 2) {
        return 0;
    }
    for (size_t i = 0; i + 1 < a.len; i++) {
        for (size_t j = 0; j + 1 < b.len; j++) {
            if (a.ptr[i] == b.ptr[j] && a.ptr[i + 1] == b.ptr[j + 1]) {
                same++;
                break;
            }
        }
    }
    return 2.0 * (double)same / (double)(a.len - 1 + b.len - 1);
}

static void keep_near(struct selector *s, struct pelt_span name, double how_like)
{
    size_t at = NEAR_MAX;

    for (size_t i = NEAR_MAX; i-- > 0;) {
        if (pelt_span_eq(name, s->near[i].name)) {
            return;
        }
        at = how_like > s->near[i].likeness ? i : at;
    }
    if (at == NEAR_MAX) {
        return;
    }
    memmove(&s->near[at + 1], &s->near[at], (NEAR_MAX - at - 1) * sizeof s->near[0]);
    memcpy(s->near[at].name, name.ptr, name.len);
    s->near[at].name[name.len] = '\0';
    s->near[at].likeness = how_like;
}

static bool is_looked_for(const struct cache_gather *g, const struct selector *s)
{
    return !s->is_there && (!g->begun || s->lacked % NEAR_EVERY == 1);
}

static void look(struct cache_gather *g, struct pelt_span name)
{
    if (!g->is_looking || g->looks == NEAR_LOOKS || name.len >= NEAR_NAME ||
        pelt_span_eq(name, g->last_name)) {
        return;
    }
    g->looks++;
    memcpy(g->last_name, name.ptr, name.len);
    g->last_name[name.len] = '\0';
    for (size_t i = 0; i < g->len; i++) {
        struct selector *s = &g->selectors[i];
        double how_like = is_looked_for(g, s) ? likeness(s->name, name) : 0;
        if (how_like >= NEAR_LEAST) {
            keep_near(s, name, how_like);
        }
    }
}

/* ---- answers ---- */

void cache_gather_begin(struct cache_gather *g)
{
    g->begun = true;
    g->is_looking = false;
    for (size_t i = 0; i < g->len; i++) {
        struct selector *s = &g->selectors[i];
        s->lacked = s->is_there ? 0 : s->lacked + 1;
        if (!s->is_kept) {
            s->is_there = false;
            s->value = 0;
        }
        if (is_looked_for(g, s)) {
            g->is_looking = true;
            memset(s->near, 0, sizeof s->near);
        }
    }
    g->looks = 0;
    g->last_name[0] = '\0';
}

static bool has_label(const struct label *wanted, struct pelt_span labels)
{
    struct pelt_span name, value;
    size_t pos = 0;

    while (cache_text_label(labels, &pos, &name, &value)) {
        if (name.len == wanted->name.len && memcmp(name.ptr, wanted->name.ptr, name.len) == 0) {
            return pelt_span_eq(wanted->value, "*") || cache_text_label_is(value, wanted->value);
        }
    }
    return false;
}

static bool matches(const struct selector *s, const struct cache_sample *sample)
{
    for (size_t i = 0; i < s->labels_len; i++) {
        if (!has_label(&s->labels[i], sample->labels)) {
            return false;
        }
    }
    return true;
}

static bool is_named(const struct selector *s, struct pelt_span name)
{
    return s->name.len == name.len && name.len > 0 && memcmp(s->name.ptr, name.ptr, name.len) == 0;
}

/* "# TYPE hits counter" declares hits and, in OpenMetrics, hits_total. */
static bool is_declared(const struct selector *s, struct pelt_span name)
{
    static const char suffix[] = "_total";
    const size_t len = sizeof suffix - 1;

    return is_named(s, name) ||
           (s->name.len == name.len + len && memcmp(s->name.ptr, name.ptr, name.len) == 0 &&
            memcmp(s->name.ptr + name.len, suffix, len) == 0);
}

static void take_value(struct selector *s, const struct cache_sample *sample, double value)
{
    if (sample->how == CACHE_SET || (s->is_largest && (!s->is_there || value > s->value))) {
        s->value = value;
    } else if (!s->is_largest) {
        s->value += value;
    }
    s->is_there = true;
    s->is_kept = sample->how != CACHE_PART;
}

void cache_gather_take(void *gather, const struct cache_sample *sample)
{
    struct cache_gather *g = gather;
    double value = sample->number;

    for (size_t i = 0; i < g->len; i++) {
        struct selector *s = &g->selectors[i];
        if (sample->how == CACHE_DECLARED) {
            s->is_there |= s->labels_len == 0 && is_declared(s, sample->name);
            continue;
        }
        if (!is_named(s, sample->name)) {
            continue;
        }
        if (matches(s, sample) && (sample->text.len == 0 || cache_number(sample->text, &value))) {
            take_value(s, sample, value);
        }
    }
    if (sample->how != CACHE_DECLARED) {
        look(g, sample->name);
    }
}

/* The first alternative of the term that begins at *at which is there; NULL: none. *at goes on to
 * the next term. */
static const struct selector *find(const struct cache_gather *g, size_t *at)
{
    const struct selector *first = &g->selectors[*at], *found = NULL;

    for (; *at < g->len && g->selectors[*at].slot == first->slot &&
           g->selectors[*at].term == first->term;
         (*at)++) {
        const struct selector *s = &g->selectors[*at];
        found = found == NULL && s->is_there ? s : found;
    }
    return found;
}

static size_t first_of(const struct cache_gather *g, size_t slot)
{
    size_t at = 0;

    while (g->selectors[at].slot != slot) {
        at++;
    }
    return at;
}

bool cache_gather_value(const struct cache_gather *g, size_t slot, double *value)
{
    size_t at = first_of(g, slot);

    *value = 0;
    while (at < g->len && g->selectors[at].slot == slot) {
        const struct selector *first = &g->selectors[at];
        const struct selector *found = find(g, &at);
        if (!found && !first->may_lack) {
            return false;
        }
        *value += found ? found->value : 0;
    }
    return true;
}

void cache_gather_missing(const struct cache_gather *g, size_t slot, char *out, size_t size)
{
    size_t at = first_of(g, slot);
    const struct selector *s = &g->selectors[at];

    while (at < g->len && g->selectors[at].slot == slot) {
        const struct selector *first = &g->selectors[at];
        if (!find(g, &at) && !first->may_lack) {
            s = first;
            break;
        }
    }
    int len = snprintf(out, size, "%.*s is not there", (int)s->name.len, s->name.ptr);
    for (size_t i = 0; i < NEAR_MAX && s->near[i].likeness > 0; i++) {
        if (len < 0 || (size_t)len >= size) {
            return;
        }
        len += snprintf(out + len, size - (size_t)len, "%s%s", i == 0 ? "; nearest: " : ", ",
                        s->near[i].name);
    }
}
