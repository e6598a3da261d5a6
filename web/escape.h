/*
 * escape: a stream that writes JSON so that it can stand in a script element: `<`, `>`, `&`, U+2028
 * and U+2029, which in JSON only strings can hold, become \u escapes.
 */
#ifndef WEB_ESCAPE_H
#define WEB_ESCAPE_H

#include <stdio.h>

struct web_escape {
    FILE *out;
    unsigned char held[2]; /* a begun sequence of U+2028 or U+2029: e2, e2 80 */
    size_t held_len;
};

/* Borrows both; fclose() before `out` is used again. NULL: out of memory. */
FILE *web_escape_open(struct web_escape *e, FILE *out);

#endif
