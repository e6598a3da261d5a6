/*
 * outcome: names and the "was it sent" column of the table in the header. Thread: any; constant
 * data.
 */
#include "pelt/outcome.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

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

const char *pelt_ws_class_name(enum pelt_ws_class class)
{
    static const char *const NAMES[PELT_WS_CLASS_COUNT] = {
#define X(symbol, name, code) name,
        PELT_WS_CLASSES(X)
#undef X
    };
    assert(class < PELT_WS_CLASS_COUNT);
    return NAMES[class];
}

unsigned pelt_ws_class_code(enum pelt_ws_class class)
{
    static const uint16_t CODES[PELT_WS_CLASS_COUNT] = {
#define X(symbol, name, code) code,
        PELT_WS_CLASSES(X)
#undef X
    };
    assert(class < PELT_WS_CLASS_COUNT);
    return CODES[class];
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
