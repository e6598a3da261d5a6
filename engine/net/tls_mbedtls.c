/*
 * tls_mbedtls: mbedTLS behind the table, 2.28 (up to TLS 1.2) and 3.6 (up to TLS 1.3). A process
 * has one chain of CAs, which mbedTLS guards by locks of its own where it writes to it; a thread
 * its random generator, configuration and client key.
 *
 * What 2.28 does not tell is seen by the steps of the handshake: one that comes to the server's
 * certificate is a full one. What 2.28 does not do, matching addresses with certificates, is done
 * when a certificate is verified.
 */
#include <assert.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#else
#define MBEDTLS_PRIVATE(member) member
#endif
#include <string.h>

#include "tls_backend.h"

#define CIPHERS_MAX 256
_Static_assert(PELT_TLS_CIPHERS_MAX < CIPHERS_MAX, "a user's list has room");

/* A thread's. */
struct config {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config ssl;
    mbedtls_x509_crt own;
    mbedtls_pk_context key;
    int ciphers[CIPHERS_MAX]; /* 0 ends it */
    const char *alpn[2];      /* NULL ends it */
};

static enum pelt_status no_memory(struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "no memory for mbedTLS");
}

static mbedtls_ssl_context *ssl_of(struct pelt_tls_conn *conn)
{
    return conn->ssl;
}

/* ---- bytes ---- */

static int on_pull(void *conn, unsigned char *bytes, size_t len)
{
    ssize_t n = pelt_tls_pull(conn, bytes, len);
    return n > 0             ? (int)n
           : n == PELT_AGAIN ? MBEDTLS_ERR_SSL_WANT_READ
                             : 0; /* the end; the connection knows which */
}

static int on_push(void *conn, const unsigned char *bytes, size_t len)
{
    pelt_tls_push(conn, bytes, len);
    return (int)len;
}

/* ---- failures ---- */

static unsigned flaws_of(uint32_t flags)
{
    const uint32_t known = MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_CN_MISMATCH |
                           MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
    return (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED ? PELT_TLS_FLAW_UNTRUSTED : 0u) |
           (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH ? PELT_TLS_FLAW_HOST : 0u) |
           (flags & MBEDTLS_X509_BADCERT_EXPIRED ? PELT_TLS_FLAW_EXPIRED : 0u) |
           (flags & MBEDTLS_X509_BADCERT_FUTURE ? PELT_TLS_FLAW_EARLY : 0u) |
           (flags & ~known ? PELT_TLS_FLAW_UNSUITABLE : 0u);
}

/* Adds what was found at one certificate; `crt` NULL: at which is not known. The one kept is that
 * of the flaw that will be told, which is the lowest. */
static void note_flaws(struct pelt_tls_conn *conn, const mbedtls_x509_crt *crt, uint32_t flags)
{
    struct pelt_tls_trouble *trouble = pelt_tls_trouble(conn);
    unsigned flaws = flaws_of(flags);
    if (trouble == NULL) {
        return;
    }
    unsigned before = trouble->flaws & -trouble->flaws, now = flaws & -flaws;
    if (before == 0 || now < before) {
        X509_free(trouble->flawed);
        trouble->flawed = NULL;
        if (crt != NULL) {
            const unsigned char *der = crt->raw.p;
            trouble->flawed = d2i_X509(NULL, &der, (long)crt->raw.len);
        }
    }
    if (flaws & PELT_TLS_FLAW_UNSUITABLE) {
        mbedtls_x509_crt_verify_info(trouble->detail, sizeof(trouble->detail), "", flags);
        trouble->detail[strcspn(trouble->detail, "\n")] = '\0';
    }
    trouble->flaws |= flaws;
}

/* Of each certificate of the verified chain, from its root down to the server's own (depth 0),
 * which is the head of the list that the server sent. */
static int on_verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct pelt_tls_conn *conn = arg;
    if (depth == 0 && pelt_tls_is_literal(conn->host) &&
        !pelt_tls_covers_literal(crt->raw.p, crt->raw.len, conn->host)) {
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    if (depth == 0 &&
        mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_SERVER_AUTH,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0) {
        *flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE; /* mbedTLS would find it too late for us */
    }
    if (*flags != 0) {
        note_flaws(conn, crt, *flags);
    }
    if (depth == 0 && conn->trouble != NULL) {
        for (const mbedtls_x509_crt *sent = crt; sent != NULL; sent = sent->next) {
            pelt_tls_chain_add(&conn->trouble->chain, sent->raw.p, sent->raw.len);
        }
    }
    return 0;
}

/* mbedTLS cannot read the certificate: it is damaged, or has what mbedTLS does not know (a critical
 * extension, constraints on names). */
