/*
 * figure: see the header.
 */
#include "figure.h"

#include <assert.h>

#include "pelt/own_metric.h"
#include "pelt/server_metric.h"
#include "pelt/units.h"

// clang-format off
#define METRICS_OF_FRAMES(M)                                                                       \
    M("requests", PELT_FROM_REQUESTS)                                                              \
    M("errors", PELT_FROM_ERRORS)                                                                  \
    M("apdex", PELT_FROM_APDEX)                                                                    \
    M("goodput", PELT_FROM_GOODPUT)                                                                \
    M("checks", PELT_FROM_CHECKS)                                                                  \
    M("bytes_sent", PELT_FROM_BYTES_SENT)                                                          \
    M("bytes_received", PELT_FROM_BYTES_RECEIVED)                                                  \
    M("dropped", PELT_FROM_DROPPED)                                                                \
    M("users", PELT_FROM_USERS)                                                                    \
    M("capacity", PELT_FROM_CAPACITY)

static const struct pelt_figure FIGURES[] = {
#define X(symbol, name) {name, PELT_FROM_REQUEST_HIST, PELT_HIST_##symbol, NULL},
    PELT_REQUEST_HISTS(X)
#undef X
#define X(symbol, name) {name, PELT_FROM_RUN_HIST, PELT_RUNHIST_##symbol, NULL},
    PELT_RUN_HISTS(X)
#undef X
#define M(name, source) {name, source, 0, NULL},
    METRICS_OF_FRAMES(M)
#undef M
};
#define FIGURES_LEN (sizeof FIGURES / sizeof FIGURES[0])

const char *const pelt_threshold_metrics[FIGURES_LEN + 1] = {
#define X(symbol, name) name,
    PELT_REQUEST_HISTS(X)
    PELT_RUN_HISTS(X)
#undef X
#define M(name, source) name,
    METRICS_OF_FRAMES(M)
#undef M
};

// clang-format on

static const char *const HIST_STATS[] = {"min",   "mean",       "max", "p50",   "p75",
                                         "p90",   "p95",        "p99", "p99.9", "p99.99",
                                         "count", "per_second", NULL};
static const char *const COUNT_STATS[] = {"count", "per_second", NULL};
static const char *const SHARE_STATS[] = {"share", "count", "per_second", NULL};
static const char *const CHECK_STATS[] = {"share", "count", NULL};
static const char *const GAUGE_STATS[] = {"last", "min", "max", NULL};
static const char *const SERVER_STATS[] = {"last", "min", "mean", "max", NULL}; /* a level */
static const char *const CAPACITY_STATS[] = {"per_second", "users", NULL};
static const char *const APDEX_STATS[] = {"score", NULL};

bool pelt_figure_is_hist(const struct pelt_figure *f)
{
    return f->source == PELT_FROM_REQUEST_HIST || f->source == PELT_FROM_RUN_HIST ||
           (f->custom != NULL && f->custom->type == PELT_METRIC_TREND);
}

bool pelt_figure_is_gauge(const struct pelt_figure *f)
{
    return f->source == PELT_FROM_USERS ||
           (f->custom != NULL && f->custom->type == PELT_METRIC_GAUGE);
}

bool pelt_figure_is_bytes(const struct pelt_figure *f)
{
    return f->source == PELT_FROM_BYTES_SENT || f->source == PELT_FROM_BYTES_RECEIVED;
}

bool pelt_figure_is_sized(const struct pelt_figure *f)
{
    struct pelt_server_metric m;
    return f->custom != NULL && pelt_server_metric_parse(f->name, &m) &&
           (m.cell == PELT_SERVER_USED || m.cell == PELT_SERVER_FREE ||
            m.cell == PELT_SERVER_VALUE || m.cell == PELT_SERVER_COUNT);
}

bool pelt_figure_has_limit(const struct pelt_figure *f)
{
    return f->source == PELT_FROM_APDEX || f->source == PELT_FROM_GOODPUT;
}

bool pelt_figure_has_name(const struct pelt_figure *f)
{
    return f->source != PELT_FROM_RUN_HIST && f->source != PELT_FROM_DROPPED &&
           f->source != PELT_FROM_USERS && f->source != PELT_FROM_CAPACITY;
}

static const char *const *stats_of_type(enum pelt_metric_type type)
{
    static const char *const *const STATS[] = {COUNT_STATS, GAUGE_STATS, CHECK_STATS, HIST_STATS};
    assert(type < PELT_METRIC_TYPES);
    return STATS[type];
}

