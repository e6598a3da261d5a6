/*
 * tls_server: see the header.
 */
#include "tls_server.h"

#include "../test.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

/* ---- certificates ---- */

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void add_name(X509_NAME *to, const char *field, const char *value)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(to, field, MBSTRING_UTF8,
                                                (const unsigned char *)value, -1, -1, 0),
                     1);
}

void test_cert_make(struct test_cert *c, const struct test_cert_settings *s)
{
    static long serial = 1;
    const struct test_cert *issuer = s->issuer != NULL ? s->issuer : c;
    bool dated = s->from_day != 0 || s->to_day != 0;
    c->key = s->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    c->x = X509_new();
    X509_set_version(c->x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c->x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c->x), 86400L * (dated ? s->from_day : -1));
    X509_gmtime_adj(X509_getm_notAfter(c->x), 86400L * (dated ? s->to_day : 1));
    X509_set_pubkey(c->x, c->key);
    X509_NAME *name = X509_get_subject_name(c->x);
    if (s->organisation != NULL) {
        add_name(name, "O", s->organisation);
    }
    add_name(name, "CN", s->name);
    X509_set_issuer_name(c->x, X509_get_subject_name(issuer->x));
    add_extension(c->x, issuer->x, NID_basic_constraints, s->ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (s->names != NULL) {
        add_extension(c->x, issuer->x, NID_subject_alt_name, s->names);
    }
    if (s->usage != NULL) {
        add_extension(c->x, issuer->x, NID_ext_key_usage, s->usage);
    }
    if (s->issuers_at != NULL) {
        char value[256];
        snprintf(value, sizeof(value), "caIssuers;URI:%s", s->issuers_at);
        add_extension(c->x, issuer->x, NID_info_access, value);
    }
    assert_true(X509_sign(c->x, issuer->key, EVP_sha256()) > 0);
}

void test_cert_free(struct test_cert *c)
{
    X509_free(c->x);
    EVP_PKEY_free(c->key);
    *c = (struct test_cert){0};
}

void test_cert_write(const struct test_cert *c, const char *path, bool with_key)
{
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, c->x), 1);
    if (with_key) {
        assert_int_equal(PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL), 1);
    }
    fclose(f);
}

/* ---- OpenSSL ---- */

struct test_server {
    struct test_server_settings settings;
    SSL_CTX *ctx; /* OpenSSL */
    /* mbedTLS */
    mbedtls_ssl_config config;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt own, client_ca;
    mbedtls_pk_context key;
    const char *alpn[2];
};

struct test_peer {
    struct test_server *server;
    int fd;
    bool done;
    SSL *ssl;
    mbedtls_ssl_context mbed;
};

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *arg)
{
    const char *wanted = arg;
    for (unsigned i = 0; i < in_len; i += in[i] + 1u) {
        if (in[i] == strlen(wanted) && memcmp(in + i + 1, wanted, in[i]) == 0) {
            *out = in + i + 1;
            *out_len = in[i];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int choose_name(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return name != NULL && strcmp(name, arg) == 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void openssl_init(struct test_server *server)
{
    const struct test_server_settings *s = &server->settings;
    SSL_CTX *ctx = server->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(ctx, s->version_min);
    SSL_CTX_set_max_proto_version(ctx, s->version_max);
    SSL_CTX_set_security_level(ctx, 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, s->chain[0]->x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, s->chain[0]->key), 1);
    for (int i = 1; i < TEST_CHAIN_MAX && s->chain[i] != NULL; i++) {
        assert_int_equal(SSL_CTX_add1_chain_cert(ctx, s->chain[i]->x), 1);
    }
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
    if (s->ciphers != NULL) {
        assert_int_equal(SSL_CTX_set_cipher_list(ctx, s->ciphers), 1);
    }
    if (s->alpn != NULL) {
        SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, (void *)(uintptr_t)s->alpn);
    }
    if (s->only_name != NULL) {
        SSL_CTX_set_tlsext_servername_callback(ctx, choose_name);
        SSL_CTX_set_tlsext_servername_arg(ctx, (void *)(uintptr_t)s->only_name);
    }
    if (s->client_ca != NULL) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), s->client_ca->x), 1);
    }
}