static bool is_of_certificate(int error)
{
    int high = -(-error & 0xff80);
    return high <= MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && high >= MBEDTLS_ERR_X509_FATAL_ERROR;
}

static enum pelt_tls_class class_of(int error)
{
    if (is_of_certificate(error)) {
        return PELT_TLS_UNSUITABLE;
    }
    switch (error) {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return PELT_TLS_VERSION;
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
        return PELT_TLS_CIPHER;
#else
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION:
        return PELT_TLS_VERSION;
    case MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN:
    case MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE:
    case MBEDTLS_ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE:
        return PELT_TLS_CIPHER;
#endif
    case MBEDTLS_ERR_SSL_INTERNAL_ERROR:
    case MBEDTLS_ERR_SSL_BAD_INPUT_DATA:
    case MBEDTLS_ERR_SSL_NO_RNG:
    case MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL:
        return PELT_TLS_INTERNAL;
    default:
        return PELT_TLS_PROTOCOL;
    }
}

static bool is_want_of_memory(int error)
{
    int low = -(-error & 0x7f);
    return error == MBEDTLS_ERR_SSL_ALLOC_FAILED || error == MBEDTLS_ERR_X509_ALLOC_FAILED ||
           error == MBEDTLS_ERR_PK_ALLOC_FAILED || low == MBEDTLS_ERR_MPI_ALLOC_FAILED;
}

static enum pelt_status take_error(struct pelt_tls_conn *conn, int error)
{
    mbedtls_ssl_context *ssl = ssl_of(conn);
    if (is_want_of_memory(error)) {
        return PELT_ENOMEM;
    }
    struct pelt_tls_trouble *trouble = pelt_tls_trouble(conn);
    if (trouble == NULL || trouble->flaws != 0) {
        return PELT_EIO;
    }
    uint32_t flags = conn->done ? 0 : mbedtls_ssl_get_verify_result(ssl);
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        trouble->alert = ssl->MBEDTLS_PRIVATE(in_msg)[1];
    } else if (flags != 0 && flags != UINT32_MAX && !conn->thread->tls->insecure) {
        note_flaws(conn, NULL, flags); /* found after on_verify: its use */
    } else if (error != 0 && error != MBEDTLS_ERR_SSL_CONN_EOF) {
        trouble->class = class_of(error);
        mbedtls_strerror(error, trouble->detail, sizeof(trouble->detail));
    }
    return PELT_EIO;
}

/* ---- sessions ---- */

static void mbedtls_ticket_free(void *ticket)
{
    mbedtls_ssl_session_free(ticket);
    free(ticket);
}

/* Keeps the connection's session; without the server's certificate, which each resumption would
 * copy and parse anew. */
static void keep_session(struct pelt_tls_conn *conn)
{
    if (conn->session == NULL || conn->thread->tls->no_resume) {
        return;
    }
    mbedtls_ssl_session *session = malloc(sizeof(*session));
    if (session == NULL) {
        return;
    }
    mbedtls_ssl_session_init(session);
    if (mbedtls_ssl_get_session(ssl_of(conn), session) != 0) {
        mbedtls_ticket_free(session);
        return;
    }
    mbedtls_x509_crt *peer = session->MBEDTLS_PRIVATE(peer_cert);
    if (peer != NULL) {
        mbedtls_x509_crt_free(peer);
        free(peer);
        session->MBEDTLS_PRIVATE(peer_cert) = NULL;
    }
    pelt_tls_keep(conn, session);
}

static bool mbedtls_take_session(struct pelt_tls_conn *conn, void *ticket)
{
    return mbedtls_ssl_set_session(ssl_of(conn), ticket) == 0;
}

/* ---- the six ---- */

static enum pelt_status mbedtls_new(struct pelt_tls_conn *conn)
{
    struct config *config = conn->thread->config;
    mbedtls_ssl_context *ssl = malloc(sizeof(*ssl));
    conn->ssl = ssl;
    if (ssl == NULL) {
        return PELT_ENOMEM;
    }
    mbedtls_ssl_init(ssl);
    /* NULL: no name is sent, and the certificate's is on_verify's business. */
    const char *name = pelt_tls_is_literal(conn->host) ? NULL : conn->host;
    if (mbedtls_ssl_setup(ssl, &config->ssl) != 0 || mbedtls_ssl_set_hostname(ssl, name) != 0) {
        return PELT_ENOMEM;
    }
    mbedtls_ssl_set_bio(ssl, conn, on_push, on_pull, NULL);
    mbedtls_ssl_set_verify(ssl, on_verify, conn);
    return PELT_OK;
}

