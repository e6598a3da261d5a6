/* figures: indexes stay over restarts, and counts go on. */
#include "../test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "figures.h"

static struct pelt_agent_figure a_figure(enum pelt_server_kind kind, const char *name,
                                         const char *target)
{
    return (struct pelt_agent_figure){.kind = kind,
                                      .name = name,
                                      .target = target,
                                      .unit = "n",
                                      .source = "/proc",
                                      .tier = "fast"};
}

static void adopt(struct pelt_figures *f, struct pelt_agent_figure *figures, size_t len, bool again)
{
    struct pelt_watch_info info = {.figures = figures, .figures_len = len};
    size_t left_out;
    assert_int_equal(pelt_figures_adopt(f, &info, again, &left_out), PELT_OK);
    assert_int_equal(left_out, 0);
}

static struct pelt_agent_value map(struct pelt_figures *f, uint32_t place, double a, double b,
                                   double c)
{
    struct pelt_agent_value v = {.figure = place, .cell = {a, b, c, NAN, NAN}};
    assert_true(pelt_figures_map_value(f, &v));
    return v;
}

static void another_order_has_the_same_indexes(void **state)
{
    struct pelt_figures *f = pelt_figures_new();
    struct pelt_agent_figure first[] = {a_figure(PELT_SERVER_LIMIT, "nofile", "pid 1"),
                                        a_figure(PELT_SERVER_LIMIT, "nofile", "pid 2"),
                                        a_figure(PELT_SERVER_GAUGE, "wait", "")};
    struct pelt_agent_figure second[] = {a_figure(PELT_SERVER_GAUGE, "wait", ""),
                                         a_figure(PELT_SERVER_COUNTER, "drops", ""),
                                         a_figure(PELT_SERVER_LIMIT, "nofile", "pid 2")};
    adopt(f, first, 3, false);
    assert_int_equal(pelt_figures_len(f), 3);
    adopt(f, second, 3, true);
    assert_int_equal(pelt_figures_len(f), 4);
    assert_int_equal(map(f, 0, 1, NAN, NAN).figure, 2);
    assert_int_equal(map(f, 1, 1, NAN, NAN).figure, 3);
    assert_int_equal(map(f, 2, 1, 2, 3).figure, 1);
    assert_string_equal(pelt_figures_at(f, 3)->name, "drops");
    assert_string_equal(pelt_figures_at(f, 1)->target, "pid 2");
    uint32_t place = 3;
    assert_false(pelt_figures_map(f, &place));
    pelt_figures_free(f);
}

static void one_name_of_another_kind_is_another_figure(void **state)
{
    struct pelt_figures *f = pelt_figures_new();
    struct pelt_agent_figure first = a_figure(PELT_SERVER_GAUGE, "a", "");
    struct pelt_agent_figure second = a_figure(PELT_SERVER_COUNTER, "a", "");
    adopt(f, &first, 1, false);
    adopt(f, &second, 1, true);
    assert_int_equal(pelt_figures_len(f), 2);
    pelt_figures_free(f);
}

static void one_name_twice_is_two_figures(void **state)
{
    struct pelt_figures *f = pelt_figures_new();
    struct pelt_agent_figure twice[] = {a_figure(PELT_SERVER_GAUGE, "a", ""),
                                        a_figure(PELT_SERVER_GAUGE, "a", "")};
    adopt(f, twice, 2, false);
    adopt(f, twice, 2, true);
    assert_int_equal(pelt_figures_len(f), 2);
    assert_int_equal(map(f, 1, 1, NAN, NAN).figure, 1);
    pelt_figures_free(f);
}

static void counts_go_on_where_another_process_begins_at_0(void **state)
{
    struct pelt_figures *f = pelt_figures_new();
    struct pelt_agent_figure figures[] = {
        a_figure(PELT_SERVER_LIMIT, "nofile", ""), a_figure(PELT_SERVER_COUNTER, "drops", ""),
        a_figure(PELT_SERVER_CACHE, "page", ""), a_figure(PELT_SERVER_GAUGE, "wait", "")};
    adopt(f, figures, 4, false);
    map(f, 0, 800, 1024, 5);
    map(f, 1, 100, NAN, NAN);
    map(f, 2, 10, 20, 3);
    map(f, 3, 7, NAN, NAN);
    adopt(f, figures, 4, true);
    struct pelt_agent_value v = map(f, 0, 20, 1024, 1);
    assert_true(v.cell[0] == 20 && v.cell[1] == 1024 && v.cell[2] == 6);
    assert_true(map(f, 1, 0, NAN, NAN).cell[0] == 100);
    assert_true(map(f, 1, 4, NAN, NAN).cell[0] == 104);
    v = map(f, 2, 1, 2, NAN);
    assert_true(v.cell[0] == 11 && v.cell[1] == 22 && isnan(v.cell[2]));
    assert_true(map(f, 3, 1, NAN, NAN).cell[0] == 1);
    adopt(f, figures, 4, true); /* once more: those of both are kept */
    v = map(f, 2, 0, 0, 1);
    assert_true(v.cell[0] == 11 && v.cell[1] == 22 && v.cell[2] == 4);
    pelt_figures_free(f);
}

static void the_same_process_met_again_counts_as_it_does(void **state)
{
    struct pelt_figures *f = pelt_figures_new();
    struct pelt_agent_figure drops = a_figure(PELT_SERVER_COUNTER, "drops", "");
    adopt(f, &drops, 1, false);
    map(f, 0, 100, NAN, NAN);
    adopt(f, &drops, 1, false);
    assert_true(map(f, 0, 101, NAN, NAN).cell[0] == 101);
    pelt_figures_free(f);
}

static void what_finds_no_room_is_left_out(void **state)
{
    struct pelt_figures *f = pelt_figures_new();
    static char names[900][16];
    static struct pelt_agent_figure figures[900];
    size_t left_out = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 900; i++) {
            snprintf(names[i], sizeof(names[i]), "f_%d_%d", round, i);
            figures[i] = a_figure(PELT_SERVER_GAUGE, names[i], "");
        }
        struct pelt_watch_info info = {.figures = figures, .figures_len = 900};
        assert_int_equal(pelt_figures_adopt(f, &info, true, &left_out), PELT_OK);
    }
    assert_int_equal(pelt_figures_len(f), PELT_AGENT_FIGURES_MAX);
    assert_int_equal(left_out, 700);
    uint32_t place = 199;
    assert_true(pelt_figures_map(f, &place));
    place = 200;
    assert_false(pelt_figures_map(f, &place));
    pelt_figures_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_order_has_the_same_indexes),
        cmocka_unit_test(one_name_of_another_kind_is_another_figure),
        cmocka_unit_test(one_name_twice_is_two_figures),
        cmocka_unit_test(counts_go_on_where_another_process_begins_at_0),
        cmocka_unit_test(the_same_process_met_again_counts_as_it_does),
        cmocka_unit_test(what_finds_no_room_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
