/* server_kind: what is on the wire and in run files of the kinds of figures. */
#include "test.h"

#include "pelt/server_kind.h"

static void a_kind_is_found_by_its_name_alone(void **state)
{
    enum pelt_server_kind found;
    for (unsigned k = 0; k < PELT_SERVER_KINDS; k++) {
        assert_true(pelt_server_kind_find(pelt_server_kind_name((enum pelt_server_kind)k), &found));
        assert_int_equal(found, k);
    }
    assert_false(pelt_server_kind_find("", &found));
    assert_false(pelt_server_kind_find("limits", &found));
    assert_false(pelt_server_kind_find("Limit", &found));
}

static void what_is_counted_is_told_apart_from_levels(void **state)
{
    static const char counted[PELT_SERVER_KINDS][PELT_SERVER_CELLS_MAX + 1] = {
        [PELT_SERVER_LIMIT] = "--+",
        [PELT_SERVER_GAUGE] = "-",
        [PELT_SERVER_COUNTER] = "+",
        [PELT_SERVER_CACHE] = "+++--",
    };
    for (unsigned k = 0; k < PELT_SERVER_KINDS; k++) {
        const enum pelt_server_kind kind = (enum pelt_server_kind)k;
        assert_int_equal(pelt_server_cells(kind), strlen(counted[k]));
        for (unsigned c = 0; c < pelt_server_cells(kind); c++) {
            assert_int_equal(pelt_server_counts(kind, c), counted[k][c] == '+');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_is_found_by_its_name_alone),
        cmocka_unit_test(what_is_counted_is_told_apart_from_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
