/* percent: %XX in texts of URLs and forms (RFC 3986, section 2.1; the WHATWG URL standard's
 * application/x-www-form-urlencoded). */
#ifndef CONVERT_PERCENT_H
#define CONVERT_PERCENT_H

#include "pelt/buf.h"

/* The value of a hexadecimal digit; -1: it is none. */
int convert_hex(int c);
/* `text` with all but letters, digits and what `plain` has as %XX; a blank is + if `plain` has it.
 */
void convert_percent_add(struct pelt_buf *out, const char *text, const char *plain);

#endif
