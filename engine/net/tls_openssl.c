/*
 * tls_openssl: OpenSSL 3 behind the table. A process has one store of CAs, a thread its SSL_CTX (so
 * that threads do not meet at its lock), a connection its SSL with a BIO that pulls and pushes.
 *
 * The error queue is empty between two calls: whoever finds an error there takes it out.
 */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls_backend.h"

#define GROUPS "X25519:P-256:X448:P-521:P-384"
/* AES-128 first, as browsers have it: a SHA-384 handshake costs 5% more. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define CIPHERS                                                                                    \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ALL:!COMPLEMENTOFDEFAULT:!eNULL"

struct shared {
    X509_STORE *store;
    BIO_METHOD *method;
};

static SSL *ssl_of(struct pelt_tls_conn *conn)
{
    return conn->ssl;
}

/* ---- bytes ---- */

static int bio_read(BIO *bio, char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    if (len <= 0) {
        return 0;
    }
    ssize_t n = pelt_tls_pull(BIO_get_data(bio), bytes, (size_t)len);
    if (n == PELT_AGAIN) {
        BIO_set_retry_read(bio);
    }
    return n > 0 ? (int)n : n == PELT_EOF ? 0 : -1;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    if (len > 0) {
        pelt_tls_push(BIO_get_data(bio), bytes, (size_t)len);
    }
    return len;
}

static long bio_ctrl(BIO *bio, int what, long num, void *ptr)
{
    return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
}

static BIO_METHOD *method_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "pelt");
    if (m != NULL && BIO_meth_set_read(m, bio_read) == 1 && BIO_meth_set_write(m, bio_write) == 1 &&
        BIO_meth_set_ctrl(m, bio_ctrl) == 1) {
        return m;
    }
    BIO_meth_free(m);
    return NULL;
}

/* ---- failures ---- */

static unsigned flaw_of(int verify_error)
{
    switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return PELT_TLS_FLAW_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return PELT_TLS_FLAW_EARLY;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return PELT_TLS_FLAW_HOST;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return PELT_TLS_FLAW_UNTRUSTED;
    default:
        return PELT_TLS_FLAW_UNSUITABLE;
    }
}

static void add_certificate(struct pelt_tls_chain *chain, X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    if (len > 0) {
        pelt_tls_chain_add(chain, der, (size_t)len);
        OPENSSL_free(der);
    }
}

static void add_chain(struct pelt_tls_chain *chain, STACK_OF(X509) * from)
{
    for (int i = 0; i < sk_X509_num(from); i++) {
        add_certificate(chain, sk_X509_value(from, i));
    }
}

/* The first error ends the verification. */
static int on_verify(int fine, X509_STORE_CTX *ctx)
{
    if (fine) {
        return 1;
    }
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct pelt_tls_trouble *trouble = pelt_tls_trouble(SSL_get_app_data(ssl));
    if (trouble != NULL && trouble->flaws == 0) {
        int error = X509_STORE_CTX_get_error(ctx);
        trouble->flaws = flaw_of(error);
        snprintf(trouble->detail, sizeof(trouble->detail), "%s",
                 X509_verify_cert_error_string(error));
        add_chain(&trouble->chain, X509_STORE_CTX_get0_untrusted(ctx));
        trouble->flawed = X509_STORE_CTX_get_current_cert(ctx);
        if (trouble->flawed != NULL) {
            X509_up_ref(trouble->flawed);
        }
    }
    return 0;
}

static enum pelt_tls_class class_of(int reason)
{
    switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_UNKNOWN_SSL_VERSION:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_INAPPROPRIATE_FALLBACK:
        return PELT_TLS_VERSION;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_UNKNOWN_CIPHER_RETURNED:
    case SSL_R_WRONG_CIPHER_RETURNED:
    case SSL_R_DH_KEY_TOO_SMALL:
    case SSL_R_WRONG_CURVE:
    case SSL_R_WRONG_SIGNATURE_TYPE:
    case SSL_R_UNSUPPORTED_ELLIPTIC_CURVE:
        return PELT_TLS_CIPHER;
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
        return PELT_TLS_UNSUITABLE;
    case ERR_R_INTERNAL_ERROR:
        return PELT_TLS_INTERNAL;
    default:
        return PELT_TLS_PROTOCOL;
    }
}

