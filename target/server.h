/*
 * server: the whole service: its socket, its loops, its files.
 *
 * Thread: main. Signals are the caller's; it blocks them before start, so that no loop gets any.
 */
#ifndef TARGET_SERVER_H
#define TARGET_SERVER_H

#include "error.h"
#include "settings.h"

struct target_server;

/*
 * Listens, starts all loops, writes the port file (complete or not at all), prints where it
 * listens. Keeps `settings`, whose threads and connections are settled. NULL: the error says why.
 */
struct target_server *target_server_start(struct target_settings *settings,
                                          struct target_error *err);

/*
 * Answers what is in flight for as long as the knob drain says, or until `hurry_fd` can be read
 * (-1: none), closes everything, writes the rest of the logs and frees the server. False: the log
 * is not complete; the error says why.
 */
TARGET_MUST_USE bool target_server_stop(struct target_server *server, int hurry_fd,
                                        struct target_error *err);

#endif
