/* trim: resident memory falls by what was freed, when it is time and not before. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "trim.h"

#define S      UINT64_C(1000000000)
#define PIECES 20000
#define BYTES  2000 /* small, so that the allocator keeps them */

static struct target_trim *trim;

static int start(void **state)
{
    trim = target_trim_system.start(&(struct target_trim_settings){.interval_ns = 0}, 0);
    return trim ? 0 : -1;
}

static int stop(void **state)
{
    target_trim_system.stop(trim, &(struct target_scene){.now_ns = 0});
    return 0;
}

static uint64_t tick(uint64_t now_ns)
{
    return target_trim_system.tick(trim, &(struct target_scene){.now_ns = now_ns});
}

static void set(uint64_t interval_ns)
{
    struct target_trim_settings settings = {.interval_ns = interval_ns};

    target_trim_system.apply(trim, &settings, &(struct target_scene){.now_ns = 0});
}

/* Of figures: trims so far, bytes that they freed. */
static uint64_t figure(size_t which)
{
    struct target_figures figures = {.events = 0};

    target_trim_system.figures(trim, &figures, &(struct target_scene){.now_ns = 0});
    return figures.events > which ? figures.event[which].count : 0;
}

static void it_is_due_each_interval_and_never_while_off(void **state)
{
    assert_int_equal(tick(5 * S), UINT64_MAX);
    assert_int_equal(figure(0), 0);
    set(10 * S);
    assert_int_equal(tick(5 * S), 15 * S);
    assert_int_equal(tick(14 * S), 15 * S);
    assert_int_equal(figure(0), 0);
    assert_int_equal(tick(15 * S), 25 * S);
    assert_int_equal(figure(0), 1);
    set(1 * S);
    assert_int_equal(tick(16 * S), 17 * S);
    set(0);
    assert_int_equal(tick(17 * S), UINT64_MAX);
    assert_int_equal(figure(0), 1);
}

static void what_was_freed_is_given_back(void **state)
{
    static char *piece[PIECES];
    struct target_trimmed trimmed;

    for (size_t i = 0; i < PIECES; i++) {
        piece[i] = malloc(BYTES);
        assert_non_null(piece[i]);
        memset(piece[i], 1, BYTES);
    }
    for (size_t i = 0; i + 1 < PIECES; i++) { /* the last one keeps the heap's end where it is */
        free(piece[i]);
    }
    trimmed = target_trim_now(trim, &(struct target_scene){.now_ns = 0}, "test");
    free(piece[PIECES - 1]);
    assert_true(trimmed.before_bytes > 0 && trimmed.after_bytes > 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their allocators keep it */
    assert_true(trimmed.before_bytes - trimmed.after_bytes > PIECES / 2 * BYTES);
    assert_true(figure(1) > PIECES / 2 * BYTES);
#endif
}

/* Of the figures' limit: requests that have memory, those and what is kept, made so far. */
static void assert_pool(uint64_t used, uint64_t limit, uint64_t made)
{
    struct target_figures figures = {.limits = 0};

    target_trim_system.figures(trim, &figures, &(struct target_scene){.now_ns = 0});
    assert_true(figures.limits >= 1);
    assert_string_equal(figures.limit[0].name, "request_pool");
    assert_int_equal(figures.limit[0].used, used);
    assert_int_equal(figures.limit[0].limit, limit);
    assert_int_equal(figures.limit[0].events, made);
}

static void requests_that_are_over_are_kept_for_the_next_until_they_are_trimmed(void **state)
{
    struct target_trim_settings settings = {.request_pool = TARGET_UNLIMITED};
    struct target_scene scene = {.now_ns = 0};
    struct target_request *request[3];
    struct target_request_store store;

    target_request_store_init(&store);
    target_trim_attach(trim, &store);
    assert_true(target_trim_system.apply(trim, &settings, &scene));
    for (size_t i = 0; i < 3; i++) {
        request[i] = target_request_take(&store);
        assert_non_null(request[i]);
        assert_true(target_request_add_body(request[i], "text", 4));
    }
    assert_pool(3, 3, 3);
    target_request_give_back(&store, request[2]);
    target_request_give_back(&store, request[1]);
    assert_pool(1, 3, 3);
    assert_ptr_equal(target_request_take(&store), request[1]);
    assert_true(request[1]->body_bytes == 0 && request[1]->body_room > 0);
    assert_pool(2, 3, 3);
    target_trim_now(trim, &scene, "test");
    assert_pool(2, 2, 3);
    settings.request_pool = 1;
    assert_true(target_trim_system.apply(trim, &settings, &scene));
    target_request_give_back(&store, request[0]);
    target_request_give_back(&store, request[1]);
    assert_pool(0, 1, 3);
    settings.request_pool = 0;
    assert_true(target_trim_system.apply(trim, &settings, &scene));
    assert_pool(0, 0, 3);
    target_request_store_deinit(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_due_each_interval_and_never_while_off, start, stop),
        cmocka_unit_test_setup_teardown(what_was_freed_is_given_back, start, stop),
        cmocka_unit_test_setup_teardown(
            requests_that_are_over_are_kept_for_the_next_until_they_are_trimmed, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
