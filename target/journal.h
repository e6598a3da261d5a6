/*
 * journal: the logs of one loop, and the one way in which a system tells an event to both.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_JOURNAL_H
#define TARGET_JOURNAL_H

#include "lines.h"

struct target_events; /* events.h */

struct target_journal {
    struct target_lines truth, json;
    struct target_events
        *events; /* that hears of each event, too; the owner's to set. NULL: none */
};

/* Descriptors are borrowed; -1: that log is off. False: no memory; deinit may follow. */
TARGET_MUST_USE bool target_journal_init(struct target_journal *journal, int truth_fd, int json_fd);
void target_journal_deinit(struct target_journal *journal);

/*
 * Tells that `event` of `system` happened at `at_ns`. `fmt` gives further JSON members, each with
 * its comma before it: ",\"workers\":%zu"; values must need no escaping. NULL: nobody listens.
 */
void target_journal_event(struct target_journal *journal, uint64_t now_ns, uint64_t at_ns,
                          const char *system, const char *event, const char *fmt, ...)
    TARGET_PRINTF(6, 7);

void target_journal_tick(struct target_journal *journal, uint64_t now_ns);

/* When tick has something to do; UINT64_MAX: never. */
uint64_t target_journal_due_ns(const struct target_journal *journal);

#endif
