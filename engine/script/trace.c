/*
 * trace: see the header. Times are read to ns since 1970, sorted, and then made relative to the
 * first. Months and days follow Howard Hinnant's days_from_civil.
 */
#include "trace.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "pelt/clock.h"
#include "pelt/http1_request.h"

#define FIRST_CAP 1024

struct reader {
    const char *at, *end;
};

/* `count` digits as a number. */
static bool take_digits(struct reader *r, int count, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9') {
            return false;
        }
        *out = *out * 10 + (*r->at++ - '0');
    }
    return true;
}

static bool take(struct reader *r, char expected)
{
    bool there = r->at < r->end && *r->at == expected;
    r->at += there;
    return there;
}

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct moment {
    int64_t year, month, day, hour, minute, second, ns, east_s;
};

static bool moment_ns(const struct moment *m, uint64_t *out)
{
    if (m->year < 1970 || m->year > 2262 - 1 || m->month < 1 || m->month > 12 || m->day < 1 ||
        m->day > 31 || m->hour > 23 || m->minute > 59 || m->second > 60) {
        return false;
    }
    int64_t s = days_from_civil(m->year, m->month, m->day) * 86400 + m->hour * 3600 +
                m->minute * 60 + m->second - m->east_s;
    if (s < 0) {
        return false;
    }
    *out = (uint64_t)s * PELT_NS_PER_S + (uint64_t)m->ns;
    return true;
}

/* "+0200", with a colon in between where `colon` says so. */
static bool take_zone(struct reader *r, bool colon, int64_t *east_s)
{
    int64_t hours, minutes;
    const bool east = take(r, '+');
    if ((!east && !take(r, '-')) || !take_digits(r, 2, &hours) || (colon && !take(r, ':')) ||
        !take_digits(r, 2, &minutes)) {
        return false;
    }
    *east_s = (hours * 3600 + minutes * 60) * (east ? 1 : -1);
    return true;
}

static bool take_clock(struct reader *r, struct moment *m)
{
    return take_digits(r, 2, &m->hour) && take(r, ':') && take_digits(r, 2, &m->minute) &&
           take(r, ':') && take_digits(r, 2, &m->second);
}

static bool take_month(struct reader *r, int64_t *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (*month = 1; r->end - r->at >= 3 && *month <= 12; (*month)++) {
        if (memcmp(r->at, names + 3 * (*month - 1), 3) == 0) {
            r->at += 3;
            return true;
        }
    }
    return false;
}

/* "[10/Oct/2000:13:55:36 -0700]" */
static bool take_log_time(struct reader *r, uint64_t *ns)
{
    struct moment m = {0};
    return take(r, '[') && take_digits(r, 2, &m.day) && take(r, '/') && take_month(r, &m.month) &&
           take(r, '/') && take_digits(r, 4, &m.year) && take(r, ':') && take_clock(r, &m) &&
           take(r, ' ') && take_zone(r, false, &m.east_s) && take(r, ']') && moment_ns(&m, ns);
}

/* Names and addresses before it may have brackets, too. */
static bool find_log_time(struct reader *r, uint64_t *ns)
{
    const char *at = r->at;
    while ((at = memchr(at, '[', (size_t)(r->end - at))) != NULL) {
        r->at = at++;
        if (take_log_time(r, ns)) {
            return true;
        }
    }
    return false;
}

static void take_fraction(struct reader *r, int64_t *ns)
{
    int64_t unit = PELT_NS_PER_S;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        unit /= 10;
        *ns += unit * (*r->at++ - '0');
    }
}

