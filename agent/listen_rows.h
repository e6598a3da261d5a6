/*
 * listen_rows: the listening sockets of /proc/PID/net/tcp and tcp6, where any user may read them.
 *
 * The kernel writes the listening sockets before all others, so reading ends at the first that is
 * not: the cost does not grow with the connections. It does not tell how long the queue may get.
 *
 * Pure: takes bytes, gives rows; the caller reads.
 */
#ifndef AGENT_LISTEN_ROWS_H
#define AGENT_LISTEN_ROWS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listen_row {
    int family;           /* AF_INET, AF_INET6 */
    struct in6_addr addr; /* of AF_INET: its first four bytes */
    uint16_t port;
    uint32_t queued; /* connections that wait for accept() */
    uint32_t uid;
    uint64_t inode;
};

enum listen_line {
    LISTEN_LINE_ROW,   /* a listening socket: *row is it */
    LISTEN_LINE_HEAD,  /* the table's heading */
    LISTEN_LINE_OTHER, /* a socket in another state: no more listening ones follow */
    LISTEN_LINE_BAD,
};

/* One line without its '\n'. */
enum listen_line listen_rows_line(const char *line, size_t len, struct listen_row *row);

/* "0.0.0.0:8080", "[::]:443". */
#define LISTEN_NAME_SIZE 64
void listen_name(int family, const struct in6_addr *addr, uint16_t port,
                 char text[LISTEN_NAME_SIZE]);

/* Reads the listening sockets of the table at `path` and gives each to `on_row`, until that returns
 * false. False: the file could not be read (errno tells). */
typedef bool (*listen_row_fn)(void *arg, const struct listen_row *row);
bool listen_rows_read(const char *path, listen_row_fn on_row, void *arg);

#endif
