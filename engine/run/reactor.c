/*
 * reactor: see the header. prepare runs just before the loop polls, check just after.
 *
 * The timerfd is never read: setting it anew clears it, and prepare sets it whenever the earliest
 * due time changed, which it has once the timer it woke for has run.
 */
#include "reactor.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "pelt/clock.h"

#define TIMERS_A_TURN 64 /* due timers run before sockets are looked at again */

static void on_timer_fd(struct ev_loop *loop, ev_io *io, int events)
{
    /* The wake-up is all: on_check runs what is due. */
}

static void on_idle(struct ev_loop *loop, ev_idle *idle, int events)
{
    /* Active only to keep the loop from blocking. */
}

static void arm(struct pelt_reactor *r, uint64_t at_ns)
{
    if (at_ns == r->armed_ns) {
        return;
    }
    struct itimerspec spec = {0};
    if (at_ns != PELT_NEVER) {
        spec.it_value.tv_sec = (time_t)(at_ns / PELT_NS_PER_S);
        spec.it_value.tv_nsec = (long)(at_ns % PELT_NS_PER_S);
    }
    timerfd_settime(r->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    r->armed_ns = at_ns;
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    struct pelt_reactor *r = prepare->data;
    uint64_t now_ns = pelt_clock_ns();
    uint64_t next_ns = pelt_timerq_next(&r->timers);
    if (r->on_turn != NULL && r->woke_ns != 0) {
        r->on_turn(r->arg, now_ns - r->woke_ns, now_ns);
    }
    if (next_ns <= now_ns + r->spin_ns) {
        ev_idle_start(loop, &r->idle);
    } else {
        ev_idle_stop(loop, &r->idle);
        arm(r, next_ns == PELT_NEVER ? PELT_NEVER : next_ns - r->spin_ns);
    }
    /* Timers that are due already mean work put off, not a wait. */
    r->polled_ns = ev_is_active(&r->idle) && next_ns > now_ns ? now_ns : 0;
}

static void on_check(struct ev_loop *loop, ev_check *check, int events)
{
    struct pelt_reactor *r = check->data;
    uint64_t now_ns = pelt_clock_ns();
    r->woke_ns = now_ns;
    if (r->on_wake != NULL) {
        r->on_wake(r->arg, pelt_timerq_next(&r->timers), now_ns);
    }
    if (r->polled_ns != 0) {
        r->spun_ns += now_ns - r->polled_ns;
    }
    pelt_timerq_run(&r->timers, now_ns, TIMERS_A_TURN);
}

enum pelt_status pelt_reactor_init(struct pelt_reactor *r, bool spin, struct pelt_error *err)
{
    *r = (struct pelt_reactor){.timer_fd = -1, .armed_ns = PELT_NEVER};
    r->spin_ns = spin ? PELT_SPIN_NS : 0;
    pelt_timerq_init(&r->timers);
    r->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (r->timer_fd < 0) {
        return pelt_fail(err, PELT_EIO, "timerfd: %s", strerror(errno));
    }
    r->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (r->loop == NULL) {
        return pelt_fail(err, PELT_EIO, "no event loop: epoll is not available (%s)",
                         strerror(errno));
    }
    ev_io_init(&r->timer_io, on_timer_fd, r->timer_fd, EV_READ);
    ev_prepare_init(&r->prepare, on_prepare);
    ev_check_init(&r->check, on_check);
    ev_idle_init(&r->idle, on_idle);
    r->prepare.data = r->check.data = r;
    ev_io_start(r->loop, &r->timer_io);
    ev_prepare_start(r->loop, &r->prepare);
    ev_check_start(r->loop, &r->check);
    return PELT_OK;
}

void pelt_reactor_deinit(struct pelt_reactor *r)
{
    if (r->loop != NULL) {
        ev_loop_destroy(r->loop);
        r->loop = NULL;
    }
    if (r->timer_fd >= 0) {
        close(r->timer_fd);
        r->timer_fd = -1;
    }
    pelt_timerq_deinit(&r->timers);
}

/* No prepare follows the turn that stopped the loop. It is told with the time at which it began:
 * there the second is that it belongs to. */
void pelt_reactor_run(struct pelt_reactor *r)
{
    ev_run(r->loop, 0);
    if (r->on_turn != NULL && r->woke_ns != 0) {
        r->on_turn(r->arg, pelt_clock_ns() - r->woke_ns, r->woke_ns);
    }
    r->woke_ns = 0;
}

void pelt_reactor_stop(struct pelt_reactor *r)
{
    ev_break(r->loop, EVBREAK_ALL);
}
