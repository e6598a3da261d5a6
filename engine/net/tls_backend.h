/*
 * tls_backend: what the files of TLS share: the three objects, and the table of functions that each
 * library stands behind.
 *
 * A library never sees a socket. It pulls the records it reads from pelt_tls_pull() and pushes
 * those it writes to pelt_tls_push(), which always takes them; tls.c moves them, many at a time,
 * from and to the transport below. So a library waits for input only, never for output, and whether
 * bytes of the caller may move between two calls does not concern it.
 *
 * PEM files and the reading of certificates for humans are OpenSSL's for both libraries.
 */
#ifndef PELT_TLS_BACKEND_H
#define PELT_TLS_BACKEND_H

#include <openssl/x509.h>

#include "pelt/tls.h"

#define PELT_TLS_RECORD_BYTES 16384 /* of plain text in one record */
#define PELT_TLS_RECORDS      4     /* gathered into one send */
/* What one system call moves at most, each way. */
#define PELT_TLS_STAGE_BYTES (PELT_TLS_RECORDS * (PELT_TLS_RECORD_BYTES + 512))
#define PELT_TLS_CIPHERS_MAX 96

/* ---- files (tls_files.c) ---- */

/* What the files of the settings hold; shared, not changed any more. */
struct pelt_tls_files {
    STACK_OF(X509) * cas; /* trusted; NULL with --insecure */
    char *cas_name;       /* where they are from */
    STACK_OF(X509) * own; /* the client's, its own certificate first; NULL: none */
    EVP_PKEY *key;        /* of it */
};

PELT_MUST_USE enum pelt_status pelt_tls_files_read(struct pelt_tls_files *f,
                                                   const struct pelt_tls_settings *settings,
                                                   struct pelt_error *err);
void pelt_tls_files_deinit(struct pelt_tls_files *f);

/* ---- ciphers (tls_ciphers.c) ---- */

/* All zero: the library's own choice. */
struct pelt_tls_ciphers {
    char *list;                         /* OpenSSL's names, up to TLS 1.2; NULL: its own choice */
    char *suites;                       /* the same, of TLS 1.3 */
    uint16_t ids[PELT_TLS_CIPHERS_MAX]; /* both, as on the wire */
    unsigned len;
};

PELT_MUST_USE enum pelt_status pelt_tls_ciphers_read(struct pelt_tls_ciphers *c, const char *text,
                                                     struct pelt_error *err);
void pelt_tls_ciphers_deinit(struct pelt_tls_ciphers *c);

/* ---- certificates (tls_certificate.c) ---- */

/* A chain of certificates as a server sent it, DER. Zeroed: empty. */
struct pelt_tls_chain {
    unsigned len;
    struct {
        unsigned char *der;
        size_t len;
    } at[PELT_TLS_CHAIN_MAX];
};

/* Copies; what has no room or memory is left out. */
void pelt_tls_chain_add(struct pelt_tls_chain *chain, const unsigned char *der, size_t len);
void pelt_tls_chain_deinit(struct pelt_tls_chain *chain);
void pelt_tls_certificate_read(struct pelt_tls_certificate *out, X509 *x);
bool pelt_tls_is_literal(const char *host);
/* The certificate is for this IP literal. */
bool pelt_tls_covers_literal(const unsigned char *der, size_t len, const char *literal);

/* ---- failures (tls_failure.c) ---- */

/* What the verification of a certificate found; several may be set. */
enum pelt_tls_flaw {
    PELT_TLS_FLAW_UNTRUSTED = 1,
    PELT_TLS_FLAW_UNSUITABLE = 2,
    PELT_TLS_FLAW_HOST = 4,
    PELT_TLS_FLAW_EXPIRED = 8,
    PELT_TLS_FLAW_EARLY = 16,
};

/* What is known of a failure when it is to be told. */
struct pelt_tls_trouble {
    unsigned flaws;              /* enum pelt_tls_flaw: of the server's certificates; 0: none */
    struct pelt_tls_chain chain; /* with flaws: what the server sent */
    X509 *flawed;                /* with flaws: the one of the chain, or above it; NULL: unknown */
    int alert;                   /* by the server; -1: none */
    enum pelt_tls_class class; /* as the library sees it: VERSION, CIPHER, PROTOCOL, INTERNAL ... */
    char detail[160];          /* the library's own words, or the flaw's; empty: none */
};

/* ---- records (tls_records.c) ---- */

/* Follows the records that come in, before the library reads them: how much of one is here, and
 * what can be seen of a handshake from outside. */
struct pelt_tls_records {
    unsigned char header[5];
    uint8_t header_len;
    uint8_t message[4]; /* header of a handshake message */
    uint8_t message_len;
    bool is_alert;   /* the running record is one in plain text */
    bool sealed;     /* what follows is encrypted */
    bool foreign;    /* not TLS at all; `header` has its first bytes */
    bool cert_asked; /* the server asked for a client's certificate (seen up to TLS 1.2) */
    int16_t alert;   /* in plain text; -1: none */
    uint8_t alert_len;
    uint32_t body_left;    /* of the running record */
    uint32_t message_left; /* of the running handshake message */
    uint32_t partial;      /* bytes of the running record, its header's with them, that came */
};

void pelt_tls_records_init(struct pelt_tls_records *r);
void pelt_tls_records_pass(struct pelt_tls_records *r, const unsigned char *bytes, size_t len);

/* ---- the objects ---- */

struct pelt_tls_conn;

