/*
 * threshold: see the header. One table says which metrics exist, where their figures come from and
 * which stats they have; one says which unit a stat of such a figure has. Reading and judging
 * follow them.
 *
 * Thread: any. Times of bounds and values are milliseconds.
 */
#include "pelt/threshold.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "pelt/clock.h"
#include "pelt/units.h"

#define US_PER_MS   1000.0
#define COUNT_MAX   (UINT64_C(1) << 53) /* a double holds it exactly */
#define STAT_MAX    sizeof(((struct pelt_threshold *)0)->stat)
#define METRIC_MAX  sizeof(((struct pelt_threshold *)0)->metric)
#define BOUND_CHARS 64

/* ---- what there is ---- */

enum source {
    REQUEST_HIST,
    RUN_HIST,
    REQUESTS,
    ERRORS,
    CHECKS,
    BYTES_SENT,
    BYTES_RECEIVED,
    DROPPED,
    METRIC /* of a script */
};

struct metric {
    const char *name;
    enum source source;
    int kind;                         /* of the histogram, where the source is one */
    const struct pelt_metric *custom; /* METRIC */
};

// clang-format off
#define METRICS_OF_FRAMES(M)                                                                       \
    M("requests", REQUESTS)                                                                        \
    M("errors", ERRORS)                                                                            \
    M("checks", CHECKS)                                                                            \
    M("bytes_sent", BYTES_SENT)                                                                    \
    M("bytes_received", BYTES_RECEIVED)                                                            \
    M("dropped", DROPPED)

static const struct metric METRICS[] = {
#define X(symbol, name) {name, REQUEST_HIST, PELT_HIST_##symbol, NULL},
    PELT_REQUEST_HISTS(X)
#undef X
#define X(symbol, name) {name, RUN_HIST, PELT_RUNHIST_##symbol, NULL},
    PELT_RUN_HISTS(X)
#undef X
#define M(name, source) {name, source, 0, NULL},
    METRICS_OF_FRAMES(M)
#undef M
};
#define METRICS_LEN (sizeof METRICS / sizeof METRICS[0])

