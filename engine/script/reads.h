/*
 * reads: what of a response the code of a scenario can read, told from its source: a body that
 * nobody can read is not kept.
 *
 * The scan knows Lua's tokens, not its meaning. What counts as reading a body: `.body`,
 * `.body_cut`, and json, match and regex behind '.' or ':' (but not `pelt.json` and
 * `string.match`), or a string that is one of these names; headers likewise. A match too many only
 * costs speed. What it cannot see (r[key] with a key put together) is an error where it is read,
 * never a silent nil (response.c).
 */
#ifndef PELT_READS_H
#define PELT_READS_H

#include <stdbool.h>

#include "lexer.h"

struct pelt_reads {
    bool body, headers; /* only ever become true */
};

/* Where a scan stands; starts zeroed. */
struct pelt_reads_scan {
    bool joined;         /* '.' or ':' is right before the token */
    const char *library; /* and before that a name of ours or Lua's: what of it is no reading */
};

/* Adds what the next token of a source reads. */
void pelt_reads_take(struct pelt_reads_scan *scan, const struct pelt_token *token,
                     struct pelt_reads *reads);

#endif
