/* cache_sample: see the header. */
#include "cache_sample.h"

#include <stdlib.h>
#include <string.h>

bool cache_number(struct pelt_span text, double *number)
{
    char copy[64];
    char *end;

    if (text.len == 0 || text.len >= sizeof copy || strchr(" \t\v\f\r\n", text.ptr[0])) {
        return false;
    }
    if (memchr(text.ptr, 'x', text.len) ||
        memchr(text.ptr, 'X', text.len)) { /* no format has hex */
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *number = strtod(copy, &end);
    return end == copy + text.len;
}
