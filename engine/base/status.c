/*
 * status: see the header. Names for logs and tests, and the one place that formats error texts.
 */
#include "pelt/status.h"

#include <stdarg.h>
#include <stdio.h>

const char *pelt_status_name(enum pelt_status status)
{
    switch (status) {
    case PELT_OK:
        return "ok";
    case PELT_AGAIN:
        return "again";
    case PELT_EOF:
        return "eof";
    case PELT_EINVAL:
        return "invalid";
    case PELT_ENOMEM:
        return "out of memory";
    case PELT_EIO:
        return "i/o error";
    case PELT_ELIMIT:
        return "limit reached";
    case PELT_ENOTFOUND:
        return "not found";
    case PELT_EPARSE:
        return "malformed";
    case PELT_ESCRIPT:
        return "script error";
    case PELT_ESTOPPED:
        return "stopped";
    case PELT_ELOST:
        return "lost";
    }
    return "unknown";
}

enum pelt_status pelt_fail(struct pelt_error *err, enum pelt_status status, const char *fmt, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, args);
        va_end(args);
    }
    return status;
}
