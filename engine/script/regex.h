/*
 * regex: PCRE2 patterns on response bodies. A compiled pattern is kept by the state for as long as
 * its text is (PELT_REGEX_KEPT of them).
 *
 * No pattern holds the loop: the watchdog is asked at each step of matching, and more steps than
 * PELT_REGEX_STEPS and some for each byte of the body, or PELT_REGEX_HEAP_KIB of memory, are an
 * error of the script's.
 */
#ifndef PELT_REGEX_H
#define PELT_REGEX_H

#include <lua.h>

#include "pelt/buf.h"

#define PELT_REGEX_KEPT           256
#define PELT_REGEX_STEPS          1000000
#define PELT_REGEX_STEPS_PER_BYTE 8
#define PELT_REGEX_HEAP_KIB       16384

/* Pushes the captures of the first match of the pattern at `index` (its text), or the whole match
 * if it has none, and returns how many; a group that took no part is nil. No match, or ptr NULL:
 * nil. Raises. */
int pelt_regex_match(lua_State *L, int index, struct pelt_span subject);

#endif
