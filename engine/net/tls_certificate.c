/*
 * tls_certificate: certificates for humans, and chains of them as servers send them. By OpenSSL for
 * both libraries, as mbedTLS 2.28 knows no addresses in certificates.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls_backend.h"

/* ---- chains ---- */

void pelt_tls_chain_add(struct pelt_tls_chain *chain, const unsigned char *der, size_t len)
{
    if (chain->len == PELT_TLS_CHAIN_MAX) {
        return;
    }
    unsigned char *copy = malloc(len);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, der, len);
    chain->at[chain->len].der = copy;
    chain->at[chain->len].len = len;
    chain->len++;
}

void pelt_tls_chain_deinit(struct pelt_tls_chain *chain)
{
    for (unsigned i = 0; i < chain->len; i++) {
        free(chain->at[i].der);
    }
    chain->len = 0;
}

/* ---- literals ---- */

bool pelt_tls_is_literal(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

bool pelt_tls_covers_literal(const unsigned char *der, size_t len, const char *literal)
{
    X509 *x = d2i_X509(NULL, &der, (long)len);
    bool covers = x != NULL && X509_check_ip_asc(x, literal, 0) == 1;
    X509_free(x);
    return covers;
}

/* ---- one certificate ---- */

/* A certificate is the peer's word: nothing in it may steer a terminal. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = '?';
        }
    }
}

static void put_name(char *out, size_t size, const X509_NAME *name)
{
    BIO *text = BIO_new(BIO_s_mem());
    out[0] = '\0';
    if (text != NULL && X509_NAME_print_ex(text, name, 0,
                                           (XN_FLAG_ONELINE | ASN1_STRFLGS_UTF8_CONVERT) &
                                               ~(ASN1_STRFLGS_ESC_MSB | XN_FLAG_SPC_EQ)) >= 0) {
        char *bytes;
        long len = BIO_get_mem_data(text, &bytes);
        snprintf(out, size, "%.*s", (int)len, bytes);
        make_printable(out);
    }
    BIO_free(text);
}

static void put_name_of(char *out, size_t size, const GENERAL_NAME *name)
{
    const ASN1_STRING *value = NULL;
    int af;
    out[0] = '\0';
    switch (name->type) {
    case GEN_DNS:
        value = name->d.dNSName;
        snprintf(out, size, "%.*s", ASN1_STRING_length(value),
                 (const char *)ASN1_STRING_get0_data(value));
        return;
    case GEN_IPADD:
        value = name->d.iPAddress;
        af = ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6;
        if (af == AF_INET || ASN1_STRING_length(value) == 16) {
            inet_ntop(af, ASN1_STRING_get0_data(value), out, (socklen_t)size);
        }
        return;
    default:
        return;
    }
}

static void put_names(char *out, size_t size, const X509 *x)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && len < size; i++) {
        char one[256];
        put_name_of(one, sizeof(one), sk_GENERAL_NAME_value(names, i));
        if (one[0] != '\0') {
            int n = snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", one);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    make_printable(out);
    GENERAL_NAMES_free(names);
}

static void put_key(char *out, size_t size, X509 *x)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    char group[32] = "";
    size_t len;
    if (key == NULL) {
        snprintf(out, size, "unknown");
        return;
    }
    const char *type = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1) {
        const char *nist = EC_curve_nid2nist(OBJ_txt2nid(group));
        snprintf(out, size, "EC %s", nist != NULL ? nist : group);
    } else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        snprintf(out, size, "RSA %d", EVP_PKEY_get_bits(key));
    } else {
        snprintf(out, size, "%s", type);
    }
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void put_sha256(char out[65], const X509 *x)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(x, EVP_sha256(), digest, &len) != 1) {
        len = 0;
    }
    for (unsigned i = 0; i < len; i++) {
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
}

void pelt_tls_certificate_read(struct pelt_tls_certificate *out, X509 *x)
{
    memset(out, 0, sizeof(*out));
    put_name(out->subject, sizeof(out->subject), X509_get_subject_name(x));
    put_name(out->issuer, sizeof(out->issuer), X509_get_issuer_name(x));
    put_names(out->names, sizeof(out->names), x);
    put_key(out->key, sizeof(out->key), x);
    snprintf(out->signature, sizeof(out->signature), "%s", OBJ_nid2ln(X509_get_signature_nid(x)));
    put_sha256(out->sha256, x);
    out->not_before_s = seconds_of(X509_get0_notBefore(x));
    out->not_after_s = seconds_of(X509_get0_notAfter(x));
    out->ca = X509_check_ca(x) > 0;
}
