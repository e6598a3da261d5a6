/* user_digest: see the header. Credentials stand behind the request line, where they are found
 * again. */
#include "user_digest.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/digest_auth.h"
#include "pelt/log.h"
#include "pelt/redirect.h"

#define STALE_MOST 3 /* challenges in a row that say that the nonce is stale */

static const char FIELD[] = "\r\nAuthorization: Digest ";

struct pelt_user_digest {
    struct pelt_user_digest *next;
    const struct pelt_origin *origin;
    struct pelt_digest_challenge challenge; /* of use once `known` */
    uint32_t nc;                            /* requests that had its nonce */
    uint32_t nonces;                        /* that were used, this one included */
    char cnonce[17];
    uint8_t stale;    /* challenges in a row that said so */
    bool known, told; /* told: why a challenge was not answered */
    char *user, *password;
};

static void out_of_memory(lua_State *L)
{
    luaL_error(L, "http: out of memory");
}

static void digest_free(struct pelt_user_digest *d)
{
    free(d->user);
    free(d->password);
    free(d);
}

void pelt_user_digests_free(struct pelt_user_digest *list)
{
    while (list != NULL) {
        struct pelt_user_digest *next = list->next;
        digest_free(list);
        list = next;
    }
}

static struct pelt_user_digest *find(lua_State *L, struct pelt_strand *strand,
                                     const struct pelt_origin *origin,
                                     const struct pelt_login *login)
{
    unsigned len = 0;
    for (struct pelt_user_digest *d = strand->digests; d != NULL; d = d->next, len++) {
        if (d->origin == origin && pelt_span_eq(login->user, d->user) &&
            pelt_span_eq(login->password, d->password)) {
            return d;
        }
    }
    if (len == PELT_USER_DIGESTS_MAX) {
        luaL_error(L, "http: auth: more than %d digest logins of a user: use fewer",
                   PELT_USER_DIGESTS_MAX);
    }
    struct pelt_user_digest *d = calloc(1, sizeof *d);
    if (d == NULL) {
        out_of_memory(L);
    }
    d->origin = origin;
    d->user = strndup(login->user.ptr, login->user.len);
    d->password = strndup(login->password.ptr, login->password.len);
    if (d->user == NULL || d->password == NULL) {
        digest_free(d);
        out_of_memory(L);
    }
    d->next = strand->digests;
    strand->digests = d;
    return d;
}

/* ---- credentials in a request ---- */

/* Where the request has them, and up to where; NULL: it has none. */
static const char *credentials(struct pelt_span request, const char **end)
{
    const char *head_end = memmem(request.ptr, request.len, "\r\n\r\n", 4);
    const size_t head = head_end != NULL ? (size_t)(head_end + 2 - request.ptr) : request.len;
    const char *at = memmem(request.ptr, head, FIELD, sizeof FIELD - 1);
    if (at != NULL) {
        *end = memmem(at + 2, head - (size_t)(at + 2 - request.ptr), "\r\n", 2);
    }
    return at != NULL && *end != NULL ? at : NULL;
}

static uint32_t moved(uint32_t at, size_t from, size_t old_len, size_t new_len)
{
    return at > from ? (uint32_t)(at - old_len + new_len) : at;
}

/* `text` takes the place of `old_len` bytes at `at` of the request. */
static void replace(lua_State *L, struct pelt_draft *draft, size_t at, size_t old_len,
                    struct pelt_span text)
{
    struct pelt_buf *buf = &draft->buf;
    struct pelt_request *r = &draft->request;
    if (pelt_buf_reserve(buf, text.len) != PELT_OK) {
        out_of_memory(L);
    }
    memmove(buf->data + at + text.len, buf->data + at + old_len, buf->len - at - old_len);
    memcpy(buf->data + at, text.ptr, text.len);
    buf->len += text.len - old_len;
    buf->data[buf->len] = '\0';
    r->bytes = buf->data;
    r->len = buf->len;
    r->trace_at = moved(r->trace_at, at, old_len, text.len);
    r->correlation_at = moved(r->correlation_at, at, old_len, text.len);
    r->continue_at = moved(r->continue_at, at, old_len, text.len);
}

static struct pelt_span body_of(struct pelt_span request)
{
    const char *end = memmem(request.ptr, request.len, "\r\n\r\n", 4);
    const size_t head = end != NULL ? (size_t)(end + 4 - request.ptr) : request.len;
    return pelt_span(request.ptr + head, request.len - head);
}