const char *const pelt_threshold_metrics[METRICS_LEN + 1] = {
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

static bool is_hist(const struct metric *m)
{
    return m->source == REQUEST_HIST || m->source == RUN_HIST ||
           (m->source == METRIC && m->custom->type == PELT_METRIC_TREND);
}

static bool is_bytes(const struct metric *m)
{
    return m->source == BYTES_SENT || m->source == BYTES_RECEIVED;
}

static bool takes_name(const struct metric *m)
{
    return m->source != RUN_HIST && m->source != DROPPED;
}

static const char *const *stats_of_type(enum pelt_metric_type type)
{
    static const char *const *const STATS[] = {COUNT_STATS, GAUGE_STATS, CHECK_STATS, HIST_STATS};
    assert(type < PELT_METRIC_TYPES);
    return STATS[type];
}

static const char *const *stats_of(const struct metric *m)
{
    switch (m->source) {
    case REQUEST_HIST:
    case RUN_HIST:
        return HIST_STATS;
    case ERRORS:
    case DROPPED:
        return SHARE_STATS;
    case CHECKS:
        return CHECK_STATS;
    case METRIC:
        return stats_of_type(m->custom->type);
    default:
        return COUNT_STATS;
    }
}

/* False: neither one of pelt's own nor, where `metrics` is given, of the script. */
static bool find_metric(const char *name, struct pelt_metrics *metrics, struct metric *out)
{
    uint32_t id;
    for (size_t i = 0; i < METRICS_LEN; i++) {
        if (strcmp(METRICS[i].name, name) == 0) {
            *out = METRICS[i];
            return true;
        }
    }
    if (metrics == NULL || !pelt_metrics_find(metrics, name, &id)) {
        return false;
    }
    const struct pelt_metric *custom = pelt_metrics_at(metrics, id);
    *out = (struct metric){custom->name, METRIC, (int)id, custom};
    return true;
}

/* "p99.9" is 99.9; what is not p, digits and at most one point, or not in (0, 100), is 0. By hand,
 * because strtod listens to the locale. */
static double percentile_of(const char *stat)
{
    double digits = 0, divisor = 1;
    bool point = false;
    if (stat[0] != 'p' || strlen(stat) >= STAT_MAX) {
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

static bool has_stat(const struct metric *m, const char *stat)
{
    if (is_hist(m) && percentile_of(stat) > 0) {
        return true;
    }
    for (const char *const *s = stats_of(m); *s != NULL; s++) {
        if (strcmp(*s, stat) == 0) {
            return true;
        }
    }
    return false;
}

static enum pelt_unit unit_of(const struct metric *m, const char *stat)
{
    if (strcmp(stat, "per_second") == 0) {
        return PELT_UNIT_PER_S;
    }
    if (strcmp(stat, "share") == 0) {
        return PELT_UNIT_SHARE;
    }
    if (strcmp(stat, "count") == 0) {
        return is_bytes(m) ? PELT_UNIT_BYTES : PELT_UNIT_COUNT;
    }
    return m->source == METRIC && !pelt_metric_is_time(m->custom) ? PELT_UNIT_NUMBER : PELT_UNIT_MS;
}

const char *pelt_level_name(enum pelt_level level)
{
    static const char *const NAMES[] = {"target", "warning", "critical", "missed", "unjudged"};
    assert(level <= PELT_LEVEL_UNJUDGED);
    return NAMES[level];
}

const char *pelt_unit_name(enum pelt_unit unit)
{
    static const char *const NAMES[] = {"ms", "count", "share", "per_second", "bytes", "number"};
    assert(unit <= PELT_UNIT_NUMBER);
    return NAMES[unit];
}

/* ---- bounds as texts ---- */

/* "10m/s": bytes a second. */
static enum pelt_status parse_byte_rate(const char *text, double *out, struct pelt_error *err)
{
    char size[BOUND_CHARS];
    const char *slash = strstr(text, "/s");
    if (slash == NULL || slash[2] != '\0' || (size_t)(slash - text) >= sizeof size) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no rate of bytes; try 500k/s or 10m/s", text);
    }
    uint64_t bytes = 0;
    snprintf(size, sizeof size, "%.*s", (int)(slash - text), text);
    enum pelt_status status = pelt_parse_size(size, &bytes, err);
    *out = (double)bytes;
    return status;
}

/* Digits with an optional sign and decimal point, in any locale. */
static enum pelt_status parse_number(const char *text, double *out, struct pelt_error *err)
{
    bool negative = text[0] == '-', point = false, any = false;
    double digits = 0, divisor = 1;
    for (const char *c = text + negative; *c != '\0'; c++) {
        if (*c >= '0' && *c <= '9') {
            digits = digits * 10 + (*c - '0');
            divisor *= point ? 10 : 1;
            any = true;
        } else if (*c == '.' && !point) {
            point = true;
        } else {
            any = false;
            break;
        }
    }
    if (!any) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no number; try 500 or 0.25", text);
    }
    *out = (negative ? -digits : digits) / divisor;
    return PELT_OK;
}

static enum pelt_status parse_bound(const struct metric *m, enum pelt_unit unit, const char *text,
                                    double *out, struct pelt_error *err)
{
    uint64_t whole = 0;
    enum pelt_status status;
    switch (unit) {
    case PELT_UNIT_MS:
        status = pelt_parse_duration(text, &whole, err);
        *out = (double)whole / (double)PELT_NS_PER_MS;
        return status;
    case PELT_UNIT_SHARE:
        return pelt_parse_share(text, out, err);
    case PELT_UNIT_PER_S:
        return is_bytes(m) ? parse_byte_rate(text, out, err) : pelt_parse_rate(text, out, err);
    case PELT_UNIT_BYTES:
        status = pelt_parse_size(text, &whole, err);
        *out = (double)whole;
        return status;
    case PELT_UNIT_NUMBER:
        return parse_number(text, out, err);
    case PELT_UNIT_COUNT:
        break;
    }
    status = pelt_parse_count("the bound", text, 0, COUNT_MAX, &whole, err);
    *out = (double)whole;
    return status;
}

static void format_bytes_exactly(double bytes, const char *suffix, char *out, size_t size)
{
    static const char UNITS[] = {'k', 'm', 'g'};
    int unit = -1;
    while (unit < 2 && bytes >= 1024 && fmod(bytes, 1024) == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, size, "%.15g%.*s%s", bytes, unit < 0 ? 0 : 1, UNITS + (unit < 0 ? 0 : unit),
             suffix);
}

/* A bound or value for people; what users type comes out as it went in. */
static void format_value(const struct pelt_threshold *t, double value, char *out, size_t size)
{
    bool bytes = strncmp(t->metric, "bytes_", 6) == 0;
    switch (t->unit) {
    case PELT_UNIT_MS:
        if (value >= 1000) {
            snprintf(out, size, "%.10gs", value / 1000);
        } else if (value < 1 && value > 0) {
            snprintf(out, size, "%.10gus", value * US_PER_MS);
        } else {
            snprintf(out, size, "%.10gms", value);
        }
        return;
    case PELT_UNIT_SHARE:
        snprintf(out, size, "%.10g%%", value * 100);
        return;
    case PELT_UNIT_PER_S:
        if (bytes) {
            format_bytes_exactly(round(value), "/s", out, size);
        } else {
            snprintf(out, size, "%.10g/s", value);
        }
        return;
    case PELT_UNIT_BYTES:
        format_bytes_exactly(value, "", out, size);
        return;
    case PELT_UNIT_COUNT:
    case PELT_UNIT_NUMBER:
        snprintf(out, size, "%.15g", value);
        return;
    }
}

/* ---- making ---- */

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
    const char *all[METRICS_LEN + PELT_METRICS_MAX + 1];
    size_t len = 0;
    uint32_t custom = metrics != NULL ? pelt_metrics_count(metrics) : 0;
    for (uint32_t i = 0; i < custom; i++) {
        all[len++] = pelt_metrics_at(metrics, i)->name;
    }
    for (size_t i = 0; i <= METRICS_LEN; i++) { /* with the NULL at the end */
        all[len++] = pelt_threshold_metrics[i];
    }
    return fail_nearest(err, "metric", name, all,
                        metrics != NULL ? "try http_response, errors, checks or requests, or one "
                                          "that the scenario declares (pelt.metric)"
                                        : "try http_response, errors, checks or requests");
}

