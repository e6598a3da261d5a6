/*
 * address: to which of a server's addresses connections are made. Counted where a name says which
 * there are, or the user (--resolve); an address in the URL is no news.
 */
#include "internal.h"
#include "pelt/log.h"
#include "pelt/own_metric.h"

#define CHANGES_TOLD 5 /* of a server, by a thread */

static bool has(const struct pelt_addrs *addrs, const struct pelt_addr *one)
{
    for (size_t i = 0; i < addrs->len; i++) {
        if (addrs->addr[i].len == one->len && memcmp(&addrs->addr[i].u, &one->u, one->len) == 0) {
            return true;
        }
    }
    return false;
}

/* The same ones, in whatever order name servers hand them out. */
static bool same_set(const struct pelt_addrs *a, const struct pelt_addrs *b)
{
    bool same = a->len == b->len;
    for (size_t i = 0; same && i < a->len; i++) {
        same = has(b, &a->addr[i]);
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

void pelt_address_learn(struct pelt_conn *c, const struct pelt_addrs *addrs)
{
    struct pelt_origin *o = c->origin;
    if (o->addrs.len == addrs->len &&
        memcmp(o->addrs.addr, addrs->addr, addrs->len * sizeof addrs->addr[0]) == 0) {
        return;
    }
    if (o->addrs.len > 0 && !same_set(&o->addrs, addrs) && o->changes++ < CHANGES_TOLD) {
        tell_change(o, addrs);
    }
    o->addrs = *addrs;
    memset(o->counted, 0, sizeof o->counted);
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
    for (size_t i = 0; i < o->addrs.len; i++) {
        const struct pelt_addr *addr = &o->addrs.addr[i];
        if (addr->len == c->setup.addr.len && memcmp(&addr->u, &c->setup.addr.u, addr->len) == 0) {
            if (o->counted[i] == 0) {
                o->counted[i] = series_of(opt->metrics, addr) + 1;
            }
            pelt_recorder_counter(opt->recorder, o->counted[i] - 1, 1, now_ns);
            return;
        }
    }
}
