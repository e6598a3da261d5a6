/*
 * Backtracking: match_here() walks along the pattern as long as a part matches in one way only, and
 * calls itself for what comes behind a part with several. So the depth follows the pattern's
 * length, never the subject's.
 *
 * A part is one of: a capture's '(' or ')', "()", %bxy, %f[set], %1 to %9, a '$' at the end, or a
 * single character's class (c . %a [set]) with an optional * + - or ?.
 */
#include "pattern.h"

#include <ctype.h>
#include <string.h>

static const char *fail(struct pelt_pattern *p, const char *error, int arg)
{
    if (!p->error) {
        p->error = error;
        p->error_arg = arg;
    }
    return NULL;
}

/* No match is to be looked for any more. */
static bool over(const struct pelt_pattern *p)
{
    return p->error || p->was_stopped;
}

static unsigned char byte_at(const char *at)
{
    return (unsigned char)*at;
}

/* ---- classes of a single character ---- */

/* %a and the like; an upper-case letter is the complement, any other character stands for itself.
 */
static bool in_letter_class(unsigned char c, unsigned char letter)
{
    bool in;
    switch (tolower(letter)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    case 'z': /* of Lua 5.1; Lua still has it */
        in = c == '\0';
        break;
    default:
        return c == letter;
    }
    return in != (isupper(letter) != 0);
}

/* Past the ']' of the set whose '[' is at `set`. A ']' directly behind '[' or "[^" is a member. */
static const char *end_of_set(struct pelt_pattern *p, const char *set)
{
    const char *at = set + 1;
    at += at < p->pattern_end && *at == '^';
    for (bool first = true; first || at >= p->pattern_end || *at != ']'; first = false) {
        if (at >= p->pattern_end) {
            return fail(p, "malformed pattern (missing ']')", 0);
        }
        bool escaped = *at++ == '%';
        at += escaped && at < p->pattern_end;
    }
    return at + 1;
}

/* The set from '[' at `set` to before `end`. */
static bool in_set(unsigned char c, const char *set, const char *end)
{
    const char *at = set + 1, *last = end - 1; /* `last` is the ']' */
    bool complement = *at == '^';
    at += complement;
    while (at < last) {
        if (*at ==
            '%') { /* behind a range that ends with '%' it may take the last ']' for its own */
            if (in_letter_class(c, byte_at(at + 1))) {
                return !complement;
            }
            at += 2;
        } else if (at + 2 < last && at[1] == '-') {
            if (byte_at(at) <= c && c <= byte_at(at + 2)) {
                return !complement;
            }
            at += 3;
        } else {
            if (byte_at(at) == c) {
                return !complement;
            }
            at++;
        }
    }
    return complement;
}

/* Past the class that begins at `part`; NULL: malformed. */
static const char *end_of_class(struct pelt_pattern *p, const char *part)
{
    if (*part == '[') {
        return end_of_set(p, part);
    }
    if (*part != '%') {
        return part + 1;
    }
    if (part + 1 == p->pattern_end) {
        return fail(p, "malformed pattern (ends with '%%')", 0);
    }
    return part + 2;
}

static bool in_class(const struct pelt_pattern *p, const char *at, const char *part,
                     const char *part_end)
{
    if (at >= p->subject_end) {
        return false;
    }
    switch (*part) {
    case '.':
        return true;
    case '%':
        return in_letter_class(byte_at(at), byte_at(part + 1));
    case '[':
        return in_set(byte_at(at), part, part_end);
    default:
        return *at == *part;
    }
}

/* ---- parts ---- */

static const char *match_here(struct pelt_pattern *p, const char *at, const char *part);

/* What follows a part with several ways to match. */
static const char *match_rest(struct pelt_pattern *p, const char *at, const char *part)
{
    if (p->depth == PELT_PATTERN_DEPTH) {
        return fail(p, "pattern too complex", 0);
    }
    p->depth++;
    const char *end = match_here(p, at, part);
    p->depth--;
    return end;
}

/* c* and c+: as many as there are, then ever fewer. */
static const char *match_most(struct pelt_pattern *p, const char *at, size_t least,
                              const char *part, const char *part_end)
{
    size_t n = 0;
    while (in_class(p, at + n, part, part_end)) {
        n++;
    }
    for (; n >= least; n--) {
        const char *end = match_rest(p, at + n, part_end + 1);
        if (end || over(p) || n == 0) {
            return end;
        }
    }
    return NULL;
}

/* c-: as few as will do. */
static const char *match_fewest(struct pelt_pattern *p, const char *at, const char *part,
                                const char *part_end)
{
    for (;; at++) {
        const char *end = match_rest(p, at, part_end + 1);
        if (end || over(p) || !in_class(p, at, part, part_end)) {
            return end;
        }
    }
}

static const char *open_capture(struct pelt_pattern *p, const char *at, const char *part)
{
    bool position = part + 1 < p->pattern_end && part[1] == ')';
    if (p->captures == PELT_PATTERN_CAPTURES) {
        return fail(p, "too many captures", 0);
    }
    p->capture[p->captures++] = (struct pelt_pattern_capture){
        .at = at, .len = position ? PELT_PATTERN_POSITION : PELT_PATTERN_OPEN};
    const char *end = match_rest(p, at, part + (position ? 2 : 1));
    if (!end) {
        p->captures--;
    }
    return end;
}

static const char *close_capture(struct pelt_pattern *p, const char *at, const char *part)
{
    int i = p->captures - 1;
    while (i >= 0 && p->capture[i].len != PELT_PATTERN_OPEN) {
        i--;
    }
    if (i < 0) {
        return fail(p, "invalid pattern capture", 0);
    }
    p->capture[i].len = at - p->capture[i].at;
    const char *end = match_rest(p, at, part + 1);
    if (!end) {
        p->capture[i].len = PELT_PATTERN_OPEN;
    }
    return end;
}

