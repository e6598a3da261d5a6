/*
 * rows: a data file: its bytes as they are, and where each row begins (4 bytes a row). Values are
 * made of a row when a script takes it. CSV has a header that names the columns; JSON is a list of
 * objects; JSONL an object a line. A byte-order mark of UTF-8 is skipped.
 *
 * All of it is checked at first; afterwards nothing is written (but for the two flags), so that any
 * number of threads may read.
 */
#ifndef PELT_ROWS_H
#define PELT_ROWS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "content.h"
#include "csv.h"

#define PELT_ROWS_COLUMNS_MAX 1000
#define PELT_ROWS_GROUP       256 /* rows that share a 64-bit base */

enum pelt_rows_format { PELT_ROWS_CSV, PELT_ROWS_JSON, PELT_ROWS_JSONL };

struct pelt_rows {                      /* read-only: see above */
    const struct pelt_content *content; /* borrowed: the files' */
    enum pelt_rows_format format;
    char separator;                 /* CSV */
    uint64_t *bases;                /* offset of the first row of each group */
    uint32_t *offsets;              /* of each row from its group's base */
    size_t count, cap;              /* rows; what `offsets` has room for */
    struct pelt_csv_field *columns; /* CSV: the header's fields, blanks around them trimmed */
    size_t columns_len;             /* 0: not CSV */
    /* Both relaxed: nothing else is read on their strength. */
    atomic_flag told;   /* somebody has said that all rows were taken */
    _Atomic bool taken; /* some row was */
};

/* Finds and checks the rows of a file, which must outlive them. PELT_EINVAL, PELT_ENOMEM: err names
 * file, line and what to try. */
PELT_MUST_USE enum pelt_status pelt_rows_new(const struct pelt_content *content,
                                             enum pelt_rows_format format, char separator,
                                             struct pelt_rows **out, struct pelt_error *err);
void pelt_rows_free(struct pelt_rows *rows); /* accepts NULL */

/* From the first byte of row `row` < count to the end of the file (the row says itself where it
 * ends), of JSONL to the end of its line. */
struct pelt_span pelt_rows_at(const struct pelt_rows *rows, size_t row);
/* What they take of memory besides the file's own bytes. */
size_t pelt_rows_bytes(const struct pelt_rows *rows);

#endif
