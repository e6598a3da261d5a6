/*
 * aside: see the header. What both threads touch is on the heap, because a thread that was given up
 * may end later.
 */
#include "aside.h"

#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "pelt/run.h"
#include "signals.h"

static bool gave_up;

struct errand {
    struct pelt_aside aside;
    struct ev_loop *loop;
    struct pelt_signals signals;
    ev_async ended;
    ev_timer give_up;
    bool given_up;
    pthread_t thread;
};

static void *thread_main(void *arg)
{
    struct errand *e = arg;
    prctl(PR_SET_NAME, "pelt-aside");
    e->aside.work(e->aside.arg);
    ev_async_send(e->loop, &e->ended);
    return NULL;
}

static void on_ended(struct ev_loop *loop, ev_async *ended, int events)
{
    ev_break(loop, EVBREAK_ALL);
}

static void on_give_up(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct errand *e = timer->data;
    e->given_up = true;
    ev_break(loop, EVBREAK_ALL);
}

static void on_signal(void *arg, int signal)
{
    struct errand *e = arg;
    if (e->aside.on_signal(e->aside.arg, signal) && !ev_is_active(&e->give_up)) {
        ev_timer_start(e->loop, &e->give_up);
    }
}

static void errand_free(struct errand *e)
{
    if (e->loop != NULL) {
        ev_loop_destroy(e->loop);
    }
    free(e);
}

static struct errand *errand_new(const struct pelt_aside *aside)
{
    struct errand *e = calloc(1, sizeof(struct errand));
    if (e == NULL) {
        return NULL;
    }
    e->aside = *aside;
    e->loop = ev_loop_new(EVFLAG_AUTO);
    if (e->loop == NULL) {
        errand_free(e);
        return NULL;
    }
    ev_async_init(&e->ended, on_ended);
    ev_timer_init(&e->give_up, on_give_up, PELT_GIVE_UP_S, 0);
    e->give_up.data = e;
    ev_async_start(e->loop, &e->ended);
    return e;
}

static int start_thread(struct errand *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&e->thread, NULL, thread_main, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

enum pelt_status pelt_aside_run(const struct pelt_aside *aside, struct pelt_error *err)
{
    struct errand *e = errand_new(aside);
    if (e == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    int error = start_thread(e);
    if (error != 0) {
        errand_free(e);
        return pelt_fail(err, PELT_EIO, "cannot start a thread: %s", strerror(error));
    }
    pelt_signals_start(&e->signals, e->loop, on_signal, e);
    ev_run(e->loop, 0);
    pelt_signals_stop(&e->signals);
    if (e->given_up) {
        pelt_aside_give_up();
        pthread_detach(e->thread);
        return PELT_ESTOPPED; /* its thread may still tell its end to `e` */
    }
    pthread_join(e->thread, NULL);
    errand_free(e);
    return PELT_OK;
}

void pelt_aside_give_up(void)
{
    gave_up = true;
}

bool pelt_run_gave_up(void)
{
    return gave_up;
}
