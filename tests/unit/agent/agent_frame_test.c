/* Frames: each client is told what it does not know yet, and nothing twice. */
#include "test.h"

#include <math.h>

#include "frame.h"
#include "written.h"

/* Three figures: read in sample 1, read in sample 3, unreadable since sample 2. */
static struct catalogue *make(void)
{
    struct catalogue *c = catalogue_new();
    struct figure *f;

    f = catalogue_add(c,
                      &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_SLOW, "a", "", "fds", "x"});
    figure_limit(f, 7, NAN, 0);
    f->read_in = 1;
    f = catalogue_add(c, &(struct figure_about){PELT_SERVER_GAUGE, FIGURE_FAST, "b", "", "s", "x"});
    figure_gauge(f, 0.5);
    f->read_in = 3;
    f = catalogue_add(c,
                      &(struct figure_about){PELT_SERVER_COUNTER, FIGURE_FAST, "c", "", "s", "x"});
    figure_unreadable(f, "\"no\"");
    f->turned_in = 2;
    return c;
}

static void check(const struct frame *f, const char *text)
{
    static struct notices notices;
    struct catalogue *c = make();
    PAGE(p);

    if (notices.made == 0) {
        notices_add(&notices, 5, "degraded", "slow");
    }
    frame_write(&p, f, c, &notices);
    assert_string_equal(written(&p), text);
    catalogue_free(c);
}

static void the_first_frame_has_all(void **state)
{
    check(&(struct frame){.is_tick = true,
                          .k = 412,
                          .due_ns = 1000,
                          .at_ns = 1001,
                          .is_late = true,
                          .self = {1, 2, 3, 4, 5, true, 6}},
          "{\"k\":412,\"due_ns\":1000,\"at_ns\":1001,\"late\":true,\"v\":[[0,7,null,0],[1,0.5]],"
          "\"unreadable\":[[2,\"\\\"no\\\"\"]],\"events\":[{\"at_ns\":5,\"kind\":\"degraded\","
          "\"text\":\"slow\"}],\"self\":{\"cpu_ns\":1,\"rss_bytes\":2,\"overruns\":3,\"worst_ns\":"
          "4,\"tick_ns\":5,\"degraded\":true,\"lost\":6}}\n");
}

static void later_ones_have_what_is_new(void **state)
{
    check(&(struct frame){.is_tick = true, .k = -1, .seen_sample = 2, .seen_notice = 1},
          "{\"k\":-1,\"due_ns\":0,\"at_ns\":0,\"late\":false,\"v\":[[1,0.5]],\"unreadable\":[],"
          "\"events\":[],\"self\":{\"cpu_ns\":0,\"rss_bytes\":0,\"overruns\":0,\"worst_ns\":0,"
          "\"tick_ns\":0,\"degraded\":false,\"lost\":0}}\n");
}

static void without_a_tick_there_is_no_k(void **state)
{
    check(&(struct frame){.at_ns = 9, .seen_sample = 3, .seen_notice = 1},
          "{\"at_ns\":9,\"v\":[],\"unreadable\":[],\"events\":[],\"self\":{\"cpu_ns\":0,"
          "\"rss_bytes\":0,\"overruns\":0,\"worst_ns\":0,\"tick_ns\":0,\"degraded\":false,"
          "\"lost\":0}}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_frame_has_all),
        cmocka_unit_test(later_ones_have_what_is_new),
        cmocka_unit_test(without_a_tick_there_is_no_k),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
