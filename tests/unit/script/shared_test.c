/* Counters and queues from several threads. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared.h"

#define THREADS 4
#define EACH    20000

static int64_t value_of(struct pelt_counter *counter)
{
    int64_t value;
    assert_int_equal(pelt_counter_get(counter, &value, NULL), PELT_OK);
    return value;
}

static uint64_t len_of(struct pelt_queue *queue)
{
    uint64_t len;
    assert_int_equal(pelt_queue_len(queue, &len, NULL), PELT_OK);
    return len;
}

static struct pelt_counter *counter(struct pelt_shared *shared, const char *name)
{
    struct pelt_counter *c = NULL;
    assert_int_equal(pelt_shared_counter(shared, pelt_span_of(name), &c, NULL), PELT_OK);
    return c;
}

static struct pelt_queue *queue(struct pelt_shared *shared, const char *name)
{
    struct pelt_queue *q = NULL;
    assert_int_equal(pelt_shared_queue(shared, pelt_span_of(name), &q, NULL), PELT_OK);
    return q;
}

static void one_name_is_one_object_of_its_kind(void **state)
{
    struct pelt_shared *shared = pelt_shared_new();
    assert_ptr_equal(counter(shared, "a"), counter(shared, "a"));
    assert_ptr_not_equal(counter(shared, "a"), counter(shared, "b"));
    assert_ptr_equal(queue(shared, "a"), queue(shared, "a"));
    pelt_shared_free(shared);
}

static void names_are_bounded(void **state)
{
    struct pelt_shared *shared = pelt_shared_new();
    struct pelt_counter *c = NULL;
    struct pelt_error err;
    char name[PELT_SHARED_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    assert_int_equal(pelt_shared_counter(shared, pelt_span(name, sizeof name - 1), &c, &err),
                     PELT_EINVAL);
    assert_int_equal(pelt_shared_counter(shared, pelt_span(name, 0), &c, &err), PELT_EINVAL);
    for (int i = 0; i < PELT_SHARED_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        counter(shared, name);
    }
    assert_int_equal(pelt_shared_counter(shared, pelt_span_of("more"), &c, &err), PELT_ELIMIT);
    assert_non_null(strstr(err.text, "'more' would be one more than 1000 shared names"));
    counter(shared, "n7");
    pelt_shared_free(shared);
}

struct work {
    struct pelt_counter *counter;
    struct pelt_queue *queue;
    unsigned thread;
    unsigned char *taken; /* by number: how often it was popped */
    pthread_t pthread;
};

static void *count_and_push(void *arg)
{
    struct work *w = arg;
    for (unsigned i = 0; i < EACH; i++) {
        char text[16];
        int64_t value = 0;
        if (pelt_counter_add(w->counter, 1, &value, NULL) != PELT_OK) {
            abort();
        }
        int len = snprintf(text, sizeof text, "%lld", (long long)value - 1);
        if (pelt_queue_push(w->queue, pelt_span(text, (size_t)len), NULL) != PELT_OK) {
            abort();
        }
    }
    return NULL;
}

static void *pop_all(void *arg)
{
    struct work *w = arg;
    struct pelt_buf text = {0};
    unsigned popped = 0;
    while (popped < EACH) {
        pelt_buf_reset(&text);
        if (pelt_queue_pop(w->queue, &text, NULL) == PELT_OK) {
            __atomic_fetch_add(&w->taken[strtol(text.data, NULL, 10)], 1, __ATOMIC_RELAXED);
            popped++;
        }
    }
    pelt_buf_deinit(&text);
    return NULL;
}

static void threads_lose_and_repeat_nothing(void **state)
{
    struct pelt_shared *shared = pelt_shared_new();
    unsigned char *taken = calloc(THREADS, EACH);
    struct work work[2 * THREADS];
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        work[i] = (struct work){
            .counter = counter(shared, "c"), .queue = queue(shared, "q"), .taken = taken};
        assert_int_equal(pthread_create(&work[i].pthread, NULL,
                                        i < THREADS ? count_and_push : pop_all, &work[i]),
                         0);
    }
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        pthread_join(work[i].pthread, NULL);
    }
    assert_int_equal(value_of(work[0].counter), THREADS * EACH);
    assert_int_equal(len_of(work[0].queue), 0);
    for (unsigned i = 0; i < THREADS * EACH; i++) {
        assert_int_equal(taken[i], 1);
    }
    free(taken);
    pelt_shared_free(shared);
}

