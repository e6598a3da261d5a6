/*
 * cache_status: see the header.
 */
#include "pelt/cache_status.h"

#include "structured_field.h"

static void take_flag(const struct pelt_sf_item *item, bool *flag)
{
    if (item->type == PELT_SF_BOOLEAN) {
        *flag = item->boolean;
    }
}

static void read_param(struct pelt_cache_status *m, struct pelt_span key,
                       const struct pelt_sf_item *item)
{
    if (pelt_span_eq(key, "hit")) {
        take_flag(item, &m->hit);
    } else if (pelt_span_eq(key, "stored")) {
        take_flag(item, &m->stored);
    } else if (pelt_span_eq(key, "collapsed")) {
        take_flag(item, &m->collapsed);
    } else if (pelt_span_eq(key, "fwd") && item->type == PELT_SF_TOKEN) {
        m->fwd = item->text;
    } else if (pelt_span_eq(key, "fwd-status") && item->type == PELT_SF_INTEGER) {
        m->fwd_status = item->integer;
    } else if (pelt_span_eq(key, "ttl") && item->type == PELT_SF_INTEGER) {
        m->has_ttl = true;
        m->ttl_s = item->integer;
    } else if (pelt_span_eq(key, "key") && item->type == PELT_SF_STRING) {
        m->key = item->text;
    } else if (pelt_span_eq(key, "detail") &&
               (item->type == PELT_SF_STRING || item->type == PELT_SF_TOKEN)) {
        m->detail = item->text;
    }
}

static bool take_member(struct pelt_scan *s, struct pelt_cache_status *m)
{
    struct pelt_sf_item item;
    struct pelt_span key;
    bool found = true;
    *m = (struct pelt_cache_status){.hit = false};
    if (!pelt_sf_bare_item(s, &item) ||
        (item.type != PELT_SF_STRING && item.type != PELT_SF_TOKEN)) {
        return false;
    }
    m->name = item.text;
    while (found) {
        if (!pelt_sf_param(s, &found, &key, &item)) {
            return false;
        }
        if (found) {
            read_param(m, key, &item);
        }
    }
    return true;
}

size_t pelt_cache_status_read(struct pelt_span value,
                              struct pelt_cache_status out[PELT_CACHE_STATUS_MAX])
{
    struct pelt_scan s = pelt_scan_of(pelt_span_trim(value));
    struct pelt_cache_status beyond;
    size_t len = 0;
    for (bool more = !pelt_scan_done(&s); more;) {
        bool room = len < PELT_CACHE_STATUS_MAX;
        if (!take_member(&s, room ? &out[len] : &beyond) || !pelt_sf_list_next(&s, &more)) {
            return 0;
        }
        len += room;
    }
    return len;
}

enum pelt_cache_result pelt_cache_status_result(const struct pelt_cache_status *member)
{
    const struct pelt_span fwd = member->fwd;
    if (member->collapsed) {
        return PELT_CACHE_COLLAPSED;
    }
    if (fwd.ptr == NULL) {
        bool stale = member->has_ttl && member->ttl_s < 0;
        return !member->hit ? PELT_CACHE_OTHER : stale ? PELT_CACHE_STALE : PELT_CACHE_HIT;
    }
    if (pelt_span_eq(fwd, "stale")) {
        return member->fwd_status == 304 ? PELT_CACHE_REVALIDATED : PELT_CACHE_EXPIRED;
    }
    bool bypass =
        pelt_span_eq(fwd, "bypass") || pelt_span_eq(fwd, "method") || pelt_span_eq(fwd, "request");
    return bypass ? PELT_CACHE_BYPASS : PELT_CACHE_MISS;
}
