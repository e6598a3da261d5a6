/* draft: see the header. */
#include "draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pelt/convert.h"
#include "pelt/url.h"
#include "percent.h"

/* Room for one more of `size` bytes; false: out of memory. */
static bool grow(struct convert_draft *d, void **items, size_t len, size_t *cap, size_t size)
{
    if (len < *cap) {
        return true;
    }
    size_t wider = *cap > 0 ? 2 * *cap : 8;
    void *moved = realloc(*items, wider * size);
    if (moved == NULL) {
        d->arena.failed = true;
        return false;
    }
    *items = moved;
    *cap = wider;
    return true;
}

static void request_deinit(struct convert_request *r)
{
    free(r->headers.at);
    free(r->parts.at);
    free(r->notes.at);
}

void convert_draft_deinit(struct convert_draft *d)
{
    for (size_t i = 0; i < d->len; i++) {
        request_deinit(&d->requests[i]);
    }
    free(d->requests);
    free(d->notes.at);
    convert_arena_deinit(&d->arena);
    *d = (struct convert_draft){0};
}

struct convert_request *convert_draft_add(struct convert_draft *d)
{
    void *items = d->requests;
    if (d->len == PELT_CONVERT_REQUESTS_MAX ||
        !grow(d, &items, d->len, &d->cap, sizeof *d->requests)) {
        return NULL;
    }
    d->requests = items;
    struct convert_request *r = &d->requests[d->len++];
    *r = (struct convert_request){.method = "GET", .url = ""};
    return r;
}

void convert_draft_drop_last(struct convert_draft *d)
{
    request_deinit(&d->requests[--d->len]);
}

struct convert_field *convert_fields_add(struct convert_draft *d, struct convert_fields *f,
                                         const char *name, const char *value)
{
    void *items = f->at;
    if (!grow(d, &items, f->len, &f->cap, sizeof *f->at)) {
        return NULL;
    }
    f->at = items;
    f->at[f->len] = (struct convert_field){.name = name, .value = value};
    return &f->at[f->len++];
}

struct convert_field *convert_fields_find(const struct convert_fields *f, const char *name)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcasecmp(f->at[i].name, name) == 0) {
            return &f->at[i];
        }
    }
    return NULL;
}

void convert_fields_remove(struct convert_fields *f, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->len; i++) {
        if (strcasecmp(f->at[i].name, name) != 0) {
            f->at[kept++] = f->at[i];
        }
    }
    f->len = kept;
}

/* Notes are one line of ordinary characters, whatever they quote. */
static void clean_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 127) {
            *text = '?';
        }
    }
}

void convert_note(struct convert_draft *d, struct convert_request *r, const char *fmt, ...)
{
    struct convert_texts *notes = r != NULL ? &r->notes : &d->notes;
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    clean_line(text);
    for (size_t i = 0; i < notes->len; i++) {
        if (strcmp(notes->at[i], text) == 0) {
            return;
        }
    }
    void *items = notes->at;
    if (grow(d, &items, notes->len, &notes->cap, sizeof *notes->at)) {
        notes->at = items;
        notes->at[notes->len++] = convert_arena_text(&d->arena, text, strlen(text));
    }
}

static const char *unescaped(struct convert_draft *d, struct pelt_span text)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%' && i + 2 < text.len && convert_hex(text.ptr[i + 1]) >= 0 &&
            convert_hex(text.ptr[i + 2]) >= 0) {
            c = (char)(convert_hex(text.ptr[i + 1]) << 4 | convert_hex(text.ptr[i + 2]));
            i += 2;
        }
        pelt_buf_add(&out, &c, 1);
    }
    const char *done = convert_arena_take(&d->arena, &out);
    pelt_buf_deinit(&out);
    return done;
}

static void take_user(struct convert_draft *d, struct convert_request *r, struct pelt_span info)
{
    const char *colon = memchr(info.ptr, ':', info.len);
    size_t user = colon != NULL ? (size_t)(colon - info.ptr) : info.len;
    if (r->user == NULL) {
        r->user = unescaped(d, pelt_span(info.ptr, user));
        r->password = colon != NULL ? unescaped(d, pelt_span(colon + 1, info.len - user - 1)) : "";
    }
}

