/*
 * digest_auth: see the header. A field may hold several challenges, and several fields may come:
 * a name followed by "=" is a parameter of the challenge before it, any other begins one.
 */
#include "pelt/digest_auth.h"

#include <ctype.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include "pelt/http1_request.h"
#include "pelt/http1_response.h"

/* ---- reading ---- */

struct scan {
    struct pelt_span text;
    size_t at;
};

static char peek(const struct scan *s)
{
    return s->at < s->text.len ? s->text.ptr[s->at] : '\0';
}

static void skip(struct scan *s, const char *which)
{
    while (s->at < s->text.len && strchr(which, s->text.ptr[s->at]) != NULL && peek(s) != '\0') {
        s->at++;
    }
}

/* Of the characters that a token has, and those of a token68. */
static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~/", c) != NULL);
}

static struct pelt_span take_word(struct scan *s)
{
    const size_t begin = s->at;
    while (is_word(peek(s))) {
        s->at++;
    }
    return pelt_span(s->text.ptr + begin, s->at - begin);
}

/* A token, or what stands between quotes. False: no end of them. */
static bool take_value(struct scan *s, struct pelt_span *out)
{
    if (peek(s) != '"') {
        *out = take_word(s);
        return true;
    }
    const size_t begin = ++s->at;
    while (s->at < s->text.len && peek(s) != '"') {
        s->at += peek(s) == '\\' ? 2 : 1;
    }
    if (s->at >= s->text.len) {
        return false;
    }
    *out = pelt_span(s->text.ptr + begin, s->at - begin);
    s->at++;
    return true;
}

/* One challenge as it is read. */
struct candidate {
    struct pelt_digest_challenge c;
    bool is_digest, has_realm, has_nonce, has_qop, broken;
    struct pelt_span unknown; /* algorithm or qop that is not known */
};

/* False: too long, or nothing that a field may have. */
static bool fits(struct pelt_digest_text *to, struct pelt_span value)
{
    if (value.len > sizeof to->bytes || (value.len > 0 && !pelt_http1_is_value(value))) {
        return false;
    }
    memcpy(to->bytes, value.ptr, value.len);
    to->len = (uint16_t)value.len;
    return true;
}

static void put(struct candidate *k, struct pelt_digest_text *to, struct pelt_span value)
{
    k->broken = !fits(to, value) || k->broken;
}

static void set_algorithm(struct candidate *k, struct pelt_span value)
{
    static const struct {
        const char *name;
        enum pelt_digest_hash hash;
        bool session;
    } KNOWN[] = {{"MD5", PELT_DIGEST_MD5, false},
                 {"MD5-sess", PELT_DIGEST_MD5, true},
                 {"SHA-256", PELT_DIGEST_SHA256, false},
                 {"SHA-256-sess", PELT_DIGEST_SHA256, true}};
    k->c.has_algorithm = true;
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (pelt_span_eq_nocase(value, KNOWN[i].name)) {
            k->c.hash = KNOWN[i].hash;
            k->c.session = KNOWN[i].session;
            return;
        }
    }
    k->unknown = value;
}

static void set_qop(struct candidate *k, struct pelt_span value)
{
    struct scan s = {.text = value};
    k->has_qop = true;
    while (s.at < value.len) {
        skip(&s, " \t,");
        struct pelt_span word = take_word(&s);
        if (word.len == 0) {
            s.at++;
        } else if (pelt_span_eq_nocase(word, "auth")) {
            k->c.qop = PELT_DIGEST_AUTH;
        } else if (pelt_span_eq_nocase(word, "auth-int") && k->c.qop != PELT_DIGEST_AUTH) {
            k->c.qop = PELT_DIGEST_AUTH_INT;
        }
    }
    if (k->c.qop == PELT_DIGEST_NO_QOP) {
        k->unknown = value;
    }
}

static void set(struct candidate *k, struct pelt_span name, struct pelt_span value)
{
    if (pelt_span_eq_nocase(name, "realm")) {
        k->has_realm = true;
        put(k, &k->c.realm, value);
    } else if (pelt_span_eq_nocase(name, "nonce")) {
        k->has_nonce = value.len > 0;
        put(k, &k->c.nonce, value);
    } else if (pelt_span_eq_nocase(name, "opaque")) {
        k->c.has_opaque = true;
        put(k, &k->c.opaque, value);
    } else if (pelt_span_eq_nocase(name, "stale")) {
        k->c.stale = pelt_span_eq_nocase(value, "true");
    } else if (pelt_span_eq_nocase(name, "userhash")) {
        k->c.userhash = pelt_span_eq_nocase(value, "true");
    } else if (pelt_span_eq_nocase(name, "algorithm")) {
        set_algorithm(k, value);
    } else if (pelt_span_eq_nocase(name, "qop")) {
        set_qop(k, value);
    }
}

/* What was found so far. */
struct found {
    struct pelt_digest_challenge *best;
    bool any, broken;
    struct pelt_span unknown;
};

