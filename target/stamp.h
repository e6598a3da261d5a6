/*
 * stamp: JSON texts that say when they were sent.
 *
 * The text is made first and the moment written behind it last, so that what making it took is not
 * between the stamp and the sending. Storage: heap memory of the caller.
 */
#ifndef TARGET_STAMP_H
#define TARGET_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct target_stamped { /* all zero: none */
    char *text;         /* not ended by a 0 */
    size_t bytes, room;
};

/*
 * Begins with `before` and the object `json`, which it takes and which may be NULL. Memory that
 * `stamped` has is used again. False: no memory.
 */
bool target_stamp_make(struct target_stamped *stamped, const char *before, json_t *json);

/* Ends it: {..., "planned_ns": N, "sent_ns": N} and `after`, of at most 8 bytes. */
void target_stamp_end(struct target_stamped *stamped, uint64_t planned_ns, uint64_t sent_ns,
                      const char *after);

void target_stamp_deinit(struct target_stamped *stamped);

#endif
