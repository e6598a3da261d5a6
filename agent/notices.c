/* notices: see the header. */
#include "notices.h"

#include <stdarg.h>
#include <stdio.h>

void notices_add(struct notices *n, uint64_t at_ns, const char *kind, const char *format, ...)
{
    struct notice *notice = &n->ring[n->made % NOTICES_MAX];
    va_list args;

    n->made++;
    notice->number = n->made;
    notice->at_ns = at_ns;
    snprintf(notice->kind, sizeof notice->kind, "%s", kind);
    va_start(args, format);
    vsnprintf(notice->text, sizeof notice->text, format, args);
    va_end(args);
}

const struct notice *notices_next(const struct notices *n, uint64_t after)
{
    uint64_t oldest = n->made > NOTICES_MAX ? n->made - NOTICES_MAX + 1 : 1;
    uint64_t number = after + 1 > oldest ? after + 1 : oldest;

    return number <= n->made ? &n->ring[(number - 1) % NOTICES_MAX] : NULL;
}