/* As curl does: a missing scheme is http, blanks and bytes beyond ASCII are escaped. */
static const char *complete(struct convert_draft *d, const char *url)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    pelt_buf_add_str(&out, strstr(url, "://") != NULL ? "" : "http://");
    for (const char *p = url; *p != '\0' && *p != '#'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= ' ' || c >= 127) {
            pelt_buf_addf(&out, "%%%02X", c);
        } else {
            pelt_buf_add(&out, p, 1);
        }
    }
    const char *done = convert_arena_take(&d->arena, &out);
    pelt_buf_deinit(&out);
    return done;
}

static enum pelt_status tidy_url(struct convert_draft *d, struct convert_request *r,
                                 struct pelt_error *err)
{
    struct pelt_url url;
    const char *text = complete(d, r->url);
    enum pelt_status status = pelt_url_parse(pelt_span_of(text), &url, err);
    if (status != PELT_OK) {
        return status;
    }
    if (url.userinfo.len > 0) {
        take_user(d, r, url.userinfo);
    }
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    pelt_buf_addf(&out, url.host_is_ipv6 ? "%s[%.*s]" : "%s%.*s",
                  url.https ? "https://" : "http://", (int)url.host.len, url.host.ptr);
    if (!url.port_is_default) {
        pelt_buf_addf(&out, ":%u", url.port);
    }
    if (url.target.len == 0 || url.target.ptr[0] != '/') {
        pelt_buf_add_str(&out, "/");
    }
    pelt_buf_add(&out, url.target.ptr, url.target.len);
    r->url = convert_arena_take(&d->arena, &out);
    pelt_buf_deinit(&out);
    return PELT_OK;
}

static const char *const pelts_own[] = {
    "Host", "Content-Length", "Connection",        "Keep-Alive", "Proxy-Connection",
    "TE",   "Trailer",        "Transfer-Encoding", "Upgrade",    "Expect",
    NULL};

/* Host of another name than the URL's is a choice, and stays. */
static bool is_own_host(const struct convert_request *r, const char *host)
{
    const char *authority = strstr(r->url, "://") + 3;
    size_t len = strcspn(authority, "/?");
    return strlen(host) == len && strncasecmp(authority, host, len) == 0;
}

static void drop_own(struct convert_draft *d, struct convert_request *r)
{
    for (const char *const *name = pelts_own; *name != NULL; name++) {
        const struct convert_field *f = convert_fields_find(&r->headers, *name);
        if (f == NULL) {
            continue;
        }
        if (name == pelts_own && !is_own_host(r, f->value)) {
            convert_note(d, r, "Host \"%s\" is not that of the URL: sent as it is", f->value);
            continue;
        }
        convert_note(d, NULL,
                     "header %s is left out: pelt makes it itself, or it is of one connection",
                     *name);
        convert_fields_remove(&r->headers, *name);
    }
}

/* What browsers of today ask for is what `compressed` does; other lists stay, and are decoded, too.
 */
static void tidy_encoding(struct convert_request *r)
{
    const struct convert_field *f = convert_fields_find(&r->headers, "Accept-Encoding");
    if (f != NULL && strcasecmp(f->value, "gzip, deflate, br, zstd") == 0) {
        r->compressed = true;
        convert_fields_remove(&r->headers, "Accept-Encoding");
    }
}

static void tidy_bearer(struct convert_request *r)
{
    const struct convert_field *f = convert_fields_find(&r->headers, "Authorization");
    if (f != NULL && strncmp(f->value, "Bearer ", 7) == 0 && f->value[7] > ' ') {
        r->bearer = f->value + 7;
        convert_fields_remove(&r->headers, "Authorization");
        r->user = NULL;
    } else if (f != NULL) {
        r->user = NULL; /* a header of its own goes first, as with curl */
    }
}

enum pelt_status convert_request_tidy(struct convert_draft *d, struct convert_request *r,
                                      struct pelt_error *err)
{
    enum pelt_status status = tidy_url(d, r, err);
    if (status == PELT_OK && d->arena.failed) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status == PELT_OK) {
        drop_own(d, r);
        tidy_encoding(r);
        tidy_bearer(r);
    }
    return status;
}
