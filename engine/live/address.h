/*
 * address: where the live page shall listen, as people type it. Pure. Thread: any.
 */
#ifndef LIVE_ADDRESS_H
#define LIVE_ADDRESS_H

#include "pelt/loopback.h"
#include "pelt/status.h"

/* "127.0.0.1:9647", "[::1]:9647", "localhost:9647", ":9647", "9647", "127.0.0.1"; NULL or "": the
 * default. PELT_EINVAL: it is none, or not of this host's loopback. */
PELT_MUST_USE enum pelt_status live_address_parse(const char *text, struct pelt_addr *out,
                                                  struct pelt_error *err);

#endif
