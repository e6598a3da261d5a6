/*
 * page: text for the wire, written into memory of a fixed size. What does not fit marks the page as
 * full, once and for all; whoever sends it looks.
 *
 * Storage: the caller's. Thread: one at a time.
 */
#ifndef AGENT_PAGE_H
#define AGENT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

struct page {
    char *bytes; /* not NUL-terminated */
    size_t size, len;
    bool full; /* something did not fit: the text is not whole */
};

void page_add(struct page *p, const char *text);
void page_addf(struct page *p, const char *format, ...) PELT_PRINTF(2, 3); /* at most 1 KiB */
void page_int(struct page *p, int64_t value);
void page_uint(struct page *p, uint64_t value);
void page_bool(struct page *p, bool value);
/* JSON's null for what is no number: NAN and the infinities. */
void page_number(struct page *p, double value);
/* As a JSON string, in quotes. Bytes that are no UTF-8 become U+FFFD. */
void page_json(struct page *p, const char *text);
/* As the value of a label of the OpenMetrics text format, in quotes; the same about UTF-8. */
void page_label(struct page *p, const char *text);

#endif
