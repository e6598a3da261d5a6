/* What was written into a page, as text for assertions. */
#ifndef TESTS_AGENT_WRITTEN_H
#define TESTS_AGENT_WRITTEN_H

#include <stdio.h>
#include <string.h>

#include "page.h"

#define WRITTEN_SIZE 65536

/* A page of its own, empty: PAGE(p) declares it. */
#define PAGE(p)                                                                                    \
    char p##_bytes[WRITTEN_SIZE];                                                                  \
    struct page p = {.bytes = p##_bytes, .size = sizeof p##_bytes - 1}

static inline const char *written(struct page *p)
{
    p->bytes[p->len] = '\0';
    return p->bytes;
}

#endif
