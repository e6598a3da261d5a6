/*
 * gather: the seconds of slots put together. Workers are drawn by seed; what comes out must be what
 * one frame would hold that all of them had written to.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gather.h"
#include "pelt/rng.h"

#define SLOTS 3

struct worker {
    struct pelt_registry *names;
    struct pelt_wire_totals totals;
    struct pelt_rng rng;
    struct pelt_bus_id id;
    int64_t in_flight;
};

static struct {
    struct pelt_gather *gather;
    struct pelt_registry *names;
    struct pelt_mailbox mail;
    struct worker worker[SLOTS];
    struct pelt_frame *all; /* of everything that was drawn, under the run's names */
    struct pelt_frame *got; /* of everything that was mailed */
    uint32_t slot;          /* that is telling */
    int32_t drop;           /* second whose parts do not arrive; -1: none */
    uint64_t dropped_started;
    int letters, last;
    int32_t newest; /* second mailed */
    int32_t due;    /* nobody is waited for up to this second */
    struct pelt_taken_row upto[SLOTS];
    struct pelt_error err;
} world;

static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.drop = -1;
    world.newest = world.due = -1;
    world.names = pelt_registry_new();
    assert_int_equal(pelt_mailbox_init(&world.mail), PELT_OK);
    world.gather = pelt_gather_new(SLOTS, world.names, &world.mail);
    world.all = pelt_frame_new(NULL);
    world.got = pelt_frame_new(NULL);
    for (uint32_t i = 0; i < SLOTS; i++) {
        world.worker[i].names = pelt_registry_new();
        pelt_rng_init(&world.worker[i].rng, 7, i);
    }
    return world.gather == NULL || world.all == NULL || world.got == NULL;
}

static void take_letters(void)
{
    struct pelt_mail *mail = pelt_mailbox_take(&world.mail);
    while (mail != NULL) {
        struct pelt_gather_letter *letter = (struct pelt_gather_letter *)mail;
        mail = mail->next;
        assert_int_equal(pelt_frame_add(world.got, letter->letter.frame), PELT_OK);
        assert_int_equal(letter->letter.taken_len, SLOTS);
        for (uint32_t i = 0; i < SLOTS; i++) { /* what is acknowledged never goes back */
            const struct pelt_bus_id now = {letter->upto[i].major, letter->upto[i].minor};
            const struct pelt_bus_id before = {world.upto[i].major, world.upto[i].minor};
            assert_true(pelt_bus_id_compare(now, before) >= 0);
            world.upto[i] = letter->upto[i];
        }
        world.newest = letter->letter.frame->second;
        world.letters++;
        world.last += letter->letter.frame->last;
        pelt_frame_free(letter->letter.frame);
        pelt_letter_free(&letter->letter);
    }
}

static int tear_down(void **state)
{
    pelt_gather_free(world.gather);
    take_letters();
    pelt_mailbox_deinit(&world.mail);
    pelt_frame_free(world.all);
    pelt_frame_free(world.got);
    for (uint32_t i = 0; i < SLOTS; i++) {
        pelt_registry_free(world.worker[i].names);
    }
    pelt_registry_free(world.names);
    return 0;
}

static enum pelt_status on_part(void *arg, uint32_t part, struct pelt_span bytes)
{
    struct pelt_frame *frame = arg;
    struct worker *w = &world.worker[world.slot];
    w->id = (struct pelt_bus_id){pelt_wire_major(frame->second), part + 1};
    if (frame->second == world.drop) {
        return PELT_OK;
    }
    assert_int_equal(pelt_gather_part(world.gather, world.slot, w->id, bytes, 1000, &world.err),
                     PELT_OK);
    return PELT_OK;
}

