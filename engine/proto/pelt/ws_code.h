/*
 * ws_code: why a WebSocket was closed, in numbers (RFC 6455 section 7.4 and IANA's registry).
 */
#ifndef PELT_WS_CODE_H
#define PELT_WS_CODE_H

#include <stdbool.h>

#define PELT_WS_CONTROL_MAX 125 /* bytes of a control frame's payload (RFC 6455 section 5.5) */
#define PELT_WS_REASON_MAX  123 /* of a close frame's reason: its code takes two bytes */

/* Those that pelt itself uses. */
enum {
    PELT_WS_CODE_NORMAL = 1000,
    PELT_WS_CODE_GOING_AWAY = 1001,
    PELT_WS_CODE_PROTOCOL = 1002,
    PELT_WS_CODE_NONE = 1005,     /* in no frame: the close frame was empty */
    PELT_WS_CODE_ABNORMAL = 1006, /* in no frame: there was no close frame */
    PELT_WS_CODE_NOT_UTF8 = 1007,
    PELT_WS_CODE_TOO_BIG = 1009,
};

/* May a close frame carry it? 1000 to 1003, 1007 to 1014, 3000 to 4999. */
static inline bool pelt_ws_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

#endif
