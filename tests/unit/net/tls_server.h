/*
 * tls_server: servers of both libraries in the process of a test, over one end of a socket pair,
 * and the certificates that they and their clients show. A server's contexts live over several
 * connections, so that it knows the tickets it gave out.
 *
 * Thread: the caller's. Nothing blocks: a test moves client and server in turn.
 */
#ifndef TEST_TLS_SERVER_H
#define TEST_TLS_SERVER_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pelt/tls.h"

/* ---- certificates ---- */

struct test_cert {
    X509 *x;
    EVP_PKEY *key;
};

struct test_cert_settings {
    const char *name, *organisation; /* CN and O of the subject; organisation NULL: none */
    const char *names;               /* "DNS:a.test,IP:127.0.0.1"; NULL: none */
    const char *usage;               /* extended key usage; NULL: none */
    const char *issuers_at;          /* URL of the issuer's certificate; NULL: none */
    const struct test_cert *issuer;  /* NULL: itself */
    int from_day, to_day;            /* from now; both 0: yesterday to tomorrow */
    bool ca, rsa;
};

void test_cert_make(struct test_cert *c, const struct test_cert_settings *s);
void test_cert_free(struct test_cert *c);
/* Appends it to a PEM file; its key, too, if asked. */
void test_cert_write(const struct test_cert *c, const char *path, bool with_key);

/* ---- servers ---- */

#define TEST_CHAIN_MAX 4

struct test_server_settings {
    enum pelt_tls_library backend;
    const struct test_cert *chain[TEST_CHAIN_MAX]; /* its own first; NULL ends it */
    uint16_t version_min, version_max;             /* 0: the library's */
    const char *ciphers;                           /* OpenSSL's list up to 1.2, OpenSSL only */
    const char *alpn;
    const struct test_cert *client_ca; /* a certificate of it is demanded; NULL: none is */
    const char *only_name;             /* others are refused with an alert, OpenSSL only */
};

struct test_server;
struct test_server *test_server_new(const struct test_server_settings *settings);
void test_server_free(struct test_server *server);

/* A connection of it over `fd`, which is its own. */
struct test_peer;
struct test_peer *test_peer_new(struct test_server *server, int fd);
/* Goes on with the handshake: PELT_OK, PELT_AGAIN, PELT_EIO. */
enum pelt_status test_peer_handshake(struct test_peer *peer);
ssize_t test_peer_read(struct test_peer *peer, void *bytes,
                       size_t len); /* as recv of a transport */
ssize_t test_peer_write(struct test_peer *peer, const void *bytes, size_t len);
void test_peer_say_end(struct test_peer *peer);     /* close_notify */
const char *test_peer_name(struct test_peer *peer); /* SNI; NULL: none, OpenSSL only */
void test_peer_free(struct test_peer *peer);        /* closes, without a word */

#endif
