/*
 * scan: walks over the bytes of a field's value. Private to proto. Nothing is read beyond `end`.
 */
#ifndef PELT_SCAN_H
#define PELT_SCAN_H

#include <string.h>

#include "pelt/buf.h"

struct pelt_scan {
    const char *at, *end;
};

static inline struct pelt_scan pelt_scan_of(struct pelt_span value)
{
    const char *begin = value.ptr != NULL ? value.ptr : "";
    return (struct pelt_scan){begin, begin + value.len};
}

static inline bool pelt_scan_done(const struct pelt_scan *s)
{
    return s->at == s->end;
}

/* The byte that comes next; 0: none, or a NUL. */
static inline char pelt_scan_peek(const struct pelt_scan *s)
{
    return s->at < s->end ? *s->at : '\0';
}

/* Takes the byte if it comes next. */
static inline bool pelt_scan_take(struct pelt_scan *s, char c)
{
    bool is = s->at < s->end && *s->at == c;
    s->at += is;
    return is;
}

/* Optional white space: blanks and tabs. */
static inline void pelt_scan_blanks(struct pelt_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t')) {
        s->at++;
    }
}

static inline bool pelt_scan_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool pelt_scan_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* tchar of RFC 9110 section 5.6.2. */
static inline bool pelt_scan_is_tchar(char c)
{
    return pelt_scan_is_letter(c) || pelt_scan_is_digit(c) || c == '-' || c == '_' || c == '.' ||
           (c != '\0' && strchr("!#$%&'*+^`|~", c) != NULL);
}

/* A token of RFC 9110; length 0: none comes next. */
static inline struct pelt_span pelt_scan_token(struct pelt_scan *s)
{
    const char *begin = s->at;
    while (s->at < s->end && pelt_scan_is_tchar(*s->at)) {
        s->at++;
    }
    return pelt_span(begin, (size_t)(s->at - begin));
}

/* The digits that come next. */
static inline struct pelt_span pelt_scan_digits(struct pelt_scan *s)
{
    const char *begin = s->at;
    while (s->at < s->end && pelt_scan_is_digit(*s->at)) {
        s->at++;
    }
    return pelt_span(begin, (size_t)(s->at - begin));
}

#endif
