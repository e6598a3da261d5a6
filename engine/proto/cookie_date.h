/* cookie_date: the moment that a cookie's Expires names (RFC 6265, section 5.1.1). Private to
 * proto. */
#ifndef PELT_COOKIE_DATE_H
#define PELT_COOKIE_DATE_H

#include <stdint.h>

#include "pelt/buf.h"

/* Seconds of wall time. False: no date. */
bool pelt_cookie_date(struct pelt_span text, int64_t *seconds);

#endif
