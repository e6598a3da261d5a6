/* systems: who is asked, who goes on after a wait, and who is told of the end, by systems that do
 * as a test says and note what they are called for. */
#include "test.h"

#include "systems.h"

#define SYSTEMS 3

struct double_system { /* the state of a system that stands in for a real one */
    char name;
    enum target_verdict admit, work;
};

static struct double_system state[SYSTEMS];
static char calls[64]; /* "aA": system a was asked to admit; W: to work; E: was told; L: to leave */
static struct target_running running;
static struct target_admission admission;
static const struct target_scene scene;

static void note(const struct double_system *system, char what)
{
    size_t length = strlen(calls);

    snprintf(calls + length, sizeof calls - length, "%c%c", system->name, what);
}

static enum target_verdict admit(void *cls, struct target_admission *asked,
                                 const struct target_scene *when)
{
    struct double_system *system = cls;

    note(system, 'A');
    return system->admit;
}

static enum target_verdict work(void *cls, struct target_admission *asked,
                                const struct target_scene *when)
{
    struct double_system *system = cls;

    note(system, 'W');
    return system->work;
}

static void ended(void *cls, struct target_admission *asked, const struct target_outcome *outcome,
                  const struct target_scene *when)
{
    note(cls, 'E');
}

static bool leave(void *cls, struct target_admission *asked)
{
    note(cls, 'L');
    return true;
}

static const struct target_system both = {
    .name = "both", .admit = admit, .work = work, .ended = ended, .leave = leave};
static const struct target_system only_work = {.name = "only_work", .work = work, .ended = ended};
static const struct target_system only_admit = {
    .name = "only_admit", .admit = admit, .ended = ended};
static const struct target_system *const systems[] = {&both, &only_work, &only_admit, NULL};

static int begin(void **unused)
{
    memset(calls, 0, sizeof calls);
    admission = (struct target_admission){.is_work = true};
    running = (struct target_running){.systems = systems};
    for (size_t i = 0; i < SYSTEMS; i++) {
        state[i] = (struct double_system){.name = (char)('a' + i)};
        running.state[i] = &state[i];
    }
    return 0;
}

static enum target_verdict ask(enum target_step step)
{
    return target_running_ask(&running, &admission, step, &scene);
}

static void end(void)
{
    struct target_outcome outcome = {.status = 200};

    target_running_ended(&running, &admission, &outcome, &scene);
}

static void all_are_asked_in_order_and_told_in_reverse_once(void **unused)
{
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_GO);
    admission.next = 0;
    assert_int_equal(ask(TARGET_STEP_WORK), TARGET_GO);
    end();
    end();
    assert_string_equal(calls, "aAcAaWbWcEbEaE");
}

static void without_work_only_those_that_want_it_are_asked(void **unused)
{
    struct target_system all = both;
    const struct target_system *const some[] = {&both, &all, &only_work, NULL};

    all.admits_all = true;
    running.systems = some;
    admission.is_work = false;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_GO);
    end();
    assert_string_equal(calls, "bAbE");
}

static void a_refusal_ends_the_asking_and_who_refused_is_not_told(void **unused)
{
    state[2].admit = TARGET_REFUSED;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_REFUSED);
    end();
    assert_string_equal(calls, "aAcAaE");
}

static void without_memory_only_those_before_are_told(void **unused)
{
    state[2].admit = TARGET_NO_MEMORY;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_NO_MEMORY);
    end();
    assert_string_equal(calls, "aAcAaE");
}

static void after_a_wait_the_next_is_asked(void **unused)
{
    state[0].admit = TARGET_WAITS;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_WAITS);
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_GO);
    end();
    assert_string_equal(calls, "aAcAcEaE");
}

static void who_says_later_is_asked_again(void **unused)
{
    state[2].admit = TARGET_LATER;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_LATER);
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_LATER);
    state[2].admit = TARGET_GO;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_GO);
    end();
    assert_string_equal(calls, "aAcAcAcAcEaE");
}

static void a_wait_may_end_refused(void **unused)
{
    state[0].work = TARGET_WAITS;
    assert_int_equal(ask(TARGET_STEP_WORK), TARGET_WAITS);
    admission.status = 503;
    assert_int_equal(ask(TARGET_STEP_WORK), TARGET_REFUSED);
    end();
    assert_string_equal(calls, "aWaE");
}

static void a_wait_may_end_answered_and_the_body_is_released(void **unused)
{
    struct target_body *body = target_body_new(200, strdup("{}"));

    state[0].admit = TARGET_WAITS;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_WAITS);
    admission.result = target_body_hold(body);
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_ANSWERED);
    end();
    assert_string_equal(calls, "aAaE");
    assert_null(admission.result);
    assert_int_equal(body->holders, 1);
    target_body_release(body);
}

static void only_who_can_let_it_go_does(void **unused)
{
    state[0].admit = TARGET_WAITS;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_WAITS);
    assert_true(target_running_leave(&running, &admission));
    state[2].admit = TARGET_WAITS;
    assert_int_equal(ask(TARGET_STEP_ADMIT), TARGET_WAITS);
    assert_false(target_running_leave(&running, &admission));
    assert_string_equal(calls, "aAaLcA");
}

static void resuming_is_mail_for_the_loop(void **unused)
{
    struct target_mailbox box;

    assert_true(target_mailbox_init(&box));
    admission.mailbox = &box;
    target_resume(&admission);
    assert_ptr_equal(target_mailbox_take(&box), &admission.resumed);
    target_mailbox_deinit(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_are_asked_in_order_and_told_in_reverse_once, begin),
        cmocka_unit_test_setup(without_work_only_those_that_want_it_are_asked, begin),
        cmocka_unit_test_setup(a_refusal_ends_the_asking_and_who_refused_is_not_told, begin),
        cmocka_unit_test_setup(without_memory_only_those_before_are_told, begin),
        cmocka_unit_test_setup(after_a_wait_the_next_is_asked, begin),
        cmocka_unit_test_setup(who_says_later_is_asked_again, begin),
        cmocka_unit_test_setup(a_wait_may_end_refused, begin),
        cmocka_unit_test_setup(a_wait_may_end_answered_and_the_body_is_released, begin),
        cmocka_unit_test_setup(only_who_can_let_it_go_does, begin),
        cmocka_unit_test_setup(resuming_is_mail_for_the_loop, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