/* RFC 3339: "2000-10-10T13:55:36.25Z" */
static bool read_rfc3339(const char *text, size_t len, uint64_t *ns)
{
    struct moment m = {0};
    struct reader r = {text, text + len};
    if (!take_digits(&r, 4, &m.year) || !take(&r, '-') || !take_digits(&r, 2, &m.month) ||
        !take(&r, '-') || !take_digits(&r, 2, &m.day) ||
        !(take(&r, 'T') || take(&r, 't') || take(&r, ' ')) || !take_clock(&r, &m)) {
        return false;
    }
    if (take(&r, '.')) {
        take_fraction(&r, &m.ns);
    }
    bool zone = take(&r, 'Z') || take(&r, 'z') || take_zone(&r, true, &m.east_s);
    return zone && r.at == r.end && moment_ns(&m, ns);
}

/* ---- an access log's line ---- */

static bool is_plain(struct pelt_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\') {
            return false;
        }
    }
    return text.len > 0;
}

static struct pelt_span take_word(struct reader *r)
{
    const char *begin = r->at;
    while (r->at < r->end && *r->at != ' ' && *r->at != '"') {
        r->at++;
    }
    return pelt_span(begin, (size_t)(r->at - begin));
}

static bool is_method(struct pelt_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 'A' || text.ptr[i] > 'Z') {
            return false;
        }
    }
    return text.len > 0;
}

/* Why the line is no request; NULL: it is one. */
static const char *read_combined(struct pelt_span line, uint64_t *ns, struct pelt_span *method,
                                 struct pelt_span *path)
{
    struct reader r = {line.ptr, line.ptr + line.len};
    if (!find_log_time(&r, ns)) {
        return "no time such as [10/Oct/2000:13:55:36 -0700]";
    }
    if (!take(&r, ' ') || !take(&r, '"')) {
        return "no request in quotes behind the time";
    }
    *method = take_word(&r);
    bool spaced = take(&r, ' ');
    *path = take_word(&r);
    if (!spaced || !is_method(*method)) {
        return "its request is not METHOD PATH";
    }
    if (path->len == 0 || path->ptr[0] != '/' || !is_plain(*path)) {
        return "its path does not begin with / or holds escaped bytes";
    }
    return NULL;
}

/* ---- a line of JSON ---- */

static const char *check_headers(const json_t *headers)
{
    const char *name;
    json_t *value;
    if (headers != NULL && !json_is_object(headers)) {
        return "\"headers\" is no object";
    }
    json_object_foreach((json_t *)headers, name, value)
    {
        if (!json_is_string(value)) {
            return "a header is no text";
        }
        if (!pelt_http1_is_value(pelt_span(json_string_value(value), json_string_length(value)))) {
            return "a header has a line break or NUL in it";
        }
    }
    return NULL;
}

static const char *read_time(const json_t *t, uint64_t *ns)
{
    if (json_is_number(t) && json_number_value(t) >= 0 && json_number_value(t) < 9e9) {
        double s = json_number_value(t);
        uint64_t whole = (uint64_t)s;
        *ns = whole * PELT_NS_PER_S + (uint64_t)((s - (double)whole) * 1e9 + 0.5);
        return NULL;
    }
    bool text = json_is_string(t) && read_rfc3339(json_string_value(t), json_string_length(t), ns);
    return text ? NULL : "\"t\" is neither seconds nor a time such as \"2000-10-10T13:55:36.25Z\"";
}

static const char *check_object(const json_t *o, uint64_t *ns)
{
    const json_t *path = json_object_get(o, "path"), *method = json_object_get(o, "method"),
                 *body = json_object_get(o, "body");
    if (!json_is_object(o)) {
        return "no JSON object";
    }
    const char *why = read_time(json_object_get(o, "t"), ns);
    if (why != NULL) {
        return why;
    }
    if (!json_is_string(path) || json_string_value(path)[0] != '/' ||
        !is_plain(pelt_span(json_string_value(path), json_string_length(path)))) {
        return "\"path\" is no text that begins with /";
    }
    if (method != NULL &&
        (!json_is_string(method) ||
         !is_method(pelt_span(json_string_value(method), json_string_length(method))))) {
        return "\"method\" is no word in capitals";
    }
    if (body != NULL && !json_is_string(body)) {
        return "\"body\" is no text";
    }
    return check_headers(json_object_get(o, "headers"));
}

