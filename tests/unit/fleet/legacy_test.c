/*
 * legacy: what a killed worker leaves is handed in whole, or as far as it can be read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "legacy.h"
#include "pelt/recorder.h"
#include "pelt/wire_frame.h"
#include "pelt/wire_hello.h"

#define S     PELT_NS_PER_S
#define MS    PELT_NS_PER_MS
#define START (100 * S)

static const struct pelt_spool_owner OWNER = {"r1", 3, "0123456789abcdef"};
static char path[64];

static struct {
    struct pelt_shm *shm;
    struct pelt_estate *estate;
    struct pelt_registry *names;
    struct pelt_frame *frames[2]; /* a thread each */
    struct pelt_legacy legacy;
    /* What the spool has in the end: */
    struct pelt_registry *read_names;
    struct pelt_frame *read;
    struct pelt_wire_part last;
    struct pelt_wire_bye bye;
    size_t parts, byes;
} world;

static int set_up(void **state)
{
    memset(&world, 0, sizeof world);
    snprintf(path, sizeof path, "/tmp/pelt-legacy-test-%d", (int)getpid());
    world.shm = pelt_shm_new((size_t)1 << 30);
    world.estate = pelt_estate_new(world.shm);
    world.names = pelt_registry_new_in(world.shm);
    pelt_estate_name(world.estate, world.names);
    for (unsigned i = 0; i < 2; i++) {
        world.frames[i] = pelt_frame_new(pelt_registry_quota(world.names));
        world.frames[i]->thread = (uint16_t)i;
        pelt_estate_add(world.estate, world.frames[i]);
    }
    world.read_names = pelt_registry_new();
    world.read = pelt_frame_new(NULL);
    world.legacy = (struct pelt_legacy){.estate = world.estate, .said = {.second = -1}};
    return pelt_spool_create(path, &OWNER, &world.legacy.spool, NULL) != PELT_OK;
}

static int tear_down(void **state)
{
    pelt_wire_part_deinit(&world.last);
    pelt_spool_remove(world.legacy.spool);
    pelt_frame_free(world.read);
    pelt_registry_free(world.read_names);
    pelt_shm_free(world.shm);
    return 0;
}

static void begin_and_end(struct pelt_recorder *r, const char *name, uint64_t at_ns, bool ends)
{
    const uint32_t id = pelt_registry_intern(world.names, PELT_NAME_REQUEST, pelt_span_of(name));
    pelt_recorder_started(r, id, at_ns, at_ns);
    const struct pelt_sample sample = {.outcome = PELT_OUTCOME_OK,
                                       .sent = true,
                                       .answered = true,
                                       .done_ns = at_ns + 5 * MS,
                                       .response_ns = 5 * MS,
                                       .service_ns = 5 * MS,
                                       .blocked_ns = PELT_NEVER,
                                       .dns_ns = PELT_NEVER,
                                       .connect_ns = PELT_NEVER,
                                       .tls_ns = PELT_NEVER,
                                       .send_ns = PELT_NEVER,
                                       .wait_ns = 4 * MS,
                                       .receive_ns = 1 * MS};
    if (ends) {
        pelt_recorder_ended(r, id, &sample);
    }
}

/* `len` requests of which one is under way, in each of the two threads. */
static void fill(int32_t second, size_t len)
{
    static struct pelt_recorder r;
    char name[20];
    for (unsigned i = 0; i < 2; i++) {
        world.frames[i]->second = second;
        pelt_recorder_init(&r, world.frames[i], START, NULL, NULL);
        for (size_t n = 0; n < len; n++) {
            snprintf(name, sizeof name, "n%zu", n % 3);
            begin_and_end(&r, name, START + (uint64_t)second * S + n * MS, n + 1 < len);
        }
    }
}

