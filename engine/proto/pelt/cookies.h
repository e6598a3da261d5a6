/*
 * cookies: what one user has been given by servers, and the Cookie field it sends back (RFC 6265,
 * sections 5.1 to 5.4). Bytes in, bytes out; no public-suffix list: a Domain without a dot inside
 * is taken only from that very host.
 *
 * Bounded: PELT_COOKIES_MAX cookies (the oldest makes room), PELT_COOKIE_BYTES_MAX bytes each
 * (larger ones are not taken). Order of sending: longer paths first, then older ones.
 *
 * Storage: heap; a jar is made with its first cookie, so NULL is an empty one. Thread: the user's.
 * Clock: seconds of wall time, passed in.
 */
#ifndef PELT_COOKIES_H
#define PELT_COOKIES_H

#include <stdint.h>

#include "pelt/buf.h"

#define PELT_COOKIES_MAX      50
#define PELT_COOKIE_BYTES_MAX 4096 /* of name, value, domain and path */

struct pelt_cookies;

struct pelt_cookie_place { /* where a request goes; spans are only read during a call */
    struct pelt_span host; /* without port; a literal without brackets */
    struct pelt_span path; /* the request target: a query in it is not looked at */
    bool secure;           /* https */
};

/* Takes the value of one Set-Cookie field that an answer from `place` had. What is malformed or
 * foreign is left out, as browsers do; so is what memory has no room for. */
void pelt_cookies_set(struct pelt_cookies **jar, const struct pelt_cookie_place *place,
                      struct pelt_span set_cookie, int64_t now_s);
/* The same for all Set-Cookie fields of a kept head. */
void pelt_cookies_take_head(struct pelt_cookies **jar, const struct pelt_cookie_place *place,
                            struct pelt_span head, int64_t now_s);
/* Appends "Cookie: a=b; c=d\r\n", or nothing. PELT_ELIMIT: out of memory. `jar` may be NULL. */
PELT_MUST_USE enum pelt_status pelt_cookies_write(const struct pelt_cookies *jar,
                                                  const struct pelt_cookie_place *place,
                                                  int64_t now_s, struct pelt_buf *out);
/* The value that a request to `place` (NULL: to anywhere) would send; ptr NULL: none. Valid until
 * the jar changes. */
struct pelt_span pelt_cookies_get(const struct pelt_cookies *jar, struct pelt_span name,
                                  const struct pelt_cookie_place *place, int64_t now_s);
/* Forgets all of this name. */
void pelt_cookies_remove(struct pelt_cookies **jar, struct pelt_span name);
void pelt_cookies_free(struct pelt_cookies *jar); /* accepts NULL */

/* Fit for what pelt_cookies_set() takes: no control characters, no ';', and no '=' in a name. */
bool pelt_cookie_is_name(struct pelt_span name);
bool pelt_cookie_is_value(struct pelt_span value);

#endif
