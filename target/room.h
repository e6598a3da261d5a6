/*
 * room: heap memory that grows by doubling, and is kept.
 *
 * Storage: the caller's two variables, NULL and 0 at first; free() ends it.   Thread: the owner's.
 */
#ifndef TARGET_ROOM_H
#define TARGET_ROOM_H

#include <stddef.h>

#include "error.h"

/*
 * Makes room for `bytes` in `*text`, which has `*room`; at least `first` (not 0). Keeps what is
 * there. False: no memory, and it is as it was.
 */
TARGET_MUST_USE bool target_room_make(char **text, size_t *room, size_t bytes, size_t first);

#endif
