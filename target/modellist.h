/*
 * modellist: the models of the service as a knob names them: "small:2g:400ms, large:16g:3s:5m".
 *
 * Pure functions. Thread: any; a list is constant once parsed.
 */
#ifndef TARGET_MODELLIST_H
#define TARGET_MODELLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_MODELS_MAX       64
#define TARGET_MODEL_NAME_BYTES 48 /* with its end */

struct target_model {
    char name[TARGET_MODEL_NAME_BYTES]; /* letters, digits and ._-/@+: needs no escaping */
    uint64_t bytes;                     /* of memory that it takes, at least 1 */
    uint64_t load_ns;
    uint64_t ttl_ns; /* after loading it leaves memory; UINT64_MAX: never */
};

/* How a request stands with its model; all zero: it has none. */
struct target_model_use {
    const char *name; /* the list's */
    uint64_t asked_ns;
    uint64_t load_ns;  /* that it waited until the model was in memory */
    uint64_t later_ns; /* the end of its last wait; 0: it had not to wait */
    bool is_waiting;
    bool is_asked; /* its wait is for the model itself, not for room to load it */
};

struct target_modellist { /* all zero: no models */
    struct target_model model[TARGET_MODELS_MAX];
    size_t count;
};

/*
 * NAME:BYTES:LOAD-TIME or NAME:BYTES:LOAD-TIME:TTL, with commas or blanks between models; empty: no
 * models. False: the error does not name the knob, and the list is not to be used.
 */
TARGET_MUST_USE bool target_modellist_parse(struct target_modellist *list, const char *text,
                                            struct target_error *err);

/* The list as target_modellist_parse reads it; returns its length, as snprintf does. */
size_t target_modellist_print(const struct target_modellist *list, char *text, size_t bytes);

/* The place of a model; list->count: there is none of that name. */
size_t target_modellist_find(const struct target_modellist *list, const char *name);

#endif
