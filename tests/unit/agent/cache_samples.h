/* What a reader of samples told, as text: "name{labels} +12;" for each. */
#ifndef CACHE_SAMPLES_H
#define CACHE_SAMPLES_H

#include "cache_sample.h"
#include "pelt/buf.h"

static inline void write_sample(void *arg, const struct cache_sample *s)
{
    struct pelt_buf *out = arg;

    if (s->how == CACHE_DECLARED) {
        pelt_buf_addf(out, "%.*s?;", (int)s->name.len, s->name.ptr);
        return;
    }
    pelt_buf_addf(out, "%.*s", (int)s->name.len, s->name.ptr);
    if (s->labels.len > 0) {
        pelt_buf_addf(out, "{%.*s}", (int)s->labels.len, s->labels.ptr);
    }
    if (s->text.len > 0) {
        pelt_buf_addf(out, " %.*s;", (int)s->text.len, s->text.ptr);
    } else {
        pelt_buf_addf(out, " %s%g;", s->how == CACHE_ADD ? "+" : "=", s->number);
    }
}

#endif
