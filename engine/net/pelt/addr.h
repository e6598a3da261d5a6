/*
 * addr: a socket address (IPv4 or IPv6 with port) and the lists a name resolves to. Plain values;
 * ports are given in host byte order. Thread: any. Never fails but where said.
 */
#ifndef PELT_ADDR_H
#define PELT_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct pelt_addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } u;
    socklen_t len;
};

/* "127.0.0.1" or "::1" (without brackets; no zone); false: no literal address, `out` is of no use
 * then. */
bool pelt_addr_literal(const char *host, uint16_t port, struct pelt_addr *out);
void pelt_addr_set_port(struct pelt_addr *addr, uint16_t port);
/* "127.0.0.1:80", "[::1]:80", cut at `size`; 64 bytes hold each. */
void pelt_addr_format(const struct pelt_addr *addr, char *out, size_t size);

#define PELT_ADDRS_MAX 64 /* what a name has beyond is left out */
struct pelt_addrs {
    struct pelt_addr addr[PELT_ADDRS_MAX];
    size_t len;
    size_t left_out; /* addresses beyond PELT_ADDRS_MAX */
    bool in_order; /* a later one only where those before it fail; otherwise all are equally good */
};

#endif
