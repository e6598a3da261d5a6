/*
 * child: another pelt-target, started and stopped by this one: a back end of its own.
 *
 * It listens on a free port of the loopback and says which on its standard output; its other
 * options are the caller's. It ends with the thread that started it, whatever ends that.
 *
 * Storage: opaque, new by start, freed by end.   Thread: always the same one.
 */
#ifndef TARGET_CHILD_H
#define TARGET_CHILD_H

#include "error.h"

struct target_child;

/* `options` are split at blanks. NULL: the error says why. */
struct target_child *target_child_start(const char *options, struct target_error *err);

/* A descriptor to poll for reading while the port is not known; -1: it is known, or never will be.
 */
int target_child_fd(const struct target_child *child);

/* Its port once it has said it; 0: not so far. Does not block. */
unsigned target_child_port(struct target_child *child);

/* True: it has ended by itself. */
bool target_child_is_over(struct target_child *child);

/* Asks it to end; it finishes what it has. */
void target_child_stop(struct target_child *child);

/* Frees it once it is over; until then false. `at_once`: ends it now, and frees it. */
bool target_child_end(struct target_child *child, bool at_once);

#endif
