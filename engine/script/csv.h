/*
 * csv: rows of fields in text (RFC 4180). Fields are parted by a separator; one that holds a
 * separator, a quote or a line end stands in quotes, and a quote within them is doubled. Lines end
 * with LF or CRLF, the last one perhaps with nothing. More lenient than the RFC: empty lines are
 * no rows, and a quote inside an unquoted field is a character like any other.
 *
 * Bytes in, spans of them out: no I/O, no heap. Storage: the caller's. Thread: any.
 */
#ifndef PELT_CSV_H
#define PELT_CSV_H

#include <stdint.h>

#include "pelt/buf.h"

struct pelt_csv { /* a place in the text */
    const char *at, *end;
    uint64_t line; /* of `at`, from 1 */
    char separator;
};

struct pelt_csv_field {
    struct pelt_span text; /* without the quotes around it */
    bool quoted;
    bool doubled; /* quotes within are doubled: pelt_csv_copy() makes them one */
};

enum pelt_csv_answer {
    PELT_CSV_MORE,     /* another field of the row follows */
    PELT_CSV_LAST,     /* the row ends here, `at` is behind its line end */
    PELT_CSV_UNCLOSED, /* the field's quotes never close */
    PELT_CSV_TAIL      /* text follows closing quotes */
};

/* Skips empty lines. False: the text is over. */
bool pelt_csv_next_row(struct pelt_csv *csv);
/* The next field of the row; *field is not set by UNCLOSED and TAIL, after which the text makes no
 * sense any more. */
enum pelt_csv_answer pelt_csv_next_field(struct pelt_csv *csv, struct pelt_csv_field *field);
/* Copies the field's text with its quotes single; `out` has room for text.len bytes. Returns how
 * many it took. */
size_t pelt_csv_copy(const struct pelt_csv_field *field, char *out);

#endif
