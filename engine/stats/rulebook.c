/*
 * rulebook: see the header.
 */
#include "pelt/rulebook.h"

#include <stdlib.h>

#include "pelt/clock.h"

struct entry {
    struct pelt_threshold t;
    struct pelt_rule *rule; /* NULL: its sum says all */
};

struct pelt_rulebook {
    struct pelt_registry *names;
    size_t len, rules;
    struct entry entry[];
};

struct pelt_rulebook *pelt_rulebook_new(size_t len, struct pelt_registry *names)
{
    struct pelt_rulebook *b = calloc(1, sizeof *b + len * sizeof b->entry[0]);
    if (b != NULL) {
        b->names = names;
        b->len = len;
    }
    return b;
}

void pelt_rulebook_free(struct pelt_rulebook *b)
{
    for (size_t i = 0; b != NULL && i < b->len; i++) {
        pelt_rule_free(b->entry[i].rule);
    }
    free(b);
}

enum pelt_status pelt_rulebook_put(struct pelt_rulebook *b, size_t index,
                                   const struct pelt_threshold *t)
{
    struct entry *e = &b->entry[index];
    e->t = *t;
    if (!pelt_rule_is_needed(t)) {
        return PELT_OK;
    }
    e->rule = pelt_rule_new(t, b->names);
    b->rules += e->rule != NULL;
    return e->rule != NULL ? PELT_OK : PELT_ENOMEM;
}

bool pelt_rulebook_is_empty(const struct pelt_rulebook *b)
{
    return b->rules == 0;
}

int32_t pelt_rulebook_whole_s(const struct pelt_frame *second, uint64_t length_ns,
                              uint64_t elapsed_ns)
{
    if ((uint64_t)second->second * PELT_NS_PER_S >= length_ns) {
        return -1;
    }
    uint64_t over_ns = elapsed_ns < length_ns ? elapsed_ns : length_ns;
    int32_t whole = (int32_t)(over_ns / PELT_NS_PER_S);
    return whole <= second->second ? whole : second->second + 1;
}

void pelt_rulebook_add(struct pelt_rulebook *b, const struct pelt_frame *second, uint64_t length_ns,
                       uint64_t elapsed_ns)
{
    const int32_t whole = pelt_rulebook_whole_s(second, length_ns, elapsed_ns);
    for (size_t i = 0; i < b->len && whole >= 0; i++) {
        if (b->entry[i].rule != NULL) {
            pelt_rule_add(b->entry[i].rule, second);
            pelt_rule_advance(b->entry[i].rule, whole);
        }
    }
}

const struct pelt_verdict_line *pelt_rulebook_stop(const struct pelt_rulebook *b, size_t *index)
{
    const struct pelt_verdict_line *first = NULL;
    for (size_t i = 0; i < b->len; i++) {
        const struct pelt_verdict_line *line =
            b->entry[i].rule != NULL ? pelt_rule_stop(b->entry[i].rule) : NULL;
        if (line != NULL && (first == NULL || line->to_s < first->to_s)) {
            first = line;
            *index = i;
        }
    }
    return first;
}

void pelt_rulebook_finish(struct pelt_rulebook *b, const struct pelt_load_sum *sum,
                          struct pelt_verdict_line *lines)
{
    for (size_t i = 0; i < b->len; i++) {
        struct entry *e = &b->entry[i];
        if (e->rule != NULL) {
            pelt_rule_finish(e->rule, sum, &lines[i]);
        } else {
            pelt_threshold_judge_load(&e->t, sum, b->names, &lines[i]);
        }
    }
}
