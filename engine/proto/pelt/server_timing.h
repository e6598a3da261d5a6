/*
 * server_timing: reads the value of a Server-Timing field (W3C Server Timing): entries with a name,
 * perhaps a duration in milliseconds and a description.
 *
 *   db;dur=53.2, cache;desc="hit; fresh";dur=0.1, miss
 *
 * An entry that breaks the grammar is left out, up to the next comma outside of quotes; of a
 * parameter that comes twice the first counts; parameters that are not known say nothing. A `dur`
 * that is no number from 0 to PELT_SERVER_TIMING_MS_MAX is none.
 *
 * Bytes in, spans into them out; no heap. Thread: any.
 */
#ifndef PELT_SERVER_TIMING_H
#define PELT_SERVER_TIMING_H

#include <stdint.h>

#include "pelt/buf.h"

#define PELT_SERVER_TIMING_MS_MAX 86400000 /* a day */

struct pelt_server_timing {
    struct pelt_span name;
    struct pelt_span desc; /* without its quotes, with its backslashes; ptr NULL: none */
    bool has_dur;
    uint64_t dur_us; /* rounded */
};

/* The next entry of the value; *pos starts at 0. False: there is none. */
bool pelt_server_timing_next(struct pelt_span value, size_t *pos, struct pelt_server_timing *out);

/* The value in a comment of an event stream, as it stands behind the colon: "st db;dur=2" or
 * "Server-Timing: db;dur=2"; ptr NULL: it is another comment. */
struct pelt_span pelt_server_timing_of_comment(struct pelt_span comment);

#endif
