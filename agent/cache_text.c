/* cache_text: see the header. */
#include "cache_text.h"

#include <math.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static bool is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

/* What is left of a line while it is read from its start. */
static void skip_blanks(struct pelt_span *s)
{
    while (s->len > 0 && is_blank(*s->ptr)) {
        s->ptr++, s->len--;
    }
}

static struct pelt_span take(struct pelt_span *s, size_t len)
{
    struct pelt_span taken = pelt_span(s->ptr, len);

    s->ptr += len;
    s->len -= len;
    return taken;
}

static struct pelt_span take_name(struct pelt_span *s)
{
    size_t len = 0;

    while (len < s->len && (len == 0 ? is_name_start(s->ptr[0]) : is_name(s->ptr[len]))) {
        len++;
    }
    return take(s, len);
}

/* Up to the next blank. */
static struct pelt_span take_word(struct pelt_span *s)
{
    size_t len = 0;

    while (len < s->len && !is_blank(s->ptr[len])) {
        len++;
    }
    return take(s, len);
}

/* ---- prometheus ---- */

/* Where the quoted text at `at` ends, behind its quote; 0: it does not end. */
static size_t quoted_end(struct pelt_span s, size_t at)
{
    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] == '\\') {
            i++;
        } else if (s.ptr[i] == '"') {
            return i + 1;
        }
    }
    return 0;
}

/* "{...}" taken; false: it does not end. */
static bool take_labels(struct pelt_span *s, struct pelt_span *labels)
{
    size_t i = 1;

    while (i < s->len && s->ptr[i] != '}') {
        i = s->ptr[i] == '"' ? quoted_end(*s, i) : i + 1;
        if (i == 0) {
            return false;
        }
    }
    if (i >= s->len) {
        return false;
    }
    *labels = take(s, i + 1);
    labels->ptr++;
    labels->len -= 2;
    return true;
}

/* "# TYPE name counter" says that the name is known, also where it has no sample so far. */
static void declare(struct pelt_span line, cache_sample_fn fn, void *arg)
{
    struct cache_sample sample = {.how = CACHE_DECLARED};

    take(&line, 1);
    skip_blanks(&line);
    struct pelt_span word = take_word(&line);
    if (!pelt_span_eq(word, "TYPE")) {
        return;
    }
    skip_blanks(&line);
    sample.name = take_name(&line);
    if (sample.name.len > 0 && pelt_span_eq(pelt_span_trim(line), "counter")) {
        fn(arg, &sample);
    }
}

bool cache_text_prometheus(struct pelt_span line, cache_sample_fn fn, void *arg)
{
    struct cache_sample sample = {.how = CACHE_PART};

    skip_blanks(&line);
    if (line.len == 0) {
        return true;
    }
    if (line.ptr[0] == '#') {
        declare(line, fn, arg);
        return true;
    }
    sample.name = take_name(&line);
    if (sample.name.len == 0) {
        return false;
    }
    skip_blanks(&line);
    if (line.len > 0 && line.ptr[0] == '{' && !take_labels(&line, &sample.labels)) {
        return false;
    }
    skip_blanks(&line);
    sample.text = take_word(&line);
    if (sample.text.len == 0) {
        return false;
    }
    fn(arg, &sample);
    return true;
}

bool cache_text_label(struct pelt_span labels, size_t *pos, struct pelt_span *name,
                      struct pelt_span *value)
{
    if (*pos >= labels.len) {
        return false;
    }
    struct pelt_span s = pelt_span(labels.ptr + *pos, labels.len - *pos);
    while (s.len > 0 && (is_blank(s.ptr[0]) || s.ptr[0] == ',')) {
        take(&s, 1);
    }
    *name = take_name(&s);
    skip_blanks(&s);
    if (name->len == 0 || s.len == 0 || s.ptr[0] != '=') {
        return false;
    }
    take(&s, 1);
    skip_blanks(&s);
    size_t end = s.len > 0 && s.ptr[0] == '"' ? quoted_end(s, 0) : 0;
    if (end == 0) {
        return false;
    }
    *value = take(&s, end);
    value->ptr++;
    value->len -= 2;
    *pos = labels.len - s.len;
    return true;
}

bool cache_text_label_is(struct pelt_span value, struct pelt_span text)
{
    size_t at = 0;

    for (size_t i = 0; i < value.len; i++, at++) {
        char c = value.ptr[i];
        if (c == '\\' && i + 1 < value.len) {
            c = value.ptr[++i];
            c = c == 'n' ? '\n' : c;
        }
        if (at == text.len || text.ptr[at] != c) {
            return false;
        }
    }
    return at == text.len;
}

/* ---- redis, memcached, squid ---- */

/* "name<sep>value" with blanks around both; a value of several words is no number and tells
 * nothing. */
static bool name_and_value(struct pelt_span line, char sep, cache_sample_fn fn, void *arg)
{
    struct cache_sample sample = {.how = CACHE_PART};
    const char *at = line.len > 0 ? memchr(line.ptr, sep, line.len) : NULL;

    if (!at) {
        return false;
    }
    size_t len = (size_t)(at - line.ptr);
    sample.name = pelt_span_trim(pelt_span(line.ptr, len));
    sample.text = pelt_span_trim(pelt_span(at + 1, line.len - len - 1));
    if (sample.name.len == 0 || sample.text.len == 0) {
        return false;
    }
    fn(arg, &sample);
    return true;
}

bool cache_text_redis(struct pelt_span line, cache_sample_fn fn, void *arg)
{
    line = pelt_span_trim(line);
    if (line.len == 0 || line.ptr[0] == '#') { /* "# Stats" */
        return true;
    }
    return name_and_value(line, ':', fn, arg);
}

