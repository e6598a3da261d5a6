/*
 * trace: requests that were recorded with their times: an access log in the combined (or common)
 * format, or JSON lines. When each came and where its line lies; what it says is read of the line
 * when a script takes it. 16 bytes a request besides the file's own.
 *
 * Requests are in the order of their times, those of the same time in the order of the file. Where
 * all times are whole seconds, as in access logs, the n requests of a second lie 1/n s apart.
 *
 * Lines that are no request are counted, not replayed.
 *
 * Read-only once made, so that any number of threads may look at it.
 */
#ifndef PELT_TRACE_H
#define PELT_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "content.h"
#include "pelt/buf.h"

enum pelt_trace_format { PELT_TRACE_COMBINED, PELT_TRACE_JSONL, PELT_TRACE_UNSAID };

struct pelt_trace {
    const struct pelt_content *content; /* borrowed: the files' */
    enum pelt_trace_format format;
    uint64_t *at_ns;    /* of each request, since the first one; ascending */
    uint64_t *lines;    /* offset of its line in the file */
    size_t count, cap;  /* requests; what there is room for */
    size_t bad;         /* lines that are none, empty ones not counted */
    size_t bad_line;    /* the first of them, from 1 */
    const char *reason; /* why it is none */
};

/*
 * Finds the requests of a file, which must outlive them. Format unsaid: JSON lines if the file
 * begins with '{'. PELT_EINVAL: there is none, and err says file, line and why; PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_trace_new(const struct pelt_content *content,
                                              enum pelt_trace_format format,
                                              struct pelt_trace **out, struct pelt_error *err);
void pelt_trace_free(struct pelt_trace *trace); /* accepts NULL */

/* What it takes of memory besides the file's own bytes. */
size_t pelt_trace_bytes(const struct pelt_trace *trace);
/* How long it lasts: to the end of the second in which the last request lies. */
uint64_t pelt_trace_length_ns(const struct pelt_trace *trace);
/* Method and path of request k < count of an access log. */
void pelt_trace_request(const struct pelt_trace *trace, size_t k, struct pelt_span *method,
                        struct pelt_span *path);
/* The line of request k < count, without its end. */
struct pelt_span pelt_trace_line(const struct pelt_trace *trace, size_t k);

#endif
