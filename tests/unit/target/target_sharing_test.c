/* response_cache and coalescing, one behind the other as in the service, in virtual time: what each
 * of them says to requests, and what those get in the end. */
#include "test.h"

#include "coalescing.h"
#include "failing_malloc.h"
#include "response_cache.h"

#define MS        UINT64_C(1000000)
#define REQUESTS  5
#define FAIL_MOST 40

static const struct target_response_cache_settings cache_off = {.entries = TARGET_UNLIMITED,
                                                                .ttl_ns = 100 * MS};
static const struct target_response_cache_settings cache_on = {
    .bytes = 1000, .entries = TARGET_UNLIMITED, .ttl_ns = 100 * MS};
static const struct target_coalescing_settings coalesce_off;
static const struct target_coalescing_settings coalesce_on = {.followers_max = 100};

static const struct target_system *const systems[] = {
    &target_response_cache_system, &target_coalescing_system, &target_response_store_system, NULL};
static struct target_running running;
static struct target_mailbox box;
static struct target_admission request[REQUESTS];
static uint64_t now_ns;

static int start(void **state)
{
    running = (struct target_running){.systems = systems};
    running.state[0] = target_response_cache_system.start(&cache_on, 0);
    running.state[1] = target_coalescing_system.start(&coalesce_on, 0);
    now_ns = 0;
    return running.state[0] && running.state[1] && target_mailbox_init(&box) ? 0 : -1;
}

static int stop(void **state)
{
    struct target_scene scene = {.now_ns = now_ns};

    target_response_cache_system.stop(running.state[0], &scene);
    target_coalescing_system.stop(running.state[1], &scene);
    target_mailbox_deinit(&box);
    return 0;
}

static void set(size_t system, const void *settings)
{
    struct target_scene scene = {.now_ns = now_ns};

    assert_true(systems[system]->apply(running.state[system], settings, &scene));
}

static enum target_verdict go_on(size_t i)
{
    struct target_scene scene = {.now_ns = now_ns};

    return target_running_ask(&running, &request[i], TARGET_STEP_ADMIT, &scene);
}

static enum target_verdict ask(size_t i, const char *path)
{
    request[i] = (struct target_admission){.is_work = true,
                                           .method = "GET",
                                           .path = path,
                                           .vary = "",
                                           .service_ns = MS,
                                           .mailbox = &box};
    return go_on(i);
}

/* `text` NULL: an answer without a body that could be shared. */
static void end(size_t i, unsigned status, const char *text)
{
    struct target_scene scene = {.now_ns = now_ns};
    struct target_body *body = request[i].result ? target_body_hold(request[i].result)
                               : text && request[i].is_body_wanted
                                   ? target_body_new(status, strdup(text))
                                   : NULL;
    struct target_outcome outcome = {.status = status, .body = body};

    target_running_ended(&running, &request[i], &outcome, &scene);
    target_body_release(body);
}

/* Who was resumed, in order: "123". */
static const char *resumed(void)
{
    static char who[REQUESTS + 1];
    size_t count = 0;

    for (struct target_mail *mail = target_mailbox_take(&box); mail; mail = mail->next) {
        for (size_t i = 0; i < REQUESTS; i++) {
            if (mail == &request[i].resumed) {
                who[count++] = (char)('0' + i);
            }
        }
    }
    who[count] = '\0';
    return who;
}

static void assert_status(size_t i, const char *expected)
{
    char text[TARGET_CACHE_STATUS_BYTES];

    target_response_cache_status(&request[i], text);
    assert_string_equal(text, expected);
}

static void an_answer_is_given_again_until_its_time_is_over(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    now_ns = 10 * MS;
    end(0, 200, "{}");
    assert_status(0, "pelt-target; fwd=uri-miss; stored");
    assert_string_equal(target_response_cache_word(&request[0]), "miss");
    now_ns = 110 * MS - 1;
    assert_int_equal(ask(1, "/a"), TARGET_ANSWERED);
    assert_string_equal(request[1].result->text, "{}");
    end(1, 200, NULL);
    assert_status(1, "pelt-target; hit; ttl=0");
    assert_string_equal(target_response_cache_word(&request[1]), "hit");
    now_ns = 110 * MS;
    assert_int_equal(ask(2, "/a"), TARGET_GO);
    end(2, 200, "{}");
}

static void what_was_hit_outlives_its_entry(void **state)
{
    struct target_scene scene = {.now_ns = 0};

    assert_int_equal(ask(0, "/a"), TARGET_GO);
    end(0, 200, "{}");
    assert_int_equal(ask(1, "/a"), TARGET_ANSWERED);
    assert_int_equal(target_response_cache_purge(running.state[0], NULL, NULL, &scene), 1);
    assert_string_equal(request[1].result->text, "{}");
    end(1, 200, NULL);
}

static void off_is_no_part_of_it(void **state)
{
    set(0, &cache_off);
    set(1, &coalesce_off);
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_GO);
    assert_false(request[0].is_body_wanted);
    end(0, 200, "{}");
    end(1, 200, "{}");
    assert_status(0, "pelt-target; fwd=bypass");
    assert_null(target_response_cache_word(&request[0]));
}