static const char *read_jsonl(struct pelt_span line, uint64_t *ns)
{
    json_t *o = pelt_json_load(line.ptr, line.len, JSON_ALLOW_NUL, NULL);
    const char *why = check_object(o, ns);
    json_decref(o);
    return why;
}

/* ---- all lines ---- */

static enum pelt_status grow(struct pelt_trace *t)
{
    if (t->count < t->cap) {
        return PELT_OK;
    }
    size_t cap = t->cap > 0 ? 2 * t->cap : FIRST_CAP;
    uint64_t *at_ns = realloc(t->at_ns, cap * sizeof *at_ns);
    t->at_ns = at_ns != NULL ? at_ns : t->at_ns;
    uint64_t *lines = at_ns != NULL ? realloc(t->lines, cap * sizeof *lines) : NULL;
    t->lines = lines != NULL ? lines : t->lines;
    t->cap = lines != NULL ? cap : t->cap;
    return lines != NULL ? PELT_OK : PELT_ENOMEM;
}

static struct pelt_span line_at(const struct pelt_trace *t, uint64_t offset)
{
    const char *begin = t->content->bytes + offset;
    const char *end = memchr(begin, '\n', t->content->len - offset);
    size_t len = end != NULL ? (size_t)(end - begin) : (size_t)(t->content->len - offset);
    if (len > 0 && begin[len - 1] == '\r') {
        len--;
    }
    return pelt_span(begin, len);
}

static bool is_blank(struct pelt_span line)
{
    size_t i = 0;
    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t')) {
        i++;
    }
    return i == line.len;
}

static enum pelt_status add_line(struct pelt_trace *t, uint64_t offset, size_t number)
{
    struct pelt_span line = line_at(t, offset), method, path;
    uint64_t ns = 0;
    const char *why = is_blank(line)                  ? NULL
                      : t->format == PELT_TRACE_JSONL ? read_jsonl(line, &ns)
                                                      : read_combined(line, &ns, &method, &path);
    if (is_blank(line)) {
        return PELT_OK;
    }
    if (why != NULL) {
        if (t->bad++ == 0) {
            t->bad_line = number;
            t->reason = why;
        }
        return PELT_OK;
    }
    enum pelt_status status = grow(t);
    if (status == PELT_OK) {
        t->at_ns[t->count] = ns;
        t->lines[t->count++] = offset;
    }
    return status;
}

