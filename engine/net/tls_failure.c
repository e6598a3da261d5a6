/*
 * tls_failure: why TLS failed: the class, the same with both libraries, and the line for a human.
 *
 * What says most is asked first: a flaw of the server's certificate, which we refused; the server's
 * alert; bytes that are no TLS; the end of the connection; the library's own words.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls_backend.h"

static const char *const names[] = {
#define X(name, text) [PELT_TLS_##name] = (text),
    PELT_TLS_CLASSES(X)
#undef X
};

const char *pelt_tls_class_name(enum pelt_tls_class class)
{
    return names[class];
}

struct told {
    enum pelt_tls_class class;
    char text[1024];
};

#define TELL(told, what, ...)                                                                      \
    do {                                                                                           \
        (told)->class = (what);                                                                    \
        snprintf((told)->text, sizeof((told)->text), __VA_ARGS__);                                 \
    } while (0)

/* ---- the server's certificate ---- */

static void put_day(char *out, size_t size, int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, size, "%Y-%m-%d %H:%M UTC", &tm) == 0) {
        snprintf(out, size, "an unknown time");
    }
}

static X509 *certificate_at(const struct pelt_tls_chain *chain, unsigned i)
{
    const unsigned char *der = chain->at[i].der;
    return d2i_X509(NULL, &der, (long)chain->at[i].len);
}

