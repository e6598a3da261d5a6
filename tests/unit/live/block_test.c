/*
 * block: the figures of a run fit every window, and say what they should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "block.h"
#include "fake_live.h"

static void make(struct fake_live *f, int width, bool color, struct live_block *out)
{
    struct pelt_hist_pool pool;
    struct live_figures figures;
    pelt_hist_pool_init(&pool, NULL);
    live_figures_make(&f->live, &pool, &figures);
    live_block_make(&figures, f->live.name, width, color, out);
    pelt_hist_pool_deinit(&pool);
}

/* Columns a terminal would take: bytes without colour codes; no more than that for what is not
 * ASCII. */
static int visible(const char *line)
{
    int columns = 0;
    for (const char *c = line; *c != '\0'; c++) {
        if (*c == '\033') {
            c = strchr(c, 'm');
        } else {
            columns++;
        }
    }
    return columns;
}

static void assert_says(const struct live_block *block, const char *text)
{
    for (int i = 0; i < block->lines; i++) {
        if (strstr(block->line[i], text) != NULL) {
            return;
        }
    }
    for (int i = 0; i < block->lines; i++) {
        print_error("| %s\n", block->line[i]);
    }
    fail_msg("no line says \"%s\"", text);
}

static void no_line_is_wider_than_the_window(void **state)
{
    struct fake_live f;
    fake_live_init(&f, PELT_LOOP_OPEN, 1234567);
    f.live.name = "a-scenario-with-a-name-that-is-really-much-too-long-for-any-window";
    f.live.ok = 5;
    f.total->dropped = 123456789;
    f.second->waiting = 99999;
    for (int width = 1; width <= 200; width++) {
        struct live_block block;
        make(&f, width, true, &block);
        assert_int_equal(block.lines, LIVE_LINES_MAX);
        for (int i = 0; i < block.lines; i++) {
            assert_in_range(block.columns[i], 0, width);
            assert_int_equal(block.columns[i], visible(block.line[i]));
        }
    }
    fake_live_deinit(&f);
}

static void all_that_matters_fits_40_columns(void **state)
{
    struct fake_live f;
    struct live_block block;
    fake_live_init(&f, PELT_LOOP_CLOSED, 1234);
    make(&f, 39, false, &block);
    assert_says(&block, "12s, -18s");
    assert_says(&block, "users 198 of 200");
    assert_says(&block, "1,234/s");
    assert_says(&block, "now p50 10ms p95 10ms p99 10ms");
    assert_says(&block, "errors 0 (0.00%)");
    fake_live_deinit(&f);
}

static void wide_windows_show_a_bar_and_words(void **state)
{
    static const int widths[] = {79, 119};
    for (size_t i = 0; i < 2; i++) {
        struct fake_live f;
        struct live_block block;
        fake_live_init(&f, PELT_LOOP_OPEN, 1234);
        make(&f, widths[i], false, &block);
        assert_says(&block, "chat-burst [===========>");
        assert_says(&block, "12s, 18s left");
        assert_says(&block, "200/s planned");
        assert_says(&block, "12,340 in all");
        assert_says(&block, "so far    p50 10ms");
        fake_live_deinit(&f);
    }
}

/* Users and arrivals do not add up to a level, and where one ends by its iterations nobody knows
 * when all is over. */
static void several_loads_are_shown_in_sum(void **state)
{
    struct fake_live f;
    struct live_block block;
    struct pelt_plan users, arrivals;
    fake_live_init(&f, PELT_LOOP_CLOSED, 1234);
    pelt_plan_deinit(&f.plan);
    pelt_plan_init(&f.plan, PELT_LOOP_CLOSED);
    pelt_plan_init(&users, PELT_LOOP_CLOSED);
    pelt_plan_init(&arrivals, PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_add(&users, 30000000000, 20, 20), PELT_OK);
    assert_int_equal(pelt_plan_add(&arrivals, 30000000000, 50, 50), PELT_OK);
    assert_int_equal(pelt_plan_add_part(&f.plan, &users, "a", 0), PELT_OK);
    make(&f, 79, false, &block);
    assert_says(&block, "198 of 20");
    assert_int_equal(pelt_plan_add_part(&f.plan, &arrivals, "b", 0), PELT_OK);
    make(&f, 79, false, &block);
    assert_says(&block, "users     198");
    assert_says(&block, "12s, 18s left");
    pelt_plan_init(&users, PELT_LOOP_CLOSED);
    users.iterations = 5;
    assert_int_equal(pelt_plan_add_endless(&users, 20), PELT_OK);
    assert_int_equal(pelt_plan_add_part(&f.plan, &users, "c", 0), PELT_OK);
    make(&f, 79, false, &block);
    assert_says(&block, " 12s");
    for (int i = 0; i < block.lines; i++) {
        assert_null(strstr(block.line[i], "left"));
        assert_null(strstr(block.line[i], " of "));
    }
    fake_live_deinit(&f);
}

