/*
 * query: what is searched for, in the one form in which queries that differ in nothing but case and
 * blanks are the same: ASCII letters in lower case, one blank between words, none at the ends.
 * Whatever is no blank or control character counts as part of a word; other bytes stay as they are.
 *
 * Pure functions. Storage: the caller's, no heap.   Thread: any.
 */
#ifndef TARGET_QUERY_H
#define TARGET_QUERY_H

#include <stddef.h>

#include "error.h"
#include "names.h"

#define TARGET_QUERY_BYTES 513 /* of a query in this form, with its end */

/* False: nothing is left of it, or more than fits. */
TARGET_MUST_USE bool target_query_normalise(const char *text, char query[TARGET_QUERY_BYTES]);

/* Provider, type and query: what two searches must have in common to get the same answer. */
struct target_query {
    char provider[TARGET_NAME_BYTES];
    char type[TARGET_NAME_BYTES];
    char text[TARGET_QUERY_BYTES];
};

/*
 * Texts as a client sent them; `provider` and `type` may be NULL: "web", "text". False: a name is
 * none (names.h), or the query is not good; the error says which.
 */
TARGET_MUST_USE bool target_query_read(struct target_query *query, const char *provider,
                                       const char *type, const char *text,
                                       struct target_error *err);

#define TARGET_QUERY_GROUP_BYTES ((size_t)2 * TARGET_NAME_BYTES)
#define TARGET_QUERY_KEY_BYTES   (TARGET_QUERY_GROUP_BYTES + TARGET_QUERY_BYTES)

/* "web|text", which queries must share to be compared, and "web|text|foo bar". */
void target_query_group(const struct target_query *query, char group[TARGET_QUERY_GROUP_BYTES]);
void target_query_key(const struct target_query *query, char key[TARGET_QUERY_KEY_BYTES]);

#endif