bool cache_text_squid(struct pelt_span line, cache_sample_fn fn, void *arg)
{
    line = pelt_span_trim(line);
    return line.len == 0 || name_and_value(line, '=', fn, arg);
}

bool cache_text_memcached(struct pelt_span line, cache_sample_fn fn, void *arg)
{
    line = pelt_span_trim(line);
    if (line.len < 5 || memcmp(line.ptr, "STAT ", 5) != 0) {
        return false;
    }
    take(&line, 5);
    return name_and_value(line, ' ', fn, arg);
}

/* ---- statsd ---- */

/* Up to `sep`, which is taken, too; without one all that is left. */
static struct pelt_span take_part(struct pelt_span *s, char sep)
{
    const char *at = s->len > 0 ? memchr(s->ptr, sep, s->len) : NULL;
    struct pelt_span part = take(s, at ? (size_t)(at - s->ptr) : s->len);

    if (at) {
        take(s, 1);
    }
    return part;
}

/* "@0.1" among what follows the type; 1 where there is none. False: it is none that can be. */
static bool sample_rate(struct pelt_span rest, double *rate)
{
    *rate = 1;
    while (rest.len > 0) {
        struct pelt_span part = take_part(&rest, '|');
        if (part.len > 0 && part.ptr[0] == '@') {
            take(&part, 1);
            return cache_number(part, rate) && *rate > 0 && *rate <= 1;
        }
    }
    return true;
}

bool cache_text_statsd(struct pelt_span line, cache_sample_fn fn, void *arg)
{
    struct cache_sample sample = {.how = CACHE_ADD};
    struct pelt_span text, type;
    double rate;

    line = pelt_span_trim(line);
    sample.name = take_part(&line, ':');
    text = take_part(&line, '|');
    type = take_part(&line, '|');
    if (sample.name.len == 0 || !sample_rate(line, &rate)) {
        return false;
    }
    if (pelt_span_eq(type, "s")) {
        return true;
    }
    if (!cache_number(text, &sample.number) || !isfinite(sample.number)) {
        return false;
    }
    if (pelt_span_eq(type, "g")) {
        sample.how = text.ptr[0] == '+' || text.ptr[0] == '-' ? CACHE_ADD : CACHE_SET;
    } else if (pelt_span_eq(type, "c") && sample.number >= 0) {
        sample.number /= rate;
    } else if (pelt_span_eq(type, "ms") || pelt_span_eq(type, "h") || pelt_span_eq(type, "d")) {
        sample.number = 1 / rate;
    } else {
        return false;
    }
    fn(arg, &sample);
    return true;
}

/* ---- nginx ---- */

/* One field from the start: what blanks part, "..." and [...] hold together. */
static struct pelt_span take_field(struct pelt_span *s)
{
    char close = s->ptr[0] == '"' ? '"' : s->ptr[0] == '[' ? ']' : '\0';
    size_t len = 1;

    if (close == '\0') {
        return take_word(s);
    }
    while (len < s->len && s->ptr[len] != close) {
        len += s->ptr[len] == '\\' ? 2 : 1;
    }
    len = len < s->len ? len + 1 : s->len;
    return take(s, len);
}

static struct pelt_span field_from_start(struct pelt_span line, int field)
{
    struct pelt_span found = {NULL, 0};

    skip_blanks(&line);
    for (int i = 0; i < field; i++) {
        if (line.len == 0) {
            return (struct pelt_span){NULL, 0};
        }
        found = take_field(&line);
        skip_blanks(&line);
    }
    return found;
}

static struct pelt_span field_from_end(struct pelt_span line, int field)
{
    size_t fields = 0;
    struct pelt_span rest = line;

    skip_blanks(&rest);
    while (rest.len > 0) {
        take_field(&rest);
        skip_blanks(&rest);
        fields++;
    }
    return (size_t)field > fields ? (struct pelt_span){NULL, 0}
                                  : field_from_start(line, (int)(fields - (size_t)field) + 1);
}

/* The last word of capitals: HIT of "HIT", cache=HIT, "cache":"HIT"}. */
static struct pelt_span last_capitals(struct pelt_span field)
{
    size_t end = field.len;

    while (end > 0 && strchr("\"'}],;)", field.ptr[end - 1])) {
        end--;
    }
    size_t start = end;
    while (start > 0 && field.ptr[start - 1] >= 'A' && field.ptr[start - 1] <= 'Z') {
        start--;
    }
    return pelt_span(field.ptr + start, end - start);
}

static bool is_status(struct pelt_span word)
{
    static const char *const all[] = {"HIT",   "MISS",     "EXPIRED",     "BYPASS",
                                      "STALE", "UPDATING", "REVALIDATED", NULL};
    size_t i = 0;

    while (all[i] && !pelt_span_eq(word, all[i])) {
        i++;
    }
    return all[i] != NULL;
}

/* "-", also in quotes. */
static bool is_none(struct pelt_span field)
{
    return pelt_span_eq(field, "-") || pelt_span_eq(field, "\"-\"");
}

bool cache_text_nginx(struct pelt_span line, int field, cache_sample_fn fn, void *arg)
{
    struct cache_sample sample = {.how = CACHE_ADD, .number = 1};

    struct pelt_span found =
        field > 0 ? field_from_start(line, field) : field_from_end(line, -field);
    if (found.len == 0 || is_none(found)) {
        return found.len > 0;
    }
    sample.name = last_capitals(found);
    if (!is_status(sample.name)) {
        return false;
    }
    fn(arg, &sample);
    return true;
}
