/*
 * Nothing is copied: rows are found in the file's bytes as they are.
 */
#include "rows.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "pelt/units.h"

#define SHOWN_COLUMNS 100 /* bytes of the header that a message shows */
#define CUT_TOKEN     64  /* an error so near to where a row was cut is of the cut, in bytes */

static enum pelt_status fail_memory(const struct pelt_rows *r, struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "%s: not enough memory for a place a row", r->content->path);
}

static uint64_t line_of(const struct pelt_rows *r, const char *at)
{
    uint64_t line = 1;
    for (const char *p = r->content->bytes; (p = memchr(p, '\n', (size_t)(at - p))); p++) {
        line++;
    }
    return line;
}

/* What is no text in UTF-8 at the first glance; fields may hold any other bytes. */
static enum pelt_status check_text(const struct pelt_rows *r, struct pelt_error *err)
{
    if (r->content->len >= 2 && (memcmp(r->content->bytes, "\xFF\xFE", 2) == 0 ||
                                 memcmp(r->content->bytes, "\xFE\xFF", 2) == 0)) {
        return pelt_fail(err, PELT_EINVAL, "%s: is UTF-16: save it as UTF-8", r->content->path);
    }
    const char *zero = memchr(r->content->bytes, '\0', r->content->len);
    if (zero) {
        return pelt_fail(err, PELT_EINVAL, "%s:%llu: holds a zero byte: text in UTF-8 is expected",
                         r->content->path, (unsigned long long)line_of(r, zero));
    }
    return PELT_OK;
}

static const char *behind_mark(const struct pelt_rows *r)
{
    return r->content->bytes + (strncmp(r->content->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
}

/* ---- where rows begin ---- */

static bool grow(struct pelt_rows *r)
{
    size_t cap = r->cap ? 2 * r->cap : PELT_ROWS_GROUP;
    uint32_t *offsets = realloc(r->offsets, cap * sizeof *offsets);
    if (!offsets) {
        return false;
    }
    r->offsets = offsets;
    uint64_t *bases = realloc(r->bases, cap / PELT_ROWS_GROUP * sizeof *bases);
    if (!bases) {
        return false;
    }
    r->bases = bases;
    r->cap = cap;
    return true;
}

static enum pelt_status add_row(struct pelt_rows *r, const char *at, uint64_t line,
                                struct pelt_error *err)
{
    uint64_t offset = (uint64_t)(at - r->content->bytes);
    if (r->count == r->cap && !grow(r)) {
        return fail_memory(r, err);
    }
    uint64_t *base = &r->bases[r->count / PELT_ROWS_GROUP];
    if (r->count % PELT_ROWS_GROUP == 0) {
        *base = offset;
    }
    if (offset - *base > UINT32_MAX) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s:%llu: %d rows before it take more than 4 GiB: make rows smaller",
                         r->content->path, (unsigned long long)line, PELT_ROWS_GROUP);
    }
    r->offsets[r->count++] = (uint32_t)(offset - *base);
    return PELT_OK;
}

/* Gives back what growing left over. */
static void trim(struct pelt_rows *r)
{
    size_t groups = (r->count + PELT_ROWS_GROUP - 1) / PELT_ROWS_GROUP;
    uint32_t *offsets = realloc(r->offsets, groups * PELT_ROWS_GROUP * sizeof *offsets);
    uint64_t *bases = realloc(r->bases, groups * sizeof *bases);
    r->offsets = offsets ? offsets : r->offsets;
    r->bases = bases ? bases : r->bases;
    r->cap = groups * PELT_ROWS_GROUP;
}

struct pelt_span pelt_rows_at(const struct pelt_rows *r, size_t row)
{
    const char *at = r->content->bytes + r->bases[row / PELT_ROWS_GROUP] + r->offsets[row];
    const char *end = r->content->bytes + r->content->len;
    if (r->format == PELT_ROWS_JSONL) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        end = line_end ? line_end : end;
    }
    return pelt_span(at, (size_t)(end - at));
}

