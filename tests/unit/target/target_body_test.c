/* body: freed with its last holder, whichever thread that is. The sanitizers see what is not. */
#include "test.h"

#include <pthread.h>

#include "body.h"
#include "failing_malloc.h"

#define HOLDERS 4

static void a_body_is_what_it_was_made_of(void **state)
{
    struct target_body *body = target_body_new(200, strdup("{\"a\":1}"));

    assert_non_null(body);
    assert_int_equal(body->status, 200);
    assert_int_equal(body->bytes, 7);
    assert_string_equal(body->text, "{\"a\":1}");
    assert_ptr_equal(target_body_hold(body), body);
    target_body_release(body);
    assert_string_equal(body->text, "{\"a\":1}");
    target_body_release(body);
    target_body_release(NULL);
}

static void without_memory_there_is_none(void **state)
{
    char *text = strdup("x");

    assert_null(target_body_new(200, NULL));
    failing_malloc_at = 0;
    assert_null(target_body_new(200, text));
    failing_malloc_at = -1;
}

static void *read_and_release(void *body)
{
    assert_string_equal(((struct target_body *)body)->text, "shared");
    target_body_release(body);
    return NULL;
}

static void threads_share_it(void **state)
{
    struct target_body *body = target_body_new(200, strdup("shared"));
    pthread_t thread[HOLDERS];

    for (size_t i = 0; i < HOLDERS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, read_and_release, target_body_hold(body)),
                         0);
    }
    target_body_release(body);
    for (size_t i = 0; i < HOLDERS; i++) {
        pthread_join(thread[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_what_it_was_made_of),
        cmocka_unit_test(without_memory_there_is_none),
        cmocka_unit_test(threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
