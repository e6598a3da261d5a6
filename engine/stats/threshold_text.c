/*
 * threshold_text: the text form of a threshold, taken apart from left to right.
 */
#include "bound.h"
#include "figure.h"
#include "pelt/own_metric.h"
#include "pelt/server_metric.h"

#define METRIC_MAX sizeof(((struct pelt_threshold *)0)->metric)
#define BLANKS     " \t"

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
    enum pelt_own_metric own;
    struct pelt_server_metric of_server;
    struct pelt_figure f;
    struct pelt_span rest = pelt_span_trim(pelt_span_of(text));
    copy_span(name, sizeof name, take_until(&rest, "{ \t<>="));
    return (pelt_metric_name_free(name) || pelt_own_metric_find(name, &own) ||
            pelt_server_metric_parse(name, &of_server)) &&
           !pelt_figure_find(name, NULL, &f);
}

enum pelt_status pelt_threshold_parse(const char *text, struct pelt_threshold *out,
                                      struct pelt_error *err)
{
    return pelt_threshold_parse_with(text, NULL, out, err);
}

/* What a text consists of, each part NUL-terminated. */
struct parts {
    char metric[METRIC_MAX], name[PELT_NAME_MAX + 2], limit[PELT_BOUND_TEXT], stat[METRIC_MAX],
        bound[PELT_BOUND_TEXT], over[PELT_BOUND_TEXT], for_[PELT_BOUND_TEXT],
        delay[PELT_BOUND_TEXT];
    bool is_max;
};

static enum pelt_status take_subject(const char *text, struct pelt_span *rest, struct parts *p,
                                     struct pelt_threshold_table *table, struct pelt_error *err)
{
    copy_span(p->metric, sizeof p->metric, take_until(rest, "{ \t<>="));
    table->metric = p->metric;
    if (rest->len > 0 && rest->ptr[0] == '{') {
        struct pelt_span inner = take_name(rest);
        if (inner.ptr == NULL) {
            return pelt_fail(err, PELT_EINVAL, "threshold \"%s\": the brace is not closed", text);
        }
        copy_span(p->name, sizeof p->name, inner);
        table->name = p->name;
    }
    return PELT_OK;
}

/* The stat, before it the time of apdex and goodput, and behind it the word trend. */
static void take_stat(struct pelt_span *rest, struct parts *p, struct pelt_threshold_table *table)
{
    if (rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9') {
        copy_span(p->limit, sizeof p->limit, take_until(rest, BLANKS "<>="));
        table->t = p->limit;
    }
    struct pelt_span stat = take_until(rest, BLANKS "<>=");
    copy_span(p->stat, sizeof p->stat, stat);
    table->stat = stat.len > 0 ? p->stat : NULL;
    struct pelt_span before = *rest, word = take_until(rest, BLANKS "<>=");
    table->trend = pelt_span_eq(word, "trend");
    if (!table->trend) {
        *rest = before;
    }
}

/* False: no sign and bound. */
static bool take_bound(struct pelt_span *rest, struct parts *p, struct pelt_threshold_table *table)
{
    size_t sign = rest->len > 0 && (rest->ptr[0] == '<' || rest->ptr[0] == '>');
    size_t equals = sign > 0 && rest->len > 1 && rest->ptr[1] == '=';
    bool is_max = sign > 0 && rest->ptr[0] == '<';
    *rest = pelt_span_trim(pelt_span(rest->ptr + sign + equals, rest->len - sign - equals));
    struct pelt_span bound = take_until(rest, BLANKS);
    copy_span(p->bound, sizeof p->bound, bound);
    *(is_max ? &table->max : &table->min) = p->bound;
    return sign > 0 && bound.len > 0 && bound.len < sizeof p->bound;
}

/* "over 10s", "for 30s", "delay 20s", "abort", in any order. */
static enum pelt_status take_rest(const char *text, struct pelt_span *rest, struct parts *p,
                                  struct pelt_threshold_table *table, struct pelt_error *err)
{
    const struct {
        const char *word;
        const char **value;
        char *room;
    } spans[] = {{"over", &table->over, p->over},
                 {"for", &table->for_, p->for_},
                 {"delay", &table->delay, p->delay}};
    while (rest->len > 0) {
        char word[PELT_BOUND_TEXT];
        size_t i = 0;
        copy_span(word, sizeof word, take_until(rest, BLANKS));
        while (i < 3 && strcmp(word, spans[i].word) != 0) {
            i++;
        }
        if (i < 3 && rest->len > 0 && *spans[i].value == NULL) {
            copy_span(spans[i].room, PELT_BOUND_TEXT, take_until(rest, BLANKS));
            *spans[i].value = spans[i].room;
        } else if (strcmp(word, "abort") == 0 && !table->abort) {
            table->abort = true;
        } else if (strcmp(word, "abort") == 0) {
            return pelt_fail(err, PELT_EINVAL, "threshold \"%s\": abort is there twice", text);
        } else if (i < 3) {
            return pelt_fail(err, PELT_EINVAL, "threshold \"%s\": %s %s; write e.g. \"%s 10s\"",
                             text, word, rest->len > 0 ? "is there twice" : "has no time", word);
        } else {
            return pelt_fail(err, PELT_EINVAL,
                             "threshold \"%s\": \"%s\" behind the bound; there may be over 10s, "
                             "for 30s, abort and delay 20s",
                             text, word);
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_threshold_parse_with(const char *text, struct pelt_metrics *metrics,
                                           struct pelt_threshold *out, struct pelt_error *err)
{
    struct parts p = {0};
    struct pelt_threshold_table table = {0};
    struct pelt_span rest = pelt_span_trim(pelt_span_of(text));
    enum pelt_status status = take_subject(text, &rest, &p, &table, err);
    if (status != PELT_OK) {
        return status;
    }
    take_stat(&rest, &p, &table);
    bool bound = take_bound(&rest, &p, &table);
    bool stat = table.stat != NULL || strcmp(p.metric, "apdex") == 0; /* which has but one */
    if (p.metric[0] == '\0' || !stat || !bound) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold \"%s\": write metric, stat, sign and bound, e.g. "
                         "\"http_response{chat} p95 < 200ms\" or \"errors share < 1%%\"",
                         text);
    }
    status = take_rest(text, &rest, &p, &table, err);
    return status == PELT_OK ? pelt_threshold_make(&table, metrics, out, err) : status;
}