size_t pelt_rows_bytes(const struct pelt_rows *r)
{
    return sizeof *r + r->cap * sizeof *r->offsets + r->cap / PELT_ROWS_GROUP * sizeof *r->bases +
           r->columns_len * sizeof *r->columns;
}

/* ---- CSV ---- */

static enum pelt_status fail_quotes(const struct pelt_rows *r, enum pelt_csv_answer answer,
                                    uint64_t line, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL, "%s:%llu: %s", r->content->path, (unsigned long long)line,
                     answer == PELT_CSV_UNCLOSED
                         ? "a field opens with a quote (\") that never closes: close it, or double "
                           "a quote that belongs to the text (\"\")"
                         : "text follows a closing quote (\"): double quotes that belong to the "
                           "text (\"\")");
}

static bool is_number(struct pelt_span text)
{
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    (void)strtod(copy, &end);
    return *end == '\0';
}

static bool column_before(const struct pelt_rows *r, struct pelt_span name)
{
    for (size_t i = 0; i < r->columns_len; i++) {
        struct pelt_span other = r->columns[i].text;
        if (other.len == name.len && memcmp(other.ptr, name.ptr, name.len) == 0) {
            return true;
        }
    }
    return false;
}

#define NAME_COLUMNS "the first line names the columns, such as id,name"

/* What a first line that is no header gives away. */
static enum pelt_status check_column(const struct pelt_rows *r, struct pelt_span name,
                                     uint64_t line, struct pelt_error *err)
{
    int len = name.len < 60 ? (int)name.len : 60;
    const char *why = NULL;
    if (name.len == 0) {
        why = "a column has no name";
    } else if (is_number(name)) {
        why = "is a number, not the name of a column";
    } else if (column_before(r, name)) {
        why = "names two columns";
    }
    if (!why) {
        return PELT_OK;
    }
    return pelt_fail(err, PELT_EINVAL, "%s:%llu: %s%.*s%s%s: " NAME_COLUMNS, r->content->path,
                     (unsigned long long)line, len ? "'" : "", len, name.ptr, len ? "' " : "", why);
}

/* Fields that a wrong separator left in one. */
static enum pelt_status check_separator(const struct pelt_rows *r, uint64_t line,
                                        struct pelt_error *err)
{
    static const char usual[] = ",;\t|";
    struct pelt_span only = r->columns[0].text;
    for (const char *s = usual; r->columns_len == 1 && !r->columns[0].quoted && *s; s++) {
        if (*s != r->separator && memchr(only.ptr, *s, only.len)) {
            return pelt_fail(err, PELT_EINVAL,
                             "%s:%llu: the header '%.*s' is one column: give the options "
                             "{ separator = \"%s\" }",
                             r->content->path, (unsigned long long)line,
                             only.len < 60 ? (int)only.len : 60, only.ptr,
                             *s == '\t' ? "\\t" : (const char[]){*s, '\0'});
        }
    }
    return PELT_OK;
}

static enum pelt_status read_header(struct pelt_rows *r, struct pelt_csv *csv,
                                    struct pelt_error *err)
{
    uint64_t line = csv->line;
    enum pelt_csv_answer answer = PELT_CSV_MORE;
    r->columns = calloc(PELT_ROWS_COLUMNS_MAX, sizeof *r->columns);
    if (!r->columns) {
        return fail_memory(r, err);
    }
    while (answer == PELT_CSV_MORE) {
        if (r->columns_len == PELT_ROWS_COLUMNS_MAX) {
            return pelt_fail(err, PELT_EINVAL, "%s:%llu: more than %d columns: leave some out",
                             r->content->path, (unsigned long long)line, PELT_ROWS_COLUMNS_MAX);
        }
        struct pelt_csv_field field;
        answer = pelt_csv_next_field(csv, &field);
        if (answer > PELT_CSV_LAST) {
            return fail_quotes(r, answer, line, err);
        }
        if (!field.quoted) {
            field.text = pelt_span_trim(field.text);
        }
        if (check_column(r, field.text, line, err) != PELT_OK) {
            return PELT_EINVAL;
        }
        r->columns[r->columns_len++] = field;
    }
    struct pelt_csv_field *fit = realloc(r->columns, r->columns_len * sizeof *fit);
    r->columns = fit ? fit : r->columns;
    return check_separator(r, line, err);
}

