/* endpoint: see the header. */
#include "endpoint.h"

#include <errno.h>

#include "pelt/url.h"

#define TOKEN_BYTES_MAX 4096

static enum pelt_status no_memory(struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "out of memory");
}

/* ---- the URL ---- */

static enum pelt_status check_url(const struct pelt_endpoint *e, const struct pelt_url *url,
                                  struct pelt_error *err)
{
    if (url->userinfo.len > 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "agent %s: a user has no place in its URL: put the token into a file and "
                         "give it by --agent-token-file",
                         e->url);
    }
    if (memchr(url->target.ptr, '?', url->target.len) != NULL) {
        return pelt_fail(err, PELT_EINVAL,
                         "agent %s: its URL has a query: write http://HOST:PORT, or with a path",
                         e->url);
    }
    return PELT_OK;
}

static char *header_of(const struct pelt_url *url)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    pelt_buf_addf(&b, url->host_is_ipv6 ? "[%.*s]" : "%.*s", (int)url->host.len, url->host.ptr);
    if (!url->port_is_default) {
        pelt_buf_addf(&b, ":%u", url->port);
    }
    char *text = b.failed ? NULL : pelt_buf_take(&b);
    pelt_buf_deinit(&b);
    return text;
}

static enum pelt_status take_url(struct pelt_endpoint *e, const char *text, struct pelt_error *err)
{
    struct pelt_url url;
    struct pelt_error why;
    size_t len = strlen(text);
    enum pelt_status status = pelt_url_parse(pelt_span(text, len), &url, &why);
    if (status != PELT_OK) {
        return pelt_fail(err, PELT_EINVAL, "agent: %s", why.text);
    }
    size_t path = url.target.len;
    while (path > 0 && url.target.ptr[path - 1] == '/') {
        path--;
    }
    e->url = strndup(text, len - (url.target.len - path));
    e->host = strndup(url.host.ptr, url.host.len);
    e->path = strndup(path > 0 ? url.target.ptr : "", path);
    e->host_header = header_of(&url);
    e->port = url.port;
    e->https = url.https;
    if (e->url == NULL || e->host == NULL || e->path == NULL || e->host_header == NULL) {
        return no_memory(err);
    }
    return check_url(e, &url, err);
}

/* ---- the name ---- */

static enum pelt_status take_name(struct pelt_endpoint *e, const char *name, struct pelt_error *err)
{
    size_t fits = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    if (*name == 0 || name[fits] != 0 || fits >= PELT_AGENT_NAME_SIZE) {
        return pelt_fail(
            err, PELT_EINVAL,
            "agent %s: its name \"%.80s\" becomes part of metrics' names: write 1 to %d "
            "letters, digits, '-' and '_'",
            e->url, name, PELT_AGENT_NAME_SIZE - 1);
    }
    e->name = strdup(name);
    return e->name != NULL ? PELT_OK : no_memory(err);
}

/* ---- the token ---- */

static enum pelt_status bad_token(const struct pelt_endpoint *e, const char *path, const char *why,
                                  struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL,
                     "agent %s: token file %s %s: write the token that pelt-agent has, in one line",
                     e->url, path, why);
}

static enum pelt_status read_token(struct pelt_endpoint *e, const char *path,
                                   struct pelt_error *err)
{
    char text[TOKEN_BYTES_MAX + 2];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return bad_token(e, path, strerror(errno), err);
    }
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) {
        return bad_token(e, path, "cannot be read", err);
    }
    const char *end = memchr(text, '\n', len);
    struct pelt_span token =
        pelt_span_trim(pelt_span(text, end != NULL ? (size_t)(end - text) : len));
    if (token.len == 0 || token.len > TOKEN_BYTES_MAX) {
        return bad_token(e, path, token.len == 0 ? "is empty" : "is longer than 4096 bytes", err);
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~') {
            return bad_token(e, path, "has a blank or a byte that is not ASCII in it", err);
        }
    }
    e->token = strndup(token.ptr, token.len);
    explicit_bzero(text, sizeof(text));
    return e->token != NULL ? PELT_OK : no_memory(err);
}

/* ---- TLS ---- */

static enum pelt_status make_tls(struct pelt_endpoint *e, const struct pelt_agent_options *options,
                                 struct pelt_error *err)
{
    struct pelt_error why = {""};
    struct pelt_tls_settings settings = {
        .backend = PELT_TLS_OPENSSL, .ca = options->ca, .insecure = options->insecure};
    enum pelt_status status = pelt_tls_new(&e->tls, &settings, &why);
    if (status == PELT_OK) {
        status = pelt_tls_thread_new(&e->tls_thread, e->tls, &why);
    }
    e->session.thread = e->tls_thread;
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "agent %s: %s", e->url, why.text);
}

static enum pelt_status take(struct pelt_endpoint *e, const struct pelt_agent_options *options,
                             struct pelt_error *err)
{
    enum pelt_status status = take_url(e, options->url, err);
    if (status == PELT_OK && options->name != NULL) {
        status = take_name(e, options->name, err);
    }
    if (status == PELT_OK && options->token_file != NULL) {
        status = read_token(e, options->token_file, err);
    }
    if (status == PELT_OK && e->https) {
        status = make_tls(e, options, err);
    }
    return status;
}

enum pelt_status pelt_endpoint_new(const struct pelt_agent_options *options,
                                   struct pelt_endpoint **out, struct pelt_error *err)
{
    struct pelt_endpoint *e = calloc(1, sizeof(*e));
    *out = NULL;
    if (e == NULL) {
        return no_memory(err);
    }
    enum pelt_status status = take(e, options, err);
    if (status != PELT_OK) {
        pelt_endpoint_free(e);
        return status;
    }
    *out = e;
    return PELT_OK;
}

void pelt_endpoint_free(struct pelt_endpoint *e)
{
    if (e == NULL) {
        return;
    }
    if (e->tls_thread != NULL) {
        pelt_tls_session_forget(&e->session);
    }
    pelt_tls_thread_free(e->tls_thread);
    pelt_tls_free(e->tls);
    if (e->token != NULL) {
        explicit_bzero(e->token, strlen(e->token));
    }
    free(e->token);
    free(e->url);
    free(e->name);
    free(e->host);
    free(e->host_header);
    free(e->path);
    free(e);
}
