/*
 * tls: TLS as a transport, by mbedTLS or OpenSSL behind one table of functions (../tls_backend.h).
 *
 * Three objects. `struct pelt_tls` is a process's: settings, checked once, and the CA certificates,
 * parsed once; immutable, shared by all threads. `struct pelt_tls_thread` is a thread's: the
 * library's configuration, its random generator, and the buffers through which bytes pass on their
 * way from and to the socket. A connection is a `struct pelt_transport` that was connected, and
 * gets TLS put upon it:
 *
 *   pelt_transport_plain(t, fd) ... connected ... pelt_transport_tls(t, thread, host, session)
 *   pelt_tls_handshake(t) until it does not answer PELT_AGAIN
 *   t->ops->send, recv, close as ever (discard is NULL)
 *
 * One system call a send and one a recv, as without TLS. What an edge-triggered reader must know
 * stands at `more` and `ended` of pelt/transport.h.
 *
 * A handshake that fails has a class, the same with both libraries, and one line for a human. The
 * peer may refuse us after our handshake is done (TLS 1.3 checks a client's certificate then): a
 * recv that fails may have a class, too.
 *
 * Times: seconds since 1970. Nothing here blocks, but for the making of the first two objects,
 * which reads files.
 */
#ifndef PELT_TLS_H
#define PELT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"
#include "pelt/transport.h"

enum pelt_tls_library {
    PELT_TLS_MBEDTLS,
    PELT_TLS_OPENSSL,
};

/* TLS versions as on the wire. */
#define PELT_TLS_1_0 0x0301
#define PELT_TLS_1_1 0x0302
#define PELT_TLS_1_2 0x0303
#define PELT_TLS_1_3 0x0304

/* Strings are borrowed until pelt_tls_new() returns. All zero: mbedTLS, the system's CAs, TLS 1.2
 * and what is above, no client certificate, sessions resumed, no ALPN. */
struct pelt_tls_settings {
    enum pelt_tls_library backend;
    const char *ca;   /* PEM file, or folder of such files, trusted instead of the system's CAs */
    const char *cert; /* client certificate: PEM, its own first, then intermediates; NULL: none */
    const char *key;  /* its private key: PEM, not encrypted; NULL: it is in `cert` */
    bool insecure;    /* the server's certificate is not verified */
    bool no_resume;   /* each handshake is a full one */
    uint16_t version_min, version_max; /* PELT_TLS_1_*; 0: 1.2, and the library's highest */
    const char *ciphers; /* names of OpenSSL or IANA with ':' between, for both libraries; NULL: the
                            library's own choice */
    const char *alpn;    /* one protocol to ask for: "http/1.1"; NULL: none */
};

struct pelt_tls;
struct pelt_tls_thread;

/*
 * PELT_EINVAL: a setting, file or the lack of the system's CAs, named in `err` with what to try;
 * PELT_ENOMEM. The system's CAs: SSL_CERT_FILE and SSL_CERT_DIR if set, else the bundle or the
 * folder of the distribution.
 */
PELT_MUST_USE enum pelt_status pelt_tls_new(struct pelt_tls **out,
                                            const struct pelt_tls_settings *settings,
                                            struct pelt_error *err);
void pelt_tls_free(struct pelt_tls *tls); /* after its threads' objects; NULL: nothing */

/* For the thread that will use it, though any may make it. `tls` is borrowed. */
PELT_MUST_USE enum pelt_status pelt_tls_thread_new(struct pelt_tls_thread **out,
                                                   const struct pelt_tls *tls,
                                                   struct pelt_error *err);
void pelt_tls_thread_free(struct pelt_tls_thread *thread); /* after its connections and sessions */

/* "mbedtls", "openssl" -> library. False: neither. */
bool pelt_tls_library_parse(const char *name, enum pelt_tls_library *out);
/* "mbedTLS 2.28.3", "OpenSSL 3.0.19": the one that is linked. Static storage. */
const char *pelt_tls_library_name(enum pelt_tls_library library);
/* "1.0" ... "1.3" -> PELT_TLS_1_*. False: none of them. */
bool pelt_tls_version_parse(const char *text, uint16_t *out);
const char *pelt_tls_version_name(uint16_t version); /* "TLS 1.3"; "TLS" if unknown */

/*
 * What a server gave us to resume by (ticket or session): a thread's, one a server (host, port).
 * Kept by whoever keeps the server; all its connections share it and each adds to it, with
 * TLS 1.3 whenever a ticket comes with received bytes. All zero: none so far. Its address stays
 * until its last connection was closed.
 */
#define PELT_TLS_TICKETS                                                                           \
    8 /* the newest; of TLS 1.3 each is good for one handshake (RFC 8446, C.4) */
struct pelt_tls_session {
    struct pelt_tls_thread *thread;
    void *tickets[PELT_TLS_TICKETS]; /* the oldest first */
    unsigned len;
};
void pelt_tls_session_forget(struct pelt_tls_session *session); /* the next handshake is full */

/*
 * Puts TLS upon `t`, a connected transport; its fd stays the transport's. Upon TLS: by another
 * thread object than that one's, as the bytes of both pass at one time. `host`: the name or
 * IP literal (no brackets) that the certificate must be for; a name is also sent (SNI); copied.
 * `session`: borrowed until close; NULL: nothing is resumed or kept. PELT_ENOMEM: `t` is as before.
 */