static bool is_over(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
}

static enum pelt_status mbedtls_shake(struct pelt_tls_conn *conn)
{
    mbedtls_ssl_context *ssl = ssl_of(conn);
    if (ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HELLO_REQUEST) {
        conn->resumed = true; /* until a certificate is seen */
    }
    while (!is_over(ssl)) {
        int error = mbedtls_ssl_handshake_step(ssl);
        if (ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE) {
            conn->resumed = false;
        }
        if (error == MBEDTLS_ERR_SSL_WANT_READ) {
            return PELT_AGAIN;
        }
        if (error != 0) {
            return take_error(conn, error);
        }
    }
    /* TLS 1.3 has its tickets come behind the handshake. */
    if (!conn->resumed && strcmp(mbedtls_ssl_get_version(ssl), "TLSv1.3") != 0) {
        keep_session(conn);
    }
    return PELT_OK;
}

static ssize_t mbedtls_read(struct pelt_tls_conn *conn, void *bytes, size_t len)
{
    mbedtls_ssl_context *ssl = ssl_of(conn);
    for (;;) {
        bool was_over = is_over(ssl);
        int n = mbedtls_ssl_read(ssl, bytes, len);
        if (n > 0) {
            return n;
        }
        switch (n) {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
        case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
            keep_session(conn);
            break;
#endif
        case MBEDTLS_ERR_SSL_WANT_READ:
            if (is_over(ssl) || !was_over) {
                return PELT_AGAIN;
            }
            break; /* a ticket came, and is looked at by the next call; a write would stumble on it
                    */
        case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
            return PELT_EOF;
        default:
            return take_error(conn, n);
        }
    }
}

static ssize_t mbedtls_write(struct pelt_tls_conn *conn, const void *bytes, size_t len)
{
    size_t put = 0;
    while (put < len) {
        int n = mbedtls_ssl_write(ssl_of(conn), (const unsigned char *)bytes + put, len - put);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
        if (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            keep_session(conn);
            continue;
        }
#endif
        if (n <= 0) {
            return take_error(conn, n);
        }
        put += (size_t)n;
    }
    return (ssize_t)put;
}

static void mbedtls_conn_free(struct pelt_tls_conn *conn)
{
    if (conn->ssl != NULL) {
        mbedtls_ssl_free(conn->ssl);
        free(conn->ssl);
    }
}

/* ---- of a connection that is up ---- */

static bool mbedtls_holds(struct pelt_tls_conn *conn)
{
    return mbedtls_ssl_check_pending(ssl_of(conn)) != 0;
}

static void mbedtls_say_end(struct pelt_tls_conn *conn)
{
    (void)mbedtls_ssl_close_notify(ssl_of(conn));
}

/* "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256" and "TLS1-3-AES-128-GCM-SHA256" in IANA's spelling. */
static void put_cipher(char *out, size_t size, const char *name)
{
    const char *rest = strncmp(name, "TLS1-3-", 7) == 0 ? name + 7 : name + 4;
    snprintf(out, size, "TLS_%s", rest);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
}

static uint16_t version_of(const char *name)
{
    uint16_t version = 0;
    return pelt_tls_version_parse(name + strlen("TLSv"), &version) ? version : 0;
}

static void mbedtls_about(struct pelt_tls_conn *conn, struct pelt_tls_about *out)
{
    mbedtls_ssl_context *ssl = ssl_of(conn);
    const char *alpn = mbedtls_ssl_get_alpn_protocol(ssl);
    out->version = version_of(mbedtls_ssl_get_version(ssl));
    put_cipher(out->cipher, sizeof(out->cipher), mbedtls_ssl_get_ciphersuite(ssl));
    snprintf(out->alpn, sizeof(out->alpn), "%s", alpn != NULL ? alpn : "");
}

static void mbedtls_peer_chain(struct pelt_tls_conn *conn, struct pelt_tls_chain *out)
{
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(ssl_of(conn));
    for (; crt != NULL; crt = crt->next) {
        pelt_tls_chain_add(out, crt->raw.p, crt->raw.len);
    }
}

/* ---- the process's ---- */

static void mbedtls_shared_free(struct pelt_tls *tls)
{
    if (tls->shared != NULL) {
        mbedtls_x509_crt_free(tls->shared);
        free(tls->shared);
        tls->shared = NULL;
    }
}

