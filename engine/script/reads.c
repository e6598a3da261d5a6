#include "reads.h"

static struct pelt_reads field(const struct pelt_token *t)
{
    return (struct pelt_reads){.body = pelt_token_is(t, "body") || pelt_token_is(t, "body_cut") ||
                                       pelt_token_is(t, "json") || pelt_token_is(t, "match") ||
                                       pelt_token_is(t, "regex"),
                               .headers = pelt_token_is(t, "headers")};
}

static void add(struct pelt_reads *reads, struct pelt_reads more)
{
    reads->body = reads->body || more.body;
    reads->headers = reads->headers || more.headers;
}

static void take_name(struct pelt_reads_scan *scan, const struct pelt_token *t,
                      struct pelt_reads *reads)
{
    bool behind_join = scan->joined;
    if (behind_join && !(scan->library && pelt_token_is(t, scan->library))) {
        add(reads, field(t));
    }
    scan->library = !behind_join && pelt_token_is(t, "pelt")                   ? "json"
                    : !behind_join && pelt_token_is(t, "string")               ? "match"
                    : behind_join && scan->library && pelt_token_is(t, "data") ? scan->library
                                                                               : NULL;
    scan->joined = false;
}

void pelt_reads_take(struct pelt_reads_scan *scan, const struct pelt_token *t,
                     struct pelt_reads *reads)
{
    switch (t->kind) {
    case PELT_TOKEN_NAME:
        take_name(scan, t, reads);
        break;
    case PELT_TOKEN_STRING:
        add(reads, field(t));
        *scan = (struct pelt_reads_scan){.joined = false};
        break;
    case PELT_TOKEN_SYMBOL:
        scan->joined = t->symbol == '.' || t->symbol == ':';
        scan->library = scan->joined ? scan->library : NULL;
        break;
    case PELT_TOKEN_END:
        break;
    }
}