static enum pelt_status fail_ragged(const struct pelt_rows *r, size_t fields, uint64_t line,
                                    struct pelt_error *err)
{
    const struct pelt_csv_field *last = &r->columns[r->columns_len - 1];
    const char *header = r->columns[0].text.ptr;
    size_t len = (size_t)(last->text.ptr + last->text.len - header);
    return pelt_fail(err, PELT_EINVAL,
                     "%s:%llu: %zu field%s, but the header names %zu (%.*s%s): give each row the "
                     "same number, and quote fields that hold a '%c'",
                     r->content->path, (unsigned long long)line, fields, fields == 1 ? "" : "s",
                     r->columns_len, len < SHOWN_COLUMNS ? (int)len : SHOWN_COLUMNS, header,
                     len < SHOWN_COLUMNS ? "" : "...", r->separator);
}

static enum pelt_status index_csv_row(struct pelt_rows *r, struct pelt_csv *csv,
                                      struct pelt_error *err)
{
    const char *begin = csv->at;
    const uint64_t line = csv->line;
    enum pelt_csv_answer answer;
    size_t fields = 0;
    do {
        struct pelt_csv_field field;
        uint64_t field_line = csv->line;
        answer = pelt_csv_next_field(csv, &field);
        fields++;
        if (answer > PELT_CSV_LAST) {
            return fail_quotes(r, answer, field_line, err);
        }
    } while (answer == PELT_CSV_MORE);
    return fields == r->columns_len ? add_row(r, begin, line, err)
                                    : fail_ragged(r, fields, line, err);
}

static enum pelt_status index_csv(struct pelt_rows *r, struct pelt_error *err)
{
    struct pelt_csv csv = {.at = behind_mark(r),
                           .end = r->content->bytes + r->content->len,
                           .line = 1,
                           .separator = r->separator};
    if (!pelt_csv_next_row(&csv)) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: is empty: " NAME_COLUMNS ", each further one is a row",
                         r->content->path);
    }
    enum pelt_status status = read_header(r, &csv, err);
    while (status == PELT_OK && pelt_csv_next_row(&csv)) {
        status = index_csv_row(r, &csv, err);
    }
    if (status == PELT_OK && r->count == 0) {
        return pelt_fail(err, PELT_EINVAL, "%s: has a header and no rows: add a line for each row",
                         r->content->path);
    }
    return status;
}

/* ---- JSON ---- */

struct reader { /* a place in JSON text */
    const char *at, *end;
    uint64_t line; /* of `at` */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip(struct reader *x, size_t bytes)
{
    for (const char *to = x->at + bytes; x->at < to; x->at++) {
        x->line += *x->at == '\n';
    }
}

/* The next character that is no blank; 0: there is none. */
static char skip_blanks(struct reader *x)
{
    size_t blanks = 0;
    while (x->at + blanks < x->end && is_blank(x->at[blanks])) {
        blanks++;
    }
    skip(x, blanks);
    return *x->at;
}

/* Takes an object, which may be followed by anything if `flags` say so, as a row. */
static enum pelt_status index_object(struct pelt_rows *r, struct reader *x, const char *end,
                                     size_t flags, struct pelt_error *err)
{
    json_error_t why;
    size_t len = (size_t)(end - x->at), most = len < PELT_JSON_READ_MAX ? len : PELT_JSON_READ_MAX;
    json_t *value = pelt_json_load(x->at, most, flags | JSON_ALLOW_NUL, &why);
    if (!value && most < len && (size_t)why.position + CUT_TOKEN > most) {
        return pelt_fail(err, PELT_EINVAL, "%s:%llu: a row has more than %d MiB: make rows smaller",
                         r->content->path, (unsigned long long)x->line, PELT_JSON_READ_MAX >> 20);
    }
    if (!value) {
        int line = why.line > 0 ? why.line : 1;
        return pelt_fail(err, PELT_EINVAL, "%s:%llu: %s%s", r->content->path,
                         (unsigned long long)x->line + (unsigned)line - 1, why.text,
                         r->format == PELT_ROWS_JSONL ? " (each line is an object of its own)"
                                                      : "");
    }
    bool object = json_is_object(value);
    json_decref(value);
    if (!object) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s:%llu: a row is an object such as {\"id\": 1}, not a list",
                         r->content->path, (unsigned long long)x->line);
    }
    enum pelt_status status = add_row(r, x->at, x->line, err);
    skip(x, (size_t)why.position);
    return status;
}

