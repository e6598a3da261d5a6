/*
 * poller: what is told, how often, and what forgetting does, with socket pairs.
 */
#include "test.h"

#include <ev.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pelt/poller.h"

#define PAIRS 3

struct end {
    struct fixture *f;
    int fd, peer;
    int told;
    unsigned ready;    /* of the last time */
    unsigned foreseen; /* places, a digit each */
    struct end *forgets;
};

struct fixture {
    struct ev_loop *loop;
    struct pelt_poller poller;
    struct end ends[PAIRS];
    int begun, ended;
    bool in_batch;
};

static void on_ready(void *who, unsigned ready)
{
    struct end *e = who;
    assert_true(e->f->in_batch);
    e->told++;
    e->ready = ready;
    if (e->forgets != NULL) {
        pelt_poller_forget(&e->f->poller, e->forgets);
    }
}

static void on_begin(void *arg)
{
    struct fixture *f = arg;
    f->begun++;
    f->in_batch = true;
}

static void on_end(void *arg)
{
    struct fixture *f = arg;
    f->ended++;
    f->in_batch = false;
}

static void on_foresee(void *who, unsigned places)
{
    struct end *e = who;
    assert_in_range(places, 1, PELT_POLLER_AHEAD);
    e->foreseen = 10 * e->foreseen + places;
}

static const struct pelt_poller_ops OPS = {
    .ready = on_ready, .foresee = on_foresee, .begin = on_begin, .end = on_end};

static void turn(struct fixture *f)
{
    ev_run(f->loop, EVRUN_NOWAIT);
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    f->loop = ev_loop_new(EVFLAG_AUTO);
    assert_int_equal(pelt_poller_init(&f->poller, f->loop, &OPS, f), PELT_OK);
    for (struct end *e = f->ends; e < f->ends + PAIRS; e++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        *e = (struct end){.f = f, .fd = fds[0], .peer = fds[1]};
        assert_int_equal(pelt_poller_add(&f->poller, e->fd, e), 0);
    }
    turn(f); /* all can be sent to: told once */
    for (struct end *e = f->ends; e < f->ends + PAIRS; e++) {
        assert_int_equal(e->told, 1);
        assert_int_equal(e->ready, PELT_READY_WRITE);
        e->told = 0;
    }
    f->begun = f->ended = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (struct end *e = f->ends; e < f->ends + PAIRS; e++) {
        close(e->fd);
        close(e->peer);
    }
    pelt_poller_deinit(&f->poller);
    ev_loop_destroy(f->loop);
    test_free(f);
    return 0;
}

static void speak(struct end *e)
{
    assert_int_equal(write(e->peer, "x", 1), 1);
}

static void who_comes_in_a_batch_is_foreseen_nearer_and_nearer(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < PAIRS; i++) {
        f->ends[i].foreseen = 0;
        speak(&f->ends[i]);
    }
    turn(f);
    assert_int_equal(f->ends[0].foreseen, 0);
    assert_int_equal(f->ends[1].foreseen, 1);
    assert_int_equal(f->ends[2].foreseen, 21);
}

static void news_is_told_once(void **state)
{
    struct fixture *f = *state;
    speak(&f->ends[0]);
    turn(f);
    turn(f);
    assert_int_equal(f->ends[0].told, 1);
    assert_true(f->ends[0].ready & PELT_READY_READ);
    assert_false(f->ends[0].ready & PELT_READY_END);
    assert_int_equal(f->ends[1].told, 0);
    speak(&f->ends[0]); /* nothing was read, but this is new */
    turn(f);
    assert_int_equal(f->ends[0].told, 2);
}

static void who_asks_is_told_again(void **state)
{
    struct fixture *f = *state;
    struct end *e = &f->ends[0];
    speak(e);
    turn(f);
    pelt_poller_again(&f->poller, e->fd, e);
    turn(f);
    assert_int_equal(e->told, 2);
    assert_true(e->ready & PELT_READY_READ);
}

static void end_of_the_peer_is_told_with_its_last_bytes(void **state)
{
    struct fixture *f = *state;
    speak(&f->ends[1]);
    shutdown(f->ends[1].peer, SHUT_WR);
    turn(f);
    assert_int_equal(f->ends[1].told, 1);
    assert_true(f->ends[1].ready & PELT_READY_READ);
    assert_true(f->ends[1].ready & PELT_READY_END);
}

static void batch_has_a_begin_and_an_end(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < PAIRS; i++) {
        speak(&f->ends[i]);
    }
    turn(f);
    assert_int_equal(f->begun, 1);
    assert_int_equal(f->ended, 1);
    turn(f);
    assert_int_equal(f->begun, 1);
}

static void forgotten_socket_is_not_told_in_the_running_batch(void **state)
{
    struct fixture *f = *state;
    f->ends[0].forgets = &f->ends[2];
    f->ends[2].forgets = &f->ends[0]; /* whichever comes first */
    for (int i = 0; i < PAIRS; i++) {
        speak(&f->ends[i]);
    }
    turn(f);
    assert_int_equal(f->ends[0].told + f->ends[2].told, 1);
    assert_int_equal(f->ends[1].told, 1);
}

static void closed_descriptor_cannot_be_added(void **state)
{
    struct fixture *f = *state;
    int fd = dup(f->ends[0].fd);
    close(fd);
    assert_int_not_equal(pelt_poller_add(&f->poller, fd, f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_comes_in_a_batch_is_foreseen_nearer_and_nearer),
        TEST(news_is_told_once),
        TEST(who_asks_is_told_again),
        TEST(end_of_the_peer_is_told_with_its_last_bytes),
        TEST(batch_has_a_begin_and_an_end),
        TEST(forgotten_socket_is_not_told_in_the_running_batch),
        TEST(closed_descriptor_cannot_be_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
