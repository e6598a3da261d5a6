/*
 * syscalls: which calls of the kernel the agent may make, by seccomp. It may read what is there,
 * talk over sockets, and begin threads; not begin a program or a process, open a file for writing
 * or make one, listen, look into another process, or change what it is. Whatever is not
 * allowed fails with EPERM, so that the agent goes on, and is told once as an event
 * "call_refused".
 *
 * Thread: main, before the others begin: the filter holds for threads begun behind it.
 */
#ifndef AGENT_SYSCALLS_H
#define AGENT_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>

#include "collector.h"

/* False: the kernel, or this build, has no such filter: `why` says so in a few words. */
bool syscalls_restrict(char *why, size_t size);
/* Tells what was refused, from whichever thread. Has no figures. NULL: no memory. */
struct collector *syscalls_collector_new(struct notices *notices);

#endif
