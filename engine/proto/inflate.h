/*
 * inflate: what those who read compressed bytes have in common (zlib).
 */
#ifndef PELT_INFLATE_H
#define PELT_INFLATE_H

#include <stdbool.h>
#include <zlib.h>

/* Where the output is full: is there more than fits? One byte of it tells. What inflate() said. */
static inline int pelt_inflate_more(z_stream *z, bool *more)
{
    unsigned char byte;
    z->next_out = &byte;
    z->avail_out = 1;
    int answer = inflate(z, Z_NO_FLUSH);
    *more = z->avail_out == 0;
    return answer;
}

#endif