/* Notes the first error of the queue, which is its cause, and empties it. */
static enum pelt_status take_error(struct pelt_tls_conn *conn)
{
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_REASON(e);
    ERR_clear_error();
    if (reason == ERR_R_MALLOC_FAILURE) {
        return PELT_ENOMEM;
    }
    struct pelt_tls_trouble *trouble = pelt_tls_trouble(conn);
    if (trouble == NULL || trouble->flaws != 0 || e == 0) {
        return PELT_EIO;
    }
    if (ERR_GET_LIB(e) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
        reason <= SSL_AD_REASON_OFFSET + 255) {
        trouble->alert = reason - SSL_AD_REASON_OFFSET;
    } else {
        const char *words = ERR_reason_error_string(e);
        trouble->class = class_of(reason);
        snprintf(trouble->detail, sizeof(trouble->detail), "%s", words != NULL ? words : "");
    }
    return PELT_EIO;
}

/* ---- the six ---- */

static enum pelt_status name_host(SSL *ssl, const char *host, bool insecure)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    bool literal = pelt_tls_is_literal(host);
    if (!literal && SSL_set_tlsext_host_name(ssl, host) != 1) {
        return PELT_ENOMEM;
    }
    if (insecure) {
        return PELT_OK;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int done = literal ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                       : X509_VERIFY_PARAM_set1_host(param, host, 0);
    return done == 1 ? PELT_OK : PELT_ENOMEM;
}

static enum pelt_status openssl_new(struct pelt_tls_conn *conn)
{
    struct pelt_tls_thread *thread = conn->thread;
    const struct shared *shared = thread->tls->shared;
    SSL *ssl = SSL_new(thread->config);
    BIO *bio = BIO_new(shared->method);
    conn->ssl = ssl;
    if (ssl == NULL || bio == NULL) {
        BIO_free(bio);
        ERR_clear_error();
        return PELT_ENOMEM;
    }
    BIO_set_data(bio, conn);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, conn);
    SSL_set_connect_state(ssl);
    enum pelt_status status = name_host(ssl, conn->host, thread->tls->insecure);
    ERR_clear_error();
    return status;
}

static void openssl_set_session(struct pelt_tls_conn *conn, void *ticket)
{
    if (SSL_SESSION_is_resumable(ticket)) {
        (void)SSL_set_session(ssl_of(conn), ticket);
        ERR_clear_error();
    }
}

static enum pelt_status openssl_handshake(struct pelt_tls_conn *conn)
{
    SSL *ssl = ssl_of(conn);
    int done = SSL_do_handshake(ssl);
    if (done == 1) {
        SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS); /* not before: a handshake is many reads */
        conn->resumed = SSL_session_reused(ssl) == 1;
        return PELT_OK;
    }
    if (SSL_get_error(ssl, done) == SSL_ERROR_WANT_READ) {
        return PELT_AGAIN;
    }
    return take_error(conn);
}

static ssize_t openssl_read(struct pelt_tls_conn *conn, void *bytes, size_t len)
{
    SSL *ssl = ssl_of(conn);
    size_t got;
    int done = SSL_read_ex(ssl, bytes, len, &got);
    if (done == 1) {
        return (ssize_t)got;
    }
    switch (SSL_get_error(ssl, done)) {
    case SSL_ERROR_WANT_READ:
        return PELT_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return PELT_EOF;
    default:
        return take_error(conn);
    }
}

