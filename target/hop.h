/*
 * hop: header fields that are for one connection alone, so that who passes a message on must not
 * pass them on (RFC 9110, 7.6.1): those of a fixed list, and those that Connection names.
 *
 * Pure functions. Thread: any.
 */
#ifndef TARGET_HOP_H
#define TARGET_HOP_H

#include <stdbool.h>
#include <stddef.h>

/* True for Connection, Keep-Alive, Transfer-Encoding and such, in any case; `bytes` of a name. */
bool target_hop_is_field(const char *name, size_t bytes);

/* Whether `list`, the value of a Connection field, names it; likewise. */
bool target_hop_names(const char *list, const char *name, size_t bytes);

#endif
