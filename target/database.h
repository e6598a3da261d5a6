/*
 * database: an SQLite database that each request with work asks once its service time is over,
 * through a pool of connections (sqlink.h): reads a row by a key drawn for it, and adds one.
 *
 * The file is in WAL mode, made when it is missing, and left whole however the service ends.
 */
#ifndef TARGET_DATABASE_H
#define TARGET_DATABASE_H

#include "dependency.h"

#define TARGET_DATABASE_PATH_BYTES 512

struct target_system;

/* What a request does. */
enum target_database_query {
    TARGET_DATABASE_READ_WRITE,
    TARGET_DATABASE_READ,
    TARGET_DATABASE_WRITE,
    TARGET_DATABASE_SLOW, /* reads, and holds its connection for slow_ns */
};

struct target_database_settings {
    char path[TARGET_DATABASE_PATH_BYTES]; /* empty: off */
    struct target_dependency_settings calls;
    unsigned query; /* enum target_database_query */
    uint64_t slow_ns;
    uint64_t rows;        /* of `item`, in a file that has none yet */
    uint64_t cache_bytes; /* of pages, each connection's */
};

struct target_database_asked { /* kept with a request */
    struct target_call call;
};

extern const struct target_system target_database_system;

#endif
