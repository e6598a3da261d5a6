/*
 * slots: the parts of a second as the run file keeps them: for each its started, its ended and its
 * waiting (signed), 32 bits each, least significant byte first.
 */
#ifndef PELT_SLOTS_H
#define PELT_SLOTS_H

#include "pelt/frame.h"

#define PELT_SLOTS_BYTES ((size_t)PELT_FRAME_SLOTS * 12)

void pelt_slots_encode(const struct pelt_slot slots[PELT_FRAME_SLOTS],
                       unsigned char out[PELT_SLOTS_BYTES]);
/* False, and all zero: `bytes` (NULL: none) are no slots. */
bool pelt_slots_decode(const void *bytes, size_t len, struct pelt_slot out[PELT_FRAME_SLOTS]);

#endif