static enum pelt_status read_lines(struct pelt_trace *t)
{
    const struct pelt_content *c = t->content;
    enum pelt_status status = PELT_OK;
    uint64_t offset = c->len >= 3 && memcmp(c->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (t->format == PELT_TRACE_UNSAID) {
        t->format =
            offset < c->len && c->bytes[offset] == '{' ? PELT_TRACE_JSONL : PELT_TRACE_COMBINED;
    }
    for (size_t number = 1; offset < c->len && status == PELT_OK; number++) {
        status = add_line(t, offset, number);
        const char *end = memchr(c->bytes + offset, '\n', c->len - offset);
        offset = end != NULL ? (uint64_t)(end - c->bytes) + 1 : c->len;
    }
    return status;
}

/* ---- the order of times ---- */

static void merge(const uint64_t *at, const uint64_t *line, uint64_t *to_at, uint64_t *to_line,
                  size_t from, size_t middle, size_t end)
{
    size_t left = from, right = middle;
    for (size_t i = from; i < end; i++) {
        bool take_left = left < middle && (right >= end || at[left] <= at[right]);
        size_t source = take_left ? left++ : right++;
        to_at[i] = at[source];
        to_line[i] = line[source];
    }
}

/* Merges bottom up: stable, and a log is nearly in order anyway. */
static enum pelt_status sort(struct pelt_trace *t)
{
    size_t i = 1;
    while (i < t->count && t->at_ns[i - 1] <= t->at_ns[i]) {
        i++;
    }
    if (i >= t->count) {
        return PELT_OK;
    }
    uint64_t *at = malloc(t->count * sizeof *at), *lines = malloc(t->count * sizeof *lines);
    if (at == NULL || lines == NULL) {
        free(at);
        free(lines);
        return PELT_ENOMEM;
    }
    for (size_t width = 1; width < t->count; width *= 2) {
        for (size_t from = 0; from < t->count; from += 2 * width) {
            size_t middle = from + width < t->count ? from + width : t->count;
            size_t end = from + 2 * width < t->count ? from + 2 * width : t->count;
            merge(t->at_ns, t->lines, at, lines, from, middle, end);
        }
        uint64_t *swap = t->at_ns;
        t->at_ns = at;
        at = swap;
        swap = t->lines;
        t->lines = lines;
        lines = swap;
    }
    free(at);
    free(lines);
    t->cap = t->count; /* the buffers of a last pass are as large as needed */
    return PELT_OK;
}

static void make_relative(struct pelt_trace *t)
{
    const uint64_t first_ns = t->at_ns[0];
    bool whole = true;
    for (size_t i = 0; i < t->count; i++) {
        whole = whole && t->at_ns[i] % PELT_NS_PER_S == 0;
        t->at_ns[i] -= first_ns;
    }
    for (size_t i = 0; whole && i < t->count;) {
        size_t n = 1;
        while (i + n < t->count && t->at_ns[i + n] == t->at_ns[i]) {
            n++;
        }
        const uint64_t second_ns = t->at_ns[i];
        for (size_t j = 0; j < n; j++) {
            t->at_ns[i + j] = second_ns + j * PELT_NS_PER_S / n;
        }
        i += n;
    }
}

static enum pelt_status check_found(const struct pelt_trace *t, struct pelt_error *err)
{
    const char *path = t->content->path;
    const char *format = t->format == PELT_TRACE_JSONL ? "jsonl" : "combined";
    if (t->count > 0) {
        return PELT_OK;
    }
    if (t->bad == 0) {
        return pelt_fail(err, PELT_EINVAL, "%s: it is empty: there is nothing to replay", path);
    }
    return pelt_fail(err, PELT_EINVAL,
                     "%s: none of its %zu lines is a request (read as %s): line %zu: %s", path,
                     t->bad, format, t->bad_line, t->reason);
}

enum pelt_status pelt_trace_new(const struct pelt_content *content, enum pelt_trace_format format,
                                struct pelt_trace **out, struct pelt_error *err)
{
    struct pelt_trace *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    t->content = content;
    t->format = format;
    enum pelt_status status = read_lines(t);
    if (status == PELT_OK) {
        status = sort(t);
    }
    status = status == PELT_OK ? check_found(t, err) : pelt_fail(err, status, "out of memory");
    if (status != PELT_OK) {
        pelt_trace_free(t);
        return status;
    }
    make_relative(t);
    *out = t;
    return PELT_OK;
}

void pelt_trace_free(struct pelt_trace *trace)
{
    if (trace != NULL) {
        free(trace->at_ns);
        free(trace->lines);
        free(trace);
    }
}

size_t pelt_trace_bytes(const struct pelt_trace *trace)
{
    return trace->cap * (sizeof *trace->at_ns + sizeof *trace->lines);
}

uint64_t pelt_trace_length_ns(const struct pelt_trace *trace)
{
    return (trace->at_ns[trace->count - 1] / PELT_NS_PER_S + 1) * PELT_NS_PER_S;
}

struct pelt_span pelt_trace_line(const struct pelt_trace *trace, size_t k)
{
    return line_at(trace, trace->lines[k]);
}

void pelt_trace_request(const struct pelt_trace *trace, size_t k, struct pelt_span *method,
                        struct pelt_span *path)
{
    uint64_t ns;
    (void)read_combined(pelt_trace_line(trace, k), &ns, method, path);
}
