/*
 * journal: the logs of one loop, and the one way in which a system tells an event to both.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_JOURNAL_H
#define TARGET_JOURNAL_H

#include "lines.h"
#include "place.h"

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
#define target_journal_event(...) target_journal_event_of(TARGET_HERE, __VA_ARGS__)

/* Likewise, of another place in the code. */
void target_journal_event_of(struct target_place place, struct target_journal *journal,
                             uint64_t now_ns, uint64_t at_ns, const char *system, const char *event,
                             const char *fmt, ...) TARGET_PRINTF(7, 8);

void target_journal_tick(struct target_journal *journal, uint64_t now_ns);

/* When tick has something to do; UINT64_MAX: never. */
uint64_t target_journal_due_ns(const struct target_journal *journal);

#endif