PELT_MUST_USE enum pelt_status pelt_transport_tls(struct pelt_transport *t,
                                                  struct pelt_tls_thread *thread, const char *host,
                                                  struct pelt_tls_session *session);
/*
 * Goes on with the handshake as far as it goes. First call: at once; then whenever the socket is
 * told to be readable or writable. PELT_OK: send and recv may be called; the server may not know so
 * before the first of them. PELT_AGAIN. PELT_EIO:
 * failed, see pelt_tls_failure(), then close. PELT_ENOMEM: close. Either is told of again if asked
 * again.
 */
PELT_MUST_USE enum pelt_status pelt_tls_handshake(struct pelt_transport *t);

/*
 * X(NAME, "name"): why TLS failed. A server that sends nothing but its own certificate either left
 * out an intermediate or has a CA that is not trusted; it counts as MISSING_INTERMEDIATE if the
 * certificate says where its issuer's is found (AIA) or who issued that one (AKI), or if its issuer
 * has the organisation (O) of a trusted CA, else as UNKNOWN_CA.
 */
#define PELT_TLS_CLASSES(X)                                                                        \
    X(EXPIRED, "expired")             /* the server's certificate or one above it */               \
    X(NOT_YET_VALID, "not_yet_valid") /* the same */                                               \
    X(WRONG_HOST, "wrong_host")       /* it is for other names or addresses */                     \
    X(SELF_SIGNED, "self_signed")     /* the certificate is its own issuer, and not trusted */     \
    X(UNKNOWN_CA, "unknown_ca")       /* issued by a CA that is not trusted */                     \
    X(MISSING_INTERMEDIATE, "missing_intermediate") /* the server did not send its issuer's */     \
    X(UNSUITABLE, "unsuitable") /* revoked, not for servers, weak, broken signature */             \
    X(CLIENT_CERT_MISSING, "client_cert_missing") /* the server wants one, none is set */          \
    X(CLIENT_CERT_REFUSED, "client_cert_refused") /* ours did not please the server */             \
    X(VERSION, "version")                         /* no TLS version in common */                   \
    X(CIPHER, "cipher")             /* no cipher suite, group or signature in common */            \
    X(UNKNOWN_NAME, "unknown_name") /* the server does not serve the name we sent (SNI) */         \
    X(ALPN, "alpn")                 /* the server does not speak the protocol we ask for */        \
    X(NOT_TLS, "not_tls")           /* what answers speaks another protocol, as plain HTTP */      \
    X(CUT_OFF, "cut_off")           /* the connection ended or was reset during the handshake */   \
    X(TRUNCATED, "truncated")       /* it ended later, without TLS' own end (close_notify) */      \
    X(RESET, "reset")               /* it was reset later */                                       \
    X(ALERT, "alert")               /* the server gave up with an alert, which the line names */   \
    X(PROTOCOL, "protocol")         /* bytes that break TLS */                                     \
    X(INTERNAL, "internal")         /* the library failed on our side */

enum pelt_tls_class {
#define PELT_TLS_X(name, text) PELT_TLS_##name,
    PELT_TLS_CLASSES(PELT_TLS_X)
#undef PELT_TLS_X
        PELT_TLS_CLASS_COUNT,
};

const char *pelt_tls_class_name(enum pelt_tls_class class); /* "expired", ... */

struct pelt_tls_failure {
    enum pelt_tls_class class;
    const char
        *text; /* one line: what failed and what to do; no name of ours or the host in front */
};

/* Why handshake or recv of `t` answered PELT_EIO; NULL: it did not, or `t` is no TLS. Until close.
 * t->err is then the socket's errno, or ECONNABORTED (TRUNCATED, CUT_OFF), or EPROTO. A send that
 * finds the socket broken has its errno alone, as what was received before still counts. */
const struct pelt_tls_failure *pelt_tls_failure(const struct pelt_transport *t);

/* Of a connection whose handshake is done. Cheap. */
bool pelt_tls_resumed(const struct pelt_transport *t);

struct pelt_tls_about {
    uint16_t version; /* PELT_TLS_1_* */
    bool resumed;
    char cipher[64]; /* IANA's name: "TLS_AES_256_GCM_SHA384" */
    char alpn[16];   /* what the server chose; empty: nothing */
};
void pelt_tls_about(const struct pelt_transport *t, struct pelt_tls_about *out);

/* For humans; what is too long is cut. */
struct pelt_tls_certificate {
    char subject[256], issuer[256]; /* "C=DE, O=Example, CN=api.test" */
    char names[512];                /* "api.test, *.api.test, 127.0.0.1"; empty: none */
    char key[32];                   /* "RSA 2048", "EC P-256", "ED25519" */
    char signature[48];             /* "sha256WithRSAEncryption" */
    char sha256[65];                /* fingerprint, hex */
    int64_t not_before_s, not_after_s;
    bool ca;
};

#define PELT_TLS_CHAIN_MAX 8

/* The chain as the server sent it, its own certificate first; also after a failed verification
 * (then at least its own). Returns how many, at most `max`; 0: none known, as TLS 1.3 resumes
 * without. */
unsigned pelt_tls_peer_chain(const struct pelt_transport *t, struct pelt_tls_certificate *out,
                             unsigned max);

#endif
