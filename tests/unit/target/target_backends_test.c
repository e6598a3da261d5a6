/* backends: who gets the next request under each policy, and how back ends come and go. */
#include "test.h"

#include <string.h>

#include "backends.h"

#define S UINT64_C(1000000000)

/* a, b, c, ... of these weights, all up. */
static void make(struct target_backends *all, const uint64_t *weights, size_t count)
{
    memset(all, 0, sizeof *all);
    all->last = TARGET_BACKENDS_MAX - 1;
    for (size_t i = 0; i < count; i++) {
        char address[16];

        snprintf(address, sizeof address, "%c:1", (char)('a' + i));
        target_backends_add(all, address, TARGET_BACKEND_GIVEN, weights[i], S)->is_up = true;
    }
}

/* The first letters of those chosen, each answered at once if `is_done`. */
static void choose(struct target_backends *all, enum target_balance balance, size_t count,
                   bool is_done, char *letters)
{
    for (size_t i = 0; i < count; i++) {
        struct target_backend *backend = target_backends_choose(all, balance, 0);

        letters[i] = backend ? backend->address[0] : '-';
        if (backend && is_done) {
            target_backends_done(backend, true, 1000);
        }
    }
    letters[count] = '\0';
}

static const uint64_t ones[] = {1, 1, 1, 1};

static void round_robin_goes_in_turn(void **state)
{
    struct target_backends all;
    char letters[16];

    make(&all, ones, 3);
    choose(&all, TARGET_BALANCE_ROUND_ROBIN, 7, true, letters);
    assert_string_equal(letters, "abcabca");
    target_backends_find(&all, "b:1")->is_up = false;
    choose(&all, TARGET_BALANCE_ROUND_ROBIN, 4, true, letters);
    assert_string_equal(letters, "caca");
}

static void weighted_is_in_proportion_and_interleaved(void **state)
{
    static const uint64_t weights[] = {5, 1, 1};
    struct target_backends all;
    char letters[16];

    make(&all, weights, 3);
    choose(&all, TARGET_BALANCE_WEIGHTED, 14, true, letters);
    assert_string_equal(letters, "aabacaaaabacaa");
}

static void fewest_in_flight_is_chosen_and_equals_take_turns(void **state)
{
    struct target_backends all;
    char letters[16];

    make(&all, ones, 3);
    choose(&all, TARGET_BALANCE_LEAST, 6, false, letters);
    assert_string_equal(letters, "abcabc");
    target_backends_done(target_backends_find(&all, "c:1"), true, S);
    target_backends_done(target_backends_find(&all, "c:1"), true, S);
    choose(&all, TARGET_BALANCE_LEAST, 3, false, letters);
    assert_string_equal(letters, "cca");
}

static void cpu_gets_what_each_has_left(void **state)
{
    struct target_backends all;
    char letters[128];
    size_t of_a = 0;

    make(&all, ones, 2);
    target_backends_cpu(target_backends_find(&all, "a:1"), 10, S);
    target_backends_cpu(target_backends_find(&all, "a:1"), 10.75, 2 * S); /* 75%: 25 left */
    target_backends_cpu(target_backends_find(&all, "b:1"), 3, S);
    target_backends_cpu(target_backends_find(&all, "b:1"), 3.25, 2 * S);
    choose(&all, TARGET_BALANCE_CPU, 100, true, letters);
    for (size_t i = 0; i < 100; i++) {
        of_a += letters[i] == 'a';
    }
    assert_int_equal(of_a, 25);
}

static void one_without_any_cpu_left_still_gets_some(void **state)
{
    struct target_backends all;
    char letters[128];

    make(&all, ones, 2);
    target_backends_cpu(target_backends_find(&all, "a:1"), 0, S);
    target_backends_cpu(target_backends_find(&all, "a:1"), 5, 2 * S); /* of several threads */
    choose(&all, TARGET_BALANCE_CPU, 101, true, letters);
    assert_non_null(strchr(letters, 'a'));
    assert_ptr_equal(strchr(letters, 'a'), strrchr(letters, 'a'));
}

static void a_process_that_began_anew_has_used_none(void **state)
{
    struct target_backend backend = {.weight = 1};

    target_backends_cpu(&backend, 100, S);
    target_backends_cpu(&backend, 0.5, 2 * S);
    assert_true(backend.cpu_share == 0);
    target_backends_cpu(&backend, 1, 3 * S);
    assert_true(backend.cpu_share == 0.5);
}

static void nobody_up_is_nobody(void **state)
{
    struct target_backends all;

    make(&all, ones, 2);
    all.slot[0].is_up = all.slot[1].is_up = false;
    for (int balance = TARGET_BALANCE_ROUND_ROBIN; balance <= TARGET_BALANCE_CPU; balance++) {
        assert_null(target_backends_choose(&all, (enum target_balance)balance, 0));
    }
}

static void who_was_tried_gets_it_no_more(void **state)
{
    static const enum target_balance balances[] = {TARGET_BALANCE_ROUND_ROBIN,
                                                   TARGET_BALANCE_WEIGHTED, TARGET_BALANCE_LEAST,
                                                   TARGET_BALANCE_CPU};
    struct target_backends all;

    for (size_t i = 0; i < sizeof balances / sizeof balances[0]; i++) {
        uint64_t tried = 0;

        make(&all, ones, 4);
        for (int n = 0; n < 4; n++) {
            struct target_backend *backend = target_backends_choose(&all, balances[i], tried);

            assert_non_null(backend);
            assert_false(tried >> target_backends_slot(&all, backend) & 1);
            tried |= UINT64_C(1) << target_backends_slot(&all, backend);
            target_backends_done(backend, false, 0); /* so it has fewest in flight again */
        }
        assert_null(target_backends_choose(&all, balances[i], tried));
    }
}

