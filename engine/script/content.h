/*
 * content: the bytes of a file in memory, for data rows and bodies.
 *
 * Read-only once read: any number of threads may look at it.
 */
#ifndef PELT_CONTENT_H
#define PELT_CONTENT_H

#include "pelt/status.h"

#include <stddef.h>

struct pelt_content {
    char *path;  /* as opened */
    char *bytes; /* bytes[len] == 0 */
    size_t len;
};

/*
 * Reads a regular file of at most `bytes_max` whole. PELT_EINVAL: there is none, it is larger, or
 * it is a folder, pipe or device, which is never waited for; PELT_ENOMEM. err names the path and
 * what to try.
 */
PELT_MUST_USE enum pelt_status pelt_content_read(const char *path, size_t bytes_max,
                                                 struct pelt_content **out, struct pelt_error *err);
/* PELT_EINVAL: it is larger, and err says so. */
PELT_MUST_USE enum pelt_status pelt_content_check(const struct pelt_content *c, size_t bytes_max,
                                                  struct pelt_error *err);
void pelt_content_free(struct pelt_content *c); /* accepts NULL */

#endif