/* The series' name, or its tags as the series has them. */
static enum pelt_status set_name(struct pelt_threshold *t, const struct metric *m, const char *name,
                                 struct pelt_error *err)
{
    snprintf(t->name, sizeof t->name, "%s", name);
    if (m->source == METRIC && name[0] != '\0' && !pelt_tags_parse(name, t->name)) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold on %s: {%s} are no tags; write {route=chat} or "
                         "{route=chat,region=eu}",
                         m->name, name);
    }
    return PELT_OK;
}

/* Sets metric, name, stat and unit. */
static enum pelt_status set_figure(struct pelt_threshold *t, struct metric *m,
                                   struct pelt_metrics *metrics, const char *name, const char *stat,
                                   const char *metric_name, struct pelt_error *err)
{
    if (!find_metric(metric_name, metrics, m)) {
        return fail_unknown(metrics, metric_name, err);
    }
    if (!has_stat(m, stat)) {
        char what[BOUND_CHARS];
        snprintf(what, sizeof what, "stat of %s", m->name);
        return fail_nearest(err, what, stat, stats_of(m),
                            is_hist(m)                   ? "try p95, p99, mean or max"
                            : stats_of(m) == GAUGE_STATS ? "try last, min or max"
                                                         : "try count or share");
    }
    if (name[0] != '\0' && !takes_name(m)) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold: %s is one figure of the whole run, it has no {%s}", m->name,
                         name);
    }
    if (strlen(name) > PELT_NAME_MAX) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold on %s: the name \"%.40s...\" is longer than %d bytes", m->name,
                         name, PELT_NAME_MAX);
    }
    snprintf(t->metric, sizeof t->metric, "%s", m->name);
    snprintf(t->stat, sizeof t->stat, "%s", stat);
    t->unit = unit_of(m, stat);
    return set_name(t, m, name, err);
}

