/* keytable: what is added is found until it is removed. */
#include "test.h"

#include "keytable.h"

#define MANY 2000

struct thing {
    struct target_key_node by_key;
    char key[16];
};

static struct thing things[MANY];

static void add_all(struct target_keytable *table)
{
    for (size_t i = 0; i < MANY; i++) {
        snprintf(things[i].key, sizeof things[i].key, "key-%zu", i);
        assert_true(target_keytable_add(table, &things[i].by_key, things[i].key));
    }
}

static struct thing *find(const struct target_keytable *table, const char *key)
{
    struct target_key_node *node = target_keytable_find(table, key);

    return node ? TARGET_OWNER(node, struct thing, by_key) : NULL;
}

static void what_is_added_is_found_and_nothing_else(void **state)
{
    struct target_keytable table = {0};

    assert_null(target_keytable_find(&table, "key-0"));
    add_all(&table);
    assert_int_equal(table.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(find(&table, things[i].key), &things[i]);
    }
    assert_null(target_keytable_find(&table, "key"));
    assert_null(target_keytable_find(&table, "key-2000"));
    assert_null(target_keytable_find(&table, ""));
    target_keytable_deinit(&table);
}

static void what_is_removed_is_gone_and_the_rest_stays(void **state)
{
    struct target_keytable table = {0};

    add_all(&table);
    for (size_t i = 0; i < MANY; i += 2) {
        target_keytable_remove(&table, &things[i].by_key);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(find(&table, things[i].key), i % 2 ? &things[i] : NULL);
    }
    target_keytable_deinit(&table);
}

static void it_can_be_emptied_one_by_one(void **state)
{
    struct target_keytable table = {0};
    struct target_key_node *node;
    size_t from = 0, removed = 0;

    add_all(&table);
    while ((node = target_keytable_next(&table, &from)) != NULL) {
        target_keytable_remove(&table, node);
        removed++;
    }
    assert_int_equal(removed, MANY);
    assert_int_equal(table.count, 0);
    target_keytable_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found_and_nothing_else),
        cmocka_unit_test(what_is_removed_is_gone_and_the_rest_stays),
        cmocka_unit_test(it_can_be_emptied_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
