/*
 * server: the whole service: its socket, its loops, its files.
 *
 * Thread: main. Signals are the caller's; it blocks them before start, so that no loop gets any.
 */
#ifndef TARGET_SERVER_H
#define TARGET_SERVER_H

#include "error.h"
#include "options.h"

struct target_server;

/*
 * Listens, starts all loops, writes the port file (complete or not at all), prints where it
 * listens. Keeps `options`. NULL: the error says why.
 */
struct target_server *target_server_start(const struct target_options *options,
                                          struct target_error *err);

/*
 * Answers what is in flight for up to TARGET_DRAIN_NS, closes everything, writes the log's rest and
 * frees the server. False: the log is not complete; the error says why.
 */
TARGET_MUST_USE bool target_server_stop(struct target_server *server, struct target_error *err);

#endif
