/*
 * pelt.llm.prompts: numbers come by their laws (chi-squared, at a fixed seed), and whose prompt is
 * which depends on seed, user and iteration alone. Several threads' scripts over one scenario,
 * without network (fake_client.h): users tell what they drew by requesting "/USER/VALUE".
 */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_client.h"
#include "stage.h"

#define USERS 300 /* two shards, or more threads */
#define TIMES 10
#define DRAWS (USERS * TIMES)

static char folder[64];

static int make_folder(void **state)
{
    char path[128];
    snprintf(folder, sizeof folder, "/tmp/pelt-prompts-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/prompts.jsonl", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 7; i++) {
        fprintf(file, "{\"prompt\": \"ask %d\", \"max_tokens\": %d}\n", i, 10 + i);
    }
    return fclose(file);
}

static int remove_folder(void **state)
{
    char path[128];
    snprintf(path, sizeof path, "%s/prompts.jsonl", folder);
    unlink(path);
    return rmdir(folder);
}

/* `prompts` is the table of llm.prompts, `value` an expression of the prompt p and of user. */
static void open_prompts(struct stage *st, const char *prompts, const char *body, unsigned threads)
{
    char source[2048];
    snprintf(source, sizeof source,
             "local pelt = require 'pelt'\n"
             "local prompts = pelt.llm.prompts %s\n"
             "local function sum(text) local h = 7 for i = 1, #text do\n"
             "h = (h * 31 + text:byte(i)) %% 1000003 end return h end\n"
             "return { iteration = function(user)\n%s\nend }",
             prompts, body);
    open_stage(st, folder, source, USERS, threads);
}

/* What USERS users draw in TIMES iterations each, the i-th of user u at u * TIMES + i. */
static void draw(const char *prompts, const char *value, unsigned threads, long *values)
{
    struct stage st;
    char body[512];
    struct pelt_vu *vus[USERS];
    snprintf(body, sizeof body,
             "local p = prompts:next() pelt.http.get('/' .. user.id .. '/' .. (%s))", value);
    open_prompts(&st, prompts, body, threads);
    for (unsigned u = 0; u < USERS; u++) {
        vus[u] = new_user(&st, u);
    }
    for (unsigned i = 0; i < TIMES; i++) {
        for (unsigned u = 0; u < USERS; u++) {
            values[u * TIMES + i] = iterate(vus[u]);
        }
    }
    for (unsigned u = 0; u < USERS; u++) {
        pelt_script_vu_ops.destroy(vus[u]);
    }
    close_stage(&st);
}

/* ---- laws ---- */

/* The distribution function of each law, of what is rounded to whole numbers: P(value <= x). */
static double normal_below(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}
static double uniform_1_to_10(double x)
{
    return fmin(floor(x) / 10, 1);
}
static double zipf_10_at_1(double x)
{
    double sum = 0, all = 0;
    for (int k = 1; k <= 10; k++) {
        all += 1.0 / k;
        sum += k <= x ? 1.0 / k : 0;
    }
    return sum / all;
}
static double exponential_20(double x)
{
    return 1 - exp(-(floor(x) + 0.5) / 20);
}
static double normal_50_10(double x)
{
    return normal_below((floor(x) + 0.5 - 50) / 10);
}
static double lognormal_40_half(double x)
{
    return normal_below((log(floor(x) + 0.5) - (log(40) - 0.125)) / 0.5);
}

/* Ten classes, as many draws in each as the law says. */
static double chi_squared(const long *values, size_t len, const double *bounds, size_t bounds_len,
                          double (*below)(double))
{
    double sum = 0, before = 0;
    for (size_t b = 0; b <= bounds_len; b++) {
        const double low = b == 0 ? -INFINITY : bounds[b - 1],
                     high = b == bounds_len ? INFINITY : bounds[b];
        const double upto = b == bounds_len ? 1 : below(high);
        const double expected = (upto - before) * (double)len;
        double seen = 0;
        for (size_t i = 0; i < len; i++) {
            seen += (double)values[i] > low && (double)values[i] <= high;
        }
        assert_true(expected >= 5); /* or the test says nothing */
        sum += (seen - expected) * (seen - expected) / expected;
        before = upto;
    }
    return sum;
}

#define CRITICAL_9                                                                                 \
    27.88 /* 1 of 1,000 draws of a true law is above it, with 9 degrees of freedom                 \
           */
#define CRITICAL_3 16.27