/* A second of a slot: some requests of each name, in an order of names of its own. */
static void tell(uint32_t slot, int32_t second)
{
    static const char *const names[] = {"a", "b", "c"};
    struct worker *w = &world.worker[slot];
    struct pelt_frame *frame = pelt_frame_new(NULL);
    uint64_t started = 0;
    world.slot = slot;
    frame->second = second;
    for (uint32_t n = 0; n < 3; n++) {
        const struct pelt_span name = pelt_span_of(names[(n + slot) % 3]);
        const uint32_t own = pelt_registry_intern(w->names, PELT_NAME_REQUEST, name);
        const uint32_t of_run = pelt_registry_intern(world.names, PELT_NAME_REQUEST, name);
        const uint64_t count = 1 + pelt_rng_u64(&w->rng) % 50;
        struct pelt_request_frame *r = pelt_frame_request(frame, own);
        struct pelt_request_frame *all = pelt_frame_request(world.all, of_run);
        for (uint64_t i = 0; i < count; i++) {
            const uint64_t us = 1 + pelt_rng_u64(&w->rng) % 5000000;
            pelt_hist_record(&r->hist[PELT_HIST_RESPONSE], &frame->pool, us);
            if (second != world.drop) {
                pelt_hist_record(&all->hist[PELT_HIST_RESPONSE], &world.all->pool, us);
            }
        }
        r->started = r->outcomes[PELT_OUTCOME_OK] = count;
        all->started += second != world.drop ? count : 0;
        started += count;
    }
    world.dropped_started += second == world.drop ? started : 0;
    pelt_wire_totals_add(&w->totals, frame);
    const struct pelt_wire_thread thread = {.started = started, .cpu_ns = 1000};
    const struct pelt_wire_second wire = {.frame = frame,
                                          .names = w->names,
                                          .threads = &thread,
                                          .threads_len = 1,
                                          .totals = &w->totals,
                                          .in_flight = w->in_flight};
    assert_int_equal(pelt_wire_frame_encode(&wire, on_part, frame), PELT_OK);
    pelt_frame_free(frame);
}

static void bye(uint32_t slot, int32_t last)
{
    struct worker *w = &world.worker[slot];
    const struct pelt_wire_bye m = {.totals = w->totals, .last_second = last};
    w->id.minor++;
    pelt_gather_bye(world.gather, slot, w->id, &m);
}

static void post(void)
{
    pelt_gather_post(world.gather, world.due);
    take_letters();
}

/* Bucket for bucket. */
static void equal_hists(const struct pelt_hist *a, const struct pelt_hist *b)
{
    assert_int_equal(a->count, b->count);
    for (double q = 1; q < 100; q += 0.5) {
        assert_int_equal(pelt_hist_percentile_us(a, q), pelt_hist_percentile_us(b, q));
    }
    assert_int_equal(a->min_us, b->min_us);
    assert_int_equal(a->max_us, b->max_us);
}

static void got_is_all(void)
{
    for (uint32_t id = 1; id < pelt_registry_count(world.names, PELT_NAME_REQUEST); id++) {
        struct pelt_request_frame *got = pelt_frame_request(world.got, id);
        struct pelt_request_frame *all = pelt_frame_request(world.all, id);
        assert_int_equal(got->started, all->started);
        equal_hists(&got->hist[PELT_HIST_RESPONSE], &all->hist[PELT_HIST_RESPONSE]);
    }
}

static void a_second_is_mailed_once_all_have_sent_it(void **state)
{
    for (int32_t t = 0; t < 5; t++) {
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            post();
            assert_int_equal(world.letters, t);
            tell(slot, t);
        }
    }
    post();
    assert_int_equal(world.letters, 5);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        assert_false(pelt_gather_ended(world.gather));
        bye(slot, 4);
    }
    assert_true(pelt_gather_ended(world.gather));
    pelt_gather_end(world.gather);
    take_letters();
    assert_int_equal(world.last, 1);
    got_is_all();
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        const struct pelt_gather_slot *s = pelt_gather_slot(world.gather, slot);
        assert_int_equal(s->gap_from, s->gap_to);
        assert_int_equal(s->frames, 5);
        assert_int_equal(s->started, world.worker[slot].totals.started);
        assert_int_equal(world.upto[slot].major, world.worker[slot].id.major);
        assert_int_equal(world.upto[slot].minor, world.worker[slot].id.minor);
    }
}

static void who_is_ahead_is_acknowledged_no_further_than_the_others(void **state)
{
    for (int32_t t = 0; t < 4; t++) {
        tell(0, t);
    }
    tell(1, 0);
    tell(2, 0);
    post();
    assert_int_equal(world.letters, 1);
    assert_int_equal(world.upto[0].major, pelt_wire_major(0));
    assert_int_equal(world.upto[1].major, pelt_wire_major(0));
}

