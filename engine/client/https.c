/*
 * https: see the header.
 */
#include "pelt/https.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct pelt_https {
    struct pelt_tls_settings settings; /* its strings are in `text` */
    pthread_mutex_t lock;              /* of what follows */
    struct made {
        bool tried;
        struct pelt_tls *tls;
        enum pelt_status status;
        struct pelt_error err;
    } made[2]; /* as the settings say; for HTTP/2 */
    atomic_bool met;
    char text[];
};

static size_t size_of(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/* *text becomes a copy at *at, which goes behind it. */
static void move(const char **text, char **at)
{
    const size_t size = size_of(*text);
    if (size > 0) {
        *text = memcpy(*at, *text, size);
        *at += size;
    }
}

enum pelt_status pelt_https_new(const struct pelt_tls_settings *settings, struct pelt_https **out,
                                struct pelt_error *err)
{
    const struct pelt_tls_settings *s = settings;
    const size_t size = size_of(s->ca) + size_of(s->cert) + size_of(s->key) + size_of(s->ciphers) +
                        size_of(s->alpn);
    struct pelt_https *https = calloc(1, sizeof(struct pelt_https) + size);
    if (https == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    char *at = https->text;
    https->settings = *s;
    move(&https->settings.ca, &at);
    move(&https->settings.cert, &at);
    move(&https->settings.key, &at);
    move(&https->settings.ciphers, &at);
    move(&https->settings.alpn, &at);
    pthread_mutex_init(&https->lock, NULL);
    *out = https;
    return PELT_OK;
}

void pelt_https_free(struct pelt_https *https)
{
    if (https != NULL) {
        pelt_tls_free(https->made[0].tls);
        pelt_tls_free(https->made[1].tls);
        pthread_mutex_destroy(&https->lock);
        free(https);
    }
}

static enum pelt_status make(struct pelt_https *https, bool http2, const struct pelt_tls **out,
                             struct pelt_error *err)
{
    struct made *m = &https->made[http2];
    struct pelt_tls_settings settings = https->settings;
    if (http2) {
        settings.alpn = "h2";
    }
    pthread_mutex_lock(&https->lock);
    if (!m->tried) {
        m->tried = true;
        m->status = pelt_tls_new(&m->tls, &settings, &m->err);
    }
    pthread_mutex_unlock(&https->lock);
    *out = m->tls;
    return m->status == PELT_OK ? PELT_OK : pelt_fail(err, m->status, "%s", m->err.text);
}

enum pelt_status pelt_https_make(struct pelt_https *https, const struct pelt_tls **out,
                                 struct pelt_error *err)
{
    return make(https, false, out, err);
}

enum pelt_status pelt_https_make_http2(struct pelt_https *https, const struct pelt_tls **out,
                                       struct pelt_error *err)
{
    return make(https, true, out, err);
}

const struct pelt_tls_settings *pelt_https_settings(const struct pelt_https *https)
{
    return &https->settings;
}

void pelt_https_meet(struct pelt_https *https)
{
    atomic_store_explicit(&https->met, true, memory_order_relaxed);
}

bool pelt_https_met(const struct pelt_https *https)
{
    return atomic_load_explicit(&https->met, memory_order_relaxed);
}
