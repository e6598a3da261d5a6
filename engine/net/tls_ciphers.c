/*
 * tls_ciphers: a list of cipher suites as a user writes it, for both libraries: OpenSSL knows its
 * own names, IANA's, and the numbers on the wire, which are what mbedTLS goes by.
 */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "tls_backend.h"

/* The suite called `name` (len bytes) in either way of naming. NULL: none is. */
static const SSL_CIPHER *find(SSL *all, const char *name, size_t len)
{
    STACK_OF(SSL_CIPHER) *known = SSL_get_ciphers(all);
    for (int i = 0; i < sk_SSL_CIPHER_num(known); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(known, i);
        const char *own = SSL_CIPHER_get_name(c), *iana = SSL_CIPHER_standard_name(c);
        if ((strlen(own) == len && strncasecmp(own, name, len) == 0) ||
            (iana != NULL && strlen(iana) == len && strncasecmp(iana, name, len) == 0)) {
            return c;
        }
    }
    return NULL;
}

/* Appends to a list with ':' between. False: no memory. */
static bool append(char **list, const char *name)
{
    size_t old = *list != NULL ? strlen(*list) : 0;
    size_t size = old + strlen(name) + 2;
    char *grown = realloc(*list, size);
    if (grown == NULL) {
        return false;
    }
    snprintf(grown + old, size - old, "%s%s", old > 0 ? ":" : "", name);
    *list = grown;
    return true;
}

static enum pelt_status add(struct pelt_tls_ciphers *c, const SSL_CIPHER *cipher,
                            struct pelt_error *err)
{
    bool new_one = strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") == 0;
    if (c->len == PELT_TLS_CIPHERS_MAX) {
        return pelt_fail(err, PELT_EINVAL, "more than %d ciphers", PELT_TLS_CIPHERS_MAX);
    }
    if (!append(new_one ? &c->suites : &c->list, SSL_CIPHER_get_name(cipher))) {
        return pelt_fail(err, PELT_ENOMEM, "no memory for the list of ciphers");
    }
    c->ids[c->len++] = SSL_CIPHER_get_protocol_id(cipher);
    return PELT_OK;
}

static enum pelt_status read_names(struct pelt_tls_ciphers *c, const char *text, SSL *all,
                                   struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    while (*text != '\0' && status == PELT_OK) {
        size_t len = strcspn(text, ":");
        const SSL_CIPHER *cipher = find(all, text, len);
        if (cipher == NULL) {
            return pelt_fail(
                err, PELT_EINVAL,
                "cipher %.*s: no such one; `openssl ciphers -stdname ALL` lists them, ':' "
                "goes between two",
                (int)len, text);
        }
        status = add(c, cipher, err);
        text += len + (text[len] == ':');
    }
    return status;
}

enum pelt_status pelt_tls_ciphers_read(struct pelt_tls_ciphers *c, const char *text,
                                       struct pelt_error *err)
{
    enum pelt_status status = PELT_ENOMEM;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *all = NULL;
    if (*text == '\0') {
        status = pelt_fail(err, PELT_EINVAL, "an empty list of ciphers");
    } else if (ctx == NULL ||
               SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL:@SECLEVEL=0") != 1 ||
               (all = SSL_new(ctx)) == NULL) {
        pelt_fail(err, PELT_ENOMEM, "no memory for the list of ciphers");
    } else {
        status = read_names(c, text, all, err);
    }
    SSL_free(all);
    SSL_CTX_free(ctx);
    return status;
}

void pelt_tls_ciphers_deinit(struct pelt_tls_ciphers *c)
{
    free(c->list);
    free(c->suites);
    *c = (struct pelt_tls_ciphers){0};
}
