/*
 * names: lists of names as headers have them, "Accept-Language, X-Tenant".
 *
 * Pure functions. Thread: any.
 */
#ifndef TARGET_NAMES_H
#define TARGET_NAMES_H

#include "error.h"

#define TARGET_NAME_BYTES 65 /* of a name, with its end */

/*
 * Copies the next name of the list and moves `*at` behind it; false at the list's end. A name is
 * what stands between commas, without blanks around it; empty ones, and those that are longer than
 * TARGET_NAME_BYTES or have anything but letters, digits and "-_.:/" in them, are left out.
 */
TARGET_MUST_USE bool target_names_next(const char **at, char name[TARGET_NAME_BYTES]);

/* True if the list has no names but good ones. Empty: true. */
bool target_names_are_good(const char *list);

#endif
