/*
 * pattern: matches Lua patterns (reference manual, 6.4.1) as string.find and its kin do, and can be
 * stopped meanwhile: a pattern such as ".-.-.-b" may take longer than anyone waits.
 *
 * As in Lua, a pattern is read while it is matched: what is malformed behind a part that does not
 * match goes unnoticed. Pure bytes in, places out; classes as the locale's <ctype.h> says.
 *
 * Storage: the caller's; nothing is copied. Thread: any.
 */
#ifndef PELT_PATTERN_H
#define PELT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#define PELT_PATTERN_CAPTURES 32
#define PELT_PATTERN_DEPTH    200 /* parts that wait for the rest of the pattern to match */

struct pelt_pattern_capture {
    const char *at;
    ptrdiff_t len;                 /* or one of: */
#define PELT_PATTERN_OPEN     (-1) /* its ')' was not met */
#define PELT_PATTERN_POSITION (-2) /* "()" */
};

struct pelt_pattern {
    const char *subject, *subject_end;
    const char *pattern, *pattern_end; /* without a '^' that anchors */
    bool (*stopped)(void);             /* asked at each step; NULL: never stopped */
    /* After pelt_pattern_match(): */
    int captures;
    struct pelt_pattern_capture capture[PELT_PATTERN_CAPTURES];
    const char *error; /* NULL: none; else a format with one %d for error_arg, or without */
    int error_arg;
    bool was_stopped;
    int depth;
};

/* Where the match that begins at `at` ends; NULL: none, or error, or was_stopped. */
const char *pelt_pattern_match(struct pelt_pattern *p, const char *at);

/* Has the text no character that is special in a pattern? */
bool pelt_pattern_is_plain(const char *text, size_t len);

#endif
