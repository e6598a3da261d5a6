/*
 * log: what pelt tells people beside its results, a line each on stderr: plain text
 * ("logger: message", "logger: error: message"; control characters other than line feed and tab as
 * '?'), or JSON with --log-json: timestamp, level, logger, message, then module, function and line
 * of where it was said, and what else is known of it; malformed UTF-8 as U+FFFD. One write(2) a
 * line of at most 64 KiB, so lines of several threads do not mix. Configure before threads start;
 * then any thread may log.
 */
#ifndef PELT_LOG_H
#define PELT_LOG_H

#include <stdbool.h>
#include <stdint.h>

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
bool pelt_log_is_json(void);

struct pelt_log_place { /* where a line was said; function NULL: nobody knows, line 0 likewise */
    const char *file;   /* its last part, without .c, becomes `module` */
    const char *function;
    int line;
};

/* What else a JSON line says; zeroed: nothing. Plain lines leave it out. */
struct pelt_log_about {
    const char *logger; /* in place of the plain line's; NULL: the same */
    bool has_user;
    uint64_t user, iteration;
    const char *correlation_id; /* NULL or "": none */
    const char *members;        /* further ones: `"a":1,"b":2`, valid JSON; NULL: none */
};

void pelt_log_at(const struct pelt_log_place *place, const struct pelt_log_about *about,
                 enum pelt_log_level level, const char *logger, const char *fmt, ...)
    PELT_PRINTF(5, 6);

/* pelt_log(level, logger, fmt, ...) */
#define pelt_log(level, logger, ...)                                                               \
    pelt_log_at(&(const struct pelt_log_place){__FILE__, __func__, __LINE__}, NULL, (level),       \
                (logger), __VA_ARGS__)
/* The same with an `about`. */
#define pelt_log_about(about, level, logger, ...)                                                  \
    pelt_log_at(&(const struct pelt_log_place){__FILE__, __func__, __LINE__}, (about), (level),    \
                (logger), __VA_ARGS__)

#endif
