/*
 * csv: no text leads outside of itself, every row ends, lines are counted as they are; and fields
 * that are written again, all in quotes, are read as the same. The first byte is the separator.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

/* Writes `field` in quotes behind `out`. */
static size_t write_quoted(const struct pelt_csv_field *field, char *scratch, char *out)
{
    size_t len = pelt_csv_copy(field, scratch), n = 0;
    require(len <= field->text.len);
    out[n++] = '"';
    for (size_t i = 0; i < len; i++) {
        out[n++] = scratch[i];
        if (scratch[i] == '"') {
            out[n++] = '"';
        }
    }
    out[n++] = '"';
    return n;
}

static void check_again(const char *text, size_t len, char separator, const char *scratch,
                        size_t scratch_len)
{
    struct pelt_csv csv = {.at = text, .end = text + len, .line = 1, .separator = separator};
    struct pelt_csv_field field = {0};
    char *copy = malloc(len + 1);
    require(pelt_csv_next_row(&csv));
    enum pelt_csv_answer answer = pelt_csv_next_field(&csv, &field);
    require(answer == PELT_CSV_MORE);
    require(field.quoted && pelt_csv_copy(&field, copy) == scratch_len);
    require(memcmp(copy, scratch, scratch_len) == 0);
    require(pelt_csv_next_field(&csv, &field) == PELT_CSV_LAST && field.text.len == 0);
    require(!pelt_csv_next_row(&csv));
    free(copy);
}

static void check_field(const struct pelt_csv *csv, const struct pelt_csv_field *field,
                        const char *begin)
{
    require(field->text.ptr >= begin && field->text.ptr + field->text.len <= csv->end);
    char *scratch = malloc(field->text.len + 1), *out = malloc(2 * field->text.len + 8);
    size_t len = write_quoted(field, scratch, out);
    out[len++] = csv->separator;
    check_again(out, len, csv->separator, scratch, pelt_csv_copy(field, scratch));
    free(scratch);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || strchr("\"\r\n", data[0])) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    struct pelt_csv csv = {
        .at = text, .end = text + size - 1, .line = 1, .separator = (char)data[0]};
    while (pelt_csv_next_row(&csv)) {
        enum pelt_csv_answer answer;
        do {
            struct pelt_csv_field field = {0};
            const char *before = csv.at;
            answer = pelt_csv_next_field(&csv, &field);
            if (answer == PELT_CSV_UNCLOSED || answer == PELT_CSV_TAIL) {
                return 0;
            }
            require(csv.at > before || csv.at == csv.end);
            check_field(&csv, &field, before);
        } while (answer == PELT_CSV_MORE);
    }
    uint64_t lines = 1;
    for (const char *p = text; p < csv.end; p++) {
        lines += *p == '\n';
    }
    require(csv.at == csv.end && csv.line == lines);
    return 0;
}