/* A bound, NAN where `text` is NULL. */
static enum pelt_status set_bound(const struct pelt_threshold *t, const struct metric *m,
                                  const char *which, const char *text, double *out,
                                  struct pelt_error *err)
{
    struct pelt_error why = {0};
    *out = NAN;
    if (text == NULL) {
        return PELT_OK;
    }
    enum pelt_status status = parse_bound(m, t->unit, text, out, &why);
    if (status != PELT_OK) {
        return pelt_fail(err, status, "threshold %s %s: %s: %.700s", t->metric, t->stat, which,
                         why.text);
    }
    return PELT_OK;
}

/* The direction from the bounds given; false: they do not all rise or all fall. */
static bool set_direction(struct pelt_threshold *t)
{
    double given[3];
    int len = 0;
    const double all[] = {t->target, t->warning, t->critical};
    for (int i = 0; i < 3; i++) {
        if (!isnan(all[i])) {
            given[len++] = all[i];
        }
    }
    t->lower_is_better = given[0] < given[1];
    for (int i = 1; i < len; i++) {
        if (given[i] == given[i - 1] || (given[i] > given[i - 1]) != t->lower_is_better) {
            return false;
        }
    }
    return true;
}

static enum pelt_status set_levels(struct pelt_threshold *t, const struct metric *m,
                                   const char *target, const char *warning, const char *critical,
                                   struct pelt_error *err)
{
    enum pelt_status status = set_bound(t, m, "target", target, &t->target, err);
    if (status == PELT_OK) {
        status = set_bound(t, m, "warning", warning, &t->warning, err);
    }
    if (status == PELT_OK) {
        status = set_bound(t, m, "critical", critical, &t->critical, err);
    }
    if (status == PELT_OK && !set_direction(t)) {
        return pelt_fail(
            err, PELT_EINVAL,
            "threshold %s %s: target, warning and critical must rise (lower is better) "
            "or fall (higher is better), and differ",
            t->metric, t->stat);
    }
    return status;
}

enum pelt_status pelt_threshold_make(const char *metric, const char *name, const char *stat,
                                     const char *max, const char *min, const char *target,
                                     const char *warning, const char *critical,
                                     struct pelt_threshold *out, struct pelt_error *err)
{
    return pelt_threshold_make_with(NULL, metric, name, stat, max, min, target, warning, critical,
                                    out, err);
}

enum pelt_status pelt_threshold_make_with(struct pelt_metrics *metrics, const char *metric,
                                          const char *name, const char *stat, const char *max,
                                          const char *min, const char *target, const char *warning,
                                          const char *critical, struct pelt_threshold *out,
                                          struct pelt_error *err)
{
    struct pelt_threshold t = {0};
    struct metric m;
    if (metric == NULL || stat == NULL) {
        return pelt_fail(err, PELT_EINVAL, "threshold: %s is missing",
                         metric == NULL ? "its metric" : "its stat, e.g. p95 or share,");
    }
    enum pelt_status status =
        set_figure(&t, &m, metrics, name != NULL ? name : "", stat, metric, err);
    if (status != PELT_OK) {
        return status;
    }
    int singles = (max != NULL) + (min != NULL);
    int levels = (target != NULL) + (warning != NULL) + (critical != NULL);
    if (!(singles == 1 && levels == 0) && !(singles == 0 && levels >= 2)) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold %s %s: give either max or min, or at least two of target, "
                         "warning and critical",
                         t.metric, t.stat);
    }
    if (singles == 1) {
        t.single = true;
        t.lower_is_better = max != NULL;
        t.target = t.warning = NAN;
        status = set_bound(&t, &m, max != NULL ? "max" : "min", max != NULL ? max : min,
                           &t.critical, err);
    } else {
        status = set_levels(&t, &m, target, warning, critical, err);
    }
    if (status == PELT_OK) {
        *out = t;
    }
    return status;
}

