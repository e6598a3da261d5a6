/*
 * addr: see the header. Text forms by inet_pton and inet_ntop, so what the C library reads is what
 * we read.
 */
#include "pelt/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool pelt_addr_literal(const char *host, uint16_t port, struct pelt_addr *out)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, host, &out->u.in.sin_addr) == 1) {
        out->u.in.sin_family = AF_INET;
        out->len = sizeof(out->u.in);
    } else if (inet_pton(AF_INET6, host, &out->u.in6.sin6_addr) == 1) {
        out->u.in6.sin6_family = AF_INET6;
        out->len = sizeof(out->u.in6);
    } else {
        return false;
    }
    pelt_addr_set_port(out, port);
    return true;
}

void pelt_addr_set_port(struct pelt_addr *addr, uint16_t port)
{
    if (addr->u.sa.sa_family == AF_INET6) {
        addr->u.in6.sin6_port = htons(port);
    } else {
        addr->u.in.sin_port = htons(port);
    }
}

void pelt_addr_format(const struct pelt_addr *addr, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (addr->u.sa.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &addr->u.in6.sin6_addr, text, sizeof(text));
        snprintf(out, size, "[%s]:%u", text, (unsigned)ntohs(addr->u.in6.sin6_port));
    } else if (addr->u.sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &addr->u.in.sin_addr, text, sizeof(text));
        snprintf(out, size, "%s:%u", text, (unsigned)ntohs(addr->u.in.sin_port));
    } else {
        snprintf(out, size, "(no address)");
    }
}