/* Parses `x` behind those in `to`. */
static int add_certificate(mbedtls_x509_crt *to, X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    if (len <= 0) {
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    int error = mbedtls_x509_crt_parse_der(to, der, (size_t)len);
    OPENSSL_free(der);
    return error;
}

/* A CA that mbedTLS cannot read, for its curve say, is none that it could verify with. */
static enum pelt_status mbedtls_shared_new(struct pelt_tls *tls, struct pelt_error *err)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (psa_crypto_init() != PSA_SUCCESS) {
        return pelt_fail(err, PELT_EIO, "mbedTLS found no source of randomness: try --tls openssl");
    }
#endif
    mbedtls_x509_crt *cas = malloc(sizeof(*cas));
    int added = 0, wanted = sk_X509_num(tls->files.cas);
    tls->shared = cas;
    if (cas == NULL) {
        return no_memory(err);
    }
    mbedtls_x509_crt_init(cas);
    for (int i = 0; i < wanted; i++) {
        int error = add_certificate(cas, sk_X509_value(tls->files.cas, i));
        if (error == MBEDTLS_ERR_X509_ALLOC_FAILED) {
            return no_memory(err);
        }
        added += error == 0;
    }
    if (wanted > 0 && added == 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: mbedTLS can read none of its certificates: try --tls openssl",
                         tls->files.cas_name);
    }
    return PELT_OK;
}

/* ---- a thread's ---- */

static void set_versions(mbedtls_ssl_config *ssl, const struct pelt_tls *tls)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    mbedtls_ssl_conf_min_tls_version(ssl, (mbedtls_ssl_protocol_version)tls->version_min);
    mbedtls_ssl_conf_max_tls_version(ssl, (mbedtls_ssl_protocol_version)tls->version_max);
#else
    mbedtls_ssl_conf_min_version(ssl, 3, tls->version_min - 0x0300);
    mbedtls_ssl_conf_max_version(ssl, 3, tls->version_max - 0x0300);
#endif
}

static void set_groups(mbedtls_ssl_config *ssl)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t groups[] = {
        MBEDTLS_SSL_IANA_TLS_GROUP_X25519,    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_X448,      MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
    };
    mbedtls_ssl_conf_groups(ssl, groups);
#else
    static const mbedtls_ecp_group_id groups[] = {
        MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP521R1,
        MBEDTLS_ECP_DP_SECP384R1,  MBEDTLS_ECP_DP_NONE,
    };
    mbedtls_ssl_conf_curves(ssl, groups);
#endif
}

static void set_sessions(mbedtls_ssl_config *ssl, bool no_resume)
{
    mbedtls_ssl_conf_session_tickets(ssl, no_resume ? MBEDTLS_SSL_SESSION_TICKETS_DISABLED
                                                    : MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#if MBEDTLS_VERSION_NUMBER >= 0x03060100
    if (!no_resume) {
        mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
            ssl, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    }
#endif
}

static void add_cipher(struct config *config, unsigned *len, int id)
{
    for (unsigned i = 0; i < *len; i++) {
        if (config->ciphers[i] == id) {
            return;
        }
    }
    if (*len + 1 < CIPHERS_MAX && mbedtls_ssl_ciphersuite_from_id(id) != NULL) {
        config->ciphers[(*len)++] = id;
    }
}

/* AES-128 first, as browsers have it, and as OpenSSL gets it from us; then mbedTLS' own order. */
static void add_usual_ciphers(struct config *config, unsigned *len)
{
    static const int first[] = {0x1301, 0xc02b, 0xc02f}; /* TLS 1.3, ECDHE-ECDSA, ECDHE-RSA */
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        add_cipher(config, len, first[i]);
    }
    for (const int *id = mbedtls_ssl_list_ciphersuites(); *id != 0; id++) {
        add_cipher(config, len, *id);
    }
}

static enum pelt_status set_ciphers(struct config *config, const struct pelt_tls_ciphers *c,
                                    struct pelt_error *err)
{
    unsigned len = 0;
    for (unsigned i = 0; i < c->len; i++) {
        add_cipher(config, &len, c->ids[i]);
    }
    if (c->len > 0 && len == 0) {
        return pelt_fail(err, PELT_EINVAL, "ciphers: mbedTLS has none of them: try --tls openssl");
    }
    if (c->len == 0) {
        add_usual_ciphers(config, &len);
    }
    config->ciphers[len] = 0;
    mbedtls_ssl_conf_ciphersuites(&config->ssl, config->ciphers);
    return PELT_OK;
}

static int parse_key(struct config *config, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key, &der);
    if (len <= 0) {
        return MBEDTLS_ERR_PK_ALLOC_FAILED;
    }
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    int error = mbedtls_pk_parse_key(&config->key, der, (size_t)len, NULL, 0,
                                     mbedtls_ctr_drbg_random, &config->random);
#else
    int error = mbedtls_pk_parse_key(&config->key, der, (size_t)len, NULL, 0);
