/*
 * words: the words of command lines, as a POSIX shell (with bash's $'...') or Windows' cmd and the
 * C runtime of its programs split them. Nothing is expanded or run. Pure.
 */
#ifndef CONVERT_WORDS_H
#define CONVERT_WORDS_H

#include "arena.h"

struct convert_words { /* one command */
    const char **at;   /* texts of the arena */
    size_t len, cap;
    size_t line;          /* where it begins, from 1 */
    const char *variable; /* the first $NAME or $(...) that stands there as it is; NULL: none */
    const char *redirect; /* the first file that output or input was to go to; NULL: none */
};

struct convert_lines {
    struct convert_arena *arena;
    struct pelt_span text; /* borrowed */
    size_t at, line;
    bool cmd; /* Windows' rules */
};

/* Finds out whose rules `text` follows. */
void convert_lines_init(struct convert_lines *l, struct convert_arena *arena,
                        struct pelt_span text);
/* The next command that has words; PELT_EOF after the last one. PELT_EPARSE: err names the line.
 * `w` is a zeroed struct or one of an earlier call. */
PELT_MUST_USE enum pelt_status convert_lines_next(struct convert_lines *l, struct convert_words *w,
                                                  struct pelt_error *err);
void convert_words_deinit(struct convert_words *w);

#endif