/* ---- mbedTLS ---- */

static void parse_certificate(mbedtls_x509_crt *to, X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    assert_int_equal(mbedtls_x509_crt_parse_der(to, der, (size_t)len), 0);
    OPENSSL_free(der);
}

static void parse_key(struct test_server *server, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key, &der);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    assert_int_equal(mbedtls_pk_parse_key(&server->key, der, (size_t)len, NULL, 0,
                                          mbedtls_ctr_drbg_random, &server->random),
                     0);
#else
    assert_int_equal(mbedtls_pk_parse_key(&server->key, der, (size_t)len, NULL, 0), 0);
#endif
    OPENSSL_free(der);
}

static void mbedtls_versions(mbedtls_ssl_config *config, const struct test_server_settings *s)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (s->version_min != 0) {
        mbedtls_ssl_conf_min_tls_version(config, (mbedtls_ssl_protocol_version)s->version_min);
    }
    if (s->version_max != 0) {
        mbedtls_ssl_conf_max_tls_version(config, (mbedtls_ssl_protocol_version)s->version_max);
    }
#else
    if (s->version_min != 0) {
        mbedtls_ssl_conf_min_version(config, 3, s->version_min - 0x0300);
    }
    if (s->version_max != 0) {
        mbedtls_ssl_conf_max_version(config, 3, s->version_max - 0x0300);
    }
#endif
}

