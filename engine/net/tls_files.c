/*
 * tls_files: the certificates and the key that the settings name, from PEM files. Whatever is wrong
 * with one is said here, the same for both libraries.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tls_backend.h"

/* Where distributions keep their CAs, the common first. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};
#define SYSTEM_FOLDER "/etc/ssl/certs"

static enum pelt_status no_memory(struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "no memory for certificates");
}

/* ---- certificates of a file ---- */

/* The end of a PEM file, or its lack of anything, is an error to OpenSSL. */
static bool at_end_of_pem(void)
{
    unsigned long e = ERR_peek_last_error();
    return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

/* Adds all certificates of the file; how many goes to `*len`. */
static enum pelt_status add_file(STACK_OF(X509) * to, const char *path, int *len,
                                 struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    *len = 0;
    errno = 0;
    BIO *file = BIO_new_file(path, "r");
    if (file == NULL) {
        status = pelt_fail(err, PELT_EINVAL, "%s: %s", path, strerror(errno != 0 ? errno : ENOMEM));
        ERR_clear_error();
        return status;
    }
    X509 *x;
    ERR_clear_error();
    while (status == PELT_OK && (x = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(to, x) == 0) {
            X509_free(x);
            status = no_memory(err);
        }
        ++*len;
    }
    if (status == PELT_OK && !at_end_of_pem()) {
        status = pelt_fail(err, PELT_EINVAL, "%s: certificate %d of it is broken", path, *len + 1);
    }
    ERR_clear_error();
    BIO_free(file);
    return status;
}

/* ---- trusted CAs ---- */

/* ".pem", ".crt", ".cer", and ".0" to ".9" behind a hash, as c_rehash makes them. */
static bool is_certificate_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name &&
           (strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0 || strcmp(dot, ".cer") == 0 ||
            (dot[1] >= '0' && dot[1] <= '9' && dot[2] == '\0'));
}

static int by_bytes(const X509 *const *a, const X509 *const *b)
{
    return X509_cmp(*a, *b);
}

/* A folder has each certificate under several names. */
static void drop_doubles(STACK_OF(X509) * cas)
{
    sk_X509_set_cmp_func(cas, by_bytes);
    sk_X509_sort(cas);
    for (int i = sk_X509_num(cas) - 1; i > 0; i--) {
        if (X509_cmp(sk_X509_value(cas, i), sk_X509_value(cas, i - 1)) == 0) {
            X509_free(sk_X509_delete(cas, i));
        }
    }
}

/* What in a folder is not a readable certificate is passed over. */
static enum pelt_status add_folder(STACK_OF(X509) * cas, const char *path, struct pelt_error *err)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return pelt_fail(err, PELT_EINVAL, "%s: %s", path, strerror(errno));
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char file[4096];
        int len;
        if (is_certificate_name(entry->d_name) &&
            snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) < (int)sizeof(file)) {
            (void)!add_file(cas, file, &len, NULL);
        }
    }
    closedir(folder);
    drop_doubles(cas);
    return PELT_OK;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum pelt_status add_path(STACK_OF(X509) * cas, const char *path, struct pelt_error *err)
{
    int len;
    return is_folder(path) ? add_folder(cas, path, err) : add_file(cas, path, &len, err);
}

static enum pelt_status read_given(struct pelt_tls_files *f, const char *path, const char *from,
                                   struct pelt_error *err)
{
    struct pelt_error why;
    enum pelt_status status = add_path(f->cas, path, &why);
    if (status != PELT_OK) {
        return pelt_fail(err, status, "%s %s", from, why.text);
    }
    if (sk_X509_num(f->cas) == 0) {
        return pelt_fail(
            err, PELT_EINVAL,
            "%s %s: no certificate in it; PEM is expected (-----BEGIN CERTIFICATE-----)", from,
            path);
    }
    f->cas_name = strdup(path);
    return f->cas_name != NULL ? PELT_OK : no_memory(err);
}

