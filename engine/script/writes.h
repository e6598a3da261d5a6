/*
 * writes: which fields of tables the code of a scenario can write once they are made, told from its
 * source: an options table whose fields nothing can write need not be read at each call
 * (template.h).
 *
 * The scan knows Lua's tokens, not its meaning. What counts as writing `name`: `.name` or
 * `["name"]` before '=' or ',', and `function t.name` or `t:name`; entries of a constructor do not.
 * `[key] =` with any other key, table.insert and its like, rawset, and what could reach them or a
 * metatable unseen (a library taken as a value, debug, setmetatable, _G, _ENV, `require` of
 * anything but one string as it stands) write everything. A write too many only costs speed.
 *
 * Beside it: which names are plainly assigned to, `.name =` or `["name"] =`, also in a list with
 * further ones, and `function t.name`: what a guard must look out for (lua/guard.lua). A name with
 * an escape, or a list too long, assigns to everything.
 */
#ifndef PELT_WRITES_H
#define PELT_WRITES_H

#include <stdbool.h>
#include <stdint.h>

#include "lexer.h"

#define PELT_WRITES_BITS  4096
#define PELT_WRITES_DEPTH 64 /* of brackets within brackets that are told apart */
#define PELT_WRITES_LIST  16 /* fields in lists that may be of what is assigned to */

/* The names, by a bit of their hash: one that was never seen may look written, never the other way
 * round. */
struct pelt_writes {
    uint64_t version; /* grows with each name */
    bool anything;
    uint64_t names[PELT_WRITES_BITS / 64];
    uint64_t assigned_version; /* grows with each name below */
    bool assigns_all;          /* to any field, by a name that is not known */
    uint64_t assigned[PELT_WRITES_BITS / 64];
};

struct pelt_writes_bracket {
    bool index;    /* t[...], not the key of a constructor's entry */
    bool constant; /* so far it holds one string and nothing else */
    struct pelt_span text;
};

/* A field with a comma behind it: `=` may follow. */
struct pelt_writes_listed {
    unsigned depth;
    struct pelt_span field;
};

/* Where a scan stands; starts zeroed. */
struct pelt_writes_scan {
    struct pelt_token before;  /* the last token */
    bool declares;             /* in the name behind `function` */
    unsigned required;         /* tokens since `require` that are as they should be; 0: none */
    struct pelt_span field;    /* what the next token could write; ptr NULL: nothing */
    bool unknown_field;        /* likewise: a field whose name is not known */
    unsigned listed, left_out; /* left_out: depth + 1 of a field beyond PELT_WRITES_LIST; 0: none */
    struct pelt_writes_listed list[PELT_WRITES_LIST]; /* inner ones last */
    unsigned depth;                                   /* of brackets, all kinds */
    struct pelt_writes_bracket bracket[PELT_WRITES_DEPTH];
};

/* Adds what the next token of a source writes. */
void pelt_writes_take(struct pelt_writes_scan *scan, const struct pelt_token *token,
                      struct pelt_writes *writes);

void pelt_writes_anything(struct pelt_writes *writes);

/* Whether code seen so far may write a field of this name. */
bool pelt_writes_name(const struct pelt_writes *writes, struct pelt_span name);

/* Whether code seen so far plainly assigns to a field of this name. */
bool pelt_writes_assigns(const struct pelt_writes *writes, struct pelt_span name);

#endif
