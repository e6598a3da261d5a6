/*
 * calendar: when the service stalls.
 *
 * A stall rule of period T and lengths S1..Sn stalls in [kT, kT + S) for k = 1, 2, ..., where S
 * walks through the lengths in turn. Several rules stall in the union of theirs. Every length is
 * shorter than its period, so the moment before a common multiple of the periods is always free
 * and no wait is endless.
 *
 * Pure functions; all times are nanoseconds since the service's start. Thread: any; a calendar is
 * constant once parsed.
 */
#ifndef TARGET_CALENDAR_H
#define TARGET_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_STALL_LENGTHS 16 /* in one rule */
#define TARGET_STALL_RULES   8  /* in a calendar */

struct target_stall_rule {
    uint64_t period_ns;
    uint64_t length_ns[TARGET_STALL_LENGTHS];
    size_t lengths;
};

struct target_calendar { /* all zero: never stalls */
    struct target_stall_rule rule[TARGET_STALL_RULES];
    size_t rules;
};

/*
 * Adds "1s/5s", "1s,300ms/5s", or several such rules with blanks between them: all or none. The
 * error does not name the knob.
 */
TARGET_MUST_USE bool target_calendar_add(struct target_calendar *calendar, const char *text,
                                         struct target_error *err);

/* The first moment at or after `at_ns` that is outside of every stall. */
uint64_t target_calendar_free_ns(const struct target_calendar *calendar, uint64_t at_ns);

/* Stall k >= 1 of a rule: [*begin_ns, *end_ns). */
void target_stall_window(const struct target_stall_rule *rule, uint64_t k, uint64_t *begin_ns,
                         uint64_t *end_ns);

/* Stalls of all rules that have begun by `at_ns`. */
uint64_t target_calendar_begun(const struct target_calendar *calendar, uint64_t at_ns);

/* The rules as target_calendar_add reads them; empty if there is none. */
void target_calendar_print(const struct target_calendar *calendar, char *text, size_t bytes);

#endif
