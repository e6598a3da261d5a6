/* hop: see the header. */
#include "hop.h"

#include <string.h>

#include "pelt/http1_response.h"
#include "pelt/redirect.h"
#include "pelt/url.h"
#include "tracing.h"
#include "user_cookies.h"
#include "user_digest.h"

#define METHOD_BYTES 32 /* of a method in a series' name */

/* The next request while it is made. */
struct hop {
    lua_State *L;
    struct pelt_strand *strand;
    const struct pelt_request *old;
    struct pelt_redirect redirect;
    struct pelt_origin *origin;
};

static bool answered(const struct pelt_exchange *x)
{
    return x->outcome == PELT_OUTCOME_OK || x->outcome == PELT_OUTCOME_HTTP_STATUS;
}

static void check(lua_State *L, enum pelt_status status)
{
    if (status != PELT_OK) {
        luaL_error(L, "http: out of memory");
    }
}

/* Where the location leads: FOLLOWS, or why not. The URL's text, which the target borrows from,
 * goes into `text`. */
static enum pelt_hop resolve(struct hop *h, struct pelt_span location, struct pelt_buf *text)
{
    lua_State *L = h->L;
    struct pelt_span host = pelt_origin_host(h->old->origin);
    lua_pushstring(L, pelt_origin_https(h->old->origin) ? "https://" : "http://");
    lua_pushlstring(L, host.ptr, host.len);
    lua_concat(L, 2);
    struct pelt_span origin;
    origin.ptr = lua_tolstring(L, -1, &origin.len);
    struct pelt_url url;
    struct pelt_error err;
    pelt_buf_reset(text);
    check(L, pelt_redirect_url(origin, pelt_http1_request_target(h->redirect.request), location,
                               text));
    lua_pop(L, 1);
    enum pelt_status status = pelt_url_parse(pelt_span(text->data, text->len), &url, &err);
    if (status == PELT_OK) {
        status = pelt_client_origin(pelt_shard_of(L)->opt->client, &url, &h->origin, &err);
    }
    if (status != PELT_OK) {
        return status == PELT_ELIMIT ? PELT_HOP_TOO_MANY_SERVERS : PELT_HOP_BAD;
    }
    h->redirect.target = url.target;
    h->redirect.host = pelt_origin_host(h->origin);
    h->redirect.same_origin = h->origin == h->old->origin;
    return PELT_HOP_FOLLOWS;
}

/* The bytes, which may not stand in the draft's buffer yet: the old ones may. */
static void write_bytes(const struct hop *h, struct pelt_buf *out)
{
    struct pelt_span target = h->redirect.target;
    pelt_buf_reset(out);
    check(h->L, pelt_redirect_head(&h->redirect, out));
    if (h->old->cookies && h->strand->cookies) {
        pelt_user_cookies_write(h->L, h->strand, h->origin, target, out);
    }
    check(h->L, pelt_redirect_end(&h->redirect, out));
}

static void fill(const struct hop *h, struct pelt_span bytes, struct pelt_draft *draft)
{
    struct pelt_span method = pelt_http1_request_method(bytes);
    char name[METHOD_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)method.len, method.ptr);
    uint32_t series = pelt_draft_series(h->L, name, pelt_http1_request_target(bytes));
    struct pelt_request next = *h->old;
    if (pelt_tracing_wanted(h->old)) {
        next.bytes = bytes.ptr;
        next.len = bytes.len;
        pelt_tracing_move(&next, h->old->bytes); /* before these bytes go */
    }
    pelt_buf_reset(&draft->buf);
    check(h->L, pelt_buf_add(&draft->buf, bytes.ptr, bytes.len));
    next.bytes = draft->buf.data;
    next.len = draft->buf.len;
    next.origin = h->origin;
    next.series = series;
    next.redirected++;
    next.judged = next.judged && h->redirect.same_origin;
    next.continue_at = 0;
    next.mannered = next.manner != NULL;
    if (h->redirect.keep && h->old->continue_at != 0) {
        next.continue_at = (uint32_t)(next.len - (h->old->len - h->old->continue_at));
        next.mannered = true;
    }
    if (pelt_tracing_wanted(&next)) {
        pelt_tracing_fill(&next, &draft->buf, h->strand);
    }
    draft->request = next;
    if (next.judged) {
        pelt_user_digest_sign(h->L, h->strand, draft);
    }
}

bool pelt_hop_again(lua_State *L, struct pelt_strand *strand, const struct pelt_exchange *x,
                    struct pelt_draft *draft)
{
    const bool stale = x->outcome == PELT_OUTCOME_STALE_REUSE;
    /* Not `judged` behind a redirect to another origin, which must not see this one's login. */
    const bool login = x->request->judged && x->request->judge != NULL;
    const bool again =
        stale ? x->request->stale_again : login && pelt_user_digest_answer(L, strand, x, draft);
    if (again && stale && login) {
        pelt_user_digest_sign(L, strand, draft); /* the server may have seen the count it had */
    }
    if (again && pelt_tracing_wanted(x->request)) { /* one with ids is the strand's own */
        pelt_tracing_fill(&draft->request, &draft->buf, strand);
    }
    return again;
}

enum pelt_hop pelt_hop_next(lua_State *L, struct pelt_strand *strand, const struct pelt_exchange *x,
                            struct pelt_draft **at)
{
    struct hop h = {.L = L, .strand = strand, .old = x->request};
    if (!answered(x) || !pelt_redirect_is(x->status) || x->head.len == 0) {
        return PELT_HOP_NONE;
    }
    struct pelt_span location = pelt_http1_head_field(x->head, "Location");
    if (!location.ptr) {
        return PELT_HOP_NONE;
    }
    if (h.old->redirected == h.old->redirects) {
        return PELT_HOP_TOO_MANY;
    }
    struct pelt_shard *shard = pelt_shard_of(L);
    h.redirect.request = pelt_span(h.old->bytes, h.old->len);
    h.redirect.keep = pelt_redirect_keeps(x->status, pelt_http1_request_method(h.redirect.request));
    h.redirect.drop_cookie = h.old->cookies;
    enum pelt_hop hop = resolve(&h, location, &shard->head);
    if (hop != PELT_HOP_FOLLOWS) {
        return hop;
    }
    write_bytes(&h, &shard->made);
    fill(&h, pelt_span(shard->made.data, shard->made.len), pelt_draft_at(L, at));
    pelt_shard_trim(&shard->made);
    return PELT_HOP_FOLLOWS;
}
