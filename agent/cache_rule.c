/* cache_rule: see the header. */
#include "cache_rule.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum pelt_status cache_rule_want(struct cache_rule *r, struct cache_gather *g, enum cache_role role,
                                 const char *expression, bool must, struct pelt_error *err)
{
    r->has[role] = true;
    r->must[role] = must;
    return cache_gather_add(g, expression, &r->slot[role], err);
}

static bool refuse(struct cache_reading *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct cache_reading *out, const char *format, ...)
{
    va_list args;

    out->state = CACHE_REFUSED;
    va_start(args, format);
    vsnprintf(out->why, sizeof out->why, format, args);
    va_end(args);
    return false;
}

static const char *text(const struct cache_rule *r, const struct cache_gather *g,
                        enum cache_role role)
{
    return cache_gather_text(g, r->slot[role]);
}

/* NaN: there is none, and it need not be. False: it must be, and `out` says so. */
static bool value_of(const struct cache_rule *r, const struct cache_gather *g, enum cache_role role,
                     struct cache_reading *out, double *value)
{
    *value = NAN;
    if (!r->has[role]) {
        return true;
    }
    if (!cache_gather_value(g, r->slot[role], value)) {
        *value = NAN;
        if (r->must[role]) {
            out->state = CACHE_MISSING;
            cache_gather_missing(g, r->slot[role], out->why, sizeof out->why);
        }
        return !r->must[role];
    }
    *value = isfinite(*value) ? *value : NAN;
    if (r->must[role] && isnan(*value) && role != CACHE_MOST) {
        return refuse(out, "%s is no number", text(r, g, role));
    }
    return true;
}

/* A count: not below 0, and whole. */
static bool count_of(const struct cache_rule *r, const struct cache_gather *g, enum cache_role role,
                     struct cache_reading *out, double *count)
{
    if (!value_of(r, g, role, out, count)) {
        return false;
    }
    if (*count < 0) {
        return refuse(out, "%s is %g: a count is not below 0", text(r, g, role), *count);
    }
    if (!isnan(*count) && !r->may_be_parts && *count != floor(*count)) {
        return refuse(out, "%s is %g: a share or a mean, no count", text(r, g, role), *count);
    }
    return true;
}

/* Misses from lookups. The counts of a page are not read at one moment: hits may be a few ahead. */
static bool misses_of(const struct cache_rule *r, const struct cache_gather *g, double hits,
                      struct cache_reading *out, double *misses)
{
    double lookups, except;

    if (!count_of(r, g, CACHE_LOOKUPS, out, &lookups) ||
        !count_of(r, g, CACHE_EXCEPT, out, &except)) {
        return false;
    }
    lookups -= isnan(except) ? 0 : except;
    const double slack = fmax(2, lookups / 1000);
    if (hits > lookups + slack) {
        return refuse(out,
                      "hit %s (%.0f) is above lookups %s (%.0f): swapped? give each the other's "
                      "name",
                      text(r, g, CACHE_HIT), hits, text(r, g, CACHE_LOOKUPS), lookups);
    }
    *misses = fmax(0, lookups - hits);
    out->slack = slack;
    return true;
}

static bool apply_cache(const struct cache_rule *r, const struct cache_gather *g,
                        struct cache_reading *out)
{
    double *c = out->cells;

    return count_of(r, g, CACHE_HIT, out, &c[PELT_CELL_HITS]) &&
           (r->has[CACHE_MISS] ? count_of(r, g, CACHE_MISS, out, &c[PELT_CELL_MISSES])
                               : misses_of(r, g, c[PELT_CELL_HITS], out, &c[PELT_CELL_MISSES])) &&
           count_of(r, g, CACHE_EVICTED, out, &c[PELT_CELL_EVICTIONS]) &&
           value_of(r, g, CACHE_USED, out, &c[PELT_CELL_CACHE_USED]) &&
           value_of(r, g, CACHE_MOST, out, &c[PELT_CELL_CACHE_MAX]);
}

static bool apply_limit(const struct cache_rule *r, const struct cache_gather *g,
                        struct cache_reading *out)
{
    double *c = out->cells;

    return value_of(r, g, CACHE_USED, out, &c[PELT_CELL_USED]) &&
           value_of(r, g, CACHE_MOST, out, &c[PELT_CELL_MAX]) &&
           count_of(r, g, CACHE_EVENTS, out, &c[PELT_CELL_EVENTS]);
}

void cache_rule_apply(const struct cache_rule *r, const struct cache_gather *g,
                      struct cache_reading *out)
{
    bool is_read;

    out->state = CACHE_READ;
    out->why[0] = '\0';
    out->slack = 0;
    (void)value_of(r, g, CACHE_RUN, out, &out->run);
    (void)value_of(r, g, CACHE_AGE, out, &out->age);
    (void)value_of(r, g, CACHE_WORK, out, &out->work);
    switch (r->kind) {
    case PELT_SERVER_CACHE:
        is_read = apply_cache(r, g, out);
        /* redis, memcached: 0 is no limit. Of what is not said there is no share either. */
        if (!(out->cells[PELT_CELL_CACHE_MAX] > 0) ||
            (r->has[CACHE_USED] && isnan(out->cells[PELT_CELL_CACHE_USED]))) {
            out->cells[PELT_CELL_CACHE_MAX] = NAN;
        }
        break;
    case PELT_SERVER_LIMIT:
        is_read = apply_limit(r, g, out);
        out->cells[PELT_CELL_MAX] = out->cells[PELT_CELL_MAX] > 0 ? out->cells[PELT_CELL_MAX] : NAN;
        break;
    case PELT_SERVER_COUNTER:
        is_read = count_of(r, g, CACHE_USED, out, &out->cells[0]);
        break;
    default:
        is_read = value_of(r, g, CACHE_USED, out, &out->cells[0]);
    }
    if (is_read) {
        out->why[0] = '\0';
    }
}
