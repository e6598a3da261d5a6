/*
 * economy: see the header.
 */
#include "economy.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pelt/units.h"
#include "text_or_file.h"

#define ROWS_MAX 10000 /* of the file of --demand */

static void add(struct cli_economy *e, const char *key, const char *value)
{
    e->facts[e->len++] = key;
    e->facts[e->len++] = value;
}

static void add_number(struct cli_economy *e, const char *key, double value)
{
    char *text = e->number[e->len / 2];
    snprintf(text, sizeof e->number[0], "%.12g", value);
    add(e, key, text);
}

/* ---- the file of --demand ---- */

/* The last field of a row, without quotes and blanks. */
static size_t last_field(const char *row, size_t len, char *out, size_t size)
{
    size_t from = len, kept = 0;
    while (from > 0 && strchr(",;\t", row[from - 1]) == NULL) {
        from--;
    }
    for (size_t i = from; i < len && kept + 1 < size; i++) {
        if (strchr(" \"\r", row[i]) == NULL) {
            out[kept++] = row[i];
        }
    }
    out[kept] = '\0';
    return kept;
}

static bool is_rate_of_row(const char *field)
{
    char *end;
    const double value = strtod(field, &end);
    return field[0] != '\0' && *end == '\0' && isfinite(value) && value >= 0;
}

/* Adds the row's number to the series; rows without anything are none. */
static enum pelt_status read_row(struct cli_economy *e, const char *path, const char *row,
                                 size_t len, size_t line, size_t *rows, struct pelt_error *err)
{
    char field[64];
    if (last_field(row, len, field, sizeof field) == 0 && len <= 1) {
        return PELT_OK;
    }
    if (!is_rate_of_row(field)) {
        return line == 1 ? PELT_OK /* its header */
                         : pelt_fail(err, PELT_EINVAL,
                                     "--demand: %s line %zu: \"%s\" is no rate; the last field of "
                                     "each row is requests a second, as in 412.5",
                                     path, line, field);
    }
    if (++*rows > ROWS_MAX) {
        return pelt_fail(err, PELT_EINVAL, "--demand: %s has more than %d rows: use longer periods",
                         path, ROWS_MAX);
    }
    if (pelt_buf_add(&e->series, field, strlen(field)) != PELT_OK ||
        pelt_buf_add(&e->series, " ", 1) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return PELT_OK;
}

static enum pelt_status read_rows(struct cli_economy *e, const char *path,
                                  const struct pelt_buf *text, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    size_t rows = 0, line = 1;
    for (size_t at = 0; at < text->len && status == PELT_OK; line++) {
        const char *row = text->data + at;
        const char *end = memchr(row, '\n', text->len - at);
        const size_t len = end != NULL ? (size_t)(end - row) : text->len - at;
        status = read_row(e, path, row, len, line, &rows, err);
        at += len + 1;
    }
    if (status == PELT_OK && rows == 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--demand: %s has no row with a rate; write 500/s, or a file with a row a "
                         "period and its rate as the last field",
                         path);
    }
    return status;
}

static enum pelt_status read_file(struct cli_economy *e, const char *path, struct pelt_error *err)
{
    struct pelt_buf text;
    char option[PATH_MAX + 2];
    if (strlen(path) > PATH_MAX || access(path, R_OK) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--demand: \"%.300s\" is no rate, as in 500/s, and no file that can be "
                         "read: %s",
                         path, strerror(errno));
    }
    pelt_buf_init(&text, CLI_TEXT_BYTES_MAX);
    snprintf(option, sizeof option, "@%s", path);
    enum pelt_status status = cli_text_or_file("--demand", option, &text, err);
    if (status == PELT_OK) {
        status = read_rows(e, path, &text, err);
    }
    if (status == PELT_OK && pelt_buf_add(&e->series, "", 1) != PELT_OK) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_buf_deinit(&text);
    return status;
}

/* One of both, so that the other one, of the run, does not stay. */
static enum pelt_status add_demand(struct cli_economy *e, const char *text, struct pelt_error *err)
{
    double per_s;
    if (pelt_parse_rate(text, &per_s, NULL) == PELT_OK) {
        add_number(e, "demand_per_s", per_s);
        add(e, "demand_series", "");
        return PELT_OK;
    }
    const enum pelt_status status = read_file(e, text, err);
    if (status == PELT_OK) {
        add(e, "demand_series", e->series.data);
    }
    return status;
}

enum pelt_status cli_economy_init(struct cli_economy *e, const struct cli_options *o,
                                  struct pelt_error *err)
{
    double share;
    *e = (struct cli_economy){.len = 0};
    pelt_buf_init(&e->series, CLI_TEXT_BYTES_MAX);
    if (o->price_per_h > 0) {
        add_number(e, "price_per_h", o->price_per_h);
    }
    if (o->instances > 0) {
        add_number(e, "instances", (double)o->instances);
    }
    if (o->headroom != NULL && pelt_parse_share(o->headroom, &share, NULL) == PELT_OK) {
        add_number(e, "headroom", share);
    }
    if (o->penalty != NULL) {
        add(e, "penalty", o->penalty);
    }
    return o->demand != NULL ? add_demand(e, o->demand, err) : PELT_OK;
}

void cli_economy_deinit(struct cli_economy *e)
{
    pelt_buf_deinit(&e->series);
}

enum pelt_status cli_economy_apply(const struct cli_economy *e, struct pelt_results *results)
{
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; e->facts[i] != NULL && status == PELT_OK; i += 2) {
        status = pelt_results_set_meta(results, e->facts[i], e->facts[i + 1]);
    }
    return status;
}
