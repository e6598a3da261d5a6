/*
 * wait_for: holds a run back until a URL answers (--wait-for). Blocks the calling thread; nothing
 * of it is measured.
 */
#ifndef CLI_WAIT_FOR_H
#define CLI_WAIT_FOR_H

#include <stdint.h>

#include "pelt/https.h"

struct pelt_http2;
struct pelt_route;

/*
 * Asks `url` four times a second until it answers with a status of 200 to 399. `route`,
 * `https` and `http2` as in pelt/client.h. PELT_ENOTFOUND: it did not within `timeout_ns`; err has
 * the last reason. PELT_ESTOPPED: SIGINT or SIGTERM came first, which *signal is then. PELT_EINVAL:
 * a URL that cannot be asked. Logs what it does.
 */
PELT_MUST_USE enum pelt_status cli_wait_for(const char *url, uint64_t timeout_ns,
                                            const struct pelt_route *route,
                                            struct pelt_https *https,
                                            const struct pelt_http2 *http2, int *signal,
                                            struct pelt_error *err);

#endif
