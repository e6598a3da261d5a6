/* outcome: the table's names and what each says about having been sent. */
#include "test.h"

#include <string.h>

#include "pelt/outcome.h"

static void every_name_finds_its_outcome(void **state)
{
    for (unsigned i = 0; i < PELT_OUTCOME_COUNT; i++) {
        enum pelt_outcome found = PELT_OUTCOME_COUNT;
        assert_true(pelt_outcome_find(pelt_outcome_name(i), &found));
        assert_int_equal(found, i);
    }
}

static void names_that_are_none_are_not_found(void **state)
{
    enum pelt_outcome found = PELT_OUTCOME_TLS;
    assert_false(pelt_outcome_find("OK", &found));
    assert_false(pelt_outcome_find("", &found));
    assert_int_equal(found, PELT_OUTCOME_TLS);
}

static void sent_is_as_the_contract_says(void **state)
{
    static const struct {
        const char *name;
        enum pelt_sent sent;
    } EXPECTED[] = {
        {"ok", PELT_SENT_YES},
        {"http_status", PELT_SENT_YES},
        {"dns", PELT_SENT_NO},
        {"connect", PELT_SENT_NO},
        {"tls", PELT_SENT_NO},
        {"gen_fd_limit", PELT_SENT_NO},
        {"gen_memory", PELT_SENT_NO},
        {"gen_port_exhausted", PELT_SENT_NO},
        {"reset", PELT_SENT_MAYBE},
        {"timeout", PELT_SENT_MAYBE},
        {"abandoned", PELT_SENT_MAYBE},
        {"stale_reuse", PELT_SENT_MAYBE},
        {"truncated", PELT_SENT_YES},
        {"unfinished", PELT_SENT_MAYBE},
        {"head_too_large", PELT_SENT_YES},
        {"bad_response", PELT_SENT_YES},
    };
    for (unsigned i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
        enum pelt_outcome outcome;
        assert_true(pelt_outcome_find(EXPECTED[i].name, &outcome));
        assert_int_equal(pelt_outcome_sent(outcome), EXPECTED[i].sent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_finds_its_outcome),
        cmocka_unit_test(names_that_are_none_are_not_found),
        cmocka_unit_test(sent_is_as_the_contract_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
