/*
 * text: how numbers and foreign names look on a terminal: short, aligned, and without escape codes
 * that a name may hold. Strings are static-free: the caller gives the room.
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_TEXT_MAX 32 /* bytes that each of the formats below needs at most */

void report_text_count(uint64_t value, char out[REPORT_TEXT_MAX]); /* "40,000" */
void report_text_rate(double per_s, char out[REPORT_TEXT_MAX]);    /* "1,999.9/s", "12,345/s" */
void report_text_share(double share,
                       char out[REPORT_TEXT_MAX]); /* 0..1 as "2.30%"; "0%" and "100%" are exact */
void report_text_number(double value,
                        char out[REPORT_TEXT_MAX]); /* "1,234.5", six digits or more */
void report_text_time_ms(
    double ms,
    char out[REPORT_TEXT_MAX]); /* three digits, at most 6 bytes: "850us" "12.3ms" "1.25s" */

/*
 * Prints `text` in exactly `width` columns when `pad`, else in at most that many: cut with "..",
 * control characters and bytes that are no UTF-8 as "?". One column a code point. Returns the
 * columns printed.
 */
int report_text_print(FILE *out, const char *text, int width, int pad);

/* Length of the valid UTF-8 sequence at `s` (RFC 3629: no overlong form, no surrogate); 0: none. */
size_t report_text_utf8(const unsigned char *s);

/* The first line of a text wrapped at blanks, of at most `columns`, into `line`; what comes behind
 * it. A word longer than that is broken. */
const char *report_text_line(const char *text, int columns, char *line, size_t size);
/* A sentence of any length in lines of at most `width` columns, wrapped at blanks, each behind
 * `indent` blanks. */
void report_text_sentence(FILE *out, const char *text, int width, int indent);
/* The same behind something of `indent` columns that stands before the first line. */
void report_text_hanging(FILE *out, const char *text, int width, int indent);

/* Begins a row of a table by "  name" in 2 + `width` columns. A name that is longer stands above
 * it, whole, in lines of at most `line` columns: rows that differ in the end of their names do not
 * look alike. */
void report_text_name(FILE *out, const char *name, int width, int line);

#endif