static void followers_get_what_the_leader_got(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(ask(i, "/a"), TARGET_WAITS);
    }
    assert_int_equal(ask(4, "/b"), TARGET_GO);
    end(0, 200, "{}");
    assert_string_equal(resumed(), "123");
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(go_on(i), TARGET_ANSWERED);
        assert_string_equal(request[i].result->text, "{}");
        end(i, 200, NULL);
        assert_status(i, "pelt-target; fwd=uri-miss; collapsed");
        assert_string_equal(target_response_cache_word(&request[i]), "collapsed");
    }
    assert_status(0, "pelt-target; fwd=uri-miss; stored");
    end(4, 200, "{}");
}

static void a_refused_leader_refuses_its_followers(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_WAITS);
    request[0].status = 429; /* by a system behind these */
    request[0].refused_by = "bucket";
    request[0].message = "too many";
    request[0].retry_after_s = 7;
    end(0, 429, NULL);
    assert_string_equal(resumed(), "1");
    assert_int_equal(go_on(1), TARGET_REFUSED);
    assert_int_equal(request[1].status, 429);
    assert_string_equal(request[1].refused_by, "bucket");
    assert_string_equal(request[1].message, "too many");
    assert_int_equal(request[1].retry_after_s, 7);
    end(1, 429, NULL);
    assert_status(1, "pelt-target; fwd=uri-miss; collapsed");
}

static void without_an_answer_of_the_leader_followers_get_503(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_WAITS);
    end(0, 0, NULL);
    assert_string_equal(resumed(), "1");
    assert_int_equal(go_on(1), TARGET_REFUSED);
    assert_int_equal(request[1].status, 503);
    assert_string_equal(request[1].refused_by, "coalescing");
    end(1, 503, NULL);
    assert_int_equal(ask(2, "/a"), TARGET_GO); /* it was not kept */
    end(2, 200, "{}");
}

static void an_answer_that_cannot_be_shared_lets_followers_go_on(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_WAITS);
    end(0, 200, NULL);
    assert_string_equal(resumed(), "1");
    assert_int_equal(go_on(1), TARGET_GO);
    end(1, 200, "{}");
    assert_status(1, "pelt-target; fwd=uri-miss; stored");
}

static uint64_t told(const char *event)
{
    struct target_figures figures = {.limits = 0};
    struct target_scene scene = {.now_ns = now_ns};

    target_coalescing_system.figures(running.state[1], &figures, &scene);
    for (size_t i = 0; i < figures.events; i++) {
        if (strcmp(figures.event[i].event, event) == 0) {
            return figures.event[i].count;
        }
    }
    return UINT64_MAX;
}

/* On another thread, it is looked up before the first's answer is kept and leads thereafter. */
static void who_leads_too_late_gets_what_was_kept(void **state)
{
    struct target_scene scene = {.now_ns = now_ns};

    assert_int_equal(ask(0, "/a"), TARGET_GO);
    request[1] = (struct target_admission){
        .is_work = true, .method = "GET", .path = "/a", .vary = "", .next = 1, .mailbox = &box};
    assert_int_equal(target_response_cache_system.admit(running.state[0], &request[1], &scene),
                     TARGET_GO);
    end(0, 200, "{}");
    assert_int_equal(go_on(1), TARGET_ANSWERED);
    assert_non_null(request[1].coalescing.flight);
    assert_int_equal(ask(2, "/b"), TARGET_GO);
    end(1, 200, NULL);
    end(2, 200, "{}");
    assert_status(1, "pelt-target; fwd=uri-miss; collapsed");
    assert_int_equal(told("execution"), 2);
    assert_int_equal(told("collapsed"), 1);
}

/* Whoever asks for the key once its flight is over finds the answer. */
static void an_answer_is_kept_before_its_flight_ends(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_WAITS);
    end(0, 200, "{}");
    assert_string_equal(resumed(), "1");
    assert_int_equal(ask(2, "/a"), TARGET_ANSWERED);
    assert_int_equal(go_on(1), TARGET_ANSWERED);
    end(1, 200, NULL);
    end(2, 200, NULL);
}

static void a_follower_that_leaves_is_not_resumed(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_WAITS);
    assert_int_equal(ask(2, "/a"), TARGET_WAITS);
    assert_true(target_running_leave(&running, &request[1]));
    end(1, 0, NULL);
    end(0, 200, "{}");
    assert_string_equal(resumed(), "2");
    assert_false(target_running_leave(&running, &request[2]));
    assert_int_equal(go_on(2), TARGET_ANSWERED);
    end(2, 200, NULL);
}

static void who_is_drawn_to_fail_shares_nothing(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    request[1] = (struct target_admission){
        .is_work = true, .path = "/a", .is_to_fail = true, .mailbox = &box};
    assert_int_equal(go_on(1), TARGET_GO);
    end(1, 500, "{}");
    end(0, 200, "{}");
    assert_int_equal(go_on(1), TARGET_GO);
    end(1, 500, "{}");
    assert_status(1, "pelt-target; fwd=bypass");
}

