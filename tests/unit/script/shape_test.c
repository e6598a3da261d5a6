/*
 * shape: what a function is told and may return; and lua/stress.lua against a server that is a
 * formula: a backlog, and what it works off a second.
 */
#include "test.h"

#include <math.h>
#include <string.h>

#include "pelt/rng.h"
#include "pelt/shape.h"

#define SECONDS 4000

static struct {
    double level[SECONDS]; /* decided */
    char part[SECONDS][14];
    unsigned span[SECONDS];
    int32_t decided;
    double capacity, slo_s, backlog[SECONDS], done[SECONDS];
    struct pelt_rng rng;
    double jitter;              /* of what is worked off a second, as a share */
    int32_t late_from, late_to; /* seconds in which this host is late */
    int32_t stall;              /* second in which nothing is worked off; 0: none */
    int32_t slow_from;          /* seconds from it on break the SLO; 0: by the backlog alone */
    bool closed;                /* users: all of them are the backlog */
    bool dead, hung;            /* each exchange fails; never ends */
    bool absent;                /* what the SLO is of never comes */
    double grown;               /* the server by this factor, once a level was verified; 0: not */
    int32_t verified_from, verified_to;
    int verified;
    double found;                  /* NAN: not told */
    bool at_least;                 /* told with it */
    struct pelt_shape_step judged; /* the last one */
    char capacity_text[400];
    char last_step[400];
    int steps;
} world;

static struct pelt_scenario *scenario;
static struct pelt_shape *shape;

static struct pelt_shape_view view; /* filled below */

