/*
 * proxy: where an HTTP proxy is, and for which servers it is not asked. Owns its texts. Thread:
 * any.
 */
#ifndef PELT_PROXY_H
#define PELT_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/status.h"

/* curl's, where the URL has none: of http:// and of https:// */
#define PELT_PROXY_PORT        1080
#define PELT_PROXY_PORT_SECURE 443

struct pelt_proxy {
    char *host; /* without brackets; NULL: there is none */
    uint16_t port;
    bool secure;       /* TLS is spoken with it */
    char *credentials; /* "user:password"; NULL: none */
};

/* Reads "http://[USER:PASSWORD@]HOST[:PORT]", or https://, also without "http://"; user and
 * password may be percent-encoded. PELT_EINVAL: what to write, never with the password;
 * PELT_ENOMEM. `out` is to be deinited in each case. */
PELT_MUST_USE enum pelt_status pelt_proxy_parse(struct pelt_proxy *out, const char *text,
                                                struct pelt_error *err);
void pelt_proxy_deinit(struct pelt_proxy *proxy); /* accepts a zeroed one */

/* Whether the list that NO_PROXY holds names the host: "*", or names, addresses and networks
 * ("10.0.0.0/8") with commas between; a name, with a dot before it or not, stands for all below it,
 * too; a dot at its end is none. NULL: none. */
bool pelt_proxy_excepts(const char *list, const char *host);

#endif