static void mbedtls_init(struct test_server *server)
{
    const struct test_server_settings *s = &server->settings;
    mbedtls_ssl_config *config = &server->config;
    mbedtls_entropy_init(&server->entropy);
    mbedtls_ctr_drbg_init(&server->random);
    mbedtls_ssl_config_init(config);
    mbedtls_ssl_ticket_init(&server->tickets);
    mbedtls_x509_crt_init(&server->own);
    mbedtls_x509_crt_init(&server->client_ca);
    mbedtls_pk_init(&server->key);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    assert_int_equal(psa_crypto_init(), PSA_SUCCESS);
#endif
    assert_int_equal(
        mbedtls_ctr_drbg_seed(&server->random, mbedtls_entropy_func, &server->entropy, NULL, 0), 0);
    assert_int_equal(mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &server->random);
    mbedtls_versions(config, s);
    for (int i = 0; i < TEST_CHAIN_MAX && s->chain[i] != NULL; i++) {
        parse_certificate(&server->own, s->chain[i]->x);
    }
    parse_key(server, s->chain[0]->key);
    assert_int_equal(mbedtls_ssl_conf_own_cert(config, &server->own, &server->key), 0);
    assert_int_equal(mbedtls_ssl_ticket_setup(&server->tickets, mbedtls_ctr_drbg_random,
                                              &server->random, MBEDTLS_CIPHER_AES_256_GCM, 86400),
                     0);
    mbedtls_ssl_conf_session_tickets_cb(config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                        &server->tickets);
    if (s->alpn != NULL) {
        server->alpn[0] = s->alpn;
        assert_int_equal(mbedtls_ssl_conf_alpn_protocols(config, server->alpn), 0);
    }
    if (s->client_ca != NULL) {
        parse_certificate(&server->client_ca, s->client_ca->x);
        mbedtls_ssl_conf_ca_chain(config, &server->client_ca, NULL);
        mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
}

static int on_recv(void *arg, unsigned char *bytes, size_t len)
{
    struct test_peer *peer = arg;
    ssize_t n = recv(peer->fd, bytes, len, 0);
    return n >= 0 ? (int)n : errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_READ : -0x50;
}

static int on_send(void *arg, const unsigned char *bytes, size_t len)
{
    struct test_peer *peer = arg;
    ssize_t n = send(peer->fd, bytes, len, MSG_NOSIGNAL);
    return n >= 0 ? (int)n : errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : -0x4e;
}

/* ---- both ---- */

static bool by_openssl(const struct test_server *server)
{
    return server->settings.backend == PELT_TLS_OPENSSL;
}

struct test_server *test_server_new(const struct test_server_settings *settings)
{
    struct test_server *server = calloc(1, sizeof(*server));
    assert_non_null(server);
    server->settings = *settings;
    if (by_openssl(server)) {
        openssl_init(server);
    } else {
        mbedtls_init(server);
    }
    return server;
}

void test_server_free(struct test_server *server)
{
    if (by_openssl(server)) {
        SSL_CTX_free(server->ctx);
    } else {
        mbedtls_ssl_config_free(&server->config);
        mbedtls_ssl_ticket_free(&server->tickets);
        mbedtls_x509_crt_free(&server->own);
        mbedtls_x509_crt_free(&server->client_ca);
        mbedtls_pk_free(&server->key);
        mbedtls_ctr_drbg_free(&server->random);
        mbedtls_entropy_free(&server->entropy);
    }
    free(server);
}

struct test_peer *test_peer_new(struct test_server *server, int fd)
{
    struct test_peer *peer = calloc(1, sizeof(*peer));
    assert_non_null(peer);
    peer->server = server;
    peer->fd = fd;
    if (by_openssl(server)) {
        peer->ssl = SSL_new(server->ctx);
        SSL_set_fd(peer->ssl, fd);
        SSL_set_accept_state(peer->ssl);
        SSL_set_mode(peer->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    } else {
        mbedtls_ssl_init(&peer->mbed);
        assert_int_equal(mbedtls_ssl_setup(&peer->mbed, &server->config), 0);
        mbedtls_ssl_set_bio(&peer->mbed, peer, on_send, on_recv, NULL);
    }
    return peer;
}

static ssize_t openssl_answer(struct test_peer *peer, int n)
{
    if (n > 0) {
        return n;
    }
    int error = SSL_get_error(peer->ssl, n);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? PELT_AGAIN
           : error == SSL_ERROR_ZERO_RETURN                              ? PELT_EOF
                                                                         : PELT_EIO;
}

static ssize_t mbedtls_answer(int n)
{
    return n > 0                                                               ? n
           : n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE ? PELT_AGAIN
           : n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY                            ? PELT_EOF
                                                                               : PELT_EIO;
}

enum pelt_status test_peer_handshake(struct test_peer *peer)
{
    ssize_t n = 1;
    if (peer->done) {
        return PELT_OK;
    }
    if (by_openssl(peer->server)) {
        n = openssl_answer(peer, SSL_do_handshake(peer->ssl));
    } else {
        int error = mbedtls_ssl_handshake(&peer->mbed);
        n = error == 0 ? 1 : mbedtls_answer(error);
    }
    peer->done = n > 0;
    return peer->done ? PELT_OK : (enum pelt_status)n;
}

ssize_t test_peer_read(struct test_peer *peer, void *bytes, size_t len)
{
    return by_openssl(peer->server) ? openssl_answer(peer, SSL_read(peer->ssl, bytes, (int)len))
                                    : mbedtls_answer(mbedtls_ssl_read(&peer->mbed, bytes, len));
}

ssize_t test_peer_write(struct test_peer *peer, const void *bytes, size_t len)
{
    return by_openssl(peer->server) ? openssl_answer(peer, SSL_write(peer->ssl, bytes, (int)len))
                                    : mbedtls_answer(mbedtls_ssl_write(&peer->mbed, bytes, len));
}

void test_peer_say_end(struct test_peer *peer)
{
    if (by_openssl(peer->server)) {
        SSL_shutdown(peer->ssl);
    } else {
        mbedtls_ssl_close_notify(&peer->mbed);
    }
}

const char *test_peer_name(struct test_peer *peer)
{
    return SSL_get_servername(peer->ssl, TLSEXT_NAMETYPE_host_name);
}

void test_peer_free(struct test_peer *peer)
{
    if (by_openssl(peer->server)) {
        SSL_set_shutdown(peer->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(peer->ssl);
    } else {
        mbedtls_ssl_free(&peer->mbed);
    }
    close(peer->fd);
    free(peer);
    ERR_clear_error();
}