static void nobody_waits_for_a_lost_one_and_what_comes_late_is_added_once(void **state)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        tell(slot, 0);
    }
    tell(0, 1);
    tell(1, 1);
    post();
    assert_int_equal(world.letters, 1);
    pelt_gather_lose(world.gather, 2);
    post();
    assert_int_equal(world.newest, 1);
    tell(0, 2);
    tell(1, 2);
    post();
    tell(2, 1);
    tell(2, 2);
    assert_int_equal(pelt_gather_slot(world.gather, 2)->state, PELT_SLOT_THERE);
    post();
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        bye(slot, 2);
    }
    pelt_gather_end(world.gather);
    take_letters();
    got_is_all();
    assert_int_equal(pelt_gather_slot(world.gather, 2)->missing, 0);
}

static void a_second_that_is_missing_is_told_by_what_the_totals_say(void **state)
{
    world.drop = 2;
    for (int32_t t = 0; t < 4; t++) {
        tell(0, t);
    }
    bye(0, 3);
    const struct pelt_gather_slot *s = pelt_gather_slot(world.gather, 0);
    assert_int_equal(s->gap_from, 2);
    assert_int_equal(s->gap_to, 3);
    assert_int_equal(s->missing, world.dropped_started);
    assert_int_equal(s->frames, 3);
}

static void what_was_under_way_at_a_lost_one_has_an_outcome(void **state)
{
    const uint32_t id =
        pelt_registry_intern(world.worker[0].names, PELT_NAME_REQUEST, pelt_span_of("a"));
    struct pelt_frame *frame = pelt_frame_new(NULL);
    pelt_frame_request(frame, id)->started = 5;
    pelt_frame_request(frame, id)->outcomes[PELT_OUTCOME_OK] = 2;
    pelt_wire_totals_add(&world.worker[0].totals, frame);
    const struct pelt_wire_second wire = {.frame = frame,
                                          .names = world.worker[0].names,
                                          .totals = &world.worker[0].totals,
                                          .in_flight = 3};
    assert_int_equal(pelt_wire_frame_encode(&wire, on_part, frame), PELT_OK);
    pelt_frame_free(frame);
    tell(1, 0);
    tell(2, 0);
    pelt_gather_lose(world.gather, 0);
    bye(1, 0);
    bye(2, 0);
    pelt_gather_end(world.gather);
    take_letters();
    const struct pelt_counts n = pelt_frame_counts(world.got);
    assert_int_equal(n.by_outcome[PELT_OUTCOME_UNFINISHED], 3);
    assert_int_equal(n.started, n.ended);
}

static void nobody_waits_for_one_that_lags_and_what_it_says_then_is_added_once(void **state)
{
    for (int32_t t = 0; t < 20; t++) {
        tell(0, t);
        tell(1, t);
    }
    tell(2, 0);
    world.due = 9;
    post();
    assert_int_equal(world.newest, 9);
    assert_int_equal(world.letters, 10);
    assert_int_equal(world.upto[2].major, pelt_wire_major(0)); /* and no further */
    for (int32_t t = 1; t < 20; t++) {
        tell(2, t);
    }
    post();
    assert_int_equal(world.newest, 19);
    assert_int_equal(world.letters, 10 + 9 + 10);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        bye(slot, 19);
    }
    pelt_gather_end(world.gather);
    take_letters();
    got_is_all();
}

static void what_came_of_all_is_there_though_one_never_ends(void **state)
{
    for (int32_t t = 0; t < 4; t++) {
        tell(0, t);
        tell(1, t);
    }
    bye(0, 3);
    bye(1, 3);
    tell(2, 0);
    post();
    assert_int_equal(world.letters, 1);
    pelt_gather_end(world.gather);
    take_letters();
    assert_int_equal(world.last, 1);
    got_is_all();
}

/* Of so many names with samples all over the range that one part is not enough. */
static struct pelt_frame *large_frame(struct worker *w)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    for (uint32_t n = 0; n < 300; n++) {
        char name[20];
        snprintf(name, sizeof(name), "n%u", n);
        const uint32_t id = pelt_registry_intern(w->names, PELT_NAME_REQUEST, pelt_span_of(name));
        struct pelt_request_frame *r = pelt_frame_request(frame, id);
        for (uint64_t us = 1; us < 40000000; us += 1 + us / 300) {
            pelt_hist_record(&r->hist[PELT_HIST_RESPONSE], &frame->pool, us);
            r->outcomes[PELT_OUTCOME_OK] = ++r->started;
        }
    }
    return frame;
}

