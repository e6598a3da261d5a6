#include "plan.h"

#include <string.h>

struct word {
    const char *key, *what;
};

static const struct word plan[] = {{"scenario", "scenario"},
                                   {"kind", "command"},
                                   {"loop", "loop"},
                                   {"plan", "plan"},
                                   {"load_kind", "load"},
                                   {"load_params", "load's parameters"},
                                   {NULL, NULL}};

static const struct word conditions[] = {{"version", "pelt"},
                                         {"host", "generator's host"},
                                         {"kernel", "kernel"},
                                         {"cpus", "CPUs"},
                                         {"threads", "threads"},
                                         {"hosts", "hosts"},
                                         {"same_host", "target on the generator's host"},
                                         {"tls_library", "TLS library"},
                                         {"http2_streams", "streams of HTTP/2"},
                                         {NULL, NULL}};

/* The first run of either side whose word is another one than that of the first run. */
static const struct pelt_digest *odd_one(const struct pelt_comparison *c, const char *key)
{
    const char *first = pelt_digest_meta(c->base[0], key);
    for (size_t i = 0; i < c->now_len; i++) {
        if (strcmp(pelt_digest_meta(c->now[i], key), first) != 0) {
            return c->now[i];
        }
    }
    for (size_t i = 1; i < c->base_len; i++) {
        if (strcmp(pelt_digest_meta(c->base[i], key), first) != 0) {
            return c->base[i];
        }
    }
    return NULL;
}

static size_t differences(const struct pelt_comparison *c, const struct word *words,
                          struct pelt_plan_difference out[PELT_PLAN_DIFFERENCES])
{
    size_t len = 0;
    for (; words->key != NULL; words++) {
        const struct pelt_digest *odd = odd_one(c, words->key);
        if (odd != NULL) {
            out[len++] =
                (struct pelt_plan_difference){words->what, pelt_digest_meta(c->base[0], words->key),
                                              pelt_digest_meta(odd, words->key)};
        }
    }
    return len;
}

void pelt_plan_compare(struct pelt_comparison *c)
{
    c->differences_len = differences(c, plan, c->differences);
}

size_t pelt_plan_conditions(const struct pelt_comparison *c,
                            struct pelt_plan_difference out[PELT_PLAN_DIFFERENCES])
{
    return differences(c, conditions, out);
}

bool pelt_plan_is_same(const struct pelt_digest *a, const struct pelt_digest *b)
{
    for (const struct word *w = plan; w->key != NULL; w++) {
        if (strcmp(pelt_digest_meta(a, w->key), pelt_digest_meta(b, w->key)) != 0) {
            return false;
        }
    }
    return true;
}
