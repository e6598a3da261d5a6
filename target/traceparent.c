/* traceparent: see the header. */
#include "traceparent.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define VERSION_LENGTH 2
#define FLAGS_LENGTH   2

/* So many digits; moves `*at` behind them. */
static bool take(const char **at, size_t length)
{
    bool is_good = strspn(*at, "0123456789abcdef") == length;

    *at += is_good ? length : 0;
    return is_good;
}

static bool take_dash(const char **at)
{
    bool is_good = **at == '-';

    *at += is_good;
    return is_good;
}

static bool is_zero(const char *digits, size_t length)
{
    return strspn(digits, "0") >= length;
}

void target_traceparent_read(struct target_traceparent *parent, const char *text)
{
    const size_t trace_length = TARGET_TRACE_ID_BYTES - 1,
                 parent_length = TARGET_PARENT_ID_BYTES - 1;
    const char *at = text ? text : "", *version = at, *trace, *span;

    *parent = (struct target_traceparent){.trace_id = ""};
    if (!take(&at, VERSION_LENGTH) || !take_dash(&at)) {
        return;
    }
    trace = at;
    if (!take(&at, trace_length) || !take_dash(&at)) {
        return;
    }
    span = at;
    if (!take(&at, parent_length) || !take_dash(&at) || !take(&at, FLAGS_LENGTH) ||
        strncmp(version, "ff", VERSION_LENGTH) == 0 || is_zero(trace, trace_length) ||
        is_zero(span, parent_length) || (*at && (is_zero(version, VERSION_LENGTH) || *at != '-'))) {
        return;
    }
    memcpy(parent->trace_id, trace, trace_length);
    memcpy(parent->parent_id, span, parent_length);
}