/* What servers have a gauge's value of. */
static bool is_level(const struct pelt_figure *f)
{
    struct pelt_server_metric m;
    return f->custom->type == PELT_METRIC_GAUGE && pelt_server_metric_parse(f->name, &m);
}

static const char *const *stats_of(const struct pelt_figure *f)
{
    switch (f->source) {
    case PELT_FROM_REQUEST_HIST:
    case PELT_FROM_RUN_HIST:
        return HIST_STATS;
    case PELT_FROM_ERRORS:
    case PELT_FROM_GOODPUT:
    case PELT_FROM_DROPPED:
        return SHARE_STATS;
    case PELT_FROM_APDEX:
        return APDEX_STATS;
    case PELT_FROM_CHECKS:
        return CHECK_STATS;
    case PELT_FROM_USERS:
        return GAUGE_STATS;
    case PELT_FROM_CAPACITY:
        return CAPACITY_STATS;
    case PELT_FROM_METRIC:
        return is_level(f) ? SERVER_STATS : stats_of_type(f->custom->type);
    case PELT_FROM_REQUESTS:
    case PELT_FROM_BYTES_SENT:
    case PELT_FROM_BYTES_RECEIVED:
        break;
    }
    return COUNT_STATS;
}

bool pelt_figure_find(const char *name, struct pelt_metrics *metrics, struct pelt_figure *out)
{
    enum pelt_own_metric own;
    struct pelt_server_metric of_server;
    uint32_t id;
    for (size_t i = 0; i < FIGURES_LEN; i++) {
        if (strcmp(FIGURES[i].name, name) == 0) {
            *out = FIGURES[i];
            return true;
        }
    }
    if (metrics == NULL) {
        return false;
    }
    if (pelt_own_metric_find(name, &own)) {
        id = pelt_own_metric(metrics, own);
    } else if (pelt_server_metric_parse(name, &of_server)) {
        if (pelt_metrics_put(metrics, &of_server.metric, &id, NULL) != PELT_OK) {
            return false; /* too many */
        }
    } else if (!pelt_metrics_find(metrics, name, &id)) {
        return false;
    }
    const struct pelt_metric *custom = pelt_metrics_at(metrics, id);
    *out = (struct pelt_figure){custom->name, PELT_FROM_METRIC, (int)id, custom};
    return true;
}

static enum pelt_status fail_nearest(struct pelt_error *err, const char *what, const char *word,
                                     const char *const *candidates, const char *hint)
{
    const char *nearest = pelt_nearest(word, candidates);
    if (nearest != NULL) {
        return pelt_fail(err, PELT_EINVAL, "threshold: no %s \"%s\"; did you mean \"%s\"?", what,
                         word, nearest);
    }
    return pelt_fail(err, PELT_EINVAL, "threshold: no %s \"%s\"; %s", what, word, hint);
}

static enum pelt_status fail_unknown(struct pelt_metrics *metrics, const char *name,
                                     struct pelt_error *err)
{
    const char *all[FIGURES_LEN + PELT_METRICS_MAX + PELT_OWN_METRICS + 1];
    size_t len = 0;
    enum pelt_own_metric own;
    if (pelt_own_metric_find(name, &own)) { /* then nobody knows a script's metrics */
        return pelt_fail(err, PELT_EINVAL,
                         "threshold: %s is measured by what a scenario calls (pelt.ws, pelt.llm, "
                         "streams); without one try http_response, errors or requests",
                         name);
    }
    uint32_t custom = metrics != NULL ? pelt_metrics_count(metrics) : 0;
    for (int i = 0; i < PELT_OWN_METRICS && metrics != NULL; i++) {
        all[len++] = pelt_own_metric_at((enum pelt_own_metric)i)->name;
    }
    for (uint32_t i = 0; i < custom; i++) {
        all[len++] = pelt_metrics_at(metrics, i)->name;
    }
    for (size_t i = 0; i <= FIGURES_LEN; i++) { /* with the NULL at the end */
        all[len++] = pelt_threshold_metrics[i];
    }
    return fail_nearest(err, "metric", name, all,
                        metrics != NULL ? "try http_response, errors, checks or requests, or one "
                                          "that the scenario declares (pelt.metric)"
                                        : "try http_response, errors, checks or requests");
}

