/*
 * age: reads the value of Age (RFC 9111 section 5.1): how many seconds ago the origin made or
 * confirmed an answer that a cache gives. Thread: any.
 */
#ifndef PELT_AGE_H
#define PELT_AGE_H

#include <stdint.h>

#include "pelt/buf.h"

#define PELT_AGE_MAX (UINT32_C(1) << 31) /* what larger ones count as: section 1.2.2 */

/* False: the value is not made of digits alone. */
bool pelt_age_read(struct pelt_span value, uint32_t *age_s);

#endif
