/* bus: numbers without gaps, an order a topic, and a reader that comes late is told what it missed.
 */
#include "test.h"

#include <pthread.h>

#include "bus.h"

#define S UINT64_C(1000000000)

struct read {
    struct target_bus_event event[TARGET_BUS_READ_MAX];
    size_t count;
    uint64_t next, lost;
};

static struct read read_all(struct target_bus *bus, uint64_t since, const char *topic)
{
    static struct read got;

    got.count = target_bus_read(bus, since, topic, TARGET_BUS_READ_MAX, got.event, &got.next,
                                &got.lost, 2 * S);
    return got;
}

static void events_have_two_numbers_and_keep_their_order(void **state)
{
    struct target_bus *bus = target_bus_new(10);
    struct read got;

    for (int i = 0; i < 6; i++) {
        assert_int_equal(target_bus_publish(bus, i % 2 ? "b" : "a", "e", "\"n\":1", S, S), i + 1);
    }
    got = read_all(bus, 0, NULL);
    assert_int_equal(got.count, 6);
    assert_int_equal(got.next, 6);
    got = read_all(bus, 2, "b");
    assert_int_equal(got.count, 2);
    assert_int_equal(got.event[0].number, 4);
    assert_int_equal(got.event[0].topic_number, 2);
    assert_int_equal(got.event[1].topic_number, 3);
    assert_int_equal(got.next, 6);
    assert_int_equal(read_all(bus, 6, NULL).count, 0);
    target_bus_free(bus);
}

static void who_comes_late_is_told_what_it_missed(void **state)
{
    struct target_bus *bus = target_bus_new(3);
    struct target_bus_figures figures;
    struct read got;

    for (int i = 0; i < 5; i++) {
        target_bus_publish(bus, "a", "e", "", S, S);
    }
    got = read_all(bus, 1, NULL);
    assert_int_equal(got.lost, 1);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.event[0].number, 3);
    target_bus_figures(bus, &figures);
    assert_int_equal(figures.published, 5);
    assert_int_equal(figures.dropped, 2);
    assert_int_equal(figures.kept, 3);
    assert_int_equal(figures.first_reads, 3);
    assert_int_equal(figures.lag_ns, 3 * S);
    assert_int_equal(figures.by_lag[7], 3); /* up to 1.6 s */
    got = read_all(bus, 999, NULL);         /* a number of another life of the service */
    assert_int_equal(got.count, 3);
    assert_int_equal(got.lost, 2);
    assert_int_equal(got.next, 5);
    target_bus_free(bus);
}

static void what_is_too_long_or_no_name_is_refused(void **state)
{
    struct target_bus *bus = target_bus_new(3);
    char data[TARGET_BUS_DATA_BYTES + 1] = {0};
    char topic[8];

    memset(data, 'x', TARGET_BUS_DATA_BYTES);
    assert_int_equal(target_bus_publish(bus, "a", "e", data, S, S), 0);
    data[TARGET_BUS_DATA_BYTES - 1] = '\0';
    assert_int_equal(target_bus_publish(bus, "a", "e", data, S, S), 1);
    assert_int_equal(target_bus_publish(bus, "a\"b", "e", "", S, S), 0);
    assert_int_equal(target_bus_publish(bus, "a", "", "", S, S), 0);
    for (unsigned i = 1; i < TARGET_BUS_TOPICS_MAX; i++) {
        snprintf(topic, sizeof topic, "t%u", i);
        assert_int_not_equal(target_bus_publish(bus, topic, "e", "", S, S), 0);
    }
    assert_int_equal(target_bus_publish(bus, "one-more", "e", "", S, S), 0);
    target_bus_free(bus);
}

static void another_size_keeps_the_newest(void **state)
{
    struct target_bus *bus = target_bus_new(4);
    struct read got;

    for (int i = 0; i < 6; i++) {
        target_bus_publish(bus, "a", "e", "", S, S);
    }
    assert_true(target_bus_resize(bus, 2));
    got = read_all(bus, 0, NULL);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.event[0].number, 5);
    assert_int_equal(got.lost, 4);
    assert_true(target_bus_resize(bus, 100));
    target_bus_publish(bus, "a", "e", "", S, S);
    got = read_all(bus, 4, NULL);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.event[2].number, 7);
    target_bus_free(bus);
}

static void *publish_many(void *cls)
{
    for (int i = 0; i < 5000; i++) {
        target_bus_publish(cls, "load", "e", "", S, S);
    }
    return NULL;
}

static void no_event_of_several_threads_is_lost(void **state)
{
    struct target_bus *bus = target_bus_new(20000);
    pthread_t thread[4];
    uint64_t since = 0, seen = 0;

    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, publish_many, bus), 0);
    }
    while (seen < 20000) {
        struct read got = read_all(bus, since, "load");

        assert_int_equal(got.lost, 0);
        for (size_t i = 0; i < got.count; i++) {
            assert_int_equal(got.event[i].topic_number, ++seen);
        }
        since = got.next;
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    target_bus_free(bus);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_have_two_numbers_and_keep_their_order),
        cmocka_unit_test(who_comes_late_is_told_what_it_missed),
        cmocka_unit_test(what_is_too_long_or_no_name_is_refused),
        cmocka_unit_test(another_size_keeps_the_newest),
        cmocka_unit_test(no_event_of_several_threads_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
