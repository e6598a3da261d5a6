/*
 * kept: see the header. Lists are short, so they are kept in order by moving.
 */
#include "pelt/kept.h"

#include <assert.h>
#include <string.h>

const char *pelt_kept_phase_name(enum pelt_kept_phase phase)
{
    static const char *const names[PELT_KEPT_PHASES] = {"blocked", "dns",  "connect", "tls",
                                                        "send",    "wait", "receive"};
    assert(phase < PELT_KEPT_PHASES);
    return names[phase];
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* What follows the times only makes the order the same whatever order the threads' frames came in.
 */
int pelt_kept_compare(const struct pelt_kept *a, const struct pelt_kept *b)
{
    int order = compare(b->response_ns, a->response_ns);
    order = order != 0 ? order : compare(a->done_ns, b->done_ns);
    order = order != 0 ? order : compare(a->series, b->series);
    order = order != 0 ? order : compare(a->user, b->user);
    order = order != 0 ? order : compare(a->thread, b->thread);
    return order != 0 ? order : memcmp(a->id, b->id, sizeof a->id);
}

bool pelt_kept_add(struct pelt_kept *list, uint8_t *len, uint8_t most, const struct pelt_kept *k)
{
    uint8_t at = *len;
    while (at > 0 && pelt_kept_compare(k, &list[at - 1]) < 0) {
        at--;
    }
    if (at == most) {
        return false;
    }
    const uint8_t moved = (uint8_t)((*len < most ? *len : most - 1) - at);
    memmove(&list[at + 1], &list[at], moved * sizeof *list);
    list[at] = *k;
    *len = *len < most ? *len + 1 : most;
    return true;
}
