/*
 * cache_rule: how a figure is made of what a server says: which slots of its gather are the cells,
 * and whether they can be what they are said to be. Pure.
 */
#ifndef AGENT_CACHE_RULE_H
#define AGENT_CACHE_RULE_H

#include "cache_gather.h"
#include "cache_kind.h"
#include "figure.h"

enum cache_state {
    CACHE_UNKNOWN,     /* nothing was read so far */
    CACHE_READ,        /* the cells hold */
    CACHE_MISSING,     /* a name is not there */
    CACHE_REFUSED,     /* the numbers cannot be what they were said to be */
    CACHE_UNREACHABLE, /* no answer */
    CACHE_DISABLED,    /* no answer that could be read, and it is not asked again */
};

struct cache_reading {
    enum cache_state state;
    double cells[PELT_SERVER_CELLS_MAX];
    double run, age, work; /* the roles of these names; NAN: the server does not say */
    double slack; /* misses that are reckoned may be so many too few, as hits are read later */
    char why[FIGURE_WHY_SIZE]; /* where it is not READ */
};

struct cache_rule {
    enum pelt_server_kind kind;
    bool has[CACHE_ROLES], must[CACHE_ROLES]; /* must: without it there is no figure */
    size_t slot[CACHE_ROLES];
    bool may_be_parts; /* counts may be no whole numbers (sampled ones) */
};

/* Wants `expression` for this role. PELT_EINVAL: it cannot be read. */
PELT_MUST_USE enum pelt_status cache_rule_want(struct cache_rule *r, struct cache_gather *g,
                                               enum cache_role role, const char *expression,
                                               bool must, struct pelt_error *err);
/* What the last answer says. */
void cache_rule_apply(const struct cache_rule *r, const struct cache_gather *g,
                      struct cache_reading *out);

#endif
