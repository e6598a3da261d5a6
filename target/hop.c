/* hop: see the header. */
#include "hop.h"

#include <string.h>
#include <strings.h>

static bool is_same(const char *name, size_t bytes, const char *other, size_t other_bytes)
{
    return bytes == other_bytes && strncasecmp(name, other, bytes) == 0;
}

bool target_hop_is_field(const char *name, size_t bytes)
{
    static const char *const fields[] = {
        "Connection", "Keep-Alive", "Proxy-Connection",  "Proxy-Authorization",
        "TE",         "Trailer",    "Transfer-Encoding", "Upgrade",
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (is_same(name, bytes, fields[i], strlen(fields[i]))) {
            return true;
        }
    }
    return false;
}

bool target_hop_names(const char *list, const char *name, size_t bytes)
{
    while (*(list += strspn(list, ", \t")) != '\0') {
        size_t length = strcspn(list, ", \t");

        if (is_same(name, bytes, list, length)) {
            return true;
        }
        list += length;
    }
    return false;
}
