/*
 * outcome: the one name in which each started exchange ends, and whether its request reached the
 * server: yes (a byte of an answer came), no (it cannot have), maybe.
 */
#ifndef PELT_OUTCOME_H
#define PELT_OUTCOME_H

#include <stdbool.h>

// clang-format off
/* symbol, name, whether the request was sent, what happened */
#define PELT_OUTCOMES(X)                                                                           \
    X(OK,                 "ok",                 YES)   /* status in 200..399 or expected */        \
    X(HTTP_STATUS,        "http_status",        YES)   /* any other status */                      \
    X(DNS,                "dns",                NO)    /* the name did not resolve */              \
    X(CONNECT,            "connect",            NO)    /* refused, unreachable or too slow */      \
    X(TLS,                "tls",                NO)    /* handshake failed */                      \
    X(GEN_FD_LIMIT,       "gen_fd_limit",       NO)    /* ours: out of file descriptors */         \
    X(GEN_PORT_EXHAUSTED, "gen_port_exhausted", NO)    /* ours: out of source ports */             \
    X(GEN_MEMORY,         "gen_memory",         NO)    /* ours: out of memory */                   \
    X(RESET,              "reset",              MAYBE) /* closed before any byte of an answer */   \
    X(STALE_REUSE,        "stale_reuse",        MAYBE) /* the same, on a connection used before */ \
    X(TIMEOUT,            "timeout",            MAYBE) /* a deadline passed after it was begun */  \
    X(BAD_RESPONSE,       "bad_response",       YES)   /* bytes that are no HTTP/1.1 head */       \
    X(HEAD_TOO_LARGE,     "head_too_large",     YES)   /* above 64 KiB, 256 fields or 32 1xx */    \
    X(BAD_BODY,           "bad_body",           YES)   /* a good head, then broken framing */      \
    X(WS_HANDSHAKE,       "ws_handshake",       YES)   /* a 101 that opens no WebSocket */        \
    X(TRUNCATED,          "truncated",          YES)   /* a good head, then an early end */        \
    X(UNFINISHED,         "unfinished",         MAYBE) /* in flight when the grace period ended */ \
    X(ABANDONED,          "abandoned",          MAYBE) /* the script left it */                    \
    X(BAD_STREAM,         "bad_stream",         YES)   /* an ok head, then no events */            \
    X(BAD_ENCODING,       "bad_encoding",       YES)   /* a compressed body that is damaged */     \
    X(BODY_TOO_LARGE,     "body_too_large",     YES)   /* one that decodes to more than is kept */ \
    X(PROXY_CONNECT,      "proxy_connect",      NO)    /* the proxy: no name, refused, too slow */ \
    X(PROXY_AUTH,         "proxy_auth",         NO)    /* the proxy: 407, other credentials */     \
    X(PROXY_REFUSED,      "proxy_refused",      NO)    /* the proxy: no way to the server */ \
    X(REFUSED,            "refused",            NO)    /* HTTP/2: the server did not begin it */   \
    X(STREAM_RESET,       "stream_reset",       MAYBE) /* HTTP/2: RST_STREAM before any answer */  \
    X(GRPC_STATUS,        "grpc_status",        YES)   /* gRPC: a status other than OK */

enum pelt_outcome {
#define X(symbol, name, sent) PELT_OUTCOME_##symbol,
    PELT_OUTCOMES(X)
#undef X
    PELT_OUTCOME_COUNT
};
// clang-format on

/*
 * What went wrong with a WebSocket that was open, or with a request over it: class of ws_errors.
 * symbol, name, code by which we close it (0: we do not), what happened
 */
// clang-format off
#define PELT_WS_CLASSES(X)                                                                         \
    X(RESET,         "reset",         0)    /* the connection ended without a close */             \
    X(PROTOCOL,      "protocol",      1002) /* the server broke RFC 6455 */                        \
    X(BAD_UTF8,      "bad_utf8",      1007) /* a text, or a close's reason, that is no UTF-8 */    \
    X(BAD_DEFLATE,   "bad_deflate",   1007) /* a compressed message that does not decompress */    \
    X(TOO_LARGE,     "too_large",     1009) /* a message longer than the limit */                  \
    X(CLOSE_TIMEOUT, "close_timeout", 0)    /* our close was not answered within 2 s */            \
    X(TIMEOUT,       "timeout",       0)    /* no answer to a request in time, or no room to send */ \
    X(GEN_MEMORY,    "gen_memory",    1011) /* ours: out of memory */

enum pelt_ws_class {
#define X(symbol, name, code) PELT_WS_CLASS_##symbol,
    PELT_WS_CLASSES(X)
#undef X
    PELT_WS_CLASS_COUNT
};
// clang-format on
const char *pelt_ws_class_name(enum pelt_ws_class class); /* static storage */
unsigned pelt_ws_class_code(enum pelt_ws_class class);

enum pelt_sent { PELT_SENT_YES, PELT_SENT_MAYBE, PELT_SENT_NO };

const char *pelt_outcome_name(enum pelt_outcome outcome); /* static storage */
enum pelt_sent pelt_outcome_sent(enum pelt_outcome outcome);
/* Whether it counts as an error: any but ok and abandoned, which the script itself chose. */
static inline bool pelt_outcome_is_error(enum pelt_outcome outcome)
{
    return outcome != PELT_OUTCOME_OK && outcome != PELT_OUTCOME_ABANDONED;
}
bool pelt_outcome_find(const char *name, enum pelt_outcome *out);

#endif