/* The text between two others. */
static void load(const char *before, const char *text, const char *behind)
{
    char source[2048];
    struct pelt_error err = {{0}};
    snprintf(source, sizeof source, "%s%s%s", before, text, behind);
    memset(&world, 0, sizeof world);
    world.found = NAN;
    if (pelt_scenario_load_text("t.lua", source, strlen(source), NULL, 0, &scenario, &err) !=
        PELT_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(scenario->plan.live);
    view.level_max = scenario->plan.level_max;
    view.length_max_s = (double)scenario->plan.length_max_ns / 1e9;
    struct pelt_script_options options = {.scenario = scenario, .registry = scenario->declared};
    if (pelt_shape_new(&options, &shape, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
}

static int tear_down(void **state)
{
    pelt_shape_free(shape);
    pelt_scenario_free(scenario);
    shape = NULL;
    scenario = NULL;
    return 0;
}

#define SHAPED                                                                                     \
    "local pelt = require 'pelt' return { load = { max = '500/s', duration = '1m', shape = "       \
    "function(t, stats, view)\n"
#define SHAPED_END " end }, iteration = function() end }"

static void on_figures(void *arg, uint32_t seconds, struct pelt_shape_figures *out)
{
    int32_t to = world.decided > 0 ? world.decided - 1 : 0; /* the running second is not known */
    int32_t from = to > (int32_t)seconds ? to - (int32_t)seconds : 0;
    *out = (struct pelt_shape_figures){
        .from = from, .to = to, .p50_ms = NAN, .p95_ms = NAN, .p99_ms = NAN};
    for (int32_t t = from; t < to; t++) {
        out->planned_per_s += world.level[t] / (to - from);
        out->iterations_per_s += world.done[t] / (to - from);
        out->late += t >= world.late_from && t < world.late_to;
    }
    if (to > from) {
        out->level = world.level[to - 1];
        out->ok_per_s = world.dead ? 0 : out->iterations_per_s;
        out->errors = world.dead;
        out->error = world.dead ? "connect" : NULL;
        out->backlog = (uint64_t)world.backlog[to - 1];
        out->growth = world.backlog[to - 1] - (from > 0 ? world.backlog[from - 1] : 0);
        out->p99_ms = 1000 * world.backlog[to - 1] / world.capacity;
    }
}

static enum pelt_shape_judgement on_judge(void *arg, int32_t from, int32_t to,
                                          struct pelt_shape_reason *why)
{
    assert_true(from >= 0 && from < to && to < world.decided);
    if (world.absent) {
        snprintf(why->text, sizeof why->text, "the run had no request \"chat\"");
        return PELT_SHAPE_ABSENT;
    }
    for (int32_t t = from; t < to; t++) {
        bool slow = world.slow_from > 0 && t >= world.slow_from;
        if (slow || world.backlog[t] / world.capacity > world.slo_s) {
            snprintf(why->text, sizeof why->text, "too slow in second %d", (int)t);
            snprintf(why->slo, sizeof why->slo, "delay");
            return PELT_SHAPE_BREAKS;
        }
    }
    return PELT_SHAPE_HOLDS;
}

/* A step is judged once, told as data first and then, the same, as a text. */
static void on_judged(void *arg, const struct pelt_shape_step *step)
{
    const bool holds = step->judgement == PELT_SHAPE_HOLDS;
    assert_true(step->from >= world.judged.to && step->from < step->to);
    assert_int_equal(step->to, world.decided - 1); /* all that is known */
    for (int32_t t = step->from; t < world.decided; t++) {
        assert_int_equal(world.span[t], step->span);
    }
    world.judged = *step;
    assert_int_equal(step->span, world.steps + 1);
    assert_true(step->judgement <= PELT_SHAPE_UNJUDGED);
    assert_int_equal(step->why.text[0] == '\0', holds);
    if (step->judgement == PELT_SHAPE_BREAKS) {
        assert_true(strcmp(step->why.slo, "delay") == 0 ||
                    strcmp(step->why.slo, "throughput") == 0 ||
                    strcmp(step->why.slo, "errors") == 0);
    } else {
        assert_string_equal(step->why.slo, "");
    }
}

static void check_step_text(const char *text)
{
    static const char *const words[] = {"holds: ", "breaks: ", "unjudged: "};
    const char *word = strstr(text, words[world.judged.judgement]);
    unsigned number = 0;
    assert_int_equal(sscanf(text, "step %u:", &number), 1);
    assert_int_equal(number, world.judged.span);
    assert_non_null(word);
    if (world.judged.judgement != PELT_SHAPE_HOLDS) {
        assert_string_equal(word + strlen(words[world.judged.judgement]), world.judged.why.text);
    }
}

static void on_note(void *arg, const char *kind, const char *text)
{
    if (strcmp(kind, "capacity") == 0) {
        assert_string_equal(world.capacity_text, ""); /* told once */
        snprintf(world.capacity_text, sizeof world.capacity_text, "%s", text);
    } else {
        assert_string_equal(kind, "step");
        check_step_text(text);
        snprintf(world.last_step, sizeof world.last_step, "%s", text);
        world.steps++;
    }
}

/* All at the level that is told, one behind the other, none twice. */
static void on_verified(void *arg, int32_t from, int32_t to)
{
    assert_true(from < to && to < world.decided);
    world.verified_from = world.verified == 0 ? from : world.verified_from;
    assert_true(world.verified == 0 || from >= world.verified_to);
    world.verified_to = to;
    world.verified++;
    world.capacity *= world.grown > 0 ? world.grown : 1;
    for (int32_t t = from; t < to; t++) {
        assert_string_equal(world.part[t], "verify");
        assert_true(world.level[t] == world.level[from]);
        assert_false(t >= world.late_from && t < world.late_to);
    }
}

static void on_found(void *arg, double level, bool at_least)
{
    world.at_least = at_least;
    assert_true(isnan(world.found)); /* told once */
    world.found = level;
}

static struct pelt_shape_view view = {.figures = on_figures,
                                      .judge = on_judge,
                                      .judged = on_judged,
                                      .note = on_note,
                                      .verified = on_verified,
                                      .found = on_found};

/* The next second. False: the load ends. */
static bool decide(struct pelt_error *err)
{
    struct pelt_shape_decision d;
    int32_t t = world.decided;
    assert_true(t < SECONDS);
    if (pelt_shape_decide(shape, t, &view, &d, err) != PELT_OK) {
        return false;
    }
    if (d.end) {
        return false;
    }
    world.level[t] = d.level;
    memcpy(world.part[t], d.part, sizeof d.part);
    world.span[t] = d.span;
    if (world.capacity > 0) {
        double all = (t > 0 ? world.backlog[t - 1] : 0) + d.level;
        double most = world.capacity * (1 + world.jitter * (2 * pelt_rng_uniform(&world.rng) - 1));
        world.done[t] = world.hung || (t > 0 && t == world.stall) ? 0 : fmin(all, most);
        world.backlog[t] = world.closed ? d.level : all - world.done[t];
    }
    world.decided++;
    return true;
}

static void fails(const char *body, const char *said)
{
    struct pelt_error err = {{0}};
    load(SHAPED, body, SHAPED_END);
    world.capacity = 100;
    while (decide(&err)) {
    }
    if (strstr(err.text, said) == NULL) {
        fail_msg("\"%s\" was not said: %s", said, err.text);
    }
    tear_down(NULL);
}

static void it_says_the_level_of_each_second(void **state)
{
    load(SHAPED, "if t < 3 then return 10 * t, 'up', t end if t == 3 then return '90/m' end",
         SHAPED_END);
    while (decide(NULL)) {
    }
    assert_int_equal(world.decided, 4);
    assert_true(world.level[0] == 0 && world.level[1] == 10 && world.level[2] == 20);
    assert_true(world.level[3] == 1.5);
    assert_string_equal(world.part[2], "up");
    assert_int_equal(world.span[2], 2);
    assert_string_equal(world.part[3], "");
}

static void it_is_told_what_is_known(void **state)
{
    load(SHAPED,
         "if t == 0 then assert(stats.t == -1 and stats.seconds == 0) return 10 end "
         "if t == 5 then assert(stats.t == 3 and stats.level == 13 and stats.p50_ms == nil "
         "and stats.planned_per_s == 13 and stats.iterations_per_s == 13 and "
         "stats.window(2).planned_per_s == 12.5 and stats.window(60).seconds == 4) "
         "return end return 10 + t",
         SHAPED_END);
    struct pelt_error err = {{0}};
    world.capacity = 100;
    while (decide(&err)) {
    }
    assert_string_equal(err.text, "");
    assert_int_equal(world.decided, 5);
}

static void what_is_no_level_is_refused_with_its_place(void **state)
{
    fails("return 'x'", "t.lua:1: the shape returned 'x' for second 0: return arrivals a second "
                        "(20 or \"20/s\"), or nil to end the load");
    fails("return {}", "the shape returned a table for second 0");
    fails("return -1", "the shape returned -1");
    fails("return 1/0", "the shape returned inf");
    fails("return true", "the shape returned a boolean");
    fails("if t == 2 then error('enough') end return 1", "t.lua:2: enough");
    fails("return stats.window(61).t", "stats.window: 61 seconds: 1 to 60 are kept");
}

#ifndef __SANITIZE_THREAD__ /* it holds the signal back while nothing but Lua runs */
static void an_endless_one_is_stopped(void **state)
{
    fails("while true do pcall(function() while true do end end) end", "t.lua:2: the script held");
}
#endif

static void what_it_keeps_answers_only_while_it_runs(void **state)
{
    fails("kept = kept or 1", "t.lua:2: ");
    fails("if t == 0 then math.kept = stats.window end return 1", "t.lua:2: ");
}

#define STRESS     "local pelt = require 'pelt' return { load = pelt.load.stress { "
#define STRESS_END " }, iteration = function() end }"

static double found(void)
{
    double level = -1;
    sscanf(world.capacity_text, "largest level that holds: %lf", &level);
    return level;
}

static void run_all(void)
{
    struct pelt_error err = {{0}};
    while (decide(&err)) {
    }
    assert_string_equal(err.text, "");
    assert_string_not_equal(world.capacity_text, "");
    if (strncmp(world.capacity_text, "no level holds", 14) == 0) {
        assert_true(world.found == 0);
    } else if (found() > 0) {
        assert_true(fabs(world.found / found() - 1) < 1e-5); /* the text has six digits */
    } else {
        assert_true(isnan(world.found));
    }
}

static void stress_finds_the_capacity_of_a_server(void **state)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 5, 1);
    for (int i = 0; i < 60; i++) {
        load(STRESS, "from = '50/s', step = '100/s', max = '5000/s', every = '5s'", STRESS_END);
        pelt_rng_init(&world.rng, (uint64_t)i, 2);
        world.jitter = i % 2 ? 0.03 : 0;
        world.slo_s = 0.2 + 0.3 * pelt_rng_uniform(&rng);
        world.capacity = 60 * exp(3.5 * pelt_rng_uniform(&rng)); /* 60/s to 2,000/s */
        run_all();
        if (fabs(found() / world.capacity - 1) > 0.05) {
            fail_msg("capacity %g: %s", world.capacity, world.capacity_text);
        }
        assert_int_equal(world.verified, 3);
        assert_true(fabs(world.level[world.verified_from] / found() - 1) < 1e-6);
        tear_down(NULL);
    }
}

static void stress_names_the_throughput_where_the_slo_is_patient(void **state)
{
    load(STRESS, "from = '50/s', step = '100/s', max = '5000/s', every = '5s'", STRESS_END);
    world.capacity = 333;
    world.slo_s = 1000;
    run_all();
    assert_true(fabs(found() / 333 - 1) < 0.05);
    assert_non_null(strstr(world.capacity_text, "/s: throughput: "));
}

static void stress_finds_the_users_to_the_last_one_where_they_are_few(void **state)
{
    for (int capacity = 3; capacity < 40; capacity++) {
        load(STRESS, "from = 2, step = 7, max = 100, every = '5s', verify = 2", STRESS_END);
        world.capacity = capacity;
        world.slo_s = 1;
        world.closed = true;
        run_all();
        assert_int_equal(found(), capacity);
        tear_down(NULL);
    }
}

static void stress_repeats_a_step_in_which_this_host_was_late(void **state)
{
    load(STRESS, "from = '50/s', step = '75/s', max = '150/s', every = '5s', verify = 2",
         STRESS_END);
    world.capacity = 1000;
    world.slo_s = 0.3;
    world.late_from = 7; /* in the second step, 6 to 12 */
    world.late_to = 8;
    while (world.steps < 2) {
        assert_true(decide(NULL));
    }
    assert_int_equal(world.judged.from, 13);
    assert_int_equal(world.judged.to, 17);
    run_all();
    assert_int_equal(world.decided, 36);
    for (int32_t t = 6; t < 18; t++) {
        assert_int_equal(world.span[t], 2);
    }
    assert_int_equal(world.steps, 5);
}

static void stress_judges_a_step_to_its_last_second(void **state)
{
    load(STRESS, "from = '50/s', step = '50/s', max = '200/s', every = '5s', settle = '2s'",
         STRESS_END);
    world.capacity = 1000;
    world.slo_s = 0.3;
    world.slow_from = 10; /* the last second of the second step, but for the one it waits */
    while (world.steps < 1) {
        assert_true(decide(NULL));
    }
    assert_int_equal(world.judged.from, 2);
    assert_int_equal(world.judged.to, 5);
    assert_int_equal(world.judged.judgement, PELT_SHAPE_HOLDS);
    while (world.steps < 2) {
        assert_true(decide(NULL));
    }
    assert_int_equal(world.judged.from, 8);
    assert_int_equal(world.judged.to, 11);
    assert_string_equal(world.judged.why.text, "too slow in second 10");
    assert_true(world.level[5] == 50 && world.level[6] == 100 && world.level[11] == 100);
}

static void what_is_verified_leaves_out_seconds_in_which_this_host_was_late(void **state)
{
    load(STRESS, "from = '50/s', step = '75/s', max = '50/s', every = '5s', verify = 2",
         STRESS_END);
    world.capacity = 1000;
    world.slo_s = 0.3;
    world.late_from = 7; /* in the second step, 6 to 12 */
    world.late_to = 8;
    run_all();
    assert_int_equal(world.verified, 2);
    assert_int_equal(world.verified_from, 13);
}

static void what_piled_up_while_this_host_was_late_breaks_no_later_step(void **state)
{
    load(STRESS, "from = '150/s', step = '75/s', max = '150/s', every = '5s', verify = 3",
         STRESS_END);
    world.capacity = 150; /* so that it stays */
    world.slo_s = 1000;
    world.late_from = world.stall = 14; /* in the second step that verifies, from 12 on */
    world.late_to = 15;
    run_all();
    assert_string_equal(
        world.capacity_text,
        "largest level that holds: 150/s, 3 of 3 times; it is the max: nothing broke");
}

static void stress_ends_at_once_where_nothing_answers(void **state)
{
    load(STRESS, "from = '50/s', step = '50/s', max = '400/s', every = '5s'", STRESS_END);
    world.capacity = 1000;
    world.slo_s = 1;
    world.dead = true; /* the SLO of this world holds nevertheless */
    run_all();
    assert_string_equal(world.capacity_text,
                        "no request ended ok at 50/s: the most frequent error is connect");
    assert_string_equal(world.last_step, "step 1: 50/s breaks: the most frequent error is connect");
    assert_int_equal(world.decided, 6);
    assert_int_equal(world.verified, 0);
}

static void stress_ends_at_once_where_nothing_ends(void **state)
{
    load(STRESS, "from = '50/s', step = '50/s', max = '400/s', every = '5s'", STRESS_END);
    world.capacity = 1000;
    world.slo_s = 1;
    world.hung = true;
    run_all();
    assert_string_equal(world.capacity_text,
                        "no request ended ok at 50/s: throughput: 0/s of 50/s ended");
    assert_int_equal(world.decided, 6);
}

static void stress_goes_on_where_what_answered_fails_later(void **state)
{
    struct pelt_error err = {{0}};
    load(STRESS, "from = '50/s', step = '50/s', max = '400/s', every = '5s'", STRESS_END);
    world.capacity = 1000;
    world.slo_s = 0.5;
    for (int i = 0; i < 7; i++) {
        assert_true(decide(&err));
    }
    world.hung = true;
    run_all();
    assert_non_null(strstr(world.capacity_text, "the service did not recover within 60 s"));
    assert_int_equal(world.verified, 0);
}

static void stress_says_that_no_level_holds(void **state)
{
    load(STRESS, "from = 2, step = 7, max = 100, every = '5s'", STRESS_END);
    world.capacity = 1;
    world.slo_s = 0.5;
    world.closed = true;
    run_all();
    assert_non_null(strstr(world.capacity_text, "the service did not recover within 60 s at 1 user "
                                                "after 2 users broke it"));
}

static void stress_rests_until_the_backlog_is_gone(void **state)
{
    load(STRESS, "from = '50/s', step = '300/s', max = '5000/s', every = '5s'", STRESS_END);
    world.capacity = 123;
    world.slo_s = 0.3;
    run_all();
    for (int32_t t = 1; t < world.decided; t++) {
        bool over = strcmp(world.part[t - 1], "rest") == 0 && strcmp(world.part[t], "rest") != 0;
        assert_true(!over || world.backlog[t - 1] / world.capacity < world.slo_s);
    }
    assert_string_equal(world.part[0], "climb");
}

static void stress_without_an_edge_holds_at_max(void **state)
{
    load(STRESS, "from = '50/s', step = '75/s', max = '150/s', every = '5s', verify = 2",
         STRESS_END);
    world.capacity = 1000;
    world.slo_s = 0.3;
    run_all();
    assert_string_equal(
        world.capacity_text,
        "largest level that holds: 150/s, 2 of 2 times; it is the max: nothing broke");
    assert_int_equal(world.steps, 5); /* 50, 125, 150, and twice 150 */
    assert_int_equal(world.decided, 30);
    assert_true(world.at_least);
}

static void stress_stays_below_what_the_command_line_says(void **state)
{
    load(STRESS, "from = '50/s', step = '75/s', max = '500/s', every = '5s', verify = 1",
         STRESS_END);
    view.level_max = 110;
    world.capacity = 1000;
    world.slo_s = 0.3;
    run_all();
    assert_string_equal(
        world.capacity_text,
        "largest level that holds: 110/s, 1 of 1 times; it is the max: nothing broke");
}

static void stress_below_its_first_level_searches_there(void **state)
{
    load(STRESS, "from = '400/s', step = '100/s', max = '800/s', every = '5s'", STRESS_END);
    world.capacity = 77;
    world.slo_s = 0.3;
    run_all();
    assert_true(fabs(found() / 77 - 1) < 0.05);
}

static void stress_goes_down_once_the_service_has_recovered(void **state)
{
    load(STRESS, "from = '50/s', step = '300/s', max = '5000/s', every = '5s', verify = 1",
         STRESS_END);
    world.capacity = 123;
    world.slo_s = 0.3;
    run_all();
    int32_t down = 0;
    while (strcmp(world.part[down], "down") != 0) {
        assert_true(++down < world.decided);
    }
    assert_string_equal(world.part[down - 1], "rest");
    assert_true(world.backlog[down - 1] / world.capacity < world.slo_s);
    assert_non_null(strstr(world.capacity_text, "; also after more load"));
}

static void stress_tells_of_an_edge_that_held(void **state)
{
    load(STRESS, "from = '50/s', step = '300/s', max = '5000/s', every = '5s', verify = 1",
         STRESS_END);
    world.capacity = 123;
    world.slo_s = 0.3;
    world.grown = 2;
    run_all();
    assert_non_null(strstr(world.capacity_text, "/s it held this time: the edge is not sharp"));
    assert_string_equal(world.part[world.decided - 1], "climb");
}

static void stress_goes_further_where_its_edge_moved_up(void **state)
{
    load(STRESS, "from = 2, step = 7, max = 100, every = '5s', verify = 1", STRESS_END);
    world.capacity = 20;
    world.slo_s = 1;
    world.closed = true;
    world.grown = 1.1;
    run_all();
    assert_string_equal(world.capacity_text + strlen(world.capacity_text) - 22,
                        "; also after more load");
}

static void stress_ends_where_what_its_slo_is_of_never_comes(void **state)
{
    load(STRESS, "from = '50/s', step = '50/s', max = '400/s', every = '5s'", STRESS_END);
    world.capacity = 1000;
    world.absent = true;
    run_all();
    assert_string_equal(world.capacity_text,
                        "50/s: it could not be judged: the run had no request \"chat\"");
    assert_int_equal(world.decided, 6);
    tear_down(NULL);
    load(STRESS, "from = '1/s', step = '50/s', max = '400/s', every = '5s'", STRESS_END);
    world.capacity = 1000;
    world.absent = true;
    run_all();
    assert_int_equal(world.decided, 31); /* it may be rare */
}

static void stress_says_how_it_goes(void **state)
{
    load(STRESS, "from = 2, step = 1, max = 40, every = '5s'", STRESS_END);
    assert_string_equal(scenario->plan.course, "from 2 users by 1 user each 5 s");
    assert_string_equal(scenario->plan.params, "{\"every_s\":5,\"from\":2,\"max\":40,\"repeats\":3,"
                                               "\"resolution\":0.05,\"settle_s\":1,\"step\":1}");
}

static void stress_blames_the_length_that_is_wrong(void **state)
{
    static const struct {
        const char *lengths, *said;
    } cases[] = {
        {"every = '10s', settle = '9s'",
         "pelt.load.stress.settle: '9s': it leaves less than 2 s of every (10s) to be judged: make "
         "it at most 8 s, or every longer"},
        {"settle = 12",
         "pelt.load.stress.settle: '12': it leaves less than 2 s of every (10 s where it is not "
         "given) to be judged: make it at most 8 s, or every longer"},
        {"every = '2s'", "pelt.load.stress.every: '2s': at least 3 s are expected: settle (1 s), "
                         "which is not judged, and 2 s more"},
        {"every = 1, settle = 0", "pelt.load.stress.every: '1': at least 2 s are expected"},
        {"every = '6m', settle = '1m'", "pelt.load.stress.every: '6m': at most 5m is expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char source[400];
        struct pelt_error err = {{0}};
        snprintf(source, sizeof source, "%sfrom = 2, step = 2, max = 9, %s%s", STRESS,
                 cases[i].lengths, STRESS_END);
        assert_int_not_equal(
            pelt_scenario_load_text("t.lua", source, strlen(source), NULL, 0, &scenario, &err),
            PELT_OK);
        if (strstr(err.text, cases[i].said) == NULL) {
            fail_msg("\"%s\" was not said: %s", cases[i].said, err.text);
        }
    }
}

static void stress_out_of_time_says_what_it_knows(void **state)
{
    load(STRESS, "from = '50/s', step = '50/s', max = '800/s', every = '5s', duration = '20s'",
         STRESS_END);
    world.capacity = 120;
    world.slo_s = 0.3;
    for (int i = 0; i < 20; i++) {
        assert_true(decide(NULL));
    }
    assert_non_null(strstr(world.capacity_text, "not found within the duration of 20 s: holds at "
                                                "100/s so far, breaks at 150/s: "));
}

int main(void)
{
#define T(test) cmocka_unit_test_teardown(test, tear_down)
    const struct CMUnitTest tests[] = {
        T(it_says_the_level_of_each_second),
        T(it_is_told_what_is_known),
        T(what_is_no_level_is_refused_with_its_place),
#ifndef __SANITIZE_THREAD__
        T(an_endless_one_is_stopped),
#endif
        T(what_it_keeps_answers_only_while_it_runs),
        T(stress_finds_the_capacity_of_a_server),
        T(stress_names_the_throughput_where_the_slo_is_patient),
        T(stress_finds_the_users_to_the_last_one_where_they_are_few),
        T(stress_repeats_a_step_in_which_this_host_was_late),
        T(stress_judges_a_step_to_its_last_second),
        T(what_is_verified_leaves_out_seconds_in_which_this_host_was_late),
        T(what_piled_up_while_this_host_was_late_breaks_no_later_step),
        T(stress_ends_at_once_where_nothing_answers),
        T(stress_ends_at_once_where_nothing_ends),
        T(stress_goes_on_where_what_answered_fails_later),
        T(stress_says_that_no_level_holds),
        T(stress_rests_until_the_backlog_is_gone),
        T(stress_without_an_edge_holds_at_max),
        T(stress_stays_below_what_the_command_line_says),
        T(stress_below_its_first_level_searches_there),
        T(stress_goes_down_once_the_service_has_recovered),
        T(stress_tells_of_an_edge_that_held),
        T(stress_goes_further_where_its_edge_moved_up),
        T(stress_ends_where_what_its_slo_is_of_never_comes),
        T(stress_says_how_it_goes),
        T(stress_blames_the_length_that_is_wrong),
        T(stress_out_of_time_says_what_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
