/*
 * loopback: whether who asks a server on this host may be a page of somebody else's. A browser can
 * be led to 127.0.0.1 under any name (DNS rebinding), and from any page; its Host and Origin tell.
 *
 * Pure. Thread: any.
 */
#ifndef PELT_LOOPBACK_H
#define PELT_LOOPBACK_H

#include "pelt/addr.h"

bool pelt_loopback_addr(const struct pelt_addr *addr);
/* The value of a Host field is a name of this host's loopback: "127.0.0.1:80", "[::1]",
 * "localhost", or what is below that. NULL (no field: a client older than it, and so no browser)
 * is. */
bool pelt_loopback_host(const char *authority);
/* The value of an Origin field is that of a page from this Host. "null" is somebody else's. */
bool pelt_loopback_origin(const char *origin, const char *host);

#endif