static void read_spool(void)
{
    struct pelt_spool_id at = {0, 0};
    struct pelt_span message;
    struct pelt_error err;
    struct pelt_wire_into into = {.frame = world.read, .names = world.read_names};
    while (pelt_spool_next(world.legacy.spool, at, &at, &message)) {
        if (pelt_wire_kind(message) == PELT_WIRE_BYE) {
            world.byes++;
            assert_int_equal(pelt_wire_bye_decode(message, &world.bye, &err), PELT_OK);
            continue;
        }
        pelt_wire_part_deinit(&world.last);
        assert_int_equal(pelt_wire_frame_check(message, &world.last, &err), PELT_OK);
        assert_int_equal(at.major, pelt_wire_major(world.last.second));
        assert_int_equal(pelt_wire_frame_add(message, &into, &err), PELT_OK);
        world.parts++;
    }
}

static uint64_t times(const struct pelt_frame *f)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        sum += f->requests[i] != NULL ? f->requests[i]->hist[PELT_HIST_RESPONSE].count : 0;
    }
    return sum;
}

static void what_threads_were_filling_is_handed_in_with_its_times(void **state)
{
    fill(4, 100);
    world.legacy.said = (struct pelt_keeper_said){
        .second = 3, .totals = {.frames = 4, .started = 70}, .in_flight = 5};
    pelt_legacy_put(&world.legacy);
    read_spool();
    const struct pelt_counts n = pelt_frame_counts(world.read);
    assert_int_equal(world.parts, 1);
    assert_int_equal(n.started, 200);
    assert_int_equal(n.ok, 198);
    assert_int_equal(times(world.read), 198);
    assert_int_equal(world.last.second, 4);
    assert_int_equal(world.last.threads_len, 2);
    assert_int_equal(world.last.threads[0].started + world.last.threads[1].started, 200);
    assert_int_equal(world.last.totals.started, 270);
    assert_int_equal(world.last.totals.frames, 5);
    assert_int_equal(world.byes, 1);
    assert_true(world.bye.recovered);
    assert_int_equal(world.bye.unknown, 7);
    assert_int_equal(world.bye.totals.started, 270);
    assert_int_equal(world.bye.last_second, 4);
    assert_string_equal(world.bye.reason, "");
    assert_int_equal(world.legacy.begun, 200);
}

static void what_was_said_is_not_handed_in_again(void **state)
{
    fill(4, 100);
    world.legacy.said = (struct pelt_keeper_said){.second = 4, .totals = {.frames = 5}};
    pelt_legacy_put(&world.legacy);
    read_spool();
    assert_int_equal(world.parts, 0);
    assert_int_equal(world.byes, 1);
    assert_int_equal(world.bye.last_second, 4);
}

static void who_had_said_bye_left_nothing(void **state)
{
    struct pelt_buf b;
    const struct pelt_wire_bye bye = {.last_second = -2};
    fill(0, 10);
    pelt_buf_init(&b, PELT_WIRE_MESSAGE_MAX);
    assert_int_equal(pelt_wire_bye_encode(&bye, &b), PELT_OK);
    assert_int_equal(
        pelt_spool_add(world.legacy.spool, (struct pelt_spool_id){0, 1}, pelt_span(b.data, b.len)),
        PELT_OK);
    pelt_buf_deinit(&b);
    pelt_legacy_put(&world.legacy);
    read_spool();
    assert_true(world.legacy.bye);
    assert_int_equal(world.parts, 0);
    assert_int_equal(world.byes, 1);
    assert_false(world.bye.recovered);
}

/* A thread was killed while one grew. */
static void of_a_histogram_in_pieces_the_counts_are_handed_in(void **state)
{
    fill(0, 1000);
    memset(&world.frames[1]->requests[1]->hist[PELT_HIST_RESPONSE], 0x55, sizeof(struct pelt_hist));
    pelt_legacy_put(&world.legacy);
    read_spool();
    const struct pelt_counts n = pelt_frame_counts(world.read);
    assert_true(world.legacy.bare && !world.legacy.unread);
    assert_int_equal(n.started, 2000);
    assert_int_equal(n.ok, 1998);
    assert_int_equal(times(world.read), 0);
    assert_int_equal(world.bye.unknown, 2);
    assert_non_null(strstr(world.bye.reason, "counts only"));
}