/* ---- the text form ---- */

static struct pelt_span take_until(struct pelt_span *rest, const char *stops)
{
    size_t len = 0;
    while (len < rest->len && strchr(stops, rest->ptr[len]) == NULL) {
        len++;
    }
    struct pelt_span word = pelt_span(rest->ptr, len);
    *rest = pelt_span_trim(pelt_span(rest->ptr + len, rest->len - len));
    return word;
}

/* "{GET /users/{}}": up to the last brace, since neither stat nor bound has one. */
static struct pelt_span take_name(struct pelt_span *rest)
{
    size_t last = rest->len - 1;
    while (rest->ptr[last] != '}' && last > 0) {
        last--;
    }
    if (last == 0) {
        return pelt_span(NULL, 0);
    }
    struct pelt_span name = pelt_span(rest->ptr + 1, last - 1);
    *rest = pelt_span_trim(pelt_span(rest->ptr + last + 1, rest->len - last - 1));
    return name;
}

static void copy_span(char *out, size_t size, struct pelt_span s)
{
    snprintf(out, size, "%.*s", (int)(s.len < size ? s.len : size - 1), s.len > 0 ? s.ptr : "");
}

bool pelt_threshold_is_foreign(const char *text)
{
    char name[METRIC_MAX];
    struct metric m;
    struct pelt_span rest = pelt_span_trim(pelt_span_of(text));
    copy_span(name, sizeof name, take_until(&rest, "{ \t<>="));
    return pelt_metric_name_free(name) && !find_metric(name, NULL, &m);
}

enum pelt_status pelt_threshold_parse(const char *text, struct pelt_threshold *out,
                                      struct pelt_error *err)
{
    return pelt_threshold_parse_with(text, NULL, out, err);
}

enum pelt_status pelt_threshold_parse_with(const char *text, struct pelt_metrics *metrics,
                                           struct pelt_threshold *out, struct pelt_error *err)
{
    char metric[METRIC_MAX], name[PELT_NAME_MAX + 2], stat[METRIC_MAX], bound[BOUND_CHARS];
    struct pelt_span rest = pelt_span_trim(pelt_span_of(text));
    copy_span(metric, sizeof metric, take_until(&rest, "{ \t<>="));
    name[0] = '\0';
    if (rest.len > 0 && rest.ptr[0] == '{') {
        struct pelt_span inner = take_name(&rest);
        if (inner.ptr == NULL) {
            return pelt_fail(err, PELT_EINVAL, "threshold \"%s\": the brace is not closed", text);
        }
        copy_span(name, sizeof name, inner);
    }
    copy_span(stat, sizeof stat, take_until(&rest, " \t<>="));
    struct pelt_span left = rest;
    size_t sign = rest.len > 0 && (rest.ptr[0] == '<' || rest.ptr[0] == '>');
    size_t equals = sign > 0 && rest.len > 1 && rest.ptr[1] == '=';
    left = pelt_span_trim(pelt_span(rest.ptr + sign + equals, rest.len - sign - equals));
    copy_span(bound, sizeof bound, left);
    if (metric[0] == '\0' || stat[0] == '\0' || sign == 0 || left.len == 0 ||
        left.len >= sizeof bound) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold \"%s\": write metric, stat, sign and bound, e.g. "
                         "\"http_response{chat} p95 < 200ms\" or \"errors share < 1%%\"",
                         text);
    }
    bool is_max = rest.ptr[0] == '<';
    return pelt_threshold_make_with(metrics, metric, name, stat, is_max ? bound : NULL,
                                    is_max ? NULL : bound, NULL, NULL, NULL, out, err);
}

