/*
 * settings: the values of all knobs of all systems, and the only way to change them.
 *
 * A change works on a copy: knobs are set in it one by one, checked together, and become the values
 * all at once or not at all. Whoever set a knob later wins (default < size < file < command line <
 * admin).
 *
 * Storage: heap memory, freed by deinit. Thread: init and deinit main's; a change holds the lock
 * from begin to its end; copies may be taken by any thread at any time.
 */
#ifndef TARGET_SETTINGS_H
#define TARGET_SETTINGS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "systems.h"

enum target_source {
    TARGET_SOURCE_DEFAULT,
    TARGET_SOURCE_SIZE, /* size.h */
    TARGET_SOURCE_FILE,
    TARGET_SOURCE_COMMAND_LINE,
    TARGET_SOURCE_ADMIN,
};

struct target_values {     /* of all systems */
    char *bytes;           /* the systems' structs, one behind the other */
    unsigned char *source; /* enum target_source, of each knob in order */
};

struct target_settings {
    pthread_mutex_t lock;
    struct target_values values; /* under the lock */
    _Atomic uint64_t version;    /* moves with every change; release after, acquire before a copy */
    size_t offset[TARGET_SYSTEMS_MAX]; /* of each system's struct in `bytes` */
    size_t bytes, knobs;
};

struct target_change {
    struct target_settings *settings;
    struct target_values values;
    struct target_running *running; /* told of it when it is made; NULL: nothing runs yet */
    bool *is_set;                   /* by this change, of each knob */
};

struct target_knob_place {
    size_t system, knob; /* target_systems[system]->knobs[knob] */
    size_t number;       /* among all knobs */
};

/* All knobs at their defaults. False: no memory; deinit may follow. */
TARGET_MUST_USE bool target_settings_init(struct target_settings *settings,
                                          struct target_error *err);
void target_settings_deinit(struct target_settings *settings);

/* The first knob, and each next one; false behind the last. */
bool target_knob_first(struct target_knob_place *place);
bool target_knob_next(struct target_knob_place *place);
const struct target_knob *target_knob_at(const struct target_knob_place *place);

/* False: there is none of that name. */
bool target_knob_find(struct target_knob_place *place, const char *name);

/* The knob that was probably meant; NULL: none is near. */
const char *target_knob_nearest(const char *name);

/*
 * The settings of system i, borrowed. Without the lock only while nothing else changes them: at the
 * start, before any loop runs.
 */
const void *target_settings_of(const struct target_settings *settings, size_t system);

/* A line for each knob that was set and does nothing, as the one that it `needs` was not. */
void target_settings_tell_idle(const struct target_settings *settings, FILE *out);

/* Copies a system's settings if they may have changed since `*version`. True: it did. */
bool target_settings_refresh(struct target_settings *settings, const struct target_system *system,
                             void *copy, uint64_t *version);

/* Opens a change and takes the lock; commit or abort ends it. False: no memory, nothing opened. */
TARGET_MUST_USE bool target_change_begin(struct target_change *change,
                                         struct target_settings *settings,
                                         struct target_running *running, struct target_error *err);

/*
 * Sets one knob from text. The error does not name the knob. A value of an earlier source is
 * replaced, so that a repeatable knob begins anew; live changes (`running`) refuse knobs that are
 * not live.
 */
TARGET_MUST_USE bool target_change_set(struct target_change *change,
                                       const struct target_knob_place *place, const char *text,
                                       enum target_source source, struct target_error *err);

/* A system's settings in the change, to be written to directly. */
void *target_change_values(struct target_change *change, const struct target_system *system);

/*
 * Makes the change, tells the systems that run, and logs an event for each knob set. False: nothing
 * has changed and the error says why. Either way the change is over.
 */
TARGET_MUST_USE bool target_change_commit(struct target_change *change,
                                          const struct target_scene *scene,
                                          struct target_error *err);
void target_change_abort(struct target_change *change);

#endif
