/*
 * about: who this agent is: of the first page that a client reads, and of logs. Read once at start.
 */
#ifndef AGENT_ABOUT_H
#define AGENT_ABOUT_H

#include <stdbool.h>

#include "lockdown.h"
#include "pelt/status.h"

struct about {
    char name[64];
    char boot[33];     /* random hex digits of this process: another one is another agent */
    char hostname[65]; /* the name again where the host's is not to be told */
    char kernel[65];
    char boot_id[37]; /* of the host; "" where it cannot be read */
    long cpus;        /* online */
    struct guards guards;
};

/* `name`: NULL: the host's up to its first dot. PELT_EIO: no random bytes. */
PELT_MUST_USE enum pelt_status about_init(struct about *a, const char *name, bool redact_hostname,
                                          struct pelt_error *err);

#endif
