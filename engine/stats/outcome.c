/*
 * outcome: names and the "was it sent" column of the table in the header. Thread: any; constant
 * data.
 */
#include "pelt/outcome.h"

#include <assert.h>
#include <stddef.h>

const char *pelt_outcome_name(enum pelt_outcome outcome)
{
    static const char *const NAMES[PELT_OUTCOME_COUNT] = {
#define X(symbol, name, sent) name,
        PELT_OUTCOMES(X)
#undef X
    };
    assert(outcome < PELT_OUTCOME_COUNT);
    return NAMES[outcome];
}

enum pelt_sent pelt_outcome_sent(enum pelt_outcome outcome)
{
    static const enum pelt_sent SENT[PELT_OUTCOME_COUNT] = {
#define X(symbol, name, sent) PELT_SENT_##sent,
        PELT_OUTCOMES(X)
#undef X
    };
    assert(outcome < PELT_OUTCOME_COUNT);
    return SENT[outcome];
}

bool pelt_outcome_find(const char *name, enum pelt_outcome *out)
{
    for (unsigned i = 0; i < PELT_OUTCOME_COUNT; i++) {
        if (strcmp(name, pelt_outcome_name((enum pelt_outcome)i)) == 0) {
            *out = (enum pelt_outcome)i;
            return true;
        }
    }
    return false;
}
