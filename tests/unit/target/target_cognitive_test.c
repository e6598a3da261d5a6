/*
 * cognitive: each type's service times follow its law: a Kolmogorov-Smirnov test of what a fixed
 * seed draws.
 */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cognitive.h"

#define DRAWS 5000
#define MS    1e6
#define KS_1  1.628 /* of the distribution at 1%, over the square root of the count */

static struct target_cognitive_settings settings = {.is_on = true};
static void *cognitive;

static const char *const names[] = {"memory",     "reasoning", "grammar", "agent",
                                    "multimodal", "membrane",  "arena",   "echo"};

static int start(void **state)
{
    struct target_error err;

    for (size_t i = 0; i < target_cognitive_system.knobs_count; i++) {
        const struct target_knob *knob = &target_cognitive_system.knobs[i];

        if (knob->type == TARGET_KNOB_LAW &&
            !target_knob_read(knob, &settings, knob->initial, &err)) {
            return -1;
        }
    }
    cognitive = target_cognitive_system.start(&settings, 0);
    return cognitive ? 0 : -1;
}

static int stop(void **state)
{
    target_cognitive_system.stop(cognitive, &(struct target_scene){.now_ns = 0});
    return 0;
}

static enum target_verdict ask(struct target_admission *admission, const char *name, uint64_t index)
{
    static char path[64];

    snprintf(path, sizeof path, "/cognitive/%s", name);
    *admission = (struct target_admission){.route = TARGET_ROUTE_COGNITIVE,
                                           .path = path,
                                           .method = "GET",
                                           .is_work = true,
                                           .seed = 1,
                                           .index = index,
                                           .service_ns = 77};
    return target_cognitive_system.admit(cognitive, admission, &(struct target_scene){.now_ns = 0});
}

/* The laws written anew, in ms: each knob's default, as the manual has it. */
static double share_below(const char *name, double ms)
{
    if (strcmp(name, "memory") == 0) {
        return 0.5 * erfc(-(log(ms / 4) + 0.3 * 0.3 / 2) / 0.3 / sqrt(2));
    }
    if (strcmp(name, "reasoning") == 0) {
        return 0.5 * erfc(-(log(ms / 60) + 0.8 * 0.8 / 2) / 0.8 / sqrt(2));
    }
    if (strcmp(name, "grammar") == 0) {
        return fmin(1, fmax(0, (ms - 3) / 6));
    }
    if (strcmp(name, "multimodal") == 0) {
        return 1 - exp(-pow(ms / 80 * tgamma(1 + 1 / 0.7), 0.7));
    }
    if (strcmp(name, "membrane") == 0) {
        return 1 - exp(-pow(ms / 5 * tgamma(1.5), 2));
    }
    return 1 - exp(-ms / (strcmp(name, "agent") == 0 ? 40 : 25));
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double distance(const char *law, double *ms)
{
    double most = 0;

    qsort(ms, DRAWS, sizeof *ms, ascending);
    for (size_t i = 0; i < DRAWS; i++) {
        double share = share_below(law, ms[i]);

        most = fmax(most, fmax(share - (double)i / DRAWS, (double)(i + 1) / DRAWS - share));
    }
    return most;
}

static void draw(const char *name, double *ms)
{
    struct target_admission admission;

    for (size_t i = 0; i < DRAWS; i++) {
        assert_int_equal(ask(&admission, name, i), TARGET_GO);
        ms[i] = (double)admission.service_ns / MS;
    }
}

static void each_type_follows_its_law_and_no_other(void **state)
{
    static double ms[DRAWS];

    for (size_t i = 0; i + 1 < sizeof names / sizeof names[0]; i++) {
        draw(names[i], ms);
        for (size_t k = 0; k + 1 < sizeof names / sizeof names[0]; k++) {
            double d = distance(names[k], ms);

            if (k == i) {
                assert_true(d < KS_1 / sqrt(DRAWS));
            } else {
                assert_true(d > KS_1 / sqrt(DRAWS));
            }
        }
    }
    draw("echo", ms);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_true(ms[i] == 1);
    }
}

static void other_names_and_other_times_are_refused(void **state)
{
    struct target_cognitive_settings off = settings;
    struct target_admission admission;

    assert_int_equal(ask(&admission, "none", 0), TARGET_REFUSED);
    assert_int_equal(admission.status, 404);
    assert_int_equal(ask(&admission, "", 0), TARGET_REFUSED);
    off.is_on = false;
    assert_true(
        target_cognitive_system.apply(cognitive, &off, &(struct target_scene){.now_ns = 0}));
    assert_int_equal(ask(&admission, "memory", 0), TARGET_REFUSED);
    assert_non_null(strstr(admission.message, "turn the knob cognitive on"));
    assert_int_equal(admission.service_ns, 77);
}

static void who_is_inside_is_counted(void **state)
{
    struct target_figures figures = {.limits = 0};
    struct target_admission admission;
    struct target_scene scene = {.now_ns = 0};

    assert_int_equal(ask(&admission, "arena", 0), TARGET_GO);
    target_cognitive_system.figures(cognitive, &figures, &scene);
    assert_string_equal(figures.limit[6].name, "cognitive_arena");
    assert_int_equal(figures.limit[6].used, 1);
    target_cognitive_system.ended(cognitive, &admission, &(struct target_outcome){.status = 200},
                                  &scene);
    figures.limits = figures.events = 0;
    target_cognitive_system.figures(cognitive, &figures, &scene);
    assert_int_equal(figures.limit[6].used, 0);
    assert_int_equal(figures.event[6].count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_type_follows_its_law_and_no_other, start, stop),
        cmocka_unit_test_setup_teardown(other_names_and_other_times_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(who_is_inside_is_counted, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
