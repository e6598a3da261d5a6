/*
 * One pass, a byte at a time: what is slow about large files is reading them.
 */
#include "csv.h"

#include <string.h>

/* Bytes of the line end at `at`: 0 if there is none. */
static size_t line_end_len(const char *at, const char *end)
{
    if (at < end && *at == '\n') {
        return 1;
    }
    return end - at >= 2 && at[0] == '\r' && at[1] == '\n' ? 2 : 0;
}

bool pelt_csv_next_row(struct pelt_csv *csv)
{
    size_t skip;
    while ((skip = line_end_len(csv->at, csv->end)) > 0) {
        csv->at += skip;
        csv->line++;
    }
    return csv->at < csv->end;
}

/* What follows a field: takes the separator or the line end. */
static enum pelt_csv_answer end_field(struct pelt_csv *csv)
{
    if (csv->at == csv->end) {
        return PELT_CSV_LAST;
    }
    if (*csv->at == csv->separator) {
        csv->at++;
        return PELT_CSV_MORE;
    }
    size_t skip = line_end_len(csv->at, csv->end);
    csv->at += skip;
    csv->line += skip > 0;
    return skip > 0 ? PELT_CSV_LAST : PELT_CSV_TAIL;
}

static uint64_t count_lines(const char *at, const char *end)
{
    uint64_t lines = 0;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        lines++;
        at++;
    }
    return lines;
}

static enum pelt_csv_answer quoted_field(struct pelt_csv *csv, struct pelt_csv_field *field)
{
    const char *text = csv->at + 1, *close = text;
    bool doubled = false;
    for (;;) {
        close = memchr(close, '"', (size_t)(csv->end - close));
        if (!close) {
            return PELT_CSV_UNCLOSED;
        }
        if (close + 1 == csv->end || close[1] != '"') {
            break;
        }
        doubled = true;
        close += 2;
    }
    csv->line += count_lines(text, close);
    csv->at = close + 1;
    *field = (struct pelt_csv_field){
        .text = pelt_span(text, (size_t)(close - text)), .quoted = true, .doubled = doubled};
    return end_field(csv);
}

static enum pelt_csv_answer plain_field(struct pelt_csv *csv, struct pelt_csv_field *field)
{
    const char *text = csv->at, *p = text;
    while (p < csv->end && *p != csv->separator && *p != '\n') {
        p++;
    }
    bool line_ends = p == csv->end || *p == '\n';
    csv->at = line_ends && p > text && p[-1] == '\r' ? p - 1 : p;
    *field = (struct pelt_csv_field){.text = pelt_span(text, (size_t)(csv->at - text))};
    if (p == csv->end) {
        csv->at = p; /* behind a CR without its LF */
    }
    return end_field(csv);
}

enum pelt_csv_answer pelt_csv_next_field(struct pelt_csv *csv, struct pelt_csv_field *field)
{
    bool quoted = csv->at < csv->end && *csv->at == '"';
    return quoted ? quoted_field(csv, field) : plain_field(csv, field);
}

size_t pelt_csv_copy(const struct pelt_csv_field *field, char *out)
{
    const char *from = field->text.ptr, *end = from + field->text.len;
    size_t len = 0;
    while (from < end) {
        out[len++] = *from;
        from += field->doubled && *from == '"' ? 2 : 1;
    }
    return len;
}