static ssize_t openssl_write(struct pelt_tls_conn *conn, const void *bytes, size_t len)
{
    size_t put;
    if (SSL_write_ex(ssl_of(conn), bytes, len, &put) != 1) {
        return take_error(conn);
    }
    assert(put == len);
    return (ssize_t)put;
}

/* Freed without a word of the end OpenSSL takes the session for one that must not be resumed; which
 * TLS 1.1 gave up, as many servers just hang up. */
static void openssl_free(struct pelt_tls_conn *conn)
{
    SSL *ssl = ssl_of(conn);
    if (ssl != NULL) {
        if (conn->done) {
            SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        }
        SSL_free(ssl);
        ERR_clear_error();
    }
}

/* ---- of a connection that is up ---- */

static bool openssl_holds(struct pelt_tls_conn *conn)
{
    return SSL_pending(ssl_of(conn)) > 0;
}

static void openssl_say_end(struct pelt_tls_conn *conn)
{
    (void)SSL_shutdown(ssl_of(conn));
    ERR_clear_error();
}

static void openssl_about(struct pelt_tls_conn *conn, struct pelt_tls_about *out)
{
    SSL *ssl = ssl_of(conn);
    const unsigned char *alpn;
    unsigned alpn_len;
    out->version = (uint16_t)SSL_version(ssl);
    snprintf(out->cipher, sizeof(out->cipher), "%s",
             SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)));
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
    snprintf(out->alpn, sizeof(out->alpn), "%.*s", (int)alpn_len, (const char *)alpn);
}

static void openssl_peer_chain(struct pelt_tls_conn *conn, struct pelt_tls_chain *out)
{
    add_chain(out, SSL_get_peer_cert_chain(ssl_of(conn)));
}

/* ---- sessions ---- */

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    pelt_tls_keep(SSL_get_app_data(ssl), session);
    return 1; /* taken */
}

static void openssl_ticket_free(void *ticket)
{
    SSL_SESSION_free(ticket);
}

/* ---- the objects ---- */

static void openssl_shared_free(struct pelt_tls *tls)
{
    struct shared *shared = tls->shared;
    if (shared != NULL) {
        X509_STORE_free(shared->store);
        BIO_meth_free(shared->method);
        free(shared);
        tls->shared = NULL;
    }
}

static enum pelt_status openssl_shared_new(struct pelt_tls *tls, struct pelt_error *err)
{
    struct shared *shared = calloc(1, sizeof(*shared));
    tls->shared = shared;
    if (shared == NULL || (shared->method = method_new()) == NULL ||
        (shared->store = X509_STORE_new()) == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "no memory for OpenSSL");
    }
    for (int i = 0; i < sk_X509_num(tls->files.cas); i++) {
        /* What the library works out of a certificate at its first use is worked out now, before
         * threads share it. */
        (void)X509_check_purpose(sk_X509_value(tls->files.cas, i), -1, 0);
        if (X509_STORE_add_cert(shared->store, sk_X509_value(tls->files.cas, i)) != 1) {
            ERR_clear_error();
            return pelt_fail(err, PELT_ENOMEM, "no memory for the CA certificates");
        }
    }
    return PELT_OK;
}

static int accept_all(X509_STORE_CTX *ctx, void *arg)
{
    return 1;
}

static bool set_alpn(SSL_CTX *ctx, const char *alpn)
{
    unsigned char list[17];
    size_t len = strlen(alpn);
    list[0] = (unsigned char)len;
    memcpy(list + 1, alpn, len);
    return len == 0 || SSL_CTX_set_alpn_protos(ctx, list, (unsigned)len + 1) == 0;
}

static void set_verification(SSL_CTX *ctx, const struct pelt_tls *tls)
{
    if (tls->insecure) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, accept_all,
                                         NULL); /* else it is verified for nothing */
    } else {
        const struct shared *shared = tls->shared;
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
        SSL_CTX_set1_cert_store(ctx, shared->store);
    }
    if (tls->insecure || tls->version_min < PELT_TLS_1_2) {
        SSL_CTX_set_security_level(ctx, 0); /* old versions sign with SHA-1 */
    }
}