static void a_second_of_several_parts_counts_as_one(void **state)
{
    struct worker *w = &world.worker[0];
    struct pelt_frame *frame = large_frame(w);
    world.drop = 0;
    tell(0, 0);
    frame->second = 1;
    const uint64_t before = w->totals.started;
    pelt_wire_totals_add(&w->totals, frame);
    const struct pelt_wire_thread thread = {.started = w->totals.started - before, .cpu_ns = 1000};
    const struct pelt_wire_second wire = {.frame = frame,
                                          .names = w->names,
                                          .threads = &thread,
                                          .threads_len = 1,
                                          .totals = &w->totals};
    assert_int_equal(pelt_wire_frame_encode(&wire, on_part, frame), PELT_OK);
    pelt_frame_free(frame);
    assert_true(w->id.minor > 1);
    tell(0, 2);
    const struct pelt_gather_slot *s = pelt_gather_slot(world.gather, 0);
    assert_int_equal(s->started, w->totals.started - before);
    assert_int_equal(s->cpu_ns, 2000);
    assert_int_equal(s->frames, 2);
    assert_int_equal(s->gap_from, 0);
    assert_int_equal(s->gap_to, 1);
    assert_int_equal(s->missing, before);
}

static enum pelt_status on_begun_again(void *arg, uint32_t part, struct pelt_span bytes)
{
    const struct pelt_frame *frame = arg;
    struct pelt_bus_id id = {pelt_wire_major(frame->second), 1};
    if (part == 0) {
        assert_int_equal(pelt_gather_part(world.gather, 0, id, bytes, 5, &world.err), PELT_OK);
        id.minor++;
        assert_int_equal(pelt_gather_part(world.gather, 0, id, bytes, 5, &world.err), PELT_EPARSE);
    }
    return PELT_OK;
}

static void a_second_is_not_begun_twice(void **state)
{
    struct worker *w = &world.worker[0];
    struct pelt_frame *frame = large_frame(w);
    const struct pelt_wire_second wire = {.frame = frame, .names = w->names, .totals = &w->totals};
    assert_int_equal(pelt_wire_frame_encode(&wire, on_begun_again, frame), PELT_OK);
    pelt_frame_free(frame);
    const struct pelt_gather_slot *s = pelt_gather_slot(world.gather, 0);
    assert_int_equal(s->refused, 1);
    pelt_gather_end(world.gather);
    take_letters();
    assert_int_equal(pelt_frame_counts(world.got).started, s->started);
}

static enum pelt_status on_refused(void *arg, uint32_t part, struct pelt_span bytes)
{
    const struct pelt_frame *frame = arg;
    const struct pelt_bus_id id = {pelt_wire_major(frame->second), part + 1};
    assert_int_equal(pelt_gather_part(world.gather, 0, id, bytes, 5, &world.err), PELT_EPARSE);
    return PELT_OK;
}

static void what_is_out_of_place_is_refused_and_counted(void **state)
{
    const struct pelt_gather_slot *s = pelt_gather_slot(world.gather, 0);
    tell(0, 5);
    world.slot = 0;
    assert_int_equal(pelt_gather_part(world.gather, 0, (struct pelt_bus_id){7, 9},
                                      pelt_span("no frame", 8), 1000, &world.err),
                     PELT_EPARSE);
    assert_int_equal(s->refused, 1);
    /* Of a second that was complete, of one before it, and of one that cannot have been yet. */
    for (int32_t t = 4; t <= 6; t++) {
        struct pelt_frame *frame = pelt_frame_new(NULL);
        frame->second = t;
        const struct pelt_wire_second wire = {
            .frame = frame, .names = world.worker[0].names, .totals = &world.worker[0].totals};
        assert_int_equal(pelt_wire_frame_encode(&wire, on_refused, frame), PELT_OK);
        pelt_frame_free(frame);
    }
    assert_int_equal(s->refused, 4);
    assert_int_equal(s->newest, 5);
    bye(0, 5);
    assert_int_equal(s->state, PELT_SLOT_ENDED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_second_is_mailed_once_all_have_sent_it),
        T(who_is_ahead_is_acknowledged_no_further_than_the_others),
        T(nobody_waits_for_a_lost_one_and_what_comes_late_is_added_once),
        T(a_second_that_is_missing_is_told_by_what_the_totals_say),
        T(what_was_under_way_at_a_lost_one_has_an_outcome),
        T(nobody_waits_for_one_that_lags_and_what_it_says_then_is_added_once),
        T(what_came_of_all_is_there_though_one_never_ends),
        T(a_second_of_several_parts_counts_as_one),
        T(a_second_is_not_begun_twice),
        T(what_is_out_of_place_is_refused_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
