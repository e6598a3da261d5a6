/*
 * log: what pelt tells people beside its results, a line each on stderr: plain text
 * ("logger: message", "logger: error: message"; control characters other than line feed and tab as
 * '?'), or JSON with --log-json (timestamp, level, logger, message; malformed UTF-8 as U+FFFD). One
 * write(2) a line of at most 64 KiB, so lines of several threads do not mix. Configure before
 * threads start; then any thread may log.
 */
#ifndef PELT_LOG_H
#define PELT_LOG_H

#include <stdbool.h>

#include "pelt/outlet.h"
#include "pelt/status.h"

enum pelt_log_level { PELT_LOG_DEBUG, PELT_LOG_INFO, PELT_LOG_WARNING, PELT_LOG_ERROR };

/* `before_line` (may be NULL) is called under the log's lock before a line is written, so that a
 * live display can clear itself. */
void pelt_log_setup(enum pelt_log_level least, bool json, void (*before_line)(void *), void *arg);
/* Lines go through `outlet` (borrowed) from here on, so that logging never waits; those that it
 * refuses are counted, and their number told when it takes the next one. NULL: straight to stderr.
 */
void pelt_log_through(struct pelt_outlet *outlet);
/* False: lines of this level are left out. */
bool pelt_log_shows(enum pelt_log_level level);
void pelt_log(enum pelt_log_level level, const char *logger, const char *fmt, ...)
    PELT_PRINTF(3, 4);

#endif
