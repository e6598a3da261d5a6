/* asked: see the header. */
#include "asked.h"

#include <stdio.h>
#include <stdlib.h>

void pelt_asked_name(char out[PELT_ASKED_NAME], const char *run)
{
    snprintf(out, PELT_ASKED_NAME, "%.*s:ask", PELT_BUS_RUN_MAX, run);
}

void pelt_asked_deinit(struct pelt_asked *a)
{
    free(a->seqs);
    *a = (struct pelt_asked){.seqs = NULL};
}

static bool add(struct pelt_asked *a, uint64_t seq)
{
    if (a->len % 64 == 0) {
        uint64_t *longer = realloc(a->seqs, (a->len + 64) * sizeof(*longer));
        if (longer == NULL) {
            return false;
        }
        a->seqs = longer;
    }
    a->seqs[a->len++] = seq;
    return true;
}

const char *pelt_asked_take(struct pelt_asked *a, uint64_t epoch, const struct pelt_order *order)
{
    if (order->epoch != epoch) {
        return "an order that another coordinator was asked for";
    }
    for (size_t i = 0; i < a->len; i++) {
        if (a->seqs[i] == order->seq) {
            return "an order that was asked for before, once more";
        }
    }
    return a->len == PELT_ASKED_MAX ? "more orders than a run takes"
           : !add(a, order->seq)    ? "an order, and memory is out"
                                    : NULL;
}