static void numbers_are_drawn_by_their_law(void **state)
{
    static const double TENS[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9},
                        EXPONENTIAL[9] = {2, 5, 8, 12, 16, 20, 28, 36, 48},
                        NORMAL[9] = {37, 42, 45, 47, 50, 53, 55, 58, 63},
                        LOGNORMAL[9] = {15, 20, 25, 30, 35, 42, 50, 60, 75};
    static const struct {
        const char *law;
        const double *bounds;
        double (*below)(double);
    } CASES[] = {
        {"{ words = { 'uniform', min = 1, max = 10 } }", TENS, uniform_1_to_10},
        {"{ words = { 'zipf', max = 10, s = 1 } }", TENS, zipf_10_at_1},
        {"{ words = { 'exponential', mean = 20 } }", EXPONENTIAL, exponential_20},
        {"{ words = { 'normal', mean = 50, deviation = 10 } }", NORMAL, normal_50_10},
        {"{ words = { 'lognormal', mean = 40, sigma = 0.5 } }", LOGNORMAL, lognormal_40_half},
    };
    static long values[DRAWS];
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        draw(CASES[c].law, "p.words", 1, values);
        double x = chi_squared(values, DRAWS, CASES[c].bounds, 9, CASES[c].below);
        if (x > CRITICAL_9) {
            fail_msg("%s: chi-squared %.1f", CASES[c].law, x);
        }
    }
}

static void a_text_has_as_many_words_as_were_drawn(void **state)
{
    static long values[DRAWS];
    draw("{ words = { 'uniform', min = 1, max = 40 }, max_tokens = 7 }",
         "select(2, p.text:gsub('%a+', '')) == p.words and p.max_tokens or 0", 1, values);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_int_equal(values[i], 7);
    }
    draw("{ words = { 'exponential', mean = 100, min = 20, max = 30 } }", "p.words", 1, values);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_in_range(values[i], 20, 30);
    }
}

static void a_pool_is_drawn_from_by_popularity(void **state)
{
    static const double TENS[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static long values[DRAWS];
    draw("{ words = 5, reuse = { prompts = 10, zipf = 1 } }", "p.number", 1, values);
    double x = chi_squared(values, DRAWS, TENS, 9, zipf_10_at_1);
    assert_true(x <= CRITICAL_9);
    draw("{ words = 5, reuse = { prompts = 10 } }", "p.number", 1, values);
    x = chi_squared(values, DRAWS, TENS, 9, uniform_1_to_10);
    assert_true(x <= CRITICAL_9);
    draw("{ file = 'prompts.jsonl', reuse = {} }", "p.text:sub(5) + 1 == p.number and p.number", 1,
         values);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_in_range(values[i], 1, 7);
    }
}

static double quarters(double x)
{
    return fmin(floor(x) / 4, 1);
}

static void groups_share_their_beginning(void **state)
{
    static const double FOURS[3] = {1, 2, 3};
    static long groups[DRAWS], sums[DRAWS];
    const char *prompts = "{ words = 3, prefix = { groups = 4, words = 6, share = '25%' } }";
    draw(prompts, "p.group or 0", 1, groups);
    draw(prompts, "sum(p.text:match('^%a+ %a+ %a+ %a+ %a+ %a+') or '')", 2, sums);
    long first[5] = {0};
    size_t with = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        if (groups[i] > 0) {
            long *of_group = &first[groups[i]];
            *of_group = *of_group == 0 ? sums[i] : *of_group;
            assert_int_equal(sums[i], *of_group);
            groups[with++] = groups[i];
        }
    }
    assert_in_range(with, DRAWS / 4 - 71, DRAWS / 4 + 71); /* three standard deviations */
    assert_true(chi_squared(groups, with, FOURS, 3, quarters) <= CRITICAL_3);
    assert_true(first[1] != first[2] && first[2] != first[3] && first[3] != first[4]);
}

/* ---- whose prompt is which ---- */

static void prompts_do_not_depend_on_shards_and_threads(void **state)
{
    static const char *const PROMPTS[] = {
        "{ words = { 'lognormal', mean = 20, sigma = 1 }, prefix = { groups = 3, words = 4 } }",
        "{ words = 9, reuse = { prompts = 50, zipf = 1 } }",
        "{ file = 'prompts.jsonl', order = 'random' }",
    };
    static long one[DRAWS], three[DRAWS];
    for (size_t i = 0; i < sizeof PROMPTS / sizeof *PROMPTS; i++) {
        draw(PROMPTS[i], "sum(p.text)", 1, one);
        draw(PROMPTS[i], "sum(p.text)", 3, three);
        assert_memory_equal(one, three, sizeof one);
    }
}

static void a_prompt_of_a_pool_is_the_same_for_all(void **state)
{
    static long numbers[DRAWS], sums[DRAWS];
    long first[10] = {0};
    draw("{ words = 9, reuse = { prompts = 9 } }", "p.number", 1, numbers);
    draw("{ words = 9, reuse = { prompts = 9 } }", "sum(p.text)", 1, sums);
    for (size_t i = 0; i < DRAWS; i++) {
        long *of_number = &first[numbers[i]];
        *of_number = *of_number == 0 ? sums[i] : *of_number;
        assert_int_equal(sums[i], *of_number);
    }
    draw("{ words = 9, reuse = { prompts = 9 } }", "sum(prompts:at(5).text)", 1, sums);
    assert_int_equal(sums[0], first[5]);
}

/* In open loop the arrival stands for the user, whoever serves it; what else it draws from user.rng
 * changes nothing. */
