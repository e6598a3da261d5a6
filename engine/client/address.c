/*
 * address: to which of a server's addresses connections are made. Counted where a name says which
 * there are, or the user (--resolve); an address in the URL is no news.
 */
#include "internal.h"
#include "pelt/log.h"
#include "pelt/own_metric.h"

#define CHANGES_TOLD 5 /* of a server, by a thread */
#define DEAD_TOLD    5 /* addresses of a name, by a thread */

_Static_assert(PELT_ADDRS_MAX <= 64, "a bit of `dead` for each address");

/* `len`: it is none of them. */
static size_t index_of(const struct pelt_addrs *addrs, const struct pelt_addr *one)
{
    size_t i = 0;
    while (i < addrs->len &&
           (addrs->addr[i].len != one->len || memcmp(&addrs->addr[i].u, &one->u, one->len) != 0)) {
        i++;
    }
    return i;
}

/* The same ones, in whatever order name servers hand them out. */
static bool same_set(const struct pelt_addrs *a, const struct pelt_addrs *b)
{
    bool same = a->len == b->len;
    for (size_t i = 0; same && i < a->len; i++) {
        same = index_of(b, &a->addr[i]) < b->len;
    }
    return same;
}

static void tell_change(const struct pelt_origin *o, const struct pelt_addrs *addrs)
{
    char list[256] = "", one[64];
    for (size_t i = 0; i < addrs->len; i++) {
        const size_t len = strlen(list);
        pelt_addr_format(&addrs->addr[i], one, sizeof one);
        snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "", one);
    }
    pelt_log(PELT_LOG_INFO, "dns", "%s has other addresses from now on: %s", o->way.host, list);
}

static void tell_left_out(struct pelt_origin *o, const struct pelt_addrs *addrs)
{
    if (addrs->left_out > 0 && !o->left_out_told) {
        o->left_out_told = true;
        pelt_log(
            PELT_LOG_WARNING, "dns",
            "%s has %zu addresses: connections go to the first %d of an answer, the others get "
            "no load: give those to be used with --resolve",
            o->way.host, addrs->len + addrs->left_out, PELT_ADDRS_MAX);
    }
}

/* Which of `addrs` are those that failed, as their order may be another one. */
static uint64_t carry_dead(const struct pelt_origin *o, const struct pelt_addrs *addrs)
{
    uint64_t dead = 0;
    for (size_t i = 0; i < addrs->len; i++) {
        const size_t at = index_of(&o->addrs, &addrs->addr[i]);
        dead |= at < o->addrs.len ? (o->dead >> at & 1) << i : 0;
    }
    return dead;
}

void pelt_address_learn(struct pelt_conn *c, const struct pelt_addrs *addrs)
{
    struct pelt_origin *o = c->origin;
    tell_left_out(o, addrs);
    if (o->addrs.len == addrs->len &&
        memcmp(o->addrs.addr, addrs->addr, addrs->len * sizeof addrs->addr[0]) == 0) {
        return;
    }
    if (o->addrs.len > 0 && !same_set(&o->addrs, addrs) && o->changes++ < CHANGES_TOLD) {
        tell_change(o, addrs);
    }
    o->dead = o->dead != 0 ? carry_dead(o, addrs) : 0;
    o->addrs = *addrs;
    memset(o->counted, 0, sizeof o->counted);
}

void pelt_address_failed(struct pelt_conn *c, int error)
{
    struct pelt_origin *o = c->origin;
    const size_t i = index_of(&o->addrs, &c->setup.addr);
    char text[64];
    if (o->addrs.in_order || o->addrs.len < 2 || i == o->addrs.len || o->dead & UINT64_C(1) << i) {
        return;
    }
    o->dead |= UINT64_C(1) << i;
    if (o->dead_told == DEAD_TOLD) {
        return;
    }
    o->dead_told++;
    pelt_addr_format(&c->setup.addr, text, sizeof text);
    pelt_log(PELT_LOG_WARNING, "dns",
             "%s: connect %s: %s: the name's next address is tried in its place, each time%s",
             o->way.host, text, strerror(error),
             o->dead_told == DEAD_TOLD ? "; further ones of it are not named" : "");
}

static uint32_t series_of(struct pelt_metrics *metrics, const struct pelt_addr *addr)
{
    char text[64], tags[PELT_TAGS_TEXT + 1];
    pelt_addr_format(addr, text, sizeof text);
    struct pelt_tag tag = {pelt_span_of("address"), pelt_span_of(text)};
    return pelt_tags_write(&tag, 1, tags)
               ? pelt_own_metric_series(metrics, PELT_OWN_CONNECTIONS, tags)
               : PELT_METRIC_OTHER(pelt_own_metric(metrics, PELT_OWN_CONNECTIONS));
}

void pelt_address_count(struct pelt_conn *c, uint64_t now_ns)
{
    struct pelt_origin *o = c->origin;
    const struct pelt_client_options *opt = &pelt_conn_client(c)->opt;
    if (opt->metrics == NULL || o->addrs.in_order || o->way.unix_path != NULL) {
        return;
    }
    const size_t i = index_of(&o->addrs, &c->setup.addr);
    if (i == o->addrs.len) {
        return;
    }
    if (o->counted[i] == 0) {
        o->counted[i] = series_of(opt->metrics, &c->setup.addr) + 1;
    }
    pelt_recorder_counter(opt->recorder, o->counted[i] - 1, 1, now_ns);
}
