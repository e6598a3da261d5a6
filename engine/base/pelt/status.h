/*
 * status: what a function of the engine answers when it can fail, and the one line for a human.
 *
 * Three kinds of failure are never mixed: a bug is an assert; the engine's own inability is an
 * `enum pelt_status`; what the system under test did is a measurement (pelt/outcome.h).
 */
#ifndef PELT_STATUS_H
#define PELT_STATUS_H

#define PELT_MUST_USE           __attribute__((warn_unused_result))
#define PELT_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

enum pelt_status {
    PELT_OK = 0,
    PELT_AGAIN = -1,  /* an answer: nothing now, come back */
    PELT_EOF = -2,    /* an answer: the other side is done */
    PELT_EINVAL = -3, /* bad option, file or value; the error text names it */
    PELT_ENOMEM = -4,
    PELT_EIO = -5,    /* the system refused: file, socket, database */
    PELT_ELIMIT = -6, /* a named limit of ours was reached */
    PELT_ENOTFOUND = -7,
    PELT_EPARSE = -8,    /* bytes that do not follow their format */
    PELT_ESCRIPT = -9,   /* the scenario's Lua raised */
    PELT_ESTOPPED = -10, /* interrupted by a signal */
    PELT_ELOST = -11,    /* another host that the run needs cannot be had */
};

/* The status' name, static storage: "ok", "invalid", ... */
const char *pelt_status_name(enum pelt_status status);

/*
 * One line for a human, made once, where the context is known: it names the thing, the value and
 * what to try. The caller owns the storage; functions that take a `struct pelt_error *` accept
 * NULL.
 */
struct pelt_error {
    char text[1024]; /* empty: nothing was said */
};

/* Formats into `err->text` (cut at its size) and returns `status`, so that callers can write
 * `return pelt_fail(err, PELT_EINVAL, "...")`. */
enum pelt_status pelt_fail(struct pelt_error *err, enum pelt_status status, const char *fmt, ...)
    PELT_PRINTF(3, 4);

#endif
