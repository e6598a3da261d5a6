/*
 * bus_url: where the bus is: redis://[user[:password]@]host[:port][/db], or rediss:// with TLS.
 *
 * A password is never part of a message: `text` is what people may see, and errors name a URL
 * without its password.
 *
 * Storage: the struct is the caller's, its texts are the heap's. Thread: any.
 */
#ifndef PELT_BUS_URL_H
#define PELT_BUS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/status.h"

#define PELT_BUS_PORT       6379
#define PELT_BUS_URL_MAX    1024 /* bytes */
#define PELT_BUS_SECRET_MAX 512  /* bytes of a user or password, after %-decoding */
#define PELT_BUS_DB_MAX     9999

struct pelt_bus_url {
    char *text;     /* as it may be shown: "rediss://worker@host:6379/0" */
    char *host;     /* without brackets */
    char *user;     /* "": none, which is Redis' user default */
    char *password; /* "": none in the URL */
    uint16_t port;
    unsigned db;
    bool tls;
    bool loopback; /* the host is 127.0.0.0/8, ::1, localhost or a name below that */
};

/* PELT_EINVAL: one line that names the URL, what is wrong and what to write; PELT_ENOMEM. `out` is
 * empty then. */
PELT_MUST_USE enum pelt_status pelt_bus_url_parse(const char *text, struct pelt_bus_url *out,
                                                  struct pelt_error *err);
void pelt_bus_url_deinit(
    struct pelt_bus_url *url); /* wipes the password; accepts a zeroed struct */

#endif