/* %bxy: from an x to the y that balances it. `part` is at the '%'; returns the end in the subject.
 */
static const char *match_balance(struct pelt_pattern *p, const char *at, const char *part)
{
    if (p->pattern_end - part < 4) {
        return fail(p, "malformed pattern (missing arguments to '%%b')", 0);
    }
    if (at >= p->subject_end || *at != part[2]) {
        return NULL;
    }
    size_t open = 1;
    for (at++; at < p->subject_end; at++) {
        if (*at == part[3]) { /* asked first: x and y may be the same */
            open--;
        } else if (*at == part[2]) {
            open++;
        }
        if (open == 0) {
            return at + 1;
        }
    }
    return NULL;
}

/* %f[set]: is `at` where the set begins? Both ends of the subject count as '\0'. Returns where the
 * pattern goes on. */
static const char *match_frontier(struct pelt_pattern *p, const char *at, const char *part)
{
    const char *set = part + 2;
    if (set >= p->pattern_end || *set != '[') {
        return fail(p, "missing '[' after '%%f' in pattern", 0);
    }
    const char *set_end = end_of_set(p, set);
    if (!set_end) {
        return NULL;
    }
    unsigned char before = at == p->subject ? '\0' : byte_at(at - 1);
    unsigned char here = at == p->subject_end ? '\0' : byte_at(at);
    return !in_set(before, set, set_end) && in_set(here, set, set_end) ? set_end : NULL;
}

/* %1 to %9: the same again. Returns the end in the subject. */
static const char *match_again(struct pelt_pattern *p, const char *at, const char *part)
{
    int i = part[1] - '1';
    if (i < 0 || i >= p->captures || p->capture[i].len == PELT_PATTERN_OPEN) {
        return fail(p, "invalid capture index %%%d", i + 1);
    }
    ptrdiff_t len = p->capture[i].len;
    if (len < 0 || p->subject_end - at < len || memcmp(p->capture[i].at, at, (size_t)len) != 0) {
        return NULL;
    }
    return at + len;
}

/* A part that begins with '%' and is no class: moves *at and *part on. False: no match. */
static bool match_special(struct pelt_pattern *p, const char **at, const char **part)
{
    const char *end;
    switch ((*part)[1]) {
    case 'b':
        end = match_balance(p, *at, *part);
        *at = end;
        *part += 4;
        return end != NULL;
    case 'f':
        *part = match_frontier(p, *at, *part);
        return *part != NULL;
    default:
        end = match_again(p, *at, *part);
        *at = end;
        *part += 2;
        return end != NULL;
    }
}

static bool is_special(const struct pelt_pattern *p, const char *part)
{
    if (*part != '%' || part + 1 == p->pattern_end) {
        return false;
    }
    return part[1] == 'b' || part[1] == 'f' || isdigit(byte_at(part + 1));
}

/* One of * + - stands at `part_end`. */
static const char *match_repeated(struct pelt_pattern *p, const char *at, const char *part,
                                  const char *part_end)
{
    switch (*part_end) {
    case '*':
        return match_most(p, at, 0, part, part_end);
    case '+':
        return match_most(p, at, 1, part, part_end);
    default:
        return match_fewest(p, at, part, part_end);
    }
}

static bool followed_by(const struct pelt_pattern *p, const char *part_end, const char *signs)
{
    return part_end < p->pattern_end && *part_end != '\0' && strchr(signs, *part_end) != NULL;
}

/* c?: with it, if that leads to a match. */
static const char *match_with(struct pelt_pattern *p, const char *at, const char *part,
                              const char *part_end)
{
    bool there = in_class(p, at, part, part_end);
    return there ? match_rest(p, at + 1, part_end + 1) : NULL;
}

static const char *match_here(struct pelt_pattern *p, const char *at, const char *part)
{
    if (p->stopped && p->stopped()) {
        p->was_stopped = true;
        return NULL;
    }
    while (part < p->pattern_end) {
        if (*part == '(') {
            return open_capture(p, at, part);
        }
        if (*part == ')') {
            return close_capture(p, at, part);
        }
        if (*part == '$' && part + 1 == p->pattern_end) {
            return at == p->subject_end ? at : NULL;
        }
        if (is_special(p, part)) {
            if (!match_special(p, &at, &part)) {
                return NULL;
            }
            continue;
        }
        const char *part_end = end_of_class(p, part);
        if (!part_end) {
            return NULL;
        }
        if (followed_by(p, part_end, "*+-")) {
            return match_repeated(p, at, part, part_end);
        }
        if (followed_by(p, part_end, "?")) {
            const char *end = match_with(p, at, part, part_end);
            if (end || over(p)) {
                return end;
            }
            part = part_end + 1;
            continue;
        }
        if (!in_class(p, at, part, part_end)) {
            return NULL;
        }
        at++;
        part = part_end;
    }
    return at;
}

const char *pelt_pattern_match(struct pelt_pattern *p, const char *at)
{
    p->captures = 0;
    p->depth = 0;
    p->error = NULL;
    p->was_stopped = false;
    return match_here(p, at, p->pattern);
}

bool pelt_pattern_is_plain(const char *text, size_t len)
{
    static const char special[] = "^$*+?.([%-";
    for (size_t i = 0; i < len; i++) {
        if (memchr(special, text[i], sizeof special - 1)) {
            return false;
        }
    }
    return true;
}
