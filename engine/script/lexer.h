/*
 * lexer: the tokens of Lua source (Lua 5.4 manual, section 3.1), for code that looks at a scenario
 * without running it. It never fails: what is no Lua does not compile, and is never asked.
 */
#ifndef PELT_LEXER_H
#define PELT_LEXER_H

#include "pelt/buf.h"

enum pelt_token_kind {
    PELT_TOKEN_END,
    PELT_TOKEN_NAME, /* also keywords and numbers */
    PELT_TOKEN_STRING,
    PELT_TOKEN_SYMBOL
};

/* Symbols of several characters are told from those of one. */
enum {
    PELT_SYMBOL_DOTS = 128, /* .. */
    PELT_SYMBOL_VARARG,     /* ... */
    PELT_SYMBOL_LABEL,      /* :: */
    PELT_SYMBOL_COMPARE     /* == ~= <= >= */
};

struct pelt_token {
    enum pelt_token_kind kind;
    int symbol; /* of a SYMBOL; else 0 */
    struct pelt_span
        text; /* of a NAME; of a STRING what is between the quotes, escapes as written */
};

struct pelt_lexer {
    const char *at, *end;
};

static inline struct pelt_lexer pelt_lexer_of(const char *source, size_t len)
{
    return (struct pelt_lexer){.at = source, .end = source + len};
}

/* Blanks and comments are skipped. At the end END, as often as it is called. */
struct pelt_token pelt_lexer_next(struct pelt_lexer *x);

static inline bool pelt_token_is(const struct pelt_token *token, const char *word)
{
    return pelt_span_eq(token->text, word);
}

#endif
