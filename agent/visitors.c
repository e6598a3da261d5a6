/* visitors: see the header. */
#include "visitors.h"

struct visitor *visitors_take(struct visitor *all, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!all[i].connection) {
            return &all[i];
        }
    }
    return NULL;
}

/* The greater, the sooner it has to go; 0: it stays. */
static int rank(const struct visitor *v)
{
    if (!v->connection || v->is_ending || v->stream) {
        return 0;
    }
    return v->is_busy ? 1 : v->has_asked ? 2 : 3;
}

struct visitor *visitors_first_to_go(struct visitor *all, size_t len)
{
    struct visitor *first = NULL;

    for (size_t i = 0; i < len; i++) {
        struct visitor *v = &all[i];
        int is = rank(v), was = first ? rank(first) : 0;

        if (is > was || (is > 0 && is == was && v->since_ns < first->since_ns)) {
            first = v;
        }
    }
    return first;
}
