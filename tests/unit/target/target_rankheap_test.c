/* rankheap: the first by the rule, whatever is added, moved and removed. */
#include "test.h"

#include "draw.h"
#include "keytable.h"
#include "rankheap.h"

#define MANY  300
#define STEPS 20000

struct thing {
    struct target_rank_node rank;
    unsigned worth;
};

static struct thing things[MANY];

static unsigned worth_of(const struct target_rank_node *node)
{
    return TARGET_OWNER(node, const struct thing, rank)->worth;
}

static bool least_first(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return worth_of(a) < worth_of(b);
}

static bool greatest_first(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return worth_of(a) > worth_of(b);
}

static unsigned draw(uint64_t index, unsigned below)
{
    return (unsigned)(target_draw(3, index, TARGET_LANE_SERVICE) * below);
}

/* The worth of the first by a scan, or UINT_MAX. */
static unsigned first_by_scan(const struct target_rankheap *heap)
{
    const struct thing *first = NULL;

    for (size_t i = 0; i < MANY; i++) {
        if (things[i].rank.place != 0 &&
            (!first || heap->is_before(&things[i].rank, &first->rank))) {
            first = &things[i];
        }
    }
    return first ? first->worth : UINT32_MAX;
}

/* No node comes before its parent, and each knows its place. */
static void assert_in_order(const struct target_rankheap *heap)
{
    for (size_t place = 1; place <= heap->count; place++) {
        const struct target_rank_node *node = heap->node[place - 1];

        assert_int_equal(node->place, place);
        assert_false(place > 1 && heap->is_before(node, heap->node[place / 2 - 1]));
    }
}

static void assert_first(const struct target_rankheap *heap)
{
    struct target_rank_node *first = target_rankheap_first(heap);

    assert_int_equal(first ? worth_of(first) : UINT32_MAX, first_by_scan(heap));
}

static void the_first_is_that_of_a_scan_after_any_change(void **state)
{
    struct target_rankheap heap = {.is_before = least_first};

    memset(things, 0, sizeof things);
    assert_true(target_rankheap_reserve(&heap, MANY));
    for (uint64_t i = 0; i < STEPS; i++) {
        struct thing *thing = &things[draw(2 * i, MANY)];
        unsigned worth = draw(2 * i + 1, 1000);

        if (thing->rank.place == 0) {
            thing->worth = worth;
            target_rankheap_add(&heap, &thing->rank);
        } else if (worth % 2) {
            thing->worth = worth;
            target_rankheap_moved(&heap, &thing->rank);
        } else {
            target_rankheap_remove(&heap, &thing->rank);
        }
        assert_first(&heap);
        assert_in_order(&heap);
    }
    target_rankheap_deinit(&heap);
}

static void a_new_rule_holds_for_what_is_there(void **state)
{
    struct target_rankheap heap = {.is_before = least_first};

    memset(things, 0, sizeof things);
    for (size_t i = 0; i < MANY; i++) {
        things[i].worth = draw(i, 1000);
        assert_true(target_rankheap_reserve(&heap, i + 1));
        target_rankheap_add(&heap, &things[i].rank);
    }
    target_rankheap_set_rule(&heap, greatest_first);
    for (size_t left = MANY; left > 0; left--) {
        assert_first(&heap);
        target_rankheap_remove(&heap, target_rankheap_first(&heap));
    }
    assert_null(target_rankheap_first(&heap));
    target_rankheap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_that_of_a_scan_after_any_change),
        cmocka_unit_test(a_new_rule_holds_for_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
