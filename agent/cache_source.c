/* cache_source: see the header. What all kinds of it share. */
#include "cache_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/dns.h"

#define RESOLVE_S 5.0

enum pelt_status cache_source_init(struct cache_source *s, const struct cache_source_ops *ops,
                                   const struct cache_wish *wish, struct ev_loop *loop,
                                   struct pelt_error *err)
{
    s->ops = ops;
    s->loop = loop;
    const char *scheme = strstr(wish->where, "://");
    bool is_page = wish->kind->protocol == CACHE_HTTP || wish->kind->protocol == CACHE_SQUID;
    snprintf(s->where, sizeof s->where, "%s%s%s", is_page ? "" : wish->kind->name,
             is_page ? "" : " ", scheme && !is_page ? scheme + 3 : wish->where);
    s->gather = cache_gather_new();
    return s->gather ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

enum pelt_status cache_source_new(const struct cache_wish *wish, struct ev_loop *loop,
                                  struct cache_source **out, struct pelt_error *err)
{
    switch (wish->kind->protocol) {
    case CACHE_STATSD:
        return cache_push_new(wish, loop, out, err);
    case CACHE_LOG:
        return cache_log_new(wish, loop, out, err);
    default:
        return cache_link_new(wish, loop, out, err);
    }
}

void cache_source_free(struct cache_source *s)
{
    if (s) {
        cache_gather_free(s->gather);
        s->ops->free(s);
    }
}

void cache_source_tell(struct cache_source *s, const char *name, enum cache_sample_how how,
                       double number)
{
    cache_gather_take(s->gather, &(struct cache_sample){
                                     .how = how, .name = pelt_span_of(name), .number = number});
}

/* ---- names, before anything runs ---- */

struct asking {
    struct ev_loop *loop;
    struct pelt_addrs *out;
    char why[160];
};

static void on_addrs(void *arg, const struct pelt_addrs *addrs, const char *why)
{
    struct asking *a = arg;

    if (addrs) {
        *a->out = *addrs;
    } else {
        snprintf(a->why, sizeof a->why, "%s", why);
    }
    ev_break(a->loop, EVBREAK_ALL);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    ev_break(loop, EVBREAK_ALL);
}

static enum pelt_status ask_dns(const struct cache_wish *wish, struct asking *a,
                                struct pelt_error *err)
{
    struct pelt_dns *dns;
    ev_timer late;

    enum pelt_status status = pelt_dns_new(a->loop, 0, &dns, err);
    if (status != PELT_OK) {
        return status;
    }
    snprintf(a->why, sizeof a->why, "no answer within %g s", RESOLVE_S);
    pelt_dns_resolve(dns, wish->host, wish->port, on_addrs, a);
    if (a->out->len == 0) {
        ev_timer_init(&late, on_late, RESOLVE_S, 0);
        ev_timer_start(a->loop, &late);
        ev_run(a->loop, 0);
        ev_timer_stop(a->loop, &late);
    }
    pelt_dns_free(dns);
    return a->out->len > 0
               ? PELT_OK
               : pelt_fail(err, PELT_ENOTFOUND, "'%s': %s: give an address", wish->host, a->why);
}

enum pelt_status cache_source_resolve(const struct cache_wish *wish, struct pelt_addrs *out,
                                      struct pelt_error *err)
{
    struct asking asking = {.out = out};

    out->len = 0;
    if (pelt_addr_literal(wish->host, wish->port, &out->addr[0])) {
        out->len = 1;
        return PELT_OK;
    }
    asking.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (!asking.loop) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = ask_dns(wish, &asking, err);
    ev_loop_destroy(asking.loop);
    return status;
}
