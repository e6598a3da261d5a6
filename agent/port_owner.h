/*
 * port_owner: which process listens on a TCP port, and which sockets a process holds.
 *
 * The kernel tells each listening socket's inode and user to anybody, but which process holds it
 * only by the links in /proc/PID/fd: these can be read by the same user and by root.
 *
 * It opens, reads and closes; it holds nothing. Costs some milliseconds where there are thousands
 * of processes, so it is for attaching, not for sampling.
 */
#ifndef AGENT_PORT_OWNER_H
#define AGENT_PORT_OWNER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pelt/status.h"

/*
 * The process that listens on `port`, by IPv4 or IPv6, in the agent's network namespace; of several
 * (a server with workers) the one whose parent is none of them, of those the one with the least
 * number. `root`: before /proc: "" on a host, a fixture's folder in tests.
 *
 * PELT_ENOTFOUND: nobody listens there. PELT_EIO: somebody does, but who cannot be seen from here.
 * The text says what to try.
 */
PELT_MUST_USE enum pelt_status port_owner_find(const char *root, uint16_t port, pid_t *pid,
                                               struct pelt_error *err);

/*
 * The inodes of the sockets that process `pid` holds, at most `size`, in the order of its
 * descriptors; the first PORT_OWNER_FDS_MAX of these are looked at. -1: /proc/PID/fd cannot be read
 * (errno tells).
 */
#define PORT_OWNER_FDS_MAX 4096
ssize_t port_owner_sockets(const char *root, pid_t pid, uint64_t *inodes, size_t size);

#endif