struct pelt_tls_backend {
    const char *option;        /* of --tls */
    const char *(*name)(void); /* for humans, with the library's version */
    uint16_t version_min, version_max;

    /* The six of a connection. new: `*conn` is filled but for `ssl`. set_session: before the
     * handshake; false: the ticket is of no more use. handshake: PELT_OK; PELT_AGAIN (more input);
     * PELT_EIO, `conn->trouble` filled; PELT_ENOMEM. read: as a transport's recv, PELT_EOF by
     * close_notify only. write: `len` at most one record; all of it (the return value), or
     * PELT_EIO, PELT_ENOMEM. free: accepts a half-made one. */
    enum pelt_status (*conn_new)(struct pelt_tls_conn *conn);
    bool (*set_session)(struct pelt_tls_conn *conn, void *ticket);
    enum pelt_status (*handshake)(struct pelt_tls_conn *conn);
    ssize_t (*read)(struct pelt_tls_conn *conn, void *bytes, size_t len);
    ssize_t (*write)(struct pelt_tls_conn *conn, const void *bytes, size_t len);
    void (*conn_free)(struct pelt_tls_conn *conn);

    /* Of a connection that is up. */
    bool (*holds)(struct pelt_tls_conn *conn); /* bytes it could read without input */
    void (*say_end)(struct pelt_tls_conn *conn);
    void (*about)(struct pelt_tls_conn *conn, struct pelt_tls_about *out);
    void (*peer_chain)(struct pelt_tls_conn *conn, struct pelt_tls_chain *out);

    /* Tickets: made by a connection (pelt_tls_keep()), freed here. */
    void (*ticket_free)(void *ticket);

    /* The objects; `shared` and `config` are the library's. */
    enum pelt_status (*shared_new)(struct pelt_tls *tls, struct pelt_error *err);
    void (*shared_free)(struct pelt_tls *tls);
    enum pelt_status (*config_new)(struct pelt_tls_thread *thread, struct pelt_error *err);
    void (*config_free)(struct pelt_tls_thread *thread);
};

extern const struct pelt_tls_backend pelt_tls_mbedtls, pelt_tls_openssl;

struct pelt_tls {
    const struct pelt_tls_backend *backend;
    struct pelt_tls_files files;
    bool insecure, no_resume;
    uint16_t version_min, version_max;
    struct pelt_tls_ciphers ciphers;
    char alpn[16]; /* empty: none */
    void *shared;
};

/* Bytes on their way during one call: nothing stays here between two. */
struct pelt_tls_stage {
    size_t at, len; /* in: bytes[at..len) wait to be pulled; out: bytes[0..len) to be sent */
    unsigned char bytes[PELT_TLS_STAGE_BYTES];
};

struct pelt_tls_thread {
    const struct pelt_tls *tls;
    void *config;
    size_t fetch_max; /* of input, by one system call of this pull; 0: none */
    bool drained;     /* this call found the socket empty */
    struct pelt_tls_stage in;
    struct pelt_tls_stage out;
};

/* Bytes that a connection keeps between two calls; freed when empty. */
struct pelt_tls_rest {
    unsigned char *bytes;
    size_t at, len;
};

enum pelt_tls_end {
    PELT_TLS_UP,     /* or on the way */
    PELT_TLS_CLOSED, /* close_notify came */
    PELT_TLS_FAILED, /* `failure` says why */
    PELT_TLS_NO_MEMORY,
};

struct pelt_tls_conn {
    struct pelt_transport below; /* what the records go over */
    struct pelt_tls_thread *thread;
    struct pelt_tls_session *session; /* NULL: none */
    void *ssl;
    struct pelt_tls_rest in;  /* came with the handshake's last record */
    struct pelt_tls_rest out; /* did not go out */
    bool held;                /* it was not tried: the handshake's end, for the first send */
    size_t out_plain;         /* bytes of the caller whose records end in `out` */
    struct pelt_tls_records records;
    uint8_t end; /* enum pelt_tls_end */
    bool done;   /* the handshake */
    bool resumed;
    bool below_ended;    /* the peer's end, without or behind close_notify */
    bool no_memory;      /* a push or a pull had none */
    int16_t below_error; /* errno of the transport below; 0: none */
    int16_t send_error;  /* the same, of sending: what was received before still counts */
    int16_t err;         /* FAILED: for pelt_transport.err */
    struct pelt_tls_failure failure;
    char *text;                       /* of the failure; NULL: no memory for it */
    struct pelt_tls_trouble *trouble; /* NULL: none, or no memory for it */
    char host[];
};

/* For a library: bytes of records that came. > 0; PELT_AGAIN; PELT_EOF, the peer ended the
 * connection; PELT_EIO. */
ssize_t pelt_tls_pull(struct pelt_tls_conn *conn, void *bytes, size_t len);
/* For a library: these bytes are to be sent. Always takes them. */
void pelt_tls_push(struct pelt_tls_conn *conn, const void *bytes, size_t len);
/* For a library: the server gave `ticket`, which is its session's from now on. */
void pelt_tls_keep(struct pelt_tls_conn *conn, void *ticket);
/* Where a library notes what it knows of a failure; made at first use. NULL: no memory. */
struct pelt_tls_trouble *pelt_tls_trouble(struct pelt_tls_conn *conn);

/* Tells why `conn` failed: sets end, failure, text, err. */
void pelt_tls_fail(struct pelt_tls_conn *conn);

#endif
