/*
 * landlock: which files a thread can open, by Landlock: those below some folders, to read them. It
 * can make no file, nor connect to a TCP port that is not named, listen on one, or reach
 * processes outside by signals and abstract sockets.
 *
 * A thread so restricted cannot look at the descriptors and the I/O of other processes (the kernel
 * treats that as tracing them), whatever user it is.
 */
#ifndef AGENT_LANDLOCK_H
#define AGENT_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version of Landlock that this kernel has; 0: none. */
int landlock_version(void);
/* A descriptor with no rule so far; -1: see errno. */
int landlock_new(int version);
/* What is below may be read. A folder that is not there may not: false only where the kernel
 * refuses the rule. */
bool landlock_allow_folder(int rules, const char *path);
/* It may be connected to (from version 4 on: before, all can be). */
bool landlock_allow_port(int rules, int version, uint16_t port);
/* For this thread and those that it begins from now on. False: see errno. */
bool landlock_restrict(int rules);

#endif