static bool is_self_issued(const X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

/* The organisation of a name. NULL: it has none. */
static const ASN1_STRING *organisation(const X509_NAME *name)
{
    int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    return at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
}

static bool is_of_trusted(const X509_NAME *issuer, STACK_OF(X509) * cas)
{
    const ASN1_STRING *wanted = organisation(issuer);
    for (int i = 0; wanted != NULL && i < sk_X509_num(cas); i++) {
        const ASN1_STRING *o = organisation(X509_get_subject_name(sk_X509_value(cas, i)));
        if (o != NULL && ASN1_STRING_cmp(o, wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* The authority key identifier tells the issuer of `x`'s issuer: another one, so that the issuer is
 * no root. */
static bool issuer_has_issuer(const X509 *x)
{
    AUTHORITY_KEYID *id = X509_get_ext_d2i(x, NID_authority_key_identifier, NULL, NULL);
    bool has = false;
    for (int i = 0; id != NULL && i < sk_GENERAL_NAME_num(id->issuer); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(id->issuer, i);
        has |= name->type == GEN_DIRNAME &&
               X509_NAME_cmp(name->d.directoryName, X509_get_issuer_name(x)) != 0;
    }
    AUTHORITY_KEYID_free(id);
    return has;
}

static bool says_where_issuer_is(const X509 *x)
{
    AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
    bool says = false;
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(info); i++) {
        says |= OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(info, i)->method) == NID_ad_ca_issuers;
    }
    AUTHORITY_INFO_ACCESS_free(info);
    return says;
}

/* A server that sent nothing but its own certificate left out an intermediate, or has a CA of its
 * own that we do not trust. From here they look the same; these signs tell an intermediate. */
static bool lacks_intermediate(const X509 *x, const struct pelt_tls_files *f)
{
    return says_where_issuer_is(x) || issuer_has_issuer(x) ||
           is_of_trusted(X509_get_issuer_name(x), f->cas);
}

/* Whether `issuer` issued `x`, as its names and key ids say; notes whether it signed it. */
static bool is_issuer(X509 *issuer, X509 *x, bool *signed_it)
{
    int is_not = X509_check_issued(issuer, x);
    bool is = is_not == X509_V_OK || is_not == X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
    *signed_it = is && X509_verify(x, X509_get0_pubkey(issuer)) == 1;
    return is;
}

/* What is wrong between a certificate and its issuers among those that the server sent or that are
 * trusted; NULL: nothing, or there is none. mbedTLS takes such an issuer for none at all. */
static const char *bad_issue(X509 *x, X509 *const *sent, unsigned len, STACK_OF(X509) * cas)
{
    bool issued = false, by_ca = false, by_other = false, signed_it;
    unsigned all = len + (unsigned)(cas != NULL ? sk_X509_num(cas) : 0);
    for (unsigned i = 0; i < all; i++) {
        X509 *issuer = i < len ? sent[i] : sk_X509_value(cas, (int)(i - len));
        if (issuer != NULL && issuer != x && is_issuer(issuer, x, &signed_it)) {
            bool ca = X509_check_ca(issuer) != 0;
            issued = true;
            by_ca |= signed_it && ca;
            by_other |= signed_it && !ca;
        }
    }
    ERR_clear_error();
    return !issued || by_ca ? NULL : by_other ? "its issuer is no CA" : "its signature is wrong";
}

/* The first certificate of those sent of which there is a bad issue; new. NULL: none. */
static X509 *badly_issued(const struct pelt_tls_chain *chain, STACK_OF(X509) * cas,
                          const char **why)
{
    X509 *sent[PELT_TLS_CHAIN_MAX] = {NULL}, *found = NULL;
    for (unsigned i = 0; i < chain->len; i++) {
        sent[i] = certificate_at(chain, i);
    }
    for (unsigned i = 0; i < chain->len && found == NULL; i++) {
        if (sent[i] != NULL && !is_self_issued(sent[i])) {
            *why = bad_issue(sent[i], sent, chain->len, cas);
            found = *why != NULL ? sent[i] : NULL;
        }
    }
    for (unsigned i = 0; i < chain->len; i++) {
        if (sent[i] != found) {
            X509_free(sent[i]);
        }
    }
    return found;
}

static void tell_unsuitable(struct told *told, const char *subject, const char *why)
{
    TELL(told, PELT_TLS_UNSUITABLE,
         "the certificate %s is not fit for a server: %s; have it issued anew, or measure without "
         "verification by --insecure",
         subject, why);
}

static void tell_untrusted(struct told *told, const struct pelt_tls_conn *conn,
                           const struct pelt_tls_chain *chain)
{
    const struct pelt_tls_files *files = &conn->thread->tls->files;
    struct pelt_tls_certificate own, top;
    X509 *first = certificate_at(chain, 0), *last = certificate_at(chain, chain->len - 1);
    const char *why = NULL;
    X509 *bad = badly_issued(chain, files->cas, &why);
    if (bad != NULL) {
        pelt_tls_certificate_read(&own, bad);
        tell_unsuitable(told, own.subject, why);
    } else if (first == NULL || last == NULL) {
        TELL(told, PELT_TLS_UNKNOWN_CA, "the server's certificate is not trusted");
    } else {
        pelt_tls_certificate_read(&own, first);
        pelt_tls_certificate_read(&top, last);
        if (is_self_issued(first)) {
            TELL(told, PELT_TLS_SELF_SIGNED,
                 "the server's certificate (%s) is self-signed and not trusted: name it with --ca, "
                 "or measure without verification by --insecure",
                 own.subject);
        } else if (chain->len == 1 && lacks_intermediate(first, files)) {
            TELL(told, PELT_TLS_MISSING_INTERMEDIATE,
                 "the server sent its certificate without the intermediate that issued it (%s): "
                 "have "
                 "it send the whole chain, or name that intermediate with --ca",
                 own.issuer);
        } else {
            TELL(
                told, PELT_TLS_UNKNOWN_CA,
                "the server's certificate leads to a CA that is not trusted (%s; trusted are those "
                "of %s): name its certificate with --ca, or measure without verification by "
                "--insecure",
                top.issuer, files->cas_name);
        }
    }
    X509_free(bad);
    X509_free(first);
    X509_free(last);
}

static void tell_date(struct told *told, const struct pelt_tls_certificate *c, bool expired)
{
    char day[32];
    put_day(day, sizeof(day), expired ? c->not_after_s : c->not_before_s);
    if (expired) {
        TELL(told, PELT_TLS_EXPIRED,
             "the certificate %s expired on %s: renew it, or measure without verification by "
             "--insecure",
             c->subject, day);
    } else {
        TELL(told, PELT_TLS_NOT_YET_VALID,
             "the certificate %s is not valid before %s: look at the clock of this machine, or "
             "measure without verification by --insecure",
             c->subject, day);
    }
}

static void tell_flaw(struct told *told, const struct pelt_tls_conn *conn,
                      const struct pelt_tls_trouble *trouble)
{
    const struct pelt_tls_chain *chain = &trouble->chain;
    struct pelt_tls_certificate c = {.subject = "of the server", .names = ""};
    X509 *own = chain->len > 0 ? certificate_at(chain, 0) : NULL;
    bool of_own = trouble->flaws & PELT_TLS_FLAW_HOST || trouble->flawed == NULL;
    X509 *about = of_own ? own : trouble->flawed;
    if (about != NULL) {
        pelt_tls_certificate_read(&c, about);
    }
    if (trouble->flaws & PELT_TLS_FLAW_UNTRUSTED && chain->len > 0) {
        tell_untrusted(told, conn, chain);
    } else if (trouble->flaws & PELT_TLS_FLAW_UNSUITABLE) {
        tell_unsuitable(told, c.subject, trouble->detail);
    } else if (trouble->flaws & PELT_TLS_FLAW_HOST) {
        TELL(
            told, PELT_TLS_WRONG_HOST,
            "the server's certificate is not for %s but for %s: use one of its names, perhaps with "
            "--resolve, or measure without verification by --insecure",
            conn->host, c.names[0] != '\0' ? c.names : c.subject);
    } else if (trouble->flaws & (PELT_TLS_FLAW_EXPIRED | PELT_TLS_FLAW_EARLY)) {
        tell_date(told, &c, trouble->flaws & PELT_TLS_FLAW_EXPIRED);
    } else {
        TELL(told, PELT_TLS_UNKNOWN_CA, "the server's certificate is not trusted");
    }
    X509_free(own);
}

/* ---- alerts (RFC 8446 section 6) ---- */

enum {
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_CERTIFICATE_UNKNOWN = 46,
    ALERT_UNKNOWN_CA = 48,
    ALERT_ACCESS_DENIED = 49,
    ALERT_DECRYPT_ERROR = 51,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INSUFFICIENT_SECURITY = 71,
    ALERT_INAPPROPRIATE_FALLBACK = 86,
    ALERT_UNRECOGNIZED_NAME = 112,
    ALERT_CERTIFICATE_REQUIRED = 116,
    ALERT_NO_APPLICATION_PROTOCOL = 120,
};

static const struct {
    int alert;
    const char *name;
} alerts[] = {
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {ALERT_HANDSHAKE_FAILURE, "handshake_failure"},
    {ALERT_BAD_CERTIFICATE, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown"},
    {47, "illegal_parameter"},
    {ALERT_UNKNOWN_CA, "unknown_ca"},
    {ALERT_ACCESS_DENIED, "access_denied"},
    {50, "decode_error"},
    {ALERT_DECRYPT_ERROR, "decrypt_error"},
    {ALERT_PROTOCOL_VERSION, "protocol_version"},
    {ALERT_INSUFFICIENT_SECURITY, "insufficient_security"},
    {80, "internal_error"},
    {ALERT_INAPPROPRIATE_FALLBACK, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {ALERT_UNRECOGNIZED_NAME, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {115, "unknown_psk_identity"},
    {ALERT_CERTIFICATE_REQUIRED, "certificate_required"},
    {ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol"},
};

static const char *alert_name(int alert)
{
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
        if (alerts[i].alert == alert) {
            return alerts[i].name;
        }
    }
    return "unknown";
}

/* `is_old`: the server answered with a version below ours, or refused the newest there is. Else it
 * refused all of ours, and would have answered an older one with that. */
static const char *version_help(const struct pelt_tls *tls, bool is_old)
{
    bool of_library = is_old ? tls->version_min == tls->backend->version_min
                             : tls->version_max == tls->backend->version_max;
    if (is_old) {
        return !of_library ? ": the server is old, --tls-min 1.0 may help"
               : tls->version_min > PELT_TLS_1_0
                   ? ": the server is old, --tls openssl --tls-min 1.0 may help"
                   : ": the server is too old";
    }
    return of_library ? ": a server that has TLS 1.3 only needs --tls openssl, as this mbedTLS has "
                        "no TLS 1.3"
                      : ": the server wants a newer one, raise --tls-max";
}

/* `alert`: the server refused by one; else its answer was refused. */
static void tell_versions(struct told *told, const struct pelt_tls *tls, const char *words,
                          bool alert)
{
    const char *help = version_help(tls, !alert || tls->version_max == PELT_TLS_1_3);
    char range[32];
    if (tls->version_min == tls->version_max) {
        snprintf(range, sizeof(range), "%s", pelt_tls_version_name(tls->version_max));
    } else {
        snprintf(range, sizeof(range), "%s to %s", pelt_tls_version_name(tls->version_min),
                 pelt_tls_version_name(tls->version_max) + 4);
    }
    TELL(told, PELT_TLS_VERSION, "no TLS version in common: %s was offered (%s)%s", range, words,
         help);
}

static void tell_ciphers(struct told *told, const struct pelt_tls *tls, const char *words)
{
    TELL(told, PELT_TLS_CIPHER, "no cipher, group or signature in common (%s): %s", words,
         tls->ciphers.len > 0                ? "offer other ciphers"
         : tls->backend == &pelt_tls_mbedtls ? "--tls openssl offers others"
                                             : "the server may be old, or want older ciphers");
}

static bool is_about_our_certificate(int alert)
{
    return (alert >= ALERT_BAD_CERTIFICATE && alert <= ALERT_CERTIFICATE_UNKNOWN) ||
           alert == ALERT_UNKNOWN_CA || alert == ALERT_ACCESS_DENIED ||
           alert == ALERT_DECRYPT_ERROR || alert == ALERT_CERTIFICATE_REQUIRED;
}

static void tell_alert(struct told *told, const struct pelt_tls_conn *conn, int alert)
{
    const struct pelt_tls *tls = conn->thread->tls;
    bool ours = tls->files.own != NULL;
    bool asked = conn->records.cert_asked && alert == ALERT_HANDSHAKE_FAILURE;
    char words[64];
    snprintf(words, sizeof(words), "the server's alert: %s", alert_name(alert));
    if (!ours && (asked || is_about_our_certificate(alert))) {
        TELL(told, PELT_TLS_CLIENT_CERT_MISSING,
             "the server wants a client certificate (%s): give one with --cert and --key", words);
    } else if (ours && (asked || is_about_our_certificate(alert))) {
        TELL(told, PELT_TLS_CLIENT_CERT_REFUSED,
             "the server refuses our client certificate (%s): see whether it is valid, and issued "
             "by "
             "a CA of the server's, with its intermediates behind it in --cert",
             words);
    } else if (alert == ALERT_PROTOCOL_VERSION || alert == ALERT_INAPPROPRIATE_FALLBACK) {
        tell_versions(told, tls, words, true);
    } else if (alert == ALERT_HANDSHAKE_FAILURE || alert == ALERT_INSUFFICIENT_SECURITY) {
        tell_ciphers(told, tls, words);
    } else if (alert == ALERT_UNRECOGNIZED_NAME) {
        TELL(told, PELT_TLS_UNKNOWN_NAME,
             "the server does not serve the name %s (%s): see whether it is the right one",
             conn->host, words);
    } else if (alert == ALERT_NO_APPLICATION_PROTOCOL) {
        TELL(told, PELT_TLS_ALPN, "the server does not speak %s (%s): use a port of it that does",
             tls->alpn, words);
    } else {
        TELL(told, PELT_TLS_ALERT,
             "the server gave up with the TLS alert %d, %s: its log may tell more", alert,
             alert_name(alert));
    }
}

/* ---- the rest ---- */

static void tell_foreign(struct told *told, const struct pelt_tls_records *r)
{
    char seen[sizeof(r->header) + 1] = "";
    for (unsigned i = 0; i < r->header_len; i++) {
        seen[i] = isprint(r->header[i]) ? (char)r->header[i] : '.';
    }
    if (strncmp(seen, "HTTP/", 5) == 0) {
        TELL(told, PELT_TLS_NOT_TLS,
             "plain HTTP answered, not TLS: use http:// or the port that speaks TLS");
    } else {
        TELL(told, PELT_TLS_NOT_TLS,
             "what answered is not TLS (it begins with \"%s\"): see whether the port is right",
             seen);
    }
}

/* The peer ended the connection, or it broke. */
static void tell_end(struct told *told, const struct pelt_tls_conn *conn, int error)
{
    if (conn->done && error == 0) {
        TELL(told, PELT_TLS_TRUNCATED,
             "the server ended the connection without TLS' end (close_notify)");
    } else if (conn->done) {
        TELL(told, PELT_TLS_RESET, "%s", strerror(error));
    } else if (conn->records.cert_asked && conn->thread->tls->files.own == NULL) {
        TELL(told, PELT_TLS_CLIENT_CERT_MISSING,
             "the server asked for a client certificate and hung up without one: give one with "
             "--cert "
             "and --key");
    } else {
        TELL(told, PELT_TLS_CUT_OFF, "%s during the TLS handshake: see whether the port speaks TLS",
             error == 0 ? "the server closed the connection" : strerror(error));
    }
}

static void tell_library(struct told *told, const struct pelt_tls_conn *conn,
                         const struct pelt_tls_trouble *trouble)
{
    const struct pelt_tls *tls = conn->thread->tls;
    bool mbedtls = tls->backend == &pelt_tls_mbedtls;
    enum pelt_tls_class class = trouble != NULL ? trouble->class : PELT_TLS_PROTOCOL;
    const char *words =
        trouble != NULL && trouble->detail[0] != '\0' ? trouble->detail : "no details";
    switch (class) {
    case PELT_TLS_VERSION:
        tell_versions(told, tls, words, false);
        break;
    case PELT_TLS_CIPHER:
        tell_ciphers(told, tls, words);
        break;
    case PELT_TLS_UNSUITABLE:
        TELL(told, class, "the server's certificate is not fit: %s; have it issued anew%s", words,
             mbedtls ? ", or see whether --tls openssl can read it" : "");
        break;
    case PELT_TLS_INTERNAL:
        TELL(told, class, "%s failed: %s", tls->backend->name(), words);
        break;
    default:
        TELL(told, class,
             "the server broke the rules of TLS: %s; see whether the port speaks TLS, and what "
             "--tls %s makes of it",
             words, mbedtls ? "openssl" : "mbedtls");
        break;
    }
}

static bool looks_foreign(const struct pelt_tls_records *r)
{
    return r->foreign || (r->header_len > 0 && r->header_len < sizeof(r->header) &&
                          (r->header[0] < 20 || r->header[0] > 24));
}

static void judge(struct told *told, const struct pelt_tls_conn *conn)
{
    const struct pelt_tls_trouble *trouble = conn->trouble;
    int alert = trouble != NULL && trouble->alert >= 0 ? trouble->alert : conn->records.alert;
    int error = conn->below_error != 0 ? conn->below_error : conn->send_error;
    if (trouble != NULL && trouble->flaws != 0) {
        tell_flaw(told, conn, trouble);
    } else if (alert >= 0) {
        tell_alert(told, conn, alert);
    } else if (!conn->done && looks_foreign(&conn->records)) {
        tell_foreign(told, &conn->records);
    } else if (error != 0 || conn->below_ended) {
        tell_end(told, conn, error);
    } else {
        tell_library(told, conn, trouble);
    }
}

void pelt_tls_fail(struct pelt_tls_conn *conn)
{
    struct told told;
    int error = conn->below_error != 0 ? conn->below_error : conn->send_error;
    judge(&told, conn);
    conn->failure.class = told.class;
    conn->text = strdup(told.text);
    conn->failure.text = conn->text != NULL ? conn->text : pelt_tls_class_name(told.class);
    conn->err = (int16_t)(error != 0 ? error
                          : told.class == PELT_TLS_CUT_OFF || told.class == PELT_TLS_TRUNCATED
                              ? ECONNABORTED
                              : EPROTO);
}
