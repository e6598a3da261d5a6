/*
 * size: settings that go together, as a service of that size would have them: --size medium.
 *
 * A preset stands between a knob's default and what the file or the command line says.
 *
 * Thread: main, before any other.
 */
#ifndef TARGET_SIZE_H
#define TARGET_SIZE_H

#include "settings.h"

extern const struct target_system target_size_system;

/* Sets what the size says and nobody else has said. */
TARGET_MUST_USE bool target_size_apply(struct target_change *change, struct target_error *err);

#endif
