/*
 * loopback: see the header.
 */
#include "pelt/loopback.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 254 /* of a host, with its end */

bool pelt_loopback_addr(const struct pelt_addr *addr)
{
    return addr->u.sa.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&addr->u.in6.sin6_addr)
                                            : ntohl(addr->u.in.sin_addr.s_addr) >> 24 == 127;
}

/* "name", "name:80", "127.0.0.1:80", "[::1]:80": the host alone, without brackets. */
static bool host_of(const char *authority, char *out, size_t size, bool *in_brackets)
{
    *in_brackets = *authority == '[';
    const char *begin = authority + *in_brackets;
    const char *end = *in_brackets ? strchr(begin, ']') : begin + strcspn(begin, ":");
    if (end == NULL || end == begin || (size_t)(end - begin) >= size) {
        return false;
    }
    snprintf(out, size, "%.*s", (int)(end - begin), begin);
    const char *rest = end + *in_brackets;
    return *rest == '\0' || (*rest == ':' && rest[1 + strspn(rest + 1, "0123456789")] == '\0');
}

/* "localhost", and what is below it: RFC 6761 lets nobody else have those. */
static bool is_loopback_name(char *name)
{
    size_t len = strlen(name);
    const size_t own = strlen("localhost");
    if (name[len - 1] == '.') {
        name[--len] = '\0';
    }
    return len >= own && strcasecmp(name + len - own, "localhost") == 0 &&
           (len == own || name[len - own - 1] == '.');
}

bool pelt_loopback_host(const char *authority)
{
    char host[NAME_MAX_BYTES];
    struct pelt_addr addr;
    bool in_brackets;
    if (authority == NULL) {
        return true;
    }
    if (!host_of(authority, host, sizeof host, &in_brackets)) {
        return false;
    }
    if (pelt_addr_literal(host, 0, &addr)) {
        return in_brackets == (addr.u.sa.sa_family == AF_INET6) && pelt_loopback_addr(&addr);
    }
    return !in_brackets && is_loopback_name(host);
}

bool pelt_loopback_origin(const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    return authority != NULL && host != NULL && strcasecmp(authority + strlen("://"), host) == 0;
}
