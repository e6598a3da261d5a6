/*
 * dns: asynchronous name resolution by c-ares on a libev loop; /etc/hosts and resolv.conf as usual.
 * Concurrent questions for one name share a query; answers are cached for `ttl`, failures are not.
 *
 * One a thread; everything happens on the loop's thread. A callback may ask and cancel, but not
 * free. The caller's own deadline bounds a question; without one c-ares gives up by itself (its
 * default: 4 attempts, 75 s in all).
 */
#ifndef PELT_DNS_H
#define PELT_DNS_H

#include <stdint.h>

#include "pelt/addr.h"
#include "pelt/status.h"

struct ev_loop;
struct pelt_dns;

/* addrs NULL: failed, `why` says it ("no such name (NXDOMAIN)"); otherwise at least one address.
 * Both are borrowed until the callback returns. */
typedef void (*pelt_dns_fn)(void *arg, const struct pelt_addrs *addrs, const char *why);

/* PELT_EIO: c-ares could not start. PELT_ENOMEM. ttl_ns: how long an answer is reused; 0: not at
 * all. */
PELT_MUST_USE enum pelt_status pelt_dns_new(struct ev_loop *loop, uint64_t ttl_ns,
                                            struct pelt_dns **out, struct pelt_error *err);
/* Open questions are dropped without a callback. Accepts NULL. */
void pelt_dns_free(struct pelt_dns *dns);
/* Asks these servers instead of resolv.conf's: "192.0.2.1,[2001:db8::1]:5353". Before the first
 * question. PELT_EINVAL: no such list. */
PELT_MUST_USE enum pelt_status pelt_dns_set_servers(struct pelt_dns *dns, const char *servers,
                                                    struct pelt_error *err);
/*
 * Asks for A and AAAA of `host` (copied); ports are set to `port`. The callback may come before
 * this returns (literals, cache, hosts file, no memory). `arg` identifies the question for
 * pelt_dns_cancel.
 */
void pelt_dns_resolve(struct pelt_dns *dns, const char *host, uint16_t port, pelt_dns_fn fn,
                      void *arg);
/* No callback for this arg any more. None open: fine. */
void pelt_dns_cancel(struct pelt_dns *dns, void *arg);

#endif