static void a_failed_check_takes_it_out_and_a_good_one_brings_it_back(void **state)
{
    struct target_backends all;
    struct target_backend *a;

    make(&all, ones, 1);
    a = &all.slot[0];
    assert_false(target_backends_checked(a, false, 2));
    assert_true(a->is_up);
    assert_true(target_backends_checked(a, false, 2));
    assert_false(a->is_up);
    assert_false(target_backends_checked(a, false, 2));
    assert_true(target_backends_checked(a, true, 2));
    assert_true(a->is_up);
    assert_false(target_backends_checked(a, true, 2));
}

static void who_leaves_keeps_its_slot_until_its_last_request(void **state)
{
    struct target_backends all;
    struct target_backend *a;
    char letters[8];

    make(&all, ones, 2);
    a = target_backends_choose(&all, TARGET_BALANCE_ROUND_ROBIN, 0);
    target_backends_leave(a);
    choose(&all, TARGET_BALANCE_ROUND_ROBIN, 3, true, letters);
    assert_string_equal(letters, "bbb");
    assert_ptr_equal(target_backends_find(&all, "a:1"), a);
    target_backends_done(a, true, S);
    assert_null(target_backends_find(&all, "a:1"));
}

static void who_leaves_keeps_its_slot_until_its_last_check(void **state)
{
    struct target_backends all;

    make(&all, ones, 1);
    all.slot[0].is_checking = true;
    target_backends_leave(&all.slot[0]);
    assert_non_null(target_backends_find(&all, "a:1"));
    assert_false(target_backends_checked(&all.slot[0], true, 1));
    assert_null(target_backends_find(&all, "a:1"));
}

static void a_lease_that_is_over_ends_the_registration(void **state)
{
    struct target_backends all;
    struct target_backend *b;

    make(&all, ones, 1);
    b = target_backends_add(&all, "b:1", TARGET_BACKEND_REGISTERED, 3, S);
    b->lease_ns = 5 * S;
    assert_int_equal(target_backends_expire(&all, 5 * S - 1), 0);
    assert_int_equal(target_backends_expire(&all, 5 * S), 1);
    assert_null(target_backends_find(&all, "b:1"));
    assert_non_null(target_backends_find(&all, "a:1"));
}

static void there_are_as_many_as_may_be(void **state)
{
    struct target_backends all = {.last = 0};
    char address[16];

    for (unsigned i = 1; i <= TARGET_BACKENDS_MAX; i++) {
        snprintf(address, sizeof address, "h:%u", i);
        assert_non_null(target_backends_add(&all, address, TARGET_BACKEND_GIVEN, 1, S));
    }
    assert_null(target_backends_add(&all, "h:999", TARGET_BACKEND_GIVEN, 1, S));
    assert_non_null(target_backends_add(&all, "h:1", TARGET_BACKEND_GIVEN, 1, S));
}

static void lists_are_read(void **state)
{
    const char *at = "127.0.0.1:18801, [::1]:2*7 host-a.example:65535";
    struct target_error err = {{0}};
    char address[TARGET_BACKEND_BYTES];
    uint64_t weight;

    assert_true(target_backends_read(&at, address, &weight, &err));
    assert_string_equal(address, "127.0.0.1:18801");
    assert_int_equal(weight, 1);
    assert_true(target_backends_read(&at, address, &weight, &err));
    assert_string_equal(address, "[::1]:2");
    assert_int_equal(weight, 7);
    assert_true(target_backends_read(&at, address, &weight, &err));
    assert_string_equal(address, "host-a.example:65535");
    assert_false(target_backends_read(&at, address, &weight, &err));
    assert_string_equal(err.text, "");
}

static void what_is_no_address_is_named(void **state)
{
    static const char *const bad[] = {
        "a",
        ":1",
        "a:0",
        "a:65536",
        "a:1*0",
        "a:1*1001",
        "a:1*x",
        "a:b",
        "::1:1",
        "[::1:1",
        "a]:1",
        "a:1*",
        "h\"o:1",
        "h/o:1",
        "http://a:1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        ":1",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *at = bad[i];
        struct target_error err = {{0}};
        char address[TARGET_BACKEND_BYTES];
        uint64_t weight;

        assert_false(target_backends_read(&at, address, &weight, &err));
        assert_non_null(strstr(err.text, "is not HOST:PORT"));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_goes_in_turn),
        cmocka_unit_test(weighted_is_in_proportion_and_interleaved),
        cmocka_unit_test(fewest_in_flight_is_chosen_and_equals_take_turns),
        cmocka_unit_test(cpu_gets_what_each_has_left),
        cmocka_unit_test(one_without_any_cpu_left_still_gets_some),
        cmocka_unit_test(a_process_that_began_anew_has_used_none),
        cmocka_unit_test(nobody_up_is_nobody),
        cmocka_unit_test(who_was_tried_gets_it_no_more),
        cmocka_unit_test(a_failed_check_takes_it_out_and_a_good_one_brings_it_back),
        cmocka_unit_test(who_leaves_keeps_its_slot_until_its_last_request),
        cmocka_unit_test(who_leaves_keeps_its_slot_until_its_last_check),
        cmocka_unit_test(a_lease_that_is_over_ends_the_registration),
        cmocka_unit_test(there_are_as_many_as_may_be),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(what_is_no_address_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