void pelt_threshold_format(const struct pelt_threshold *t, char *out, size_t size)
{
    char bounds[3 * BOUND_CHARS] = "";
    static const char *const SUFFIX[] = {" (target)", " (warning)", " (critical)"};
    const double all[] = {t->target, t->warning, t->critical};
    for (int i = 0; i < 3; i++) {
        if (!isnan(all[i])) {
            size_t used = strlen(bounds);
            char value[BOUND_CHARS];
            format_value(t, all[i], value, sizeof value);
            snprintf(bounds + used, sizeof bounds - used, "%s%s%s", used > 0 ? ", " : "", value,
                     t->single ? "" : SUFFIX[i]);
        }
    }
    bool named = t->name[0] != '\0';
    snprintf(out, size, "%s%s%s%s %s %s %s", t->metric, named ? "{" : "", t->name, named ? "}" : "",
             t->stat, t->lower_is_better ? "<=" : ">=", bounds);
}

/* ---- judging ---- */

/* A judgement under way: the figure asked for is gathered over one series or all of them. */
struct judging {
    const struct pelt_threshold *t;
    const struct metric *m;
    const struct pelt_frame *total;
    struct pelt_metrics *metrics;
    double duration_s;
    struct pelt_hist hist;           /* merged, for metrics that are histograms */
    struct pelt_metric_frame metric; /* merged, for a script's; its histogram is the one above */
    struct pelt_hist_pool pool;
    uint64_t count; /* what the stat `count` is */
    uint64_t part;  /* numerator of the stat `share` */
    uint64_t whole; /* its denominator */
};

static uint64_t ended(const struct pelt_request_frame *r)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PELT_OUTCOME_COUNT; i++) {
        sum += r->outcomes[i];
    }
    return sum;
}

static void gather_request(struct judging *j, const struct pelt_request_frame *r)
{
    switch (j->m->source) {
    case REQUEST_HIST:
        pelt_hist_add(&j->hist, &j->pool, &r->hist[j->m->kind]);
        break;
    case REQUESTS:
        j->count += r->started;
        break;
    case ERRORS:
        j->whole += ended(r);
        j->part += ended(r) - r->outcomes[PELT_OUTCOME_OK];
        j->count = j->part;
        break;
    case BYTES_SENT:
        j->count += r->bytes_sent;
        break;
    case BYTES_RECEIVED:
        j->count += r->bytes_received;
        break;
    default:
        assert(!"not a figure of requests");
    }
}

static void gather_requests(struct judging *j, bool all, uint32_t id)
{
    for (uint32_t i = 0; i < j->total->requests_len; i++) {
        if (j->total->requests[i] != NULL && (all || i == id)) {
            gather_request(j, j->total->requests[i]);
        }
    }
}

static void gather_checks(struct judging *j, bool all, uint32_t id)
{
    for (uint32_t i = 0; i < j->total->checks_len; i++) {
        if (all || i == id) {
            const struct pelt_check_frame *c = &j->total->checks[i];
            j->part += c->passed;
            j->whole += c->passed + c->failed;
            j->count = j->whole;
        }
    }
}

/* Adds up the series of the script's metric that have the tags asked for. */
static void gather_metric(struct judging *j)
{
    for (uint32_t id = 0; id < j->total->metrics_len; id++) {
        uint32_t metric = 0;
        const struct pelt_metric_frame *f = j->total->metrics[id];
        const char *tags = f != NULL ? pelt_metrics_tags(j->metrics, id, &metric) : NULL;
        if (tags != NULL && metric == (uint32_t)j->m->kind && pelt_tags_include(tags, j->t->name)) {
            pelt_metric_frame_add(&j->metric, &j->pool, f);
        }
    }
    j->hist = j->metric.hist;
    j->part = j->metric.sum;
    j->whole = j->metric.values;
    j->count = j->m->custom->type == PELT_METRIC_COUNTER ? j->metric.sum : j->metric.values;
}