/* A challenge has ended. */
static void judge(const struct candidate *k, struct found *f)
{
    if (!k->is_digest) {
        return;
    }
    if (k->broken || !k->has_realm || !k->has_nonce) {
        f->broken = true;
    } else if (k->unknown.ptr != NULL) {
        f->unknown = k->unknown;
    } else if (!f->any || k->c.hash > f->best->hash) {
        f->any = true;
        *f->best = k->c;
    }
}

static void read_field(struct pelt_span value, struct found *f)
{
    struct scan s = {.text = value};
    struct candidate k = {.is_digest = false};
    while (s.at < value.len) {
        skip(&s, " \t,\r\n");
        struct pelt_span name = take_word(&s), text = {NULL, 0};
        const size_t behind = s.at;
        skip(&s, " \t");
        if (name.len == 0) {
            k.broken = true;
            s.at += s.at < value.len;
        } else if (peek(&s) == '=') {
            s.at++;
            skip(&s, " \t");
            k.broken = !take_value(&s, &text) || k.broken;
            if (text.ptr != NULL) {
                set(&k, name, text);
            } else {
                s.at = value.len;
            }
        } else {
            judge(&k, f);
            k = (struct candidate){.is_digest = pelt_span_eq_nocase(name, "Digest")};
            s.at = behind;
        }
    }
    judge(&k, f);
}

enum pelt_status pelt_digest_auth_read(struct pelt_span head, struct pelt_digest_challenge *out,
                                       struct pelt_error *err)
{
    struct pelt_span name, value;
    struct found f = {.best = out};
    size_t at = 0;
    while (pelt_http1_head_next(head, &at, &name, &value)) {
        if (pelt_span_eq_nocase(name, "WWW-Authenticate")) {
            read_field(value, &f);
        }
    }
    if (f.any) {
        return PELT_OK;
    }
    if (f.unknown.ptr != NULL) {
        return pelt_fail(err, PELT_EINVAL, "Digest with %.*s, of which pelt knows nothing",
                         (int)(f.unknown.len < 40 ? f.unknown.len : 40), f.unknown.ptr);
    }
    return f.broken ? pelt_fail(err, PELT_EPARSE, "Digest without realm and nonce, or too long")
                    : PELT_EOF;
}

/* name=value, ...: true once nextnonce was among them. */
static bool read_info(struct pelt_span field, struct pelt_digest_text *nonce)
{
    struct scan s = {.text = field};
    while (s.at < field.len) {
        skip(&s, " \t,\r\n");
        struct pelt_span name = take_word(&s), value = {NULL, 0};
        skip(&s, " \t");
        if (name.len == 0 || peek(&s) != '=') {
            return false;
        }
        s.at++;
        skip(&s, " \t");
        if (!take_value(&s, &value)) {
            return false;
        }
        if (pelt_span_eq_nocase(name, "nextnonce")) {
            return value.len > 0 && fits(nonce, value);
        }
    }
    return false;
}

bool pelt_digest_auth_next(struct pelt_span head, struct pelt_digest_text *nonce)
{
    const struct pelt_span field = pelt_http1_head_field(head, "Authentication-Info");
    return field.ptr != NULL && read_info(field, nonce);
}