static void set_sessions(SSL_CTX *ctx, const struct pelt_tls *tls)
{
    if (tls->no_resume) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    } else {
        SSL_CTX_set_session_cache_mode(ctx,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(ctx, on_new_session);
    }
}

static bool set_ciphers(SSL_CTX *ctx, const struct pelt_tls_ciphers *c)
{
    if (c->len == 0) {
        return SSL_CTX_set_ciphersuites(ctx, SUITES) == 1 &&
               SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1;
    }
    /* A list takes no empty string up to TLS 1.2; that version is not offered then. */
    return SSL_CTX_set_ciphersuites(ctx, c->suites != NULL ? c->suites : "") == 1 &&
           (c->list == NULL || SSL_CTX_set_cipher_list(ctx, c->list) == 1);
}

static enum pelt_status set_own(SSL_CTX *ctx, const struct pelt_tls_files *f,
                                struct pelt_error *err)
{
    if (f->own == NULL) {
        return PELT_OK;
    }
    STACK_OF(X509) *above = sk_X509_dup(f->own);
    if (above == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "no memory for the client certificate");
    }
    X509 *own = sk_X509_shift(above);
    int done = SSL_CTX_use_cert_and_key(ctx, own, f->key, above, 1);
    sk_X509_free(above);
    if (done != 1) {
        const char *words = ERR_reason_error_string(ERR_peek_error());
        ERR_clear_error();
        return pelt_fail(err, PELT_EINVAL, "--cert: OpenSSL does not take it: %s",
                         words != NULL ? words : "no reason given");
    }
    return PELT_OK;
}

static enum pelt_status openssl_config_new(struct pelt_tls_thread *thread, struct pelt_error *err)
{
    const struct pelt_tls *tls = thread->tls;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    thread->config = ctx;
    if (ctx == NULL) {
        ERR_clear_error();
        return pelt_fail(err, PELT_ENOMEM, "no memory for OpenSSL");
    }
    SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    set_verification(ctx, tls);
    set_sessions(ctx, tls);
    enum pelt_status status = PELT_OK;
    SSL_CTX_set_min_proto_version(ctx, tls->version_min);
    SSL_CTX_set_max_proto_version(ctx, tls->version_max);
    if ((SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 || !set_ciphers(ctx, &tls->ciphers) ||
         !set_alpn(ctx, tls->alpn))) {
        const char *words = ERR_reason_error_string(ERR_peek_error());
        status = pelt_fail(err, PELT_EINVAL, "OpenSSL does not take the settings of TLS: %s",
                           words != NULL ? words : "no reason given");
    }
    ERR_clear_error();
    return status == PELT_OK ? set_own(ctx, &tls->files, err) : status;
}

static void openssl_config_free(struct pelt_tls_thread *thread)
{
    SSL_CTX_free(thread->config);
    thread->config = NULL;
}

static const char *openssl_name(void)
{
    return "OpenSSL " OPENSSL_VERSION_STR;
}

const struct pelt_tls_backend pelt_tls_openssl = {
    .option = "openssl",
    .name = openssl_name,
    .version_min = PELT_TLS_1_0,
    .version_max = PELT_TLS_1_3,
    .conn_new = openssl_new,
    .set_session = openssl_set_session,
    .handshake = openssl_handshake,
    .read = openssl_read,
    .write = openssl_write,
    .conn_free = openssl_free,
    .holds = openssl_holds,
    .say_end = openssl_say_end,
    .about = openssl_about,
    .peer_chain = openssl_peer_chain,
    .ticket_free = openssl_ticket_free,
    .shared_new = openssl_shared_new,
    .shared_free = openssl_shared_free,
    .config_new = openssl_config_new,
    .config_free = openssl_config_free,
};