static void of_frames_in_pieces_it_is_said_that_there_was_one(void **state)
{
    fill(0, 10);
    world.frames[1]->requests = (struct pelt_request_frame **)(uintptr_t)64;
    pelt_legacy_put(&world.legacy);
    read_spool();
    assert_true(world.legacy.unread);
    assert_int_equal(world.parts, 0);
    assert_int_equal(world.byes, 1);
    assert_non_null(strstr(world.bye.reason, "could not be read"));
}

static enum pelt_status keep_first(void *arg, uint32_t part, struct pelt_span bytes)
{
    size_t *parts = arg;
    ++*parts;
    return part == 0 ? pelt_spool_add(world.legacy.spool, (struct pelt_spool_id){2, 1}, bytes)
                     : PELT_OK;
}

/* It was killed between two messages of a second. */
static void the_rest_of_a_second_is_handed_in(void **state)
{
    static struct pelt_recorder r;
    char name[20];
    size_t parts = 0;
    struct pelt_frame *sum = pelt_frame_new(NULL);
    pelt_recorder_init(&r, world.frames[0], START, NULL, NULL);
    for (size_t n = 0; n < 400000; n++) {
        snprintf(name, sizeof name, "n%zu", n % 900);
        begin_and_end(&r, name, START + n, true);
    }
    for (uint32_t i = 0; i < world.frames[0]->requests_len; i++) { /* wide ones */
        struct pelt_request_frame *f = world.frames[0]->requests[i];
        for (uint64_t us = 1; f != NULL && us < 200000; us += us / 100 + 1) {
            pelt_hist_record(&f->hist[PELT_HIST_CONNECT], &world.frames[0]->pool, us);
            f->outcomes[PELT_OUTCOME_OK]++;
            f->started++;
        }
    }
    assert_int_equal(pelt_frame_add(sum, world.frames[0]), PELT_OK);
    const struct pelt_wire_totals totals = {.frames = 1};
    const struct pelt_wire_second second = {.frame = sum, .names = world.names, .totals = &totals};
    assert_int_equal(pelt_wire_frame_encode(&second, keep_first, &parts), PELT_OK);
    assert_true(parts > 1);
    pelt_legacy_put(&world.legacy);
    read_spool();
    assert_int_equal(world.parts, parts);
    assert_int_equal(pelt_frame_counts(world.read).started, pelt_frame_counts(sum).started);
    assert_int_equal(times(world.read), times(sum));
    assert_int_equal(world.byes, 1);
    pelt_frame_free(sum);
}

/* Wherever it is hit: what it had counted is there. */
static void what_a_killed_process_had_counted_is_handed_in(void **state)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static struct pelt_recorder r;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
        pelt_recorder_init(&r, world.frames[0], START, NULL, NULL);
        for (uint64_t n = 0;; n++) {
            begin_and_end(&r, n % 2 == 0 ? "even" : "odd", START + n % 1000 * MS, true);
            if (n == 100 && write(ready[1], "x", 1) != 1) {
                _exit(1);
            }
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    pelt_legacy_put(&world.legacy);
    read_spool();
    const struct pelt_counts n = pelt_frame_counts(world.read);
    assert_false(world.legacy.unread);
    assert_true(n.ended > 100 && n.started - n.ended <= 1);
    assert_int_equal(world.bye.unknown, n.started - n.ended);
    assert_true(world.legacy.bare || n.ended - times(world.read) <= 1);
    close(ready[0]);
    close(ready[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_threads_were_filling_is_handed_in_with_its_times),
        TEST(what_was_said_is_not_handed_in_again),
        TEST(who_had_said_bye_left_nothing),
        TEST(of_a_histogram_in_pieces_the_counts_are_handed_in),
        TEST(of_frames_in_pieces_it_is_said_that_there_was_one),
        TEST(the_rest_of_a_second_is_handed_in),
        TEST(what_a_killed_process_had_counted_is_handed_in),
        TEST(what_a_killed_process_had_counted_is_handed_in),
        TEST(what_a_killed_process_had_counted_is_handed_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
