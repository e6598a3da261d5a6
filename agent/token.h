/*
 * token: the secret that whoever asks must show, read once from a file. It is never logged, and is
 * in no argument and no URL.
 *
 * Storage: the caller's. Thread: made by main; compared by any.
 */
#ifndef AGENT_TOKEN_H
#define AGENT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

#define TOKEN_MAX 512

struct token {
    char bytes[TOKEN_MAX]; /* zeroes behind its end */
    size_t len;
};

/* The file's one line. PELT_EINVAL where the file is not this user's alone, or what it has is
 * shorter than 128 bits (22 characters; 32 where all are hexadecimal), or no token: one line says
 * what to do. */
PELT_MUST_USE enum pelt_status token_read(const char *path, struct token *out,
                                          struct pelt_error *err);
/* Takes as long for a wrong one as for the right one, wherever they differ. */
bool token_is(const struct token *t, const char *shown, size_t len);

#endif
