/*
 * url: absolute http and https URLs (RFC 3986), and what a request target and Host header need.
 */
#ifndef PELT_URL_H
#define PELT_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

struct pelt_url { /* spans borrow from the parsed text */
    bool https;
    struct pelt_span host; /* without brackets */
    bool host_is_ipv6;     /* brackets belong around it in a Host header */
    uint16_t port;         /* explicit or 80/443 */
    bool port_is_default;
    struct pelt_span target; /* path with query, without fragment; empty means "/" */
    struct pelt_span userinfo;
};

/* PELT_EINVAL: one line that names the URL and what is wrong ("no scheme: did you mean
 * http://...?"). Refuses blanks, control characters, other schemes, empty hosts, ports
 * outside 1..65535. */
PELT_MUST_USE enum pelt_status pelt_url_parse(struct pelt_span text, struct pelt_url *out,
                                              struct pelt_error *err);
/* The same of a WebSocket's: ws and wss stand for http and https, which are taken, too. */
PELT_MUST_USE enum pelt_status pelt_url_parse_ws(struct pelt_span text, struct pelt_url *out,
                                                 struct pelt_error *err);

#endif