static enum pelt_status read_system(struct pelt_tls_files *f, struct pelt_error *err)
{
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    if (file != NULL && *file != '\0') {
        return read_given(f, file, "SSL_CERT_FILE", err);
    }
    if (folder != NULL && *folder != '\0') {
        return read_given(f, folder, "SSL_CERT_DIR", err);
    }
    for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
        struct stat st;
        if (stat(bundles[i], &st) == 0) {
            return read_given(f, bundles[i], "the system's CAs", err);
        }
    }
    if (add_folder(f->cas, SYSTEM_FOLDER, NULL) == PELT_OK && sk_X509_num(f->cas) > 0) {
        f->cas_name = strdup(SYSTEM_FOLDER);
        return f->cas_name != NULL ? PELT_OK : no_memory(err);
    }
    return pelt_fail(err, PELT_EINVAL,
                     "no CA certificates: neither SSL_CERT_FILE is set nor is %s there; install "
                     "ca-certificates, or name a file with --ca",
                     bundles[0]);
}

static enum pelt_status read_cas(struct pelt_tls_files *f, const struct pelt_tls_settings *s,
                                 struct pelt_error *err)
{
    f->cas = sk_X509_new_null();
    if (f->cas == NULL) {
        return no_memory(err);
    }
    return s->ca != NULL ? read_given(f, s->ca, "--ca", err) : read_system(f, err);
}

/* ---- the client's own ---- */

/* Asked for the pass phrase of an encrypted key: there is none. */
static int no_pass_phrase(char *buf, int size, int writing, void *asked)
{
    *(bool *)asked = true;
    return -1;
}

static enum pelt_status read_key(struct pelt_tls_files *f, const char *path, struct pelt_error *err)
{
    bool asked = false;
    errno = 0;
    BIO *file = BIO_new_file(path, "r");
    if (file == NULL) {
        ERR_clear_error();
        return pelt_fail(err, PELT_EINVAL, "--key %s: %s", path,
                         strerror(errno != 0 ? errno : ENOMEM));
    }
    f->key = PEM_read_bio_PrivateKey(file, NULL, no_pass_phrase, &asked);
    BIO_free(file);
    ERR_clear_error();
    if (f->key != NULL) {
        return PELT_OK;
    }
    if (asked) {
        return pelt_fail(
            err, PELT_EINVAL,
            "--key %s: the key is encrypted; give one without a pass phrase: openssl pkey "
            "-in %s -out plain.pem",
            path, path);
    }
    return pelt_fail(
        err, PELT_EINVAL,
        "--key %s: no private key in it; PEM is expected (-----BEGIN PRIVATE KEY-----)", path);
}

static enum pelt_status read_own(struct pelt_tls_files *f, const struct pelt_tls_settings *s,
                                 struct pelt_error *err)
{
    struct pelt_error why;
    const char *key = s->key != NULL ? s->key : s->cert;
    int len;
    f->own = sk_X509_new_null();
    if (f->own == NULL) {
        return no_memory(err);
    }
    enum pelt_status status = add_file(f->own, s->cert, &len, &why);
    if (status != PELT_OK) {
        return pelt_fail(err, status, "--cert %s", why.text);
    }
    if (len == 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--cert %s: no certificate in it; PEM is expected (-----BEGIN "
                         "CERTIFICATE-----)",
                         s->cert);
    }
    status = read_key(f, key, err);
    if (status == PELT_OK && X509_check_private_key(sk_X509_value(f->own, 0), f->key) != 1) {
        ERR_clear_error();
        status = pelt_fail(err, PELT_EINVAL,
                           "--key %s is not the key of the first certificate in --cert %s", key,
                           s->cert);
    }
    return status;
}

enum pelt_status pelt_tls_files_read(struct pelt_tls_files *f,
                                     const struct pelt_tls_settings *settings,
                                     struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    if (!settings->insecure) {
        status = read_cas(f, settings, err);
    }
    if (status == PELT_OK && settings->cert != NULL) {
        status = read_own(f, settings, err);
    } else if (status == PELT_OK && settings->key != NULL) {
        status =
            pelt_fail(err, PELT_EINVAL, "--key %s needs its certificate, --cert", settings->key);
    }
    return status;
}

void pelt_tls_files_deinit(struct pelt_tls_files *f)
{
    sk_X509_pop_free(f->cas, X509_free);
    sk_X509_pop_free(f->own, X509_free);
    EVP_PKEY_free(f->key);
    free(f->cas_name);
    *f = (struct pelt_tls_files){0};
}
