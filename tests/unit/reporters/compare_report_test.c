/* compare_report: a comparison of hostile and of plain names, in each format. */
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/drawn_digest.h"
#include "compare_formats.h"
#include "pelt/change_points.h"
#include "pelt/compare_report.h"

#define HOSTILE "[x](http://evil.example)|<script>`@all`\033[31m www.evil.example"

struct made {
    struct pelt_digest *base, *now;
    const struct pelt_digest *of_base[1], *of_now[1];
    struct pelt_comparison *c;
    char *text;
    size_t len;
    FILE *out;
};

static void make(struct made *m, const char *name, double now_median)
{
    struct pelt_error err = {""};
    struct drawn_run run = {.seed = 1,
                            .seconds = 60,
                            .per_second = 50,
                            .median_us = 20000,
                            .within = 0.3,
                            .tail = 1,
                            .error_share = 0.01};
    *m = (struct made){.base = drawn_digest(&run)};
    run.seed = 2;
    run.median_us = now_median;
    m->now = drawn_digest(&run);
    struct pelt_digest *both[] = {m->base, m->now};
    for (int i = 0; i < 2; i++) {
        free(both[i]->series[0].name);
        both[i]->series[0].name = strdup(name);
    }
    m->of_base[0] = m->base;
    m->of_now[0] = m->now;
    const struct pelt_compare_options o = {.effect = {0.05, 1000}};
    assert_int_equal(pelt_compare(m->of_base, 1, m->of_now, 1, &o, &m->c, &err), PELT_OK);
    m->out = open_memstream(&m->text, &m->len);
    assert_non_null(m->out);
}

static const char *text_of(struct made *m)
{
    fflush(m->out);
    return m->text;
}

static void drop(struct made *m)
{
    fclose(m->out);
    free(m->text);
    pelt_comparison_free(m->c);
    pelt_digest_free(m->base);
    pelt_digest_free(m->now);
}

static void the_text_says_what_is_worse(void **state)
{
    struct made m;
    make(&m, "chat", 30000);
    report_compare_text(m.c, m.out, false, 100);
    const char *text = text_of(&m);
    assert_int_equal(strncmp(text, "WORSE: of 7 figures ", 20), 0);
    assert_non_null(strstr(text, "\nchat\n  p50 "));
    assert_non_null(strstr(text, " worse\n"));
    assert_non_null(strstr(text, "KS 0."));
    assert_non_null(strstr(text, "differences between runs are not known"));
    assert_non_null(strstr(text, "5%, of times 1ms, too"));
    assert_null(strstr(text, "\033"));
    assert_int_equal(report_compare_exit_code(m.c), 5);
    drop(&m);
    make(&m, "chat", 10000);
    report_compare_text(m.c, m.out, true, 100);
    assert_non_null(strstr(text_of(&m), "\033[32mBETTER"));
    assert_int_equal(report_compare_exit_code(m.c), 0);
    drop(&m);
}

static void hostile_names_are_no_markup(void **state)
{
    struct made m;
    make(&m, HOSTILE, 30000);
    report_compare_markdown(m.c, m.out);
    const char *text = text_of(&m);
    assert_non_null(strstr(text, "&#91;x&#93;(http&#58;//evil.example)&#124;&#60;script&#62;"));
    assert_non_null(strstr(text, "www&#46;evil"));
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "@all"));
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "\033"));
    assert_non_null(strstr(text, "### pelt compare: WORSE: of 7"));
    drop(&m);
    make(&m, HOSTILE, 30000);
    report_compare_text(m.c, m.out, false, 100);
    assert_null(strstr(text_of(&m), "\033"));
    drop(&m);
}

static void json_has_all_of_it_in_full(void **state)
{
    struct made m;
    json_error_t why;
    make(&m, "chat", 30000);
    assert_int_equal(report_compare_json(m.c, m.out), PELT_OK);
    json_t *o = json_loads(text_of(&m), 0, &why);
    assert_non_null(o);
    assert_int_equal(json_array_size(json_object_get(o, "figures")), 7);
    json_t *p50 = json_array_get(json_object_get(o, "figures"), 0);
    assert_string_equal(json_string_value(json_object_get(p50, "figure")), "p50");
    assert_string_equal(json_string_value(json_object_get(p50, "verdict")), "worse");
    assert_true(json_real_value(json_object_get(p50, "change")) == m.c->figures[0].change ||
                json_real_value(json_object_get(p50, "change")) > 0.4);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "result"), "exit_code")),
                     5);
    assert_int_equal(json_array_size(json_object_get(
                         json_array_get(json_object_get(o, "shifts"), 0), "deciles")),
                     PELT_SHIFT_DECILES);
    assert_null(strstr(m.text, "nan"));
    json_decref(o);
    drop(&m);
}

static void a_change_in_a_history_is_a_line(void **state)
{
    struct made m;
    make(&m, "chat", 20000);
    struct pelt_history_change change = {.kind = PELT_DIGEST_REQUEST,
                                         .name = "chat",
                                         .figure = "p95",
                                         .unit = "ms",
                                         .from = 12,
                                         .to = 15,
                                         .change = 0.25,
                                         .worse = true,
                                         .known = true,
                                         .last = m.base,
                                         .first = m.now,
                                         .before = 10,
                                         .after = 7};
    const struct pelt_digest *runs[] = {m.base, m.now};
    struct pelt_history_plan plan = {.runs = runs, .len = 2, .changes = &change, .changes_len = 1};
    struct pelt_history h = {.plans = &plan, .len = 1, .left_out = 1};
    report_history_text(&h, m.out, false, 100);
    assert_non_null(strstr(text_of(&m), "  chat p95: 12.0ms to 15.0ms, +25.0%, worse, between "
                                        "drawn.pelt and drawn.pelt (10 runs before, 7 from there "
                                        "on)\n"));
    assert_non_null(strstr(m.text, "1 run left out"));
    drop(&m);
}

static void formats_are_checked_before_anything_is_read(void **state)
{
    struct pelt_error err = {""};
    assert_int_equal(report_compare_check("markdwn=x.md", &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "did you mean markdown?"));
    assert_int_equal(report_compare_check("json", &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "a path is missing"));
    assert_int_equal(report_compare_check("json=no-such-folder/x.json", &err), PELT_EINVAL);
    assert_int_equal(report_history_check("markdown=x.md", &err), PELT_EINVAL);
    assert_int_equal(report_compare_check("markdown=-", &err), PELT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_says_what_is_worse),
        cmocka_unit_test(hostile_names_are_no_markup),
        cmocka_unit_test(json_has_all_of_it_in_full),
        cmocka_unit_test(a_change_in_a_history_is_a_line),
        cmocka_unit_test(formats_are_checked_before_anything_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
