/*
 * admin: reads and turns knobs while the service runs, in JSON, for clients on the same machine.
 *
 * Knows no HTTP beyond status codes. Thread: any.
 */
#ifndef TARGET_ADMIN_H
#define TARGET_ADMIN_H

#include <sys/socket.h>

#include <jansson.h>

#include "settings.h"

/* True for 127.0.0.0/8, ::1 and the former in an IPv6 address. */
bool target_admin_is_loopback(const struct sockaddr *peer);

/*
 * All knobs, {"workers": {"value": 4, "default": "unlimited", ...}, ...}; with a `name` that one's
 * inner object. NULL: no memory, or no such knob.
 */
json_t *target_admin_read(struct target_settings *settings, const char *name);

/*
 * Turns knobs as the JSON text says: {"workers": 4, "service-time": "5ms"}, all or none of them;
 * with a `name`, the text is that knob's value alone: 4 or "5ms". Returns the status to answer
 * with: 200, or one of 400, 404 and 500 with the error saying why.
 */
unsigned target_admin_write(struct target_settings *settings, struct target_running *running,
                            const char *name, const char *text, size_t bytes,
                            const struct target_scene *scene, struct target_error *err);

#endif
