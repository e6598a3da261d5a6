/* error: see the header. */
#include "error.h"

#include <stdarg.h>

bool target_fail(struct target_error *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return false;
}
