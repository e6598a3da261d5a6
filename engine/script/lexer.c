#include "lexer.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The level of a long bracket that opens at `at` ("[[" 0, "[=[" 1); -1: none does. */
static int bracket_level(const char *at, const char *end)
{
    const char *p = at;
    if (p == end || *p++ != '[') {
        return -1;
    }
    while (p < end && *p == '=') {
        p++;
    }
    return p < end && *p == '[' ? (int)(p - at - 1) : -1;
}

/* Behind the bracket that closes at this level, which may open right at `at`; *content_end: its
 * first byte. */
static const char *skip_brackets(const char *at, const char *end, int level,
                                 const char **content_end)
{
    for (const char *p = at + level + 2; p < end; p++) {
        if (*p != ']') {
            continue;
        }
        const char *q = p + 1;
        while (q < end && *q == '=') {
            q++;
        }
        if (q < end && *q == ']' && q - p - 1 == level) {
            *content_end = p;
            return q + 1;
        }
    }
    *content_end = end;
    return end;
}

static const char *skip_comment(const char *at, const char *end)
{
    const char *content_end;
    int level = bracket_level(at + 2, end);
    if (level >= 0) {
        return skip_brackets(at + 2, end, level, &content_end);
    }
    while (at < end && *at != '\n' && *at != '\r') {
        at++;
    }
    return at;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Behind the escape at `at`: \z takes the blanks and lines that follow, and a line's end may be two
 * bytes; of all others the rest is harmless text. */
static const char *skip_escape(const char *at, const char *end)
{
    const char *p = at + 1;
    if (p == end) {
        return end;
    }
    char c = *p++;
    if (c == 'z') {
        while (p < end && is_space(*p)) {
            p++;
        }
    } else if (p < end && ((c == '\r' && *p == '\n') || (c == '\n' && *p == '\r'))) {
        p++;
    }
    return p;
}

static const char *skip_quoted(const char *at, const char *end)
{
    const char *p = at + 1;
    while (p < end && *p != *at && *p != '\n') {
        p = *p == '\\' ? skip_escape(p, end) : p + 1;
    }
    return p < end ? p + 1 : end;
}

/* Behind blanks and comments. */
static const char *skip_unseen(const char *at, const char *end)
{
    while (at < end) {
        if (is_space(*at)) {
            at++;
        } else if (*at == '-' && at + 1 < end && at[1] == '-') {
            at = skip_comment(at, end);
        } else {
            break;
        }
    }
    return at;
}

/* A numeral goes on like a name, with points, and signs behind an exponent's letter. */
static struct pelt_token name(struct pelt_lexer *x)
{
    const char *word = x->at;
    bool number = is_digit(*word) || *word == '.';
    for (; x->at < x->end; x->at++) {
        char c = *x->at;
        bool sign = (c == '+' || c == '-') && x->at > word && strchr("eEpP", x->at[-1]);
        if (!is_name_char(c) && !(number && (c == '.' || sign))) {
            break;
        }
    }
    return (struct pelt_token){.kind = PELT_TOKEN_NAME,
                               .text = pelt_span(word, (size_t)(x->at - word))};
}

/* Behind the line's end that a long string may begin with, and which is no part of it. */
static const char *skip_first_newline(const char *at, const char *end)
{
    if (at == end || (*at != '\n' && *at != '\r')) {
        return at;
    }
    const char *next = at + 1;
    return next < end && (*next == '\n' || *next == '\r') && *next != *at ? next + 1 : next;
}

static struct pelt_token string(struct pelt_lexer *x, int level)
{
    const char *content = x->at + (level >= 0 ? level + 2 : 1), *content_end;
    if (level >= 0) {
        x->at = skip_brackets(x->at, x->end, level, &content_end);
        content = skip_first_newline(content, content_end);
    } else {
        x->at = skip_quoted(x->at, x->end);
        content_end = x->at - 1;
    }
    size_t len = content < content_end ? (size_t)(content_end - content) : 0;
    return (struct pelt_token){.kind = PELT_TOKEN_STRING, .text = pelt_span(content, len)};
}

static struct pelt_token symbol(struct pelt_lexer *x)
{
    int c = (unsigned char)*x->at++;
    char next = x->at < x->end ? *x->at : '\0';
    if (c == '.' && next == '.' && x->end - x->at > 1 && x->at[1] == '.') {
        x->at += 2;
        return (struct pelt_token){.kind = PELT_TOKEN_SYMBOL, .symbol = PELT_SYMBOL_VARARG};
    }
    int two = c == '.' && next == '.'            ? PELT_SYMBOL_DOTS
              : c == ':' && next == ':'          ? PELT_SYMBOL_LABEL
              : strchr("=~<>", c) && next == '=' ? PELT_SYMBOL_COMPARE
                                                 : 0;
    x->at += two != 0;
    return (struct pelt_token){.kind = PELT_TOKEN_SYMBOL, .symbol = two ? two : c};
}

struct pelt_token pelt_lexer_next(struct pelt_lexer *x)
{
    x->at = skip_unseen(x->at, x->end);
    if (x->at == x->end) {
        return (struct pelt_token){.kind = PELT_TOKEN_END};
    }
    int level = bracket_level(x->at, x->end);
    if (*x->at == '"' || *x->at == '\'' || level >= 0) {
        return string(x, level);
    }
    bool number = *x->at == '.' && x->end - x->at > 1 && is_digit(x->at[1]);
    return is_name_char(*x->at) || number ? name(x) : symbol(x);
}