/* One that is meant to be of a server and is none, or is where no agent can be. */
static enum pelt_status fail_server(const char *name, struct pelt_error *err)
{
    struct pelt_server_metric of_server;
    if (pelt_server_metric_parse(name, &of_server)) {
        return pelt_fail(err, PELT_EINVAL, "threshold: %s needs an agent: --agent NAME=URL", name);
    }
    if (strlen(name) > PELT_METRIC_NAME_MAX) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold: %s is longer than %d bytes: give the agent a shorter name "
                         "(--agent NAME=URL)",
                         name, PELT_METRIC_NAME_MAX);
    }
    return pelt_fail(err, PELT_EINVAL,
                     "threshold: no metric \"%s\"; write server.AGENT.LIMIT.used, .free, .ratio or "
                     ".events, server.AGENT.GAUGE.value, server.AGENT.COUNTER.count, or "
                     "cache.NAME.hit_share",
                     name);
}

enum pelt_status pelt_figure_seek(const char *name, struct pelt_metrics *metrics,
                                  struct pelt_figure *out, struct pelt_error *err)
{
    if (pelt_figure_find(name, metrics, out)) {
        return PELT_OK;
    }
    struct pelt_server_metric of_server;
    uint32_t id;
    if (metrics != NULL && pelt_server_metric_parse(name, &of_server)) {
        return pelt_metrics_put(metrics, &of_server.metric, &id, err); /* which it was refused */
    }
    if (pelt_server_metric_is_meant(name)) {
        return fail_server(name, err);
    }
    return fail_unknown(metrics, name, err);
}

/* By hand, because strtod listens to the locale. */
double pelt_figure_percentile(const char *stat)
{
    double digits = 0, divisor = 1;
    bool point = false;
    if (stat[0] != 'p' || strlen(stat) >= sizeof(((struct pelt_threshold *)0)->stat)) {
        return 0;
    }
    for (const char *c = stat + 1; *c != '\0'; c++) {
        if (*c == '.' && !point) {
            point = true;
        } else if (*c >= '0' && *c <= '9') {
            digits = digits * 10 + (*c - '0');
            divisor *= point ? 10 : 1;
        } else {
            return 0;
        }
    }
    return digits / divisor < 100 ? digits / divisor : 0;
}

static bool has_stat(const struct pelt_figure *f, const char *stat)
{
    if (pelt_figure_is_hist(f) && pelt_figure_percentile(stat) > 0) {
        return true;
    }
    for (const char *const *s = stats_of(f); *s != NULL; s++) {
        if (strcmp(*s, stat) == 0) {
            return true;
        }
    }
    return false;
}

enum pelt_status pelt_figure_check_stat(const struct pelt_figure *f, const char *stat,
                                        struct pelt_error *err)
{
    if (has_stat(f, stat)) {
        return PELT_OK;
    }
    char what[sizeof(((struct pelt_threshold *)0)->metric) + 10];
    snprintf(what, sizeof what, "stat of %s", f->name);
    return fail_nearest(err, what, stat, stats_of(f),
                        pelt_figure_is_hist(f)             ? "try p95, p99, mean or max"
                        : f->custom != NULL && is_level(f) ? "try last, min, mean or max"
                        : pelt_figure_is_gauge(f)          ? "try last, min or max"
                        : f->source == PELT_FROM_APDEX     ? "it has one figure: leave the stat out"
                        : f->source == PELT_FROM_CAPACITY
                            ? "try per_second where the load is of arrivals, else users"
                            : "try count or share");
}

enum pelt_unit pelt_figure_unit(const struct pelt_figure *f, const char *stat)
{
    if (strcmp(stat, "per_second") == 0) {
        return PELT_UNIT_PER_S;
    }
    if (strcmp(stat, "share") == 0) {
        return PELT_UNIT_SHARE;
    }
    if (strcmp(stat, "count") == 0) {
        return pelt_figure_is_bytes(f) ? PELT_UNIT_BYTES : PELT_UNIT_COUNT;
    }
    if (f->source == PELT_FROM_USERS || f->source == PELT_FROM_CAPACITY) {
        return PELT_UNIT_COUNT;
    }
    if (f->source == PELT_FROM_APDEX) {
        return PELT_UNIT_NUMBER;
    }
    struct pelt_server_metric of_server;
    if (f->custom != NULL && pelt_server_metric_parse(f->name, &of_server) &&
        of_server.cell == PELT_SERVER_RATIO) {
        return PELT_UNIT_SHARE;
    }
    return f->custom != NULL && !pelt_metric_is_time(f->custom) ? PELT_UNIT_NUMBER : PELT_UNIT_MS;
}
