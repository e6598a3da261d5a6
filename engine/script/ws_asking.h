/*
 * ws_asking: what ws.connect() is given, and the request of the opening handshake that it makes of
 * that. All raise at the script's line.
 */
#ifndef PELT_WS_ASKING_H
#define PELT_WS_ASKING_H

#include "fields.h"
#include "pelt/wsconn.h"
#include "strand.h"

/* Its strings are held by the table of options, or by what is left on the stack. */
struct pelt_ws_asking {
    const char *what;
    struct pelt_fields fields;
    struct pelt_ws_ask ask;
    struct pelt_span name; /* ptr NULL: by the path */
    uint64_t timeout_ns;   /* 0: the default */
    size_t message_max;    /* bytes */
};

/* The table at `options`; nil: nothing is changed. */
void pelt_ws_asking_read(lua_State *L, int options, struct pelt_ws_asking *a);
/* The URL at `index`, pushed: a path follows the target. */
struct pelt_span pelt_ws_asking_url(lua_State *L, int index);
/* The request, into `buf`. `target` begins with a slash. */
void pelt_ws_asking_head(lua_State *L, const struct pelt_ws_asking *a,
                         const struct pelt_strand *strand, const struct pelt_origin *origin,
                         struct pelt_span target, const struct pelt_ws_handshake *key,
                         struct pelt_buf *buf);
/* Connect 10 s, first byte 60 s, whole handshake 120 s; a shorter whole shortens the others. */
struct pelt_timeouts pelt_ws_asking_timeouts(const struct pelt_ws_asking *a);

#endif
