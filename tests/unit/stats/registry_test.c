/* registry: ids in order of first use, the cap, clean names, and paths folded into names. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "pelt/registry.h"

#define THREADS 4
#define COMMON  300 /* names that every thread interns */

static int setup(void **state)
{
    *state = pelt_registry_new();
    return *state == NULL;
}

static int teardown(void **state)
{
    pelt_registry_free(*state);
    return 0;
}

static uint32_t intern(struct pelt_registry *reg, const char *name)
{
    return pelt_registry_intern(reg, PELT_NAME_REQUEST, pelt_span_of(name));
}

static const char *name_of(struct pelt_registry *reg, uint32_t id)
{
    return pelt_registry_name(reg, PELT_NAME_REQUEST, id);
}

static void ids_come_in_order_of_first_use(void **state)
{
    assert_int_equal(intern(*state, "a"), 1);
    assert_int_equal(intern(*state, "b"), 2);
    assert_int_equal(intern(*state, "a"), 1);
    assert_int_equal(pelt_registry_count(*state, PELT_NAME_REQUEST), 3);
    assert_string_equal(name_of(*state, 2), "b");
}

static void id_zero_is_other(void **state)
{
    assert_string_equal(name_of(*state, 0), "_other");
    assert_int_equal(intern(*state, "_other"), 0);
    assert_int_equal(pelt_registry_refused(*state, PELT_NAME_REQUEST), 0);
}

static void checks_and_requests_have_ids_of_their_own(void **state)
{
    assert_int_equal(intern(*state, "a"), 1);
    assert_int_equal(pelt_registry_intern(*state, PELT_NAME_CHECK, pelt_span_of("b")), 1);
    assert_string_equal(pelt_registry_name(*state, PELT_NAME_CHECK, 1), "b");
    assert_int_equal(pelt_registry_count(*state, PELT_NAME_CHECK), 2);
}

static void beyond_the_cap_names_are_other_and_counted(void **state)
{
    char name[32];
    const char *first = name_of(*state, intern(*state, "first"));
    for (unsigned i = 2; i < PELT_SERIES_MAX; i++) {
        snprintf(name, sizeof name, "/%u", i);
        assert_int_equal(intern(*state, name), i);
    }
    assert_int_equal(intern(*state, "one too many"), 0);
    assert_int_equal(intern(*state, "/500"), 500);
    assert_int_equal(pelt_registry_count(*state, PELT_NAME_REQUEST), PELT_SERIES_MAX);
    assert_int_equal(pelt_registry_refused(*state, PELT_NAME_REQUEST), 1);
    assert_ptr_equal(name_of(*state, 1), first);
}

static void a_spent_quota_makes_new_series_other_and_keeps_the_old(void **state)
{
    struct pelt_registry *reg = *state;
    struct pelt_quota *quota = pelt_registry_quota(reg);
    pelt_quota_init(quota, 1000);
    pelt_quota_draw(quota, 999);
    assert_int_equal(pelt_registry_intern(reg, PELT_NAME_REQUEST, pelt_span_of("old")), 1);
    pelt_quota_draw(quota, 1);
    assert_int_equal(pelt_registry_intern(reg, PELT_NAME_REQUEST, pelt_span_of("new")), 0);
    assert_int_equal(pelt_registry_intern(reg, PELT_NAME_REQUEST, pelt_span_of("old")), 1);
    assert_int_equal(pelt_registry_intern(reg, PELT_NAME_CHECK, pelt_span_of("check")), 1);
    assert_int_equal(pelt_quota_refused(quota), 1);
    assert_int_equal(pelt_registry_refused(reg, PELT_NAME_REQUEST), 0); /* it was not the cap */
    pelt_quota_give(quota, 1);
    assert_int_equal(pelt_registry_intern(reg, PELT_NAME_REQUEST, pelt_span_of("new")), 2);
}

static void only_interned_names_are_found(void **state)
{
    uint32_t id = 77;
    intern(*state, "a");
    assert_false(pelt_registry_find(*state, PELT_NAME_REQUEST, pelt_span_of("b"), &id));
    assert_int_equal(id, 77);
    assert_true(pelt_registry_find(*state, PELT_NAME_REQUEST, pelt_span_of("a"), &id));
    assert_int_equal(id, 1);
    assert_int_equal(pelt_registry_count(*state, PELT_NAME_REQUEST), 2);
}

