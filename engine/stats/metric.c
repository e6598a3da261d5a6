/*
 * metric: see the header. Metrics are an array; series with tags are an array by id and a hash over
 * it, as names are (registry.c). Nothing is moved or freed before the table is.
 *
 * Thread: any; one lock. Also the rules of tags, which touch nothing shared.
 */
#include "pelt/own_metric.h"

#include <assert.h>
#include <pthread.h>

#include "pelt/registry.h"
#include "pelt/server_metric.h"

#define TAGGED (PELT_METRIC_SERIES_MAX - PELT_METRIC_TAGGED)
#define SLOTS  8192 /* of the hash; a power of two, at least twice the series */

static_assert(SLOTS >= 2 * TAGGED, "open addressing needs room");
static_assert(PELT_TAGS_TEXT == PELT_NAME_MAX, "a threshold's name holds tags as well");

static const char *const TYPES[PELT_METRIC_TYPES] = {"counter", "gauge", "share", "trend"};

/* What a metric of a script cannot be called: pelt's own, now or by its contract. */
static const char *const OWN[] = {
    "iteration",   "requests",      "errors",        "checks",    "bytes_sent", "bytes_received",
    "dropped",     "users",         "send_lag",      "loop_lag",  "seconds",    "server_time",
    "server_rest", "server_timing", "cache_latency", "cache_age", "capacity",   NULL};
static const char *const OWN_PREFIXES[] = {"http_", "h2_",   "ws_",     "stream_", "llm_",
                                           "tls_",  "grpc_", "server.", "cache.",  NULL};

struct series {
    uint32_t metric;
    char *tags;
};

struct pelt_metrics {
    pthread_mutex_t lock;
    struct pelt_quota *quota;                    /* borrowed */
    struct pelt_metric metric[PELT_METRICS_MAX]; /* by id */
    bool refused_any[PELT_METRICS_MAX];
    uint32_t own[PELT_METRICS_MAX];  /* series with tags of each */
    uint32_t metrics, owns, servers; /* pelt's own ones of them, and those of servers */
    struct series series[TAGGED];    /* by id - PELT_METRIC_TAGGED */
    uint32_t tagged;
    uint64_t refused;
    uint16_t slot[SLOTS]; /* place in `series` + 1 by hash, open addressing; 0: empty */
};

const char *pelt_metric_type_name(enum pelt_metric_type type)
{
    assert(type < PELT_METRIC_TYPES);
    return TYPES[type];
}

bool pelt_metric_type_find(const char *name, enum pelt_metric_type *type)
{
    for (unsigned i = 0; i < PELT_METRIC_TYPES; i++) {
        if (strcmp(TYPES[i], name) == 0) {
            *type = (enum pelt_metric_type)i;
            return true;
        }
    }
    return false;
}

double pelt_metric_scale(const struct pelt_metric *metric)
{
    static const double POWERS[] = {1, 10, 100, 1000};
    assert(metric->decimals <= PELT_METRIC_DECIMALS_MAX);
    return POWERS[metric->decimals];
}

bool pelt_metric_is_time(const struct pelt_metric *metric)
{
    return metric->type == PELT_METRIC_TREND && strcmp(metric->unit, PELT_METRIC_TIME_UNIT) == 0;
}

/* ---- tags ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

bool pelt_tag_key_good(struct pelt_span key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!is_word(key.ptr[i]) && key.ptr[i] != '-') {
            return false;
        }
    }
    bool other =
        key.len == strlen(PELT_TAGS_OTHER) && memcmp(key.ptr, PELT_TAGS_OTHER, key.len) == 0;
    return key.len > 0 && key.len <= PELT_TAG_KEY_MAX && !other;
}

static int compare_keys(struct pelt_span a, struct pelt_span b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* By insertion: few, and mostly in order. False: two are the same. */
static bool sort(struct pelt_tag *tags, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        struct pelt_tag tag = tags[i];
        size_t at = i;
        int order = 1;
        while (at > 0 && (order = compare_keys(tags[at - 1].key, tag.key)) > 0) {
            tags[at] = tags[at - 1];
            at--;
        }
        tags[at] = tag;
        if (order == 0) {
            return false;
        }
    }
    return true;
}

