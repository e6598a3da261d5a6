/*
 * options: what the command line asks of the service.
 *
 * Thread: main, before any other. Texts point into argv or static storage and live as long as it.
 */
#ifndef TARGET_OPTIONS_H
#define TARGET_OPTIONS_H

#include <stdint.h>

#include "calendar.h"
#include "error.h"
#include "law.h"

#define TARGET_THREADS_MAX  64
#define TARGET_FILES_BESIDE 64 /* descriptors needed besides connections, generously */

struct target_options {
    char host[64];         /* numeric address or name, without brackets */
    char port[8];          /* decimal; "0": any free one */
    const char *port_file; /* NULL: none */
    const char *log_path;  /* NULL: no truth log */
    struct target_law service;
    struct target_calendar stalls;
    double error_share;  /* of requests answered 500, in [0, 1] */
    uint64_t body_bytes; /* JSON answers are padded to at least this */
    uint64_t seed;
    uint64_t threads;     /* loops, at least 1 */
    uint64_t connections; /* most open at once in each loop */
};

enum target_options_result {
    TARGET_OPTIONS_RUN,
    TARGET_OPTIONS_HELP,
    TARGET_OPTIONS_VERSION,
    TARGET_OPTIONS_BAD, /* the error says why */
};

enum target_options_result target_options_parse(struct target_options *options, int argc,
                                                char **argv, struct target_error *err);

/* Prints what --help shows. */
void target_options_help(void);

#endif
