/*
 * https: what https is spoken with: a run's settings of TLS, and the object made of them
 * (pelt/tls.h), once a process, when the first https URL comes or pelt_https_make() is called: a
 * run without one does not read the system's certificates.
 *
 * Thread: any, but new and free. The first asker makes it, others wait for that.
 */
#ifndef PELT_HTTPS_H
#define PELT_HTTPS_H

#include "pelt/tls.h"

struct pelt_https;

/* Copies the settings; nothing of them is read yet. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_https_new(const struct pelt_tls_settings *settings,
                                              struct pelt_https **out, struct pelt_error *err);
void pelt_https_free(struct pelt_https *https); /* after all clients; accepts NULL */

/* Reads and checks what the settings name. Errors are those of pelt_tls_new(), the same each time.
 */
PELT_MUST_USE enum pelt_status pelt_https_make(struct pelt_https *https,
                                               const struct pelt_tls **out, struct pelt_error *err);

/* The same settings, asking for HTTP/2 by ALPN. */
PELT_MUST_USE enum pelt_status pelt_https_make_http2(struct pelt_https *https,
                                                     const struct pelt_tls **out,
                                                     struct pelt_error *err);

const struct pelt_tls_settings *pelt_https_settings(const struct pelt_https *https);
/* A client was asked for a server with an https URL. */
void pelt_https_meet(struct pelt_https *https);
bool pelt_https_met(const struct pelt_https *https);

#endif