static void long_names_are_cut_at_a_characters_end(void **state)
{
    char name[PELT_NAME_MAX + 10];
    memset(name, 'x', sizeof name);
    memcpy(name + PELT_NAME_MAX - 1, "\xc3\xa9", 2); /* would straddle the limit */
    uint32_t id =
        pelt_registry_intern(*state, PELT_NAME_REQUEST, pelt_span(name, PELT_NAME_MAX + 10));
    assert_int_equal(strlen(name_of(*state, id)), PELT_NAME_MAX - 1);
    assert_int_equal(
        pelt_registry_intern(*state, PELT_NAME_REQUEST, pelt_span(name, PELT_NAME_MAX + 1)), id);
}

static void names_become_printable_utf8(void **state)
{
    static const struct {
        const char *given, *kept;
        size_t len;
    } NAMES[] = {
        {"a\0b\nc\x7f", "a?b?c?", 6},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9},
        {"\xff\xc3", "??", 2},
        {"\xc0\xaf", "??", 2},           /* overlong */
        {"\xe0\x80\xaf", "???", 3},      /* overlong */
        {"\xed\xa0\x80", "???", 3},      /* surrogate */
        {"\xf4\x90\x80\x80", "????", 4}, /* above U+10FFFF */
    };
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        uint32_t id = pelt_registry_intern(*state, PELT_NAME_REQUEST,
                                           pelt_span(NAMES[i].given, NAMES[i].len));
        assert_string_equal(name_of(*state, id), NAMES[i].kept);
    }
}

struct crowd {
    struct pelt_registry *reg;
    uint32_t id[COMMON];
};

static void *intern_all(void *arg)
{
    struct crowd *c = arg;
    for (unsigned i = 0; i < COMMON; i++) {
        char name[32];
        snprintf(name, sizeof name, "name %u", i);
        c->id[i] = intern(c->reg, name);
    }
    return NULL;
}

static void threads_agree_on_ids(void **state)
{
    static struct crowd crowd[THREADS];
    pthread_t thread[THREADS];
    for (unsigned t = 0; t < THREADS; t++) {
        crowd[t].reg = *state;
        assert_int_equal(pthread_create(&thread[t], NULL, intern_all, &crowd[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        pthread_join(thread[t], NULL);
    }
    for (unsigned t = 1; t < THREADS; t++) {
        assert_memory_equal(crowd[t].id, crowd[0].id, sizeof crowd[0].id);
    }
    assert_int_equal(pelt_registry_count(*state, PELT_NAME_REQUEST), COMMON + 1);
}

static void paths_fold_into_series_names(void **state)
{
    static const struct {
        const char *target, *name;
    } CASES[] = {
        {"/users/42", "GET /users/{}"},
        {"/users/42/orders/7?page=3", "GET /users/{}/orders/{}"},
        {"/users/42x", "GET /users/42x"},
        {"/blob/deadbeef", "GET /blob/{}"},
        {"/blob/DEADbeef01", "GET /blob/{}"},
        {"/blob/feed", "GET /blob/feed"},
        {"/blob/deadbeeg", "GET /blob/deadbeeg"},
        {"/o/123e4567-e89b-12d3-a456-426614174000/x", "GET /o/{}/x"},
        {"/o/123e4567-e89b-12d3-a456-42661417400g", "GET /o/123e4567-e89b-12d3-a456-42661417400g"},
        {"/o/123e4567e89b-12d3-a456-4266-14174000", "GET /o/123e4567e89b-12d3-a456-4266-14174000"},
        {"/?id=5", "GET /"},
        {"/a/#frag", "GET /a/"},
        {"//1//", "GET //{}//"},
        {"*", "GET *"},
        {"", "GET /"},
        {"?id=5", "GET /"},
    };
    char name[PELT_NAME_MAX + 1];
    for (unsigned i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t len = pelt_series_name("GET", pelt_span_of(CASES[i].target), name);
        assert_string_equal(name, CASES[i].name);
        assert_int_equal(len, strlen(name));
    }
}

static void series_names_are_cut_and_clean(void **state)
{
    char target[1000], name[PELT_NAME_MAX + 1];
    memset(target, 'y', sizeof target);
    target[0] = '/';
    target[1] = '\0';
    assert_int_equal(pelt_series_name("POST", pelt_span(target, sizeof target), name),
                     PELT_NAME_MAX);
    assert_memory_equal(name, "POST /?yyy", 10);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(ids_come_in_order_of_first_use),
        TEST(id_zero_is_other),
        TEST(checks_and_requests_have_ids_of_their_own),
        TEST(beyond_the_cap_names_are_other_and_counted),
        TEST(a_spent_quota_makes_new_series_other_and_keeps_the_old),
        TEST(only_interned_names_are_found),
        TEST(long_names_are_cut_at_a_characters_end),
        TEST(names_become_printable_utf8),
        TEST(threads_agree_on_ids),
        TEST(paths_fold_into_series_names),
        TEST(series_names_are_cut_and_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
