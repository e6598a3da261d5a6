/*
 * lockdown: what the agent gives up when all is open and nobody has been answered: its user, its
 * rights, files that it does not need, calls of the kernel. What this kernel does not have is said
 * once on stderr, and in /v1/info.
 *
 * A Landlock domain may not look at the descriptors and the I/O of other processes. Where there is
 * something to look at (a target whose I/O this user may see), only the threads that talk to others
 * are in it, those begun by lockdown_begin; else all are.
 *
 * Thread: main, before it begins others.
 */
#ifndef AGENT_LOCKDOWN_H
#define AGENT_LOCKDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "pelt/status.h"
#include "target.h"

struct guards { /* what holds */
    bool seccomp, no_new_privs;
    int landlock;      /* its version; 0: none */
    bool landlock_all; /* of all threads; else of those that talk to others */
    char user[33];     /* as which it runs */
};

struct lockdown {
    struct guards guards;
    int rules; /* of Landlock; -1: none */
};

/* As many descriptors as the host lets it have, up to what it can use. At the very start. */
void lockdown_open_files(void);
/* Gives all of it up. PELT_EINVAL: there is no such user; PELT_EIO: the kernel refused what it has
 * to grant. */
PELT_MUST_USE enum pelt_status lockdown_enter(struct lockdown *l,
                                              const struct agent_options *options,
                                              const struct targets *targets,
                                              struct pelt_error *err);
/* Calls `begin`, which begins threads that talk to others, so that they are in the domain. */
PELT_MUST_USE enum pelt_status
lockdown_begin(const struct lockdown *l, enum pelt_status (*begin)(void *of, struct pelt_error *),
               void *of, struct pelt_error *err);
void lockdown_deinit(struct lockdown *l); /* accepts a zeroed one */

#endif
