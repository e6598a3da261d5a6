/*
 * error: the one line that a human reads when pelt-target cannot do what it was asked to.
 *
 * It is made once, where the context is known, and names the thing, the value and what to try.
 * Storage: the caller's.   Thread: any, one at a time.
 */
#ifndef TARGET_ERROR_H
#define TARGET_ERROR_H

#include <stdbool.h>

#define TARGET_MUST_USE           __attribute__((warn_unused_result))
#define TARGET_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

struct target_error {
    char text[512]; /* empty: nothing was said */
};

/* Formats into `err->text` (cut at its size) and returns false, for `return target_fail(...)`. */
bool target_fail(struct target_error *err, const char *fmt, ...) TARGET_PRINTF(2, 3);

#endif