static void a_counter_stays_where_it_would_wrap(void **state)
{
    struct pelt_shared *shared = pelt_shared_new();
    struct pelt_counter *c = counter(shared, "bytes");
    struct pelt_error err;
    int64_t value;
    assert_int_equal(pelt_counter_add(c, INT64_MAX, &value, &err), PELT_OK);
    assert_int_equal(value, INT64_MAX);
    assert_int_equal(pelt_counter_add(c, 1, &value, &err), PELT_ELIMIT);
    assert_string_equal(err.text, "1 to 'bytes', which is 9223372036854775807, is beyond the whole "
                                  "numbers of 64 bits: count in larger units");
    assert_int_equal(value_of(c), INT64_MAX);
    assert_int_equal(pelt_counter_add(c, INT64_MIN, &value, &err), PELT_OK);
    assert_int_equal(value, -1);
    assert_int_equal(pelt_counter_add(c, INT64_MIN, &value, &err), PELT_ELIMIT);
    assert_int_equal(value_of(c), -1);
    pelt_shared_free(shared);
}

static void queue_gives_back_what_came_first(void **state)
{
    struct pelt_shared *shared = pelt_shared_new();
    struct pelt_queue *q = queue(shared, "q");
    struct pelt_buf out = {0};
    assert_int_equal(pelt_queue_pop(q, &out, NULL), PELT_EOF);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(pelt_queue_push(q, pelt_span_of("first"), NULL), PELT_OK);
        assert_int_equal(pelt_queue_push(q, pelt_span_of(""), NULL), PELT_OK);
        assert_int_equal(len_of(q), 2);
        pelt_buf_reset(&out);
        assert_int_equal(pelt_queue_pop(q, &out, NULL), PELT_OK);
        assert_string_equal(out.data, "first");
        pelt_buf_reset(&out);
        assert_int_equal(pelt_queue_pop(q, &out, NULL), PELT_OK);
        assert_int_equal(out.len, 0);
        assert_int_equal(pelt_queue_pop(q, &out, NULL), PELT_EOF);
    }
    assert_int_equal(pelt_queue_push(q, pelt_span_of("left"), NULL), PELT_OK);
    pelt_buf_deinit(&out);
    pelt_shared_free(shared);
}

static void value_that_finds_no_memory_stays_first(void **state)
{
    struct pelt_shared *shared = pelt_shared_new();
    struct pelt_queue *q = queue(shared, "q");
    struct pelt_buf small = {.limit = 2}, out = {0};
    assert_int_equal(pelt_queue_push(q, pelt_span_of("long"), NULL), PELT_OK);
    assert_int_equal(pelt_queue_pop(q, &small, NULL), PELT_ENOMEM);
    assert_int_equal(pelt_queue_push(q, pelt_span_of("b"), NULL), PELT_OK);
    assert_int_equal(pelt_queue_pop(q, &out, NULL), PELT_OK);
    assert_string_equal(out.data, "long");
    assert_int_equal(pelt_queue_pop(q, &out, NULL), PELT_OK);
    assert_string_equal(out.data, "longb");
    pelt_buf_deinit(&small);
    pelt_buf_deinit(&out);
    pelt_shared_free(shared);
}

static void queue_is_bounded(void **state)
{
    struct pelt_shared *shared = pelt_shared_new();
    struct pelt_queue *q = queue(shared, "q");
    struct pelt_error err;
    char *value = calloc(1, PELT_SHARED_VALUE_BYTES + 1);
    assert_int_equal(pelt_queue_push(q, pelt_span(value, PELT_SHARED_VALUE_BYTES + 1), &err),
                     PELT_ELIMIT);
    uint64_t fit = 0;
    while (pelt_queue_push(q, pelt_span(value, PELT_SHARED_VALUE_BYTES), &err) == PELT_OK) {
        fit++;
    }
    assert_int_equal(fit, 63);
    assert_non_null(strstr(err.text, "63 values wait, which is the limit of 64 MiB"));
    struct pelt_buf out = {0};
    assert_int_equal(pelt_queue_pop(q, &out, NULL), PELT_OK);
    assert_int_equal(pelt_queue_push(q, pelt_span(value, PELT_SHARED_VALUE_BYTES), &err), PELT_OK);
    pelt_buf_deinit(&out);
    free(value);
    pelt_shared_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_name_is_one_object_of_its_kind),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(threads_lose_and_repeat_nothing),
        cmocka_unit_test(a_counter_stays_where_it_would_wrap),
        cmocka_unit_test(queue_gives_back_what_came_first),
        cmocka_unit_test(value_that_finds_no_memory_stays_first),
        cmocka_unit_test(queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