static void prompts_of_an_arrival_do_not_depend_on_who_serves(void **state)
{
    enum { PLANNED = 20 };
    long rows[2][PLANNED];
    for (unsigned every = 1; every <= 2; every++) {
        struct stage st;
        open_prompts(&st, "{ words = { 'uniform', min = 1, max = 1000 } }",
                     "if user.id == 1 then user.rng:uniform() end\n"
                     "pelt.http.get('/' .. user.id .. '/' .. prompts:next().words)",
                     2);
        struct pelt_vu *vus[2] = {new_user(&st, 0), new_user(&st, 1)};
        for (uint64_t k = 0; k < PLANNED; k++) {
            struct pelt_vu *vu = vus[k / every % 2];
            vu->open = true;
            vu->arrival = k;
            rows[every - 1][k] = iterate(vu);
        }
        pelt_script_vu_ops.destroy(vus[0]);
        pelt_script_vu_ops.destroy(vus[1]);
        close_stage(&st);
    }
    assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
    assert_int_not_equal(rows[0][0], rows[0][1]);
}

/* ---- sessions ---- */

static void a_session_says_again_what_was_said(void **state)
{
    struct stage st;
    open_prompts(
        &st, "{ file = 'prompts.jsonl', turns = 3, system = 'be short' }",
        "local s = prompts:session()\n"
        "while s:next() do s:chat('/v1/chat/completions', { model = 'm', stream = false }) end",
        1);
    struct pelt_vu *vu = new_user(&st, 0);
    vu->running = true;
    pelt_script_vu_ops.begin(vu, 1, 1);
    static const char *const SAID[] = {"be short", "ask 0", "ask 6",
                                       "ask 5"}; /* 300 users, 7 rows */
    for (size_t turn = 0; turn < 3; turn++) {
        assert_int_equal(fake_calls_len, 1);
        char request[2048];
        snprintf(request, sizeof request, "%.*s", (int)fake_calls[0].request->len,
                 fake_calls[0].request->bytes);
        const char *at = request;
        for (size_t i = 0; i <= turn + 1; i++) {
            at = strstr(at, SAID[i]);
            assert_non_null(at);
        }
        assert_true(turn == 2 || strstr(request, SAID[turn + 2]) == NULL);
        fake_answer();
    }
    assert_false(vu->running);
    assert_string_equal(st.error, "");
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

/* ---- mistakes ---- */

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *prompts, *says;
    } CASES[] = {
        {"{}", "give either file = \"prompts.jsonl\" or words = 200"},
        {"{ wrods = 5 }", "unknown key 'wrods': did you mean 'words'?"},
        {"{ words = { 'lognromal', mean = 5 } }", "no law 'lognromal': did you mean 'lognormal'?"},
        {"{ words = { 'lognormal', mean = 5 } }", "words: sigma is missing"},
        {"{ words = { 'normal', mean = 5, sigma = 2 } }", "unknown key 'sigma'"},
        {"{ words = { 'uniform', min = 5, max = 2 } }", "min is above max"},
        {"{ words = 5, order = 'random' }", "order is of a file"},
        {"{ words = 5, reuse = {} }", "reuse: prompts is missing"},
        {"{ words = 5, prefix = { groups = 0, words = 2 } }", "prefix.groups: a whole number"},
        {"{ words = 5, prefix = { groups = 2 } }", "prefix: words is missing"},
        {"{ words = 5, prefix = { groups = 2, words = 3, share = 80 } }", "share: a share"},
        {"{ file = 'prompts.jsonl', reuse = { prompts = 8 } }", "the file has 7, not 8"},
        {"{ words = 5, think = { 'zipf', max = 3 } }", "think: zipf is of whole numbers"},
        {"{ file = 'none.jsonl' }", "none.jsonl"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char path[128], source[512];
        struct pelt_scenario *scenario = NULL;
        struct pelt_error err;
        snprintf(path, sizeof path, "%s/t.lua", folder);
        snprintf(source, sizeof source,
                 "local pelt = require 'pelt'\nlocal p = pelt.llm.prompts %s\n"
                 "return { iteration = print }",
                 CASES[i].prompts);
        assert_int_not_equal(
            pelt_scenario_load_text(path, source, strlen(source), NULL, 0, &scenario, &err),
            PELT_OK);
        if (strstr(err.text, CASES[i].says) == NULL || strstr(err.text, "t.lua:2: ") == NULL) {
            fail_msg("%s says \"%s\", not \"%s\"", CASES[i].prompts, err.text, CASES[i].says);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_drawn_by_their_law),
        cmocka_unit_test(a_text_has_as_many_words_as_were_drawn),
        cmocka_unit_test(a_pool_is_drawn_from_by_popularity),
        cmocka_unit_test(groups_share_their_beginning),
        cmocka_unit_test(prompts_do_not_depend_on_shards_and_threads),
        cmocka_unit_test(a_prompt_of_a_pool_is_the_same_for_all),
        cmocka_unit_test(prompts_of_an_arrival_do_not_depend_on_who_serves),
        cmocka_unit_test(a_session_says_again_what_was_said),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