bool pelt_digest_text_eq(const struct pelt_digest_text *a, const struct pelt_digest_text *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* ---- writing ---- */

#define HEX_SIZE (2 * SHA256_DIGEST_SIZE + 1)

struct hash {
    enum pelt_digest_hash kind;
    union {
        struct md5_ctx md5;
        struct sha256_ctx sha256;
    };
};

static void begin(struct hash *h, enum pelt_digest_hash kind)
{
    h->kind = kind;
    if (kind == PELT_DIGEST_MD5) {
        md5_init(&h->md5);
    } else {
        sha256_init(&h->sha256);
    }
}

static void add(struct hash *h, struct pelt_span text)
{
    if (text.len == 0) {
        return;
    }
    if (h->kind == PELT_DIGEST_MD5) {
        md5_update(&h->md5, text.len, (const uint8_t *)text.ptr);
    } else {
        sha256_update(&h->sha256, text.len, (const uint8_t *)text.ptr);
    }
}

static void end(struct hash *h, char out[HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[SHA256_DIGEST_SIZE];
    const size_t len = h->kind == PELT_DIGEST_MD5 ? MD5_DIGEST_SIZE : SHA256_DIGEST_SIZE;
    if (h->kind == PELT_DIGEST_MD5) {
        md5_digest(&h->md5, len, bytes);
    } else {
        sha256_digest(&h->sha256, len, bytes);
    }
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

/* H of the parts, with colons between. */
static void hash_of(enum pelt_digest_hash kind, const struct pelt_span *part, size_t len,
                    char out[HEX_SIZE])
{
    struct hash h;
    begin(&h, kind);
    for (size_t i = 0; i < len; i++) {
        add(&h, pelt_span(":", i > 0));
        add(&h, part[i]);
    }
    end(&h, out);
}

/* The text as it was before it was quoted. */
static struct pelt_span unquoted(const struct pelt_digest_text *text, char out[PELT_DIGEST_TEXT])
{
    size_t len = 0;
    for (size_t i = 0; i < text->len; i++) {
        i += text->bytes[i] == '\\' && i + 1 < text->len;
        out[len++] = text->bytes[i];
    }
    return pelt_span(out, len);
}

static void secret(const struct pelt_digest_challenge *c,
                   const struct pelt_digest_auth_login *login, struct pelt_span realm,
                   const struct pelt_digest_auth_request *r, char out[HEX_SIZE])
{
    const struct pelt_span who[] = {pelt_span_of(login->user), realm,
                                    pelt_span_of(login->password)};
    hash_of(c->hash, who, 3, out);
    if (c->session) {
        char nonce[PELT_DIGEST_TEXT], a1[HEX_SIZE];
        memcpy(a1, out, sizeof a1);
        const struct pelt_span parts[] = {pelt_span_of(a1), unquoted(&c->nonce, nonce),
                                          pelt_span_of(r->cnonce)};
        hash_of(c->hash, parts, 3, out);
    }
}

static void about(const struct pelt_digest_challenge *c, const struct pelt_digest_auth_request *r,
                  char out[HEX_SIZE])
{
    char body[HEX_SIZE];
    struct pelt_span parts[] = {r->method, r->target, {NULL, 0}};
    if (c->qop == PELT_DIGEST_AUTH_INT) {
        hash_of(c->hash, &r->body, 1, body);
        parts[2] = pelt_span_of(body);
    }
    hash_of(c->hash, parts, c->qop == PELT_DIGEST_AUTH_INT ? 3 : 2, out);
}

static const char *qop_name(enum pelt_digest_qop qop)
{
    return qop == PELT_DIGEST_AUTH_INT ? "auth-int" : "auth";
}

/* name="text", what a quoted text may not have escaped. */
static void add_quoted(struct pelt_buf *out, const char *name, struct pelt_span text)
{
    pelt_buf_addf(out, "%s=\"", name);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            pelt_buf_add(out, "\\", 1);
        }
        pelt_buf_add(out, text.ptr + i, 1);
    }
    pelt_buf_add(out, "\"", 1);
}

static void add_user(struct pelt_buf *out, const struct pelt_digest_challenge *c, const char *user,
                     struct pelt_span realm)
{
    char hashed[HEX_SIZE];
    const struct pelt_span parts[] = {pelt_span_of(user), realm};
    if (c->userhash) {
        hash_of(c->hash, parts, 2, hashed);
    }
    add_quoted(out, "username", pelt_span_of(c->userhash ? hashed : user));
}

enum pelt_status pelt_digest_auth_write(struct pelt_buf *out, const struct pelt_digest_challenge *c,
                                        const struct pelt_digest_auth_login *login,
                                        const struct pelt_digest_auth_request *r)
{
    static const char *const NAMES[2][2] = {{"MD5", "MD5-sess"}, {"SHA-256", "SHA-256-sess"}};
    char a1[HEX_SIZE], a2[HEX_SIZE], response[HEX_SIZE], nc[9];
    char realm_bytes[PELT_DIGEST_TEXT], nonce_bytes[PELT_DIGEST_TEXT];
    const struct pelt_span realm = unquoted(&c->realm, realm_bytes);
    snprintf(nc, sizeof nc, "%08x", (unsigned)r->nc);
    secret(c, login, realm, r, a1);
    about(c, r, a2);
    const struct pelt_span nonce = unquoted(&c->nonce, nonce_bytes), key = pelt_span_of(a1),
                           what = pelt_span_of(a2);
    const struct pelt_span with[] = {
        key, nonce, pelt_span_of(nc), pelt_span_of(r->cnonce), pelt_span_of(qop_name(c->qop)),
        what};
    const struct pelt_span without[] = {key, nonce, what};
    const bool qop = c->qop != PELT_DIGEST_NO_QOP;
    hash_of(c->hash, qop ? with : without, qop ? 6 : 3, response);
    pelt_buf_add_str(out, "Digest ");
    add_user(out, c, login->user, realm);
    pelt_buf_addf(out, ", realm=\"%.*s\", nonce=\"%.*s\", ", (int)c->realm.len, c->realm.bytes,
                  (int)c->nonce.len, c->nonce.bytes);
    add_quoted(out, "uri", r->target);
    pelt_buf_addf(out, ", response=\"%s\"", response);
    if (c->has_algorithm) {
        pelt_buf_addf(out, ", algorithm=%s", NAMES[c->hash][c->session]);
    }
    if (c->has_opaque) {
        pelt_buf_addf(out, ", opaque=\"%.*s\"", (int)c->opaque.len, c->opaque.bytes);
    }
    if (qop || c->session) {
        pelt_buf_addf(out, ", cnonce=\"%s\"", r->cnonce);
    }
    if (qop) {
        pelt_buf_addf(out, ", qop=%s, nc=%s", qop_name(c->qop), nc);
    }
    if (c->userhash) {
        pelt_buf_add_str(out, ", userhash=true");
    }
    return out->failed ? PELT_ELIMIT : PELT_OK;
}