static enum pelt_status fail_rowless(const struct pelt_rows *r, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL, "%s: has no rows: %s", r->content->path,
                     r->format == PELT_ROWS_JSON
                         ? "a list of objects is expected, such as [{\"id\": 1}]"
                         : "an object a line is expected, such as {\"id\": 1}");
}

static enum pelt_status index_json(struct pelt_rows *r, struct pelt_error *err)
{
    struct reader x = {.at = behind_mark(r), .end = r->content->bytes + r->content->len, .line = 1};
    char next = skip_blanks(&x);
    if (x.at == x.end) {
        return fail_rowless(r, err);
    }
    if (next != '[') {
        return pelt_fail(err, PELT_EINVAL,
                         "%s:%llu: a list of objects is expected, such as [{\"id\": 1}]%s",
                         r->content->path, (unsigned long long)x.line,
                         next == '{' ? "; an object a line is read by pelt.data.jsonl" : "");
    }
    do {
        skip(&x, 1); /* the bracket, or a comma */
        if (skip_blanks(&x) == ']' && r->count == 0) {
            return fail_rowless(r, err);
        }
        enum pelt_status status = index_object(r, &x, x.end, JSON_DISABLE_EOF_CHECK, err);
        if (status != PELT_OK) {
            return status;
        }
        next = skip_blanks(&x);
    } while (next == ',');
    bool closed = next == ']';
    skip(&x, closed);
    if (!closed || (skip_blanks(&x), x.at < x.end)) {
        return pelt_fail(err, PELT_EINVAL, "%s:%llu: %s", r->content->path,
                         (unsigned long long)x.line,
                         closed ? "something follows the list of rows: give one list a file"
                                : "',' or ']' is expected after a row");
    }
    return PELT_OK;
}

static enum pelt_status index_jsonl(struct pelt_rows *r, struct pelt_error *err)
{
    struct reader x = {.at = behind_mark(r), .end = r->content->bytes + r->content->len, .line = 1};
    while (skip_blanks(&x), x.at < x.end) {
        const char *line_end = memchr(x.at, '\n', (size_t)(x.end - x.at));
        enum pelt_status status = index_object(r, &x, line_end ? line_end : x.end, 0, err);
        if (status != PELT_OK) {
            return status;
        }
    }
    return r->count > 0 ? PELT_OK : fail_rowless(r, err);
}

/* ---- life ---- */

static enum pelt_status index_rows(struct pelt_rows *r, struct pelt_error *err)
{
    switch (r->format) {
    case PELT_ROWS_CSV:
        return index_csv(r, err);
    case PELT_ROWS_JSON:
        return index_json(r, err);
    case PELT_ROWS_JSONL:
        break;
    }
    return index_jsonl(r, err);
}

enum pelt_status pelt_rows_new(const struct pelt_content *content, enum pelt_rows_format format,
                               char separator, struct pelt_rows **out, struct pelt_error *err)
{
    struct pelt_rows *r = calloc(1, sizeof *r);
    if (!r) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    r->content = content;
    r->format = format;
    r->separator = separator;
    atomic_flag_clear(&r->told);
    enum pelt_status status = check_text(r, err);
    if (status == PELT_OK) {
        status = index_rows(r, err);
    }
    if (status == PELT_OK) {
        trim(r);
        *out = r;
    } else {
        pelt_rows_free(r);
    }
    return status;
}

void pelt_rows_free(struct pelt_rows *r)
{
    if (!r) {
        return;
    }
    free(r->bases);
    free(r->offsets);
    free(r->columns);
    free(r);
}
