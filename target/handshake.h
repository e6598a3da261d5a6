/*
 * handshake: whether a request may become a WebSocket (RFC 6455, section 4.2), and the answer's
 * proof that it was understood.
 *
 * Pure function of the HTTP version and the values of header fields; NULL: there is no such field.
 */
#ifndef TARGET_HANDSHAKE_H
#define TARGET_HANDSHAKE_H

#include "error.h"

#define TARGET_ACCEPT_BYTES 29 /* of Sec-WebSocket-Accept, with its end */

struct target_handshake {
    bool is_http_1_1;
    const char *upgrade;    /* Upgrade */
    const char *connection; /* Connection */
    const char *version;    /* Sec-WebSocket-Version */
    const char *key;        /* Sec-WebSocket-Key */
};

/*
 * The status to answer with: 101 and `accept` is set; 426: it asks for no WebSocket, or for one of
 * another version than 13; 400: it asks wrongly. `*why` is then a static sentence.
 */
unsigned target_handshake_check(const struct target_handshake *asked,
                                char accept[TARGET_ACCEPT_BYTES], const char **why);

#endif