#endif
    OPENSSL_clear_free(der, (size_t)len);
    return error;
}

static enum pelt_status set_own(struct config *config, const struct pelt_tls_files *f,
                                struct pelt_error *err)
{
    int error = 0;
    if (f->own == NULL) {
        return PELT_OK;
    }
    for (int i = 0; i < sk_X509_num(f->own) && error == 0; i++) {
        error = add_certificate(&config->own, sk_X509_value(f->own, i));
    }
    if (error == 0) {
        error = parse_key(config, f->key);
    }
    if (error == 0) {
        error = mbedtls_ssl_conf_own_cert(&config->ssl, &config->own, &config->key);
    }
    if (error != 0) {
        return is_want_of_memory(error)
                   ? no_memory(err)
                   : pelt_fail(err, PELT_EINVAL,
                               "--cert: mbedTLS cannot use it or its %s key: try --tls openssl",
                               OBJ_nid2sn(EVP_PKEY_get_base_id(f->key)));
    }
    return PELT_OK;
}

static enum pelt_status set_random(struct config *config, struct pelt_error *err)
{
    if (mbedtls_ctr_drbg_seed(&config->random, mbedtls_entropy_func, &config->entropy,
                              (const unsigned char *)"pelt", 4) != 0) {
        return pelt_fail(err, PELT_EIO, "mbedTLS found no source of randomness: try --tls openssl");
    }
    mbedtls_ssl_conf_rng(&config->ssl, mbedtls_ctr_drbg_random, &config->random);
    return PELT_OK;
}

static enum pelt_status mbedtls_config_new(struct pelt_tls_thread *thread, struct pelt_error *err)
{
    const struct pelt_tls *tls = thread->tls;
    struct config *config = calloc(1, sizeof(*config));
    thread->config = config;
    if (config == NULL) {
        return no_memory(err);
    }
    mbedtls_entropy_init(&config->entropy);
    mbedtls_ctr_drbg_init(&config->random);
    mbedtls_ssl_config_init(&config->ssl);
    mbedtls_x509_crt_init(&config->own);
    mbedtls_pk_init(&config->key);
    if (mbedtls_ssl_config_defaults(&config->ssl, MBEDTLS_SSL_IS_CLIENT,
                                    MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        return no_memory(err);
    }
    enum pelt_status status = set_random(config, err);
    if (status != PELT_OK) {
        return status;
    }
    mbedtls_ssl_conf_authmode(&config->ssl, tls->insecure ? MBEDTLS_SSL_VERIFY_NONE
                                                          : MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&config->ssl, tls->shared, NULL);
    set_versions(&config->ssl, tls);
    set_groups(&config->ssl);
    set_sessions(&config->ssl, tls->no_resume);
    config->alpn[0] = tls->alpn;
    if (tls->alpn[0] != '\0' && mbedtls_ssl_conf_alpn_protocols(&config->ssl, config->alpn) != 0) {
        return no_memory(err);
    }
    status = set_ciphers(config, &tls->ciphers, err);
    return status == PELT_OK ? set_own(config, &tls->files, err) : status;
}

static void mbedtls_config_free(struct pelt_tls_thread *thread)
{
    struct config *config = thread->config;
    if (config != NULL) {
        mbedtls_ssl_config_free(&config->ssl);
        mbedtls_x509_crt_free(&config->own);
        mbedtls_pk_free(&config->key);
        mbedtls_ctr_drbg_free(&config->random);
        mbedtls_entropy_free(&config->entropy);
        free(config);
        thread->config = NULL;
    }
}

static const char *mbedtls_name(void)
{
    return "mbedTLS " MBEDTLS_VERSION_STRING;
}

const struct pelt_tls_backend pelt_tls_mbedtls = {
    .option = "mbedtls",
    .name = mbedtls_name,
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    .version_min = PELT_TLS_1_2,
    .version_max = PELT_TLS_1_3,
#else
    .version_min = PELT_TLS_1_0,
    .version_max = PELT_TLS_1_2,
#endif
    .conn_new = mbedtls_new,
    .set_session = mbedtls_take_session,
    .handshake = mbedtls_shake,
    .read = mbedtls_read,
    .write = mbedtls_write,
    .conn_free = mbedtls_conn_free,
    .holds = mbedtls_holds,
    .say_end = mbedtls_say_end,
    .about = mbedtls_about,
    .peer_chain = mbedtls_peer_chain,
    .ticket_free = mbedtls_ticket_free,
    .shared_new = mbedtls_shared_new,
    .shared_free = mbedtls_shared_free,
    .config_new = mbedtls_config_new,
    .config_free = mbedtls_config_free,
};