bool pelt_tags_write(struct pelt_tag *tags, size_t len, char out[PELT_TAGS_TEXT + 1])
{
    size_t at = 0;
    out[0] = '\0';
    if (!sort(tags, len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const struct pelt_span key = tags[i].key, value = tags[i].value;
        if (at + (i > 0) + key.len + 1 > PELT_TAGS_TEXT) {
            return false;
        }
        memcpy(out + at, ",", i > 0 ? 1 : 0);
        at += i > 0;
        memcpy(out + at, key.ptr, key.len);
        at += key.len;
        out[at++] = '=';
        for (size_t c = 0; c < value.len; c++) {
            bool escaped = value.ptr[c] == ',' || value.ptr[c] == '\\';
            if (at + escaped + 1 > PELT_TAGS_TEXT) {
                return false;
            }
            memcpy(out + at, "\\", escaped);
            at += escaped;
            out[at++] = value.ptr[c];
        }
    }
    pelt_name_clean(out, at);
    return true;
}

bool pelt_tags_next(const char **text, char key[PELT_TAGS_TEXT + 1], char value[PELT_TAGS_TEXT + 1])
{
    const char *c = *text;
    size_t keys = 0, values = 0;
    bool behind = false;
    if (*c == '\0') {
        return false;
    }
    for (; *c != '\0' && (*c != ',' || !behind) && keys < PELT_TAGS_TEXT && values < PELT_TAGS_TEXT;
         c++) {
        if (!behind && *c == '=') {
            behind = true;
        } else if (!behind) {
            key[keys++] = *c;
        } else {
            c += *c == '\\' && c[1] != '\0';
            value[values++] = *c;
        }
    }
    key[keys] = value[values] = '\0';
    if (!behind) {
        snprintf(value, PELT_TAGS_TEXT + 1, "true");
    }
    *text = *c == ',' ? c + 1 : c;
    return true;
}

static bool includes(const char *tags, const char *key, const char *value)
{
    char k[PELT_TAGS_TEXT + 1], v[PELT_TAGS_TEXT + 1];
    while (pelt_tags_next(&tags, k, v)) {
        if (strcmp(k, key) == 0 && strcmp(v, value) == 0) {
            return true;
        }
    }
    return false;
}

bool pelt_tags_include(const char *tags, const char *wanted)
{
    char key[PELT_TAGS_TEXT + 1], value[PELT_TAGS_TEXT + 1];
    while (pelt_tags_next(&wanted, key, value)) {
        if (!includes(tags, key, value)) {
            return false;
        }
    }
    return true;
}

bool pelt_tags_parse(const char *text, char out[PELT_TAGS_TEXT + 1])
{
    char key[PELT_TAGS_MAX][PELT_TAGS_TEXT + 1], value[PELT_TAGS_MAX][PELT_TAGS_TEXT + 1];
    struct pelt_tag tags[PELT_TAGS_MAX];
    size_t len = 0;
    if (strcmp(text, PELT_TAGS_OTHER) == 0) {
        snprintf(out, PELT_TAGS_TEXT + 1, "%s", text);
        return true;
    }
    while (*text != '\0') {
        if (len == PELT_TAGS_MAX || strlen(text) > PELT_TAGS_TEXT || strchr(text, '=') == NULL ||
            !pelt_tags_next(&text, key[len], value[len])) {
            return false;
        }
        tags[len].key = pelt_span_trim(pelt_span_of(key[len]));
        tags[len].value = pelt_span_trim(pelt_span_of(value[len]));
        if (!pelt_tag_key_good(tags[len++].key)) {
            return false;
        }
    }
    return len > 0 && pelt_tags_write(tags, len, out);
}

/* ---- the table ---- */

struct pelt_metrics *pelt_metrics_new(struct pelt_quota *quota)
{
    struct pelt_metrics *m = pelt_shm_take(pelt_quota_shm(quota), sizeof *m);
    if (m != NULL) {
        m->quota = quota;
        pthread_mutex_init(&m->lock, NULL);
    }
    return m;
}

void pelt_metrics_free(struct pelt_metrics *m)
{
    if (m == NULL) {
        return;
    }
    for (uint32_t i = 0; i < m->tagged; i++) {
        pelt_shm_give(pelt_quota_shm(m->quota), m->series[i].tags);
    }
    pthread_mutex_destroy(&m->lock);
    pelt_shm_give(pelt_quota_shm(m->quota), m);
}

void pelt_metrics_inherit(struct pelt_metrics *m)
{
    pthread_mutex_init(&m->lock, NULL);
}

static bool is_own(const char *name)
{
    for (size_t i = 0; OWN[i] != NULL; i++) {
        if (strcmp(OWN[i], name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; OWN_PREFIXES[i] != NULL; i++) {
        if (strncmp(name, OWN_PREFIXES[i], strlen(OWN_PREFIXES[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool name_good(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (!is_word(*c)) {
            return false;
        }
    }
    return is_letter(name[0]);
}

bool pelt_metric_name_free(const char *name)
{
    return name_good(name) && !is_own(name);
}

/* Under the lock; -1: none. */
static int find(const struct pelt_metrics *m, const char *name)
{
    for (uint32_t i = 0; i < m->metrics; i++) {
        if (strcmp(m->metric[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool same(const struct pelt_metric *a, const struct pelt_metric *b)
{
    return a->type == b->type && strcmp(a->unit, b->unit) == 0 && a->decimals == b->decimals;
}

static enum pelt_status declare(struct pelt_metrics *m, const struct pelt_metric *metric,
                                bool server, uint32_t *id, struct pelt_error *err)
{
    int at = find(m, metric->name);
    if (at >= 0 && !same(&m->metric[at], metric)) {
        const struct pelt_metric *before = &m->metric[at];
        return pelt_fail(err, PELT_EINVAL,
                         "metric '%s' is a %s%s%s already: give this one another name, or declare "
                         "it the same",
                         before->name, TYPES[before->type], before->unit[0] ? " in " : "",
                         before->unit);
    }
    const bool own = is_own(metric->name) && !server;
    if (at < 0 && server && m->servers == PELT_METRICS_SERVER) {
        return pelt_fail(err, PELT_ELIMIT,
                         "metric '%s': thresholds name more than %d metrics of servers: leave some "
                         "out; the run file has all figures",
                         metric->name, PELT_METRICS_SERVER);
    }
    if (at < 0 && !own && !server && m->metrics - m->owns - m->servers == PELT_METRICS_SCRIPT) {
        return pelt_fail(err, PELT_ELIMIT,
                         "metric '%s': more than %d metrics: tell values of one apart by tags",
                         metric->name, PELT_METRICS_SCRIPT);
    }
    if (at < 0) {
        at = (int)m->metrics++;
        m->metric[at] = *metric;
        m->owns += own;
        m->servers += server;
    }
    *id = (uint32_t)at;
    return PELT_OK;
}

enum pelt_status pelt_metrics_put(struct pelt_metrics *m, const struct pelt_metric *metric,
                                  uint32_t *id, struct pelt_error *err)
{
    struct pelt_server_metric of_server;
    const bool server = pelt_server_metric_parse(metric->name, &of_server);
    if (server && !same(metric, &of_server.metric)) {
        return pelt_fail(err, PELT_EINVAL, "metric '%s': is another kind of metric", metric->name);
    }
    if (!server && !name_good(metric->name)) {
        return pelt_fail(err, PELT_EINVAL,
                         "metric '%s': a name is letters, digits, '_' and '.', and begins with a "
                         "letter",
                         metric->name);
    }
    enum pelt_own_metric own;
    if (!server && is_own(metric->name) && !pelt_own_metric_find(metric->name, &own)) {
        return pelt_fail(err, PELT_EINVAL, "metric '%s': pelt has none", metric->name);
    }
    pthread_mutex_lock(&m->lock);
    enum pelt_status status = declare(m, metric, server, id, err);
    pthread_mutex_unlock(&m->lock);
    return status;
}

enum pelt_status pelt_metrics_declare(struct pelt_metrics *m, const struct pelt_metric *metric,
                                      uint32_t *id, struct pelt_error *err)
{
    if (is_own(metric->name)) {
        return pelt_fail(err, PELT_EINVAL,
                         "metric '%s': pelt's own metrics are called so; try 'my_%s'", metric->name,
                         metric->name);
    }
    return pelt_metrics_put(m, metric, id, err);
}

bool pelt_metrics_find(struct pelt_metrics *m, const char *name, uint32_t *id)
{
    pthread_mutex_lock(&m->lock);
    int at = find(m, name);
    pthread_mutex_unlock(&m->lock);
    if (at >= 0) {
        *id = (uint32_t)at;
    }
    return at >= 0;
}

uint32_t pelt_metrics_count(struct pelt_metrics *m)
{
    pthread_mutex_lock(&m->lock);
    uint32_t count = m->metrics;
    pthread_mutex_unlock(&m->lock);
    return count;
}

const struct pelt_metric *pelt_metrics_at(struct pelt_metrics *m, uint32_t id)
{
    assert(id < pelt_metrics_count(m));
    return &m->metric[id];
}

/* FNV-1a over the metric's number and the text. */
static uint32_t hash(uint32_t metric, const char *tags)
{
    uint32_t h = (2166136261u ^ metric) * 16777619u;
    for (; *tags != '\0'; tags++) {
        h = (h ^ (unsigned char)*tags) * 16777619u;
    }
    return h;
}

/* The slot that holds the series, or the empty one where it belongs. */
static uint16_t *slot_of(struct pelt_metrics *m, uint32_t metric, const char *tags)
{
    uint32_t i = hash(metric, tags) % SLOTS;
    while (m->slot[i] != 0 && (m->series[m->slot[i] - 1].metric != metric ||
                               strcmp(m->series[m->slot[i] - 1].tags, tags) != 0)) {
        i = (i + 1) % SLOTS;
    }
    return &m->slot[i];
}

/* Under the lock. */
static uint32_t intern(struct pelt_metrics *m, uint32_t metric, const char *tags,
                       bool *first_refused)
{
    uint16_t *slot = slot_of(m, metric, tags);
    if (*slot == 0) {
        bool room = m->tagged < PELT_METRIC_TAGGED_MAX || m->own[metric] < PELT_METRIC_TAGGED_OWN;
        if (room && !pelt_quota_admits(m->quota)) {
            return PELT_METRIC_OTHER(metric);
        }
        char *copy = room ? pelt_shm_text(pelt_quota_shm(m->quota), tags) : NULL;
        if (copy == NULL) {
            m->refused++;
            *first_refused = !m->refused_any[metric];
            m->refused_any[metric] = true;
            return PELT_METRIC_OTHER(metric);
        }
        m->series[m->tagged] = (struct series){metric, copy};
        m->own[metric]++;
        *slot = (uint16_t)++m->tagged;
    }
    return PELT_METRIC_TAGGED + *slot - 1u;
}

uint32_t pelt_metrics_series(struct pelt_metrics *m, uint32_t metric, const char *tags,
                             bool *first_refused)
{
    bool unused;
    first_refused = first_refused != NULL ? first_refused : &unused;
    *first_refused = false;
    if (tags[0] == '\0') {
        return PELT_METRIC_PLAIN(metric);
    }
    if (strcmp(tags, PELT_TAGS_OTHER) == 0) {
        return PELT_METRIC_OTHER(metric);
    }
    pthread_mutex_lock(&m->lock);
    assert(metric < m->metrics);
    uint32_t id = intern(m, metric, tags, first_refused);
    pthread_mutex_unlock(&m->lock);
    return id;
}

uint32_t pelt_metrics_series_end(struct pelt_metrics *m)
{
    pthread_mutex_lock(&m->lock);
    uint32_t end = PELT_METRIC_TAGGED + m->tagged;
    pthread_mutex_unlock(&m->lock);
    return end;
}

/* Under the lock. */
static const char *tags_of(struct pelt_metrics *m, uint32_t series, uint32_t *metric)
{
    if (series >= PELT_METRIC_TAGGED) {
        uint32_t at = series - PELT_METRIC_TAGGED;
        *metric = at < m->tagged ? m->series[at].metric : 0;
        return at < m->tagged ? m->series[at].tags : NULL;
    }
    *metric = series / 2;
    if (*metric >= m->metrics) {
        return NULL;
    }
    return series == PELT_METRIC_PLAIN(*metric) ? "" : PELT_TAGS_OTHER;
}

const char *pelt_metrics_tags(struct pelt_metrics *m, uint32_t series, uint32_t *metric)
{
    pthread_mutex_lock(&m->lock);
    const char *tags = tags_of(m, series, metric);
    pthread_mutex_unlock(&m->lock);
    return tags;
}

uint64_t pelt_metrics_refused(struct pelt_metrics *m)
{
    pthread_mutex_lock(&m->lock);
    uint64_t refused = m->refused;
    pthread_mutex_unlock(&m->lock);
    return refused;
}

enum pelt_status pelt_metrics_copy(struct pelt_metrics *into, struct pelt_metrics *from)
{
    uint32_t id, end = pelt_metrics_series_end(from), metrics = pelt_metrics_count(from);
    for (uint32_t i = 0; i < metrics; i++) {
        enum pelt_status status = pelt_metrics_put(into, pelt_metrics_at(from, i), &id, NULL);
        if (status != PELT_OK || id != i) {
            return status != PELT_OK ? status : PELT_EINVAL;
        }
    }
    for (uint32_t i = PELT_METRIC_TAGGED; i < end; i++) {
        const char *tags = pelt_metrics_tags(from, i, &id);
        if (pelt_metrics_series(into, id, tags, NULL) != i) {
            return PELT_ENOMEM;
        }
    }
    return PELT_OK;
}

void pelt_metrics_format(struct pelt_metrics *m, uint32_t series, char *out, size_t size)
{
    uint32_t metric;
    const char *tags = pelt_metrics_tags(m, series, &metric);
    if (tags == NULL) {
        snprintf(out, size, "?");
        return;
    }
    bool tagged = tags[0] != '\0';
    const char *name = pelt_metrics_at(m, metric)->name;
    char braces[PELT_TAGS_TEXT + 1];
    pelt_own_metric_braces(name, tags, braces);
    snprintf(out, size, "%s%s%s%s", name, tagged ? "{" : "", braces, tagged ? "}" : "");
}
