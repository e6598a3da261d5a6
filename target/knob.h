/*
 * knob: one thing that can be set, from the configuration file, the command line or the admin path.
 *
 * A system declares its knobs as a constant table beside the struct of settings that they write to;
 * everything else (reading, checking, --help, /admin/knobs) works from that table.
 *
 * Pure functions. Thread: any; knobs are constant.
 */
#ifndef TARGET_KNOB_H
#define TARGET_KNOB_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_KNOB_TEXT_BYTES 4096 /* of a value, with its end */
#define TARGET_UNLIMITED       UINT64_MAX

enum target_knob_type {                     /* the field that it writes to */
                        TARGET_KNOB_COUNT,  /* uint64_t in [min, max], or what `word` stands for */
                        TARGET_KNOB_NUMBER, /* double in [min, max] */
                        TARGET_KNOB_SHARE,  /* double in [0, max]; max 0: [0, 1] */
                        TARGET_KNOB_RATE,   /* struct target_rate, its count in [0, max] */
                        TARGET_KNOB_SIZE,   /* uint64_t bytes in [min, max] */
                        TARGET_KNOB_DURATION, /* uint64_t nanoseconds in [min, max] */
                        TARGET_KNOB_FLAG,     /* bool; "on" or "off" */
                        TARGET_KNOB_CHOICE,   /* unsigned: the index among `choices` */
                        TARGET_KNOB_LAW,      /* struct target_law */
                        TARGET_KNOB_MODELS,   /* struct target_modellist */
                        TARGET_KNOB_COUNTS,   /* struct target_law of counts, or what `word` stands
                                                 for: all zero */
                        TARGET_KNOB_STALLS,  /* struct target_calendar; setting it again adds a rule
                                              */
                        TARGET_KNOB_ADDRESS, /* struct target_address */
                        TARGET_KNOB_PATH,    /* char[max], with its end; empty: none */
                        TARGET_KNOB_NAMES,   /* the same: header names with commas */
};

struct target_address {
    char host[64]; /* numeric address or name, without brackets */
    char port[8];  /* decimal; "0": any free one */
};

struct target_knob {
    const char *name; /* "workers-queue", unique over all systems */
    enum target_knob_type type;
    size_t offset;       /* of the field in the system's settings */
    uint64_t min, max;   /* as the type says; both 0: what the type can hold */
    const char *word;    /* COUNT, COUNTS: a word that is taken, too, "unlimited"; NULL: none */
    uint64_t word_value; /* and what it stands for */
    const char *const *choices; /* CHOICE: ends with NULL */
    const char *initial;        /* the default, as one would write it */
    const char *needs;          /* the knob at whose default this one does nothing; NULL: none */
    bool is_live;               /* can be changed while the service runs */
    const char *text;           /* what it does; a sentence or two without a line break */
};

/* What stands for the value in --help: "N", "TIME", "on|off". `text` has room for 64 bytes. */
const char *target_knob_value_name(const struct target_knob *knob, char *text);

/*
 * Reads `text` into the knob's field. False: the field is as it was and the error says what is
 * wrong with the value and what to try, without naming the knob.
 */
TARGET_MUST_USE bool target_knob_read(const struct target_knob *knob, void *settings,
                                      const char *text, struct target_error *err);

/* The field as text that reads back to the same value; at most TARGET_KNOB_TEXT_BYTES. */
void target_knob_print(const struct target_knob *knob, const void *settings, char *text,
                       size_t bytes);

/* True if JSON should have the value as a number, not as text. */
bool target_knob_is_number(const struct target_knob *knob, const void *settings);

#endif