static void gather(struct judging *j, uint32_t id)
{
    bool all = j->t->name[0] == '\0';
    switch (j->m->source) {
    case RUN_HIST:
        pelt_hist_add(&j->hist, &j->pool, &j->total->hist[j->m->kind]);
        break;
    case DROPPED:
        j->count = j->part = j->total->dropped;
        j->whole = j->total->planned;
        break;
    case CHECKS:
        gather_checks(j, all, id);
        break;
    case METRIC:
        gather_metric(j);
        break;
    default:
        gather_requests(j, all, id);
        break;
    }
    if (is_hist(j->m)) {
        j->count = j->hist.count;
    }
}

static void leave_unjudged(struct pelt_verdict_line *out, const char *fmt, ...) PELT_PRINTF(2, 3);
static void leave_unjudged(struct pelt_verdict_line *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(out->why, sizeof out->why, fmt, args);
    va_end(args);
    out->level = PELT_LEVEL_UNJUDGED;
}

/* The value of a stat that histograms alone have; false: not enough samples. */
static bool hist_value(const struct judging *j, struct pelt_verdict_line *out)
{
    const char *stat = j->t->stat;
    double percentile = percentile_of(stat);
    double scale = j->m->source == METRIC ? pelt_metric_scale(j->m->custom) : US_PER_MS;
    if (j->hist.lost > 0) {
        leave_unjudged(out, "%" PRIu64 " samples did not fit into memory", j->hist.lost);
        return false;
    }
    if (j->hist.count == 0) {
        leave_unjudged(out, "no sample was taken");
        return false;
    }
    uint64_t needs = percentile > 0 ? pelt_hist_samples_needed(percentile) : 1;
    if (j->hist.count < needs) {
        out->needs = needs;
        leave_unjudged(out, "%s needs %" PRIu64 " samples, there are %" PRIu64, stat, needs,
                       j->hist.count);
        return false;
    }
    if (percentile > 0) {
        out->value = (double)pelt_hist_percentile_us(&j->hist, percentile) / scale;
    } else if (strcmp(stat, "mean") == 0) {
        out->value = pelt_hist_mean_us(&j->hist) / scale;
    } else {
        out->value = (double)(strcmp(stat, "min") == 0 ? j->hist.min_us : j->hist.max_us) / scale;
    }
    return true;
}

static bool gauge_value(const struct judging *j, struct pelt_verdict_line *out)
{
    const char *stat = j->t->stat;
    out->value = strcmp(stat, "min") == 0   ? j->metric.min
                 : strcmp(stat, "max") == 0 ? j->metric.max
                                            : j->metric.last;
    return true;
}

static bool is_gauge(const struct metric *m)
{
    return m->source == METRIC && m->custom->type == PELT_METRIC_GAUGE;
}

static bool find_value(const struct judging *j, struct pelt_verdict_line *out)
{
    if (j->m->source == METRIC && j->metric.values == 0) {
        leave_unjudged(out, "no value was added%s%s%s", j->t->name[0] != '\0' ? " with {" : "",
                       j->t->name, j->t->name[0] != '\0' ? "}" : "");
        return false;
    }
    switch (j->t->unit) {
    case PELT_UNIT_MS:
        return hist_value(j, out);
    case PELT_UNIT_NUMBER:
        return is_gauge(j->m) ? gauge_value(j, out) : hist_value(j, out);
    case PELT_UNIT_SHARE:
        if (j->whole == 0) {
            leave_unjudged(out, "nothing to take a share of: no %s",
                           j->m->source == CHECKS    ? "check ran"
                           : j->m->source == DROPPED ? "arrival was planned"
                                                     : "request ended");
            return false;
        }
        out->value = (double)j->part / (double)j->whole;
        return true;
    case PELT_UNIT_PER_S:
        if (!(j->duration_s > 0)) {
            leave_unjudged(out, "the load had no duration");
            return false;
        }
        out->value = (double)j->count / j->duration_s;
        return true;
    case PELT_UNIT_COUNT:
    case PELT_UNIT_BYTES:
        break;
    }
    out->value = (double)j->count;
    return true;
}

static bool meets(const struct pelt_threshold *t, double value, double bound)
{
    return t->lower_is_better ? value <= bound : value >= bound; /* false for NAN: not given */
}

