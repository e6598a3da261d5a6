/* hop: which header fields are for one connection alone. */
#include "test.h"

#include <string.h>

#include "hop.h"

static bool is_field(const char *name)
{
    return target_hop_is_field(name, strlen(name));
}

static void those_of_the_list_are_in_any_case(void **state)
{
    assert_true(is_field("Connection") && is_field("TE") && is_field("transfer-encoding"));
    assert_true(is_field("KEEP-ALIVE") && is_field("Upgrade") && is_field("Proxy-Authorization"));
    assert_false(is_field("T") || is_field("TEX") || is_field("") || is_field("Host"));
    assert_true(target_hop_is_field("TE: trailers", 2));
}

static void those_that_connection_names_are_whole_words(void **state)
{
    const char *list = "close, X-Hop ,,\tx-other";

    assert_true(target_hop_names(list, "x-hop", 5) && target_hop_names(list, "X-Other", 7));
    assert_true(target_hop_names(list, "X-Hop: 1", 5));
    assert_false(target_hop_names(list, "X-Ho", 4) || target_hop_names(list, "X-Hope", 6));
    assert_false(target_hop_names(list, "", 0) || target_hop_names("", "X-Hop", 5));
    assert_false(target_hop_names(", ,", "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_of_the_list_are_in_any_case),
        cmocka_unit_test(those_that_connection_names_are_whole_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