static void an_answer_is_shared_though_the_cache_is_off(void **state)
{
    set(0, &cache_off);
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_WAITS);
    end(0, 400, "{}");
    assert_int_equal(go_on(1), TARGET_ANSWERED);
    assert_int_equal(request[1].result->status, 400);
    end(1, 400, NULL);
    assert_status(0, "pelt-target; fwd=bypass");
    assert_status(1, "pelt-target; fwd=uri-miss; collapsed");
}

static void what_is_turned_off_meanwhile_ends_as_it_began(void **state)
{
    assert_int_equal(ask(0, "/a"), TARGET_GO);
    assert_int_equal(ask(1, "/a"), TARGET_WAITS);
    set(0, &cache_off);
    set(1, &coalesce_off);
    assert_int_equal(ask(2, "/a"), TARGET_GO);
    end(0, 200, "{}");
    assert_status(0, "pelt-target; fwd=uri-miss");
    assert_int_equal(go_on(1), TARGET_ANSWERED);
    end(1, 200, NULL);
    end(2, 200, "{}");
    assert_status(2, "pelt-target; fwd=bypass");
}

/* A leader, a follower, a hit, while the n-th allocation fails: each of them gets on. */
static void want_of_memory_stops_nobody(void **state)
{
    for (long n = 0; n < FAIL_MOST; n++) {
        char path[16];

        snprintf(path, sizeof path, "/%ld", n);
        failing_malloc_at = n;
        for (size_t i = 0; i < 3; i++) {
            enum target_verdict verdict;

            if (i == 2) {
                end(0, 200, "{}");
                resumed();
            }
            verdict = ask(i, path);
            assert_true(verdict == TARGET_GO || (verdict == TARGET_WAITS && i == 1) ||
                        (verdict == TARGET_ANSWERED && i == 2));
        }
        for (size_t i = 1; i < 3; i++) {
            end(i, 200, "{}");
            resumed();
        }
        failing_malloc_at = -1;
    }
}

static void caches_behind_it_stand_before_it_in_cache_status(void **state)
{
    struct target_admission admission = {.response_cache.note = TARGET_CACHE_URI_MISS};
    char text[TARGET_CACHE_STATUS_BYTES];
    struct target_cache_say *say;

    target_admission_say(&admission, "l2", TARGET_CACHE_URI_MISS);
    say = target_admission_say(&admission, "l3", TARGET_CACHE_ANSWERED);
    say->ttl_s = 5;
    target_response_cache_status(&admission, text);
    assert_string_equal(text, "l3; hit; ttl=5, l2; fwd=uri-miss, pelt-target; fwd=uri-miss");
    assert_string_equal(target_response_cache_word(&admission), "hit");
    assert_string_equal(target_response_cache_who(&admission), "l3");
    admission.response_cache.note = TARGET_CACHE_BYPASS;
    target_response_cache_status(&admission, text);
    assert_string_equal(text, "l3; hit; ttl=5, l2; fwd=uri-miss");
    for (size_t i = 2; i < TARGET_SAYS_MAX; i++) {
        assert_non_null(target_admission_say(&admission, "x", TARGET_CACHE_URI_MISS));
    }
    assert_null(target_admission_say(&admission, "x", TARGET_CACHE_URI_MISS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caches_behind_it_stand_before_it_in_cache_status),
        cmocka_unit_test_setup_teardown(an_answer_is_given_again_until_its_time_is_over, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_was_hit_outlives_its_entry, start, stop),
        cmocka_unit_test_setup_teardown(off_is_no_part_of_it, start, stop),
        cmocka_unit_test_setup_teardown(followers_get_what_the_leader_got, start, stop),
        cmocka_unit_test_setup_teardown(a_refused_leader_refuses_its_followers, start, stop),
        cmocka_unit_test_setup_teardown(without_an_answer_of_the_leader_followers_get_503, start,
                                        stop),
        cmocka_unit_test_setup_teardown(an_answer_that_cannot_be_shared_lets_followers_go_on, start,
                                        stop),
        cmocka_unit_test_setup_teardown(who_leads_too_late_gets_what_was_kept, start, stop),
        cmocka_unit_test_setup_teardown(an_answer_is_kept_before_its_flight_ends, start, stop),
        cmocka_unit_test_setup_teardown(a_follower_that_leaves_is_not_resumed, start, stop),
        cmocka_unit_test_setup_teardown(who_is_drawn_to_fail_shares_nothing, start, stop),
        cmocka_unit_test_setup_teardown(an_answer_is_shared_though_the_cache_is_off, start, stop),
        cmocka_unit_test_setup_teardown(what_is_turned_off_meanwhile_ends_as_it_began, start, stop),
        cmocka_unit_test_setup_teardown(want_of_memory_stops_nobody, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