static enum pelt_level level_of(const struct pelt_threshold *t, double value)
{
    if (meets(t, value, t->target)) {
        return PELT_LEVEL_TARGET;
    }
    if (meets(t, value, t->warning)) {
        return PELT_LEVEL_WARNING;
    }
    if (meets(t, value, t->critical)) {
        return t->single ? PELT_LEVEL_TARGET : PELT_LEVEL_CRITICAL;
    }
    return PELT_LEVEL_MISSED;
}

/* The widest bound that was given. */
static double last_bound(const struct pelt_threshold *t)
{
    return isnan(t->critical) ? t->warning : t->critical;
}

static void set_level(const struct pelt_threshold *t, struct pelt_verdict_line *out)
{
    out->has_value = true;
    out->level = level_of(t, out->value);
    if (out->level == PELT_LEVEL_MISSED) {
        char value[BOUND_CHARS], bound[BOUND_CHARS];
        format_value(t, out->value, value, sizeof value);
        format_value(t, last_bound(t), bound, sizeof bound);
        snprintf(out->why, sizeof out->why, "%s is %s, %s was allowed", t->stat, value, bound);
    }
}

/* A name of the run that the user may have meant; NULL: none. */
static const char *nearest_name(struct pelt_registry *names, enum pelt_name_kind kind,
                                const char *name)
{
    uint32_t count = pelt_registry_count(names, kind);
    for (uint32_t id = 1; id < count; id++) {
        const char *candidates[] = {pelt_registry_name(names, kind, id), NULL};
        if (pelt_nearest(name, candidates) != NULL) {
            return candidates[0];
        }
    }
    return NULL;
}

/* Whether the load did anything under this name. */
static bool in_load(const struct judging *j, enum pelt_name_kind kind, uint32_t id)
{
    if (kind == PELT_NAME_REQUEST) {
        return id < j->total->requests_len && j->total->requests[id] != NULL;
    }
    return id < j->total->checks_len && j->total->checks[id].passed + j->total->checks[id].failed;
}

/* True when the name is one of the load's, or none was asked for. */
static bool find_name(const struct judging *j, struct pelt_registry *names, uint32_t *id,
                      struct pelt_verdict_line *out)
{
    *id = 0;
    if (j->t->name[0] == '\0' || j->m->source == METRIC) {
        return true;
    }
    bool check = j->m->source == CHECKS;
    enum pelt_name_kind kind = check ? PELT_NAME_CHECK : PELT_NAME_REQUEST;
    const char *what = check ? "check" : "request";
    if (pelt_registry_find(names, kind, pelt_span_of(j->t->name), id)) {
        if (in_load(j, kind, *id)) {
            return true;
        }
        leave_unjudged(out,
                       "the load had no %s \"%.200s\"; those of setup and teardown do not count",
                       what, j->t->name);
        return false;
    }
    const char *nearest = nearest_name(names, kind, j->t->name);
    if (nearest != NULL) {
        leave_unjudged(out, "the run had no %s \"%.100s\"; did you mean \"%.100s\"?", what,
                       j->t->name, nearest);
    } else {
        leave_unjudged(out, "the run had no %s \"%.200s\"", what, j->t->name);
    }
    return false;
}

void pelt_threshold_judge(const struct pelt_threshold *t, const struct pelt_frame *total,
                          struct pelt_registry *names, double duration_s,
                          struct pelt_verdict_line *out)
{
    struct metric m;
    struct judging j = {.t = t,
                        .m = &m,
                        .total = total,
                        .metrics = pelt_registry_metrics(names),
                        .duration_s = duration_s};
    uint32_t id;
    *out = (struct pelt_verdict_line){0};
    if (!find_metric(t->metric, j.metrics, &m)) { /* known when it was made */
        leave_unjudged(out, "the run had no metric %s", t->metric);
        return;
    }
    if (find_name(&j, names, &id, out)) {
        gather(&j, id);
        if (find_value(&j, out)) {
            set_level(t, out);
        }
    }
    pelt_hist_pool_deinit(&j.pool);
}