static void errors_are_counted_and_red(void **state)
{
    struct fake_live f;
    struct live_block block;
    fake_live_init(&f, PELT_LOOP_CLOSED, 100);
    f.live.ok = 990;
    make(&f, 79, true, &block);
    assert_says(&block, "10 (1.00%)");
    assert_says(&block, "\033[31m");
    make(&f, 79, false, &block);
    for (int i = 0; i < block.lines; i++) {
        assert_null(strchr(block.line[i], '\033'));
    }
    fake_live_deinit(&f);
}

static void percentiles_without_enough_samples_are_not_shown(void **state)
{
    struct fake_live f;
    struct live_block block;
    fake_live_init(&f, PELT_LOOP_CLOSED, 40); /* p95 needs 72, p99 368; in all there are 400 */
    make(&f, 79, false, &block);
    assert_says(&block, "last 1s   p50 10ms     p95 n/a      p99 n/a");
    assert_says(&block, "so far    p50 10ms     p95 10ms     p99 10ms");
    fake_live_deinit(&f);
}

static void before_the_first_second_there_are_no_figures(void **state)
{
    struct fake_live f;
    struct live_block block;
    fake_live_init(&f, PELT_LOOP_CLOSED, 0);
    f.live.second = NULL;
    f.live.elapsed_s = -1;
    f.live.phase = PELT_PHASE_SETUP;
    make(&f, 79, false, &block);
    assert_says(&block, "setup");
    assert_says(&block, "p50 n/a");
    assert_says(&block, "errors    0 (0.00%)");
    fake_live_deinit(&f);
}

static void a_load_without_a_length_shows_its_iterations(void **state)
{
    struct fake_live f;
    struct live_block block;
    fake_live_init(&f, PELT_LOOP_CLOSED, 1000);
    f.plan.endless = true;
    f.plan.iterations = 4000;
    f.total->iterations = 1000;
    f.live.length_s = 1e8;
    make(&f, 80, false, &block);
    assert_says(&block, "12s, 1000 of 4000 iterations");
    assert_says(&block, "[====");
    make(&f, 40, false, &block);
    assert_says(&block, "12s, 1000/4000");
    fake_live_deinit(&f);
}

static void a_name_cannot_steer_the_terminal_or_break_the_width(void **state)
{
    struct fake_live f;
    struct live_block block;
    fake_live_init(&f, PELT_LOOP_CLOSED, 10);
    f.live.name = "\033[2J\xE4\xB8\xAD\xE6\x96\x87\n";
    make(&f, 79, false, &block);
    assert_says(&block, "?[2J\xE4\xB8\xAD\xE6\x96\x87?");
    assert_in_range(block.columns[0], 0, 79);
    fake_live_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_line_is_wider_than_the_window),
        cmocka_unit_test(all_that_matters_fits_40_columns),
        cmocka_unit_test(wide_windows_show_a_bar_and_words),
        cmocka_unit_test(several_loads_are_shown_in_sum),
        cmocka_unit_test(errors_are_counted_and_red),
        cmocka_unit_test(percentiles_without_enough_samples_are_not_shown),
        cmocka_unit_test(before_the_first_second_there_are_no_figures),
        cmocka_unit_test(a_load_without_a_length_shows_its_iterations),
        cmocka_unit_test(a_name_cannot_steer_the_terminal_or_break_the_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
