/* guard: see the header. */
#include "guard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pelt/loopback.h"

#define SECOND_NS UINT64_C(1000000000)

static bool refuse(struct face_refusal *refusal, int status, const char *why)
{
    *refusal = (struct face_refusal){.status = status};
    snprintf(refusal->why, sizeof refusal->why, "%s", why);
    return false;
}

/* A picture or script of another page has no Origin, but says this. Whoever typed the URL: "none".
 */
static bool is_own_site(const char *fetch_site)
{
    return strcasecmp(fetch_site, "same-origin") == 0 || strcasecmp(fetch_site, "none") == 0;
}

/* ---- tokens ---- */

static bool shows_token(const struct token *token, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    const char *shown;

    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0) {
        return false;
    }
    shown = authorization + strlen(scheme);
    shown += strspn(shown, " ");
    return token_is(token, shown, strlen(shown));
}

static uint64_t network_of(const struct sockaddr *peer)
{
    const uint8_t *bytes;
    uint64_t network = 0;

    if (!peer) {
        return 0;
    }
    if (peer->sa_family != AF_INET6) {
        return UINT64_C(0xffff) << 32 | ((const struct sockaddr_in *)peer)->sin_addr.s_addr;
    }
    bytes = ((const struct sockaddr_in6 *)peer)->sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)peer)->sin6_addr)) {
        bytes += 8;
    }
    memcpy(&network, bytes, sizeof network);
    return network;
}

/* The place of this address; where it has none, that of the one that is silent for longest. */
static struct guard_failures *failures_of(struct guard *g, uint64_t network)
{
    struct guard_failures *oldest = &g->failures[0];

    for (size_t i = 0; i < GUARD_ADDRESSES; i++) {
        struct guard_failures *f = &g->failures[i];

        if (f->count > 0 && f->network == network) {
            return f;
        }
        if (f->begun_ns < oldest->begun_ns) {
            oldest = f;
        }
    }
    *oldest = (struct guard_failures){.network = network};
    return oldest;
}

/* Counts one more. True: that is too many. */
static bool has_failed_often(struct guard *g, const struct face_request *request)
{
    struct guard_failures *f = failures_of(g, network_of(request->peer));

    if (f->count == 0 || request->now_ns - f->begun_ns >= SECOND_NS) {
        f->begun_ns = request->now_ns;
        f->count = 0;
    }
    if (f->count >= GUARD_FAILURES_MAX) {
        return true;
    }
    f->count++;
    return false;
}

/* ---- the check ---- */

void guard_init(struct guard *g, const struct token *token)
{
    *g = (struct guard){.token = token};
}

bool guard_admits(void *guard, const struct face_request *request, struct face_refusal *refusal)
{
    struct guard *g = guard;

    if ((request->origin && !pelt_loopback_origin(request->origin, request->host)) ||
        (request->fetch_site && !is_own_site(request->fetch_site))) {
        return refuse(refusal, 403,
                      "pages of other sites may not ask: their Origin, or Sec-Fetch-Site, is "
                      "refused");
    }
    if (!g->token) {
        return pelt_loopback_host(request->host) ||
               refuse(refusal, 403,
                      "the Host is no loopback name or address: ask for 127.0.0.1, [::1] or "
                      "localhost");
    }
    if (shows_token(g->token, request->authorization)) {
        return true;
    }
    if (has_failed_often(g, request)) {
        refuse(refusal, 429, "more than 3 requests in a second without the right token");
        refusal->header = "Retry-After";
        refusal->value = "1";
        return false;
    }
    refuse(refusal, 401, "the token is wrong or missing: Authorization: Bearer TOKEN");
    refusal->header = "WWW-Authenticate";
    refusal->value = "Bearer";
    return false;
}