void pelt_user_digest_sign(lua_State *L, struct pelt_strand *strand, struct pelt_draft *draft)
{
    struct pelt_user_digest *d = draft->request.maker;
    struct pelt_span request = pelt_span(draft->buf.data, draft->buf.len);
    const char *end = NULL, *at = credentials(request, &end);
    const char *line_end = memmem(request.ptr, request.len, "\r\n", 2);
    if (!d->known || line_end == NULL) {
        return;
    }
    struct pelt_buf *text = &pelt_shard_of(L)->made;
    const struct pelt_digest_auth_login login = {d->user, d->password};
    const struct pelt_digest_auth_request what = {.method = pelt_http1_request_method(request),
                                                  .target = pelt_http1_request_target(request),
                                                  .body = body_of(request),
                                                  .nc = ++d->nc,
                                                  .cnonce = d->cnonce};
    pelt_buf_reset(text);
    pelt_buf_add_str(text, "\r\nAuthorization: ");
    if (pelt_digest_auth_write(text, &d->challenge, &login, &what) != PELT_OK) {
        out_of_memory(L);
    }
    const size_t begin = (size_t)((at != NULL ? at : line_end) - request.ptr);
    replace(L, draft, begin, at != NULL ? (size_t)(end - at) : 0, pelt_span(text->data, text->len));
}

/* ---- challenges ---- */

/* Said once of each login: a user sees 401 otherwise, and not why. */
static void tell(struct pelt_user_digest *d, const char *why)
{
    if (!d->told) {
        d->told = true;
        pelt_log(PELT_LOG_WARNING, "digest", "%.*s: a challenge was not answered: %s",
                 (int)pelt_origin_host(d->origin).len, pelt_origin_host(d->origin).ptr, why);
    }
}

/* Of a request: the answer is a challenge that can be met. */
static bool is_challenge(const struct pelt_request *request, unsigned status, struct pelt_span head)
{
    struct pelt_user_digest *d = request->maker;
    struct pelt_digest_challenge challenge = {.stale = false};
    struct pelt_error err = {{0}};
    const char *end;
    if (status != 401) {
        return false;
    }
    const enum pelt_status read = pelt_digest_auth_read(head, &challenge, &err);
    if (read != PELT_OK) {
        tell(d, read == PELT_EOF ? "it is none of Digest" : err.text);
        return false;
    }
    const bool had = credentials(pelt_span(request->bytes, request->len), &end) != NULL;
    return !had || (challenge.stale && d->stale < STALE_MOST);
}

void pelt_user_digest_begin(lua_State *L, struct pelt_strand *strand,
                            const struct pelt_login *login, struct pelt_draft *draft)
{
    struct pelt_request *r = &draft->request;
    r->maker = find(L, strand, r->origin, login);
    r->judge = is_challenge;
    r->judged = true;
    r->keep = true; /* a challenge stands in the head */
    pelt_user_digest_sign(L, strand, draft);
}

/* Ours for a nonce: no draw of the user's own random numbers. */
static void draw_cnonce(struct pelt_user_digest *d, const struct pelt_strand *strand)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, strand->shard->opt->seed ^ d->challenge.nonce.len,
                  strand->trace_stream + UINT64_C(0x6469676573740000) + d->nonces);
    snprintf(d->cnonce, sizeof d->cnonce, "%016llx", (unsigned long long)pelt_rng_u64(&rng));
}

/* A server may hand out one nonce several times, to what is under way at the same time: it is
 * counted on, as servers that check the count refuse one that comes twice. */
static void use(struct pelt_user_digest *d, const struct pelt_strand *strand,
                const struct pelt_digest_challenge *challenge)
{
    const bool is_new = !d->known || !pelt_digest_text_eq(&challenge->nonce, &d->challenge.nonce);
    d->challenge = *challenge;
    d->known = true;
    if (is_new) {
        d->nc = 0;
        d->nonces++;
        draw_cnonce(d, strand);
    }
}

/* Of an answer to credentials. */
static void use_next(struct pelt_user_digest *d, const struct pelt_strand *strand,
                     struct pelt_span head)
{
    struct pelt_digest_text nonce;
    if (d->known && pelt_digest_auth_next(head, &nonce)) {
        struct pelt_digest_challenge next = d->challenge;
        next.nonce = nonce;
        use(d, strand, &next);
    }
}

bool pelt_user_digest_answer(lua_State *L, struct pelt_strand *strand,
                             const struct pelt_exchange *x, struct pelt_draft *draft)
{
    struct pelt_user_digest *d = x->request->maker;
    struct pelt_digest_challenge challenge = {.stale = false};
    struct pelt_error unsaid;
    if (x->status != 401 || x->outcome != PELT_OUTCOME_OK) {
        use_next(d, strand, x->head);
        d->stale = x->status != 0 && x->status != 401 ? 0 : d->stale;
        return false;
    }
    if (pelt_digest_auth_read(x->head, &challenge, &unsaid) != PELT_OK) {
        return false; /* 401 is in `expect` */
    }
    const char *end;
    if (credentials(pelt_span(x->request->bytes, x->request->len), &end) != NULL) {
        if (!challenge.stale || d->stale >= STALE_MOST) {
            return false;
        }
        d->stale++;
    }
    use(d, strand, &challenge);
    pelt_user_digest_sign(L, strand, draft);
    return true;
}
