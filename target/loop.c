/*
 * loop: see the header. Each turn does what other threads asked, releases what is due, lets the
 * library and the WebSockets run, and waits.
 */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "course.h"
#include "dashboard.h"
#include "events.h"
#include "follow.h"
#include "hold.h"
#include "loop_internal.h"
#include "truthlog.h"
#include "websockets.h"

/*
 * libmicrohttpd's 32 KB a connection are too much for 10,000 of them; heads of up to about 6 KB
 * and their answers fit into this, larger ones are answered 431 by the library.
 */
#define CONNECTION_BYTES 8192

#define LONG_SLEEP_NS UINT64_C(2000000)

#define PARTING_NS   UINT64_C(100000000) /* to say so, when the time to drain is over */
#define ACCEPT_TURNS 1000                /* of the library, for who stands in line at the end */
#define UNWAITED_MAX 16                  /* turns until a busy loop looks who stands in line */

/* ---- what time brings ---- */

static void log_stalls(struct target_loop *loop, uint64_t now)
{
    const struct target_calendar *stalls = &loop->service.stalls;
    uint64_t start_ns = loop->shared->start_ns;
    uint64_t begin_ns, end_ns;

    for (size_t i = 0; loop->is_first && i < stalls->rules; i++) {
        target_stall_window(&stalls->rule[i], loop->stall_next[i], &begin_ns, &end_ns);
        while (start_ns + end_ns <= now) {
            target_truthlog_stall(&loop->journal.truth, start_ns + begin_ns, start_ns + end_ns);
            target_stall_window(&stalls->rule[i], ++loop->stall_next[i], &begin_ns, &end_ns);
        }
    }
}

static void act_on_settings(struct target_loop *loop)
{
    if (loop->has_new_settings) {
        loop->has_new_settings = false;
        loop->tick_ns = 0;
    }
}

static void tick_systems(struct target_loop *loop, uint64_t now)
{
    struct target_scene scene = {.now_ns = now, .journal = &loop->journal};

    if (loop->is_first && now >= loop->tick_ns) {
        uint64_t look_ns = target_dashboard_turn(loop->shared->dashboard, &loop->answers.from, now);
        uint64_t tick_ns = target_running_tick(&loop->shared->running, &scene);

        loop->tick_ns = look_ns < tick_ns ? look_ns : tick_ns;
    }
}

/* What other threads asked of this loop. */
static void obey(struct target_loop *loop, uint64_t now)
{
    target_follow_settings(loop);
    target_hold_take_mail(loop);
    target_follow_plan(loop);
    if (!loop->drain_due_ns && atomic_load_explicit(&loop->is_to_drain, memory_order_acquire)) {
        target_follow_settings(loop);
        loop->drain_due_ns = now + loop->service.drain_ns;
    }
    if (loop->drain_due_ns && atomic_load_explicit(&loop->is_to_hurry, memory_order_acquire)) {
        loop->drain_due_ns = now;
    }
}

/* ---- waiting ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the loop must run even if no byte arrives. */
static uint64_t next_wake_ns(const struct target_loop *loop, uint64_t websockets_ns)
{
    const struct target_held *first = target_dueheap_peek(&loop->held);
    uint64_t held_ns = earlier(first ? first->due_ns : UINT64_MAX, websockets_ns);
    uint64_t wake_ns = earlier(target_journal_due_ns(&loop->journal), held_ns);
    MHD_UNSIGNED_LONG_LONG pending_ms;

    if (loop->has_upgraded ||
        (MHD_get_timeout(loop->daemon, &pending_ms) == MHD_YES && pending_ms == 0)) {
        return 0; /* the daemon stopped in the middle of ready connections */
    }
    if (loop->is_first) {
        wake_ns = earlier(wake_ns, loop->tick_ns);
    }
    if (loop->drain_due_ns && !loop->is_giving_up) {
        wake_ns = earlier(wake_ns, loop->drain_due_ns);
    }
    return wake_ns;
}

/*
 * How long to sleep towards `wake_ns`. An idle virtual machine wakes the later the longer it slept
 * (measured: 30 us after 1 ms, 300 us after 125 ms), so a long sleep ends a little early and a
 * short one follows.
 */
static struct timespec sleep_towards(uint64_t wake_ns)
{
    uint64_t now = target_clock_now_ns();
    uint64_t left_ns = wake_ns > now ? wake_ns - now : 0;

    if (left_ns > LONG_SLEEP_NS) {
        left_ns -= left_ns / 32;
    }
    return (struct timespec){.tv_sec = (time_t)(left_ns / 1000000000),
                             .tv_nsec = (long)(left_ns % 1000000000)};
}

static void wait_for_work(struct target_loop *loop, uint64_t latest_ns)
{
    uint64_t now = target_clock_now_ns(), free_ns = target_websockets_free_ns(loop, now);
    bool are_held = free_ns > now, are_there = loop->websockets.count > 0;
    uint64_t websockets_ns = are_held ? free_ns : target_wsset_due_ns(&loop->websockets);
    uint64_t accept_ns = target_listener_due_ns(&loop->listener, now);
    uint64_t wake_ns = earlier(next_wake_ns(loop, websockets_ns), earlier(accept_ns, latest_ns));
    struct timespec left = {0};
    struct pollfd fds[] = {
        {.fd = loop->http_fd, .events = POLLIN},
        {.fd = loop->mailbox.wake_fd, .events = POLLIN},
        {.fd = are_there && !are_held ? loop->websockets.epoll_fd : -1, .events = POLLIN},
        {.fd = target_listener_awaited_fd(&loop->listener, now), .events = POLLIN}};

    if (wake_ns == 0 && ++loop->unwaited < UNWAITED_MAX) {
        return;
    }
    loop->unwaited = 0;
    if (wake_ns != UINT64_MAX) {
        left = sleep_towards(wake_ns);
    }
    ppoll(fds, sizeof fds / sizeof fds[0], wake_ns == UINT64_MAX ? NULL : &left, NULL);
    if (fds[1].revents) {
        target_mailbox_hear(&loop->mailbox);
    }
    if (fds[3].revents) {
        target_listener_accept(&loop->listener, target_clock_now_ns());
    }
}

static bool is_readable(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN};

    return poll(&asked, 1, 0) > 0;
}

/* ---- draining ---- */

/* Who has connected by now is still served: closing the socket would reset whom nobody accepted. */
static void stop_accepting(struct target_loop *loop)
{
    struct target_listener *listener = &loop->listener;

    for (int i = 0; i < ACCEPT_TURNS && is_readable(listener->fd) &&
                    target_listener_accept(listener, target_clock_now_ns()) > 0;
         i++) {
        MHD_run(loop->daemon);
    }
    target_listener_close(listener);
    target_answers_close(&loop->answers);
}

/* Streams and WebSockets get a moment to say that the service ends. */
static void part(struct target_loop *loop)
{
    uint64_t end_ns = target_clock_now_ns() + PARTING_NS;

    target_wsset_hurry(&loop->websockets);
    while (loop->streams + loop->websockets.count > 0 && target_clock_now_ns() < end_ns) {
        loop->has_upgraded = false;
        MHD_run(loop->daemon);
        target_wsset_run(&loop->websockets);
        target_journal_tick(&loop->journal, target_clock_now_ns());
        wait_for_work(loop, end_ns);
    }
}

/*
 * The library must have no suspended connection when it stops, and nobody may resume a request that
 * is no more: for those that cannot leave at once, the loop waits.
 */
static void give_up(struct target_loop *loop)
{
    loop->is_giving_up = true;
    target_hold_leave(loop);
    while (loop->held.count > 0 || loop->waiting.count > 0) {
        target_hold_take_mail(loop);
        target_hold_release(loop, UINT64_MAX);
        MHD_run(loop->daemon);
        if (loop->held.count == 0 && loop->waiting.count > 0) {
            struct pollfd mail = {.fd = loop->mailbox.wake_fd, .events = POLLIN};

            poll(&mail, 1, -1);
            target_mailbox_hear(&loop->mailbox);
        }
    }
    part(loop);
}

/* Nothing is in flight, and nobody has sent what was not read yet. */
static bool is_done(const struct target_loop *loop)
{
    return loop->in_flight == 0 && loop->websockets.count == 0 && !is_readable(loop->http_fd);
}

static void count_done(struct target_loop *loop, bool is_done_now)
{
    atomic_size_t *busy = &loop->shared->busy;

    if (is_done_now == loop->is_done) {
        return;
    }
    loop->is_done = is_done_now;
    if (!is_done_now) {
        atomic_fetch_add_explicit(busy, 1, memory_order_relaxed);
    } else if (atomic_fetch_sub_explicit(busy, 1, memory_order_relaxed) == 1) {
        target_follow_wake_others(loop);
    }
}

/* Its own part is done, and all others' have been. */
static bool are_all_done(struct target_loop *loop)
{
    count_done(loop, is_done(loop));
    return loop->is_done && atomic_load_explicit(&loop->shared->busy, memory_order_relaxed) == 0;
}

static bool is_to_end(struct target_loop *loop, uint64_t now)
{
    return loop->drain_due_ns && (now >= loop->drain_due_ns || are_all_done(loop));
}

/* ---- the thread ---- */

static void tell_end(struct target_loop *loop)
{
    uint64_t one = 1;

    while (write(loop->shared->ended_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void *run(void *cls)
{
    struct target_loop *loop = cls;
    bool is_accepting = true;

    prctl(PR_SET_TIMERSLACK, 1); /* the default lets each wake-up be 50 us late */
    for (;;) {
        uint64_t now = target_clock_now_ns();

        obey(loop, now);
        log_stalls(loop, now);
        act_on_settings(loop);
        tick_systems(loop, now);
        target_hold_release(loop, now);
        loop->has_upgraded = false;
        MHD_run(loop->daemon);
        target_websockets_run(loop, now);
        target_journal_tick(&loop->journal, now);
        if (loop->drain_due_ns && is_accepting) {
            stop_accepting(loop);
            is_accepting = false;
        }
        if (is_to_end(loop, now)) {
            break;
        }
        wait_for_work(loop, UINT64_MAX);
    }
    count_done(loop, true);
    give_up(loop);
    tell_end(loop);
    return NULL;
}

/* ---- start and end ---- */

static struct MHD_Daemon *start_daemon(struct target_loop *loop)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_ALLOW_UPGRADE | MHD_USE_TURBO,
                            0, NULL, NULL, target_course_on_request, loop,
                            MHD_OPTION_URI_LOG_CALLBACK, target_course_on_target, loop,
                            MHD_OPTION_NOTIFY_COMPLETED, target_course_on_completed, loop,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)loop->service.connections,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static void free_loop(struct target_loop *loop)
{
    target_wsset_deinit(&loop->websockets);
    if (loop->daemon) {
        MHD_stop_daemon(loop->daemon);
    }
    target_listener_close(&loop->listener);
    target_mailbox_deinit(&loop->mailbox);
    target_journal_deinit(&loop->journal);
    target_answers_deinit(&loop->answers);
    target_dueheap_deinit(&loop->held);
    free(loop);
}

static bool open_loop(struct target_loop *loop, struct target_error *err)
{
    const struct target_shared *shared = loop->shared;
    bool is_mailbox_open =
        target_mailbox_init(&loop->mailbox); /* free_loop closes it in any case */

    loop->answers = (struct target_answers){.from = {.service = &loop->service,
                                                     .tally = &shared->tally,
                                                     .settings = loop->shared->settings,
                                                     .running = &loop->shared->running,
                                                     .journal = &loop->journal,
                                                     .pace = &loop->pace,
                                                     .sessions = shared->sessions,
                                                     .ws = shared->ws}};
    if (!target_answers_build(&loop->answers) ||
        !target_journal_init(&loop->journal, shared->log_fd, shared->json_log_fd)) {
        return target_fail(err, "no memory for answers of %llu bytes; try a smaller --body-size",
                           (unsigned long long)loop->service.body_bytes);
    }
    loop->journal.events = shared->running.state[target_systems_index(&target_events_system)];
    if (!target_websockets_open(loop)) {
        return target_fail(err, "cannot make an epoll set: %s", strerror(errno));
    }
    if (!is_mailbox_open) {
        return target_fail(err, "cannot make an eventfd: %s", strerror(errno));
    }
    loop->daemon = start_daemon(loop);
    if (!loop->daemon) {
        return target_fail(err, "libmicrohttpd cannot start: %s", strerror(errno));
    }
    loop->listener.daemon = loop->daemon;
    loop->listener.connections_max = loop->service.connections;
    loop->http_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return true;
}

struct target_loop *target_loop_start(struct target_shared *shared, size_t index, int listen_fd,
                                      struct target_error *err)
{
    struct target_loop *loop = calloc(1, sizeof *loop);

    if (!loop) {
        close(listen_fd);
        target_fail(err, "no memory for a loop");
        return NULL;
    }
    loop->shared = shared;
    loop->counters = &shared->tally.set[index];
    loop->listener.fd = listen_fd;
    loop->websockets.epoll_fd = -1;
    loop->settings_version = loop->pace_version = UINT64_MAX;
    target_follow_settings(loop);
    loop->has_new_settings = false;
    loop->plan = target_workers_plan(shared->workers);
    loop->is_first = index == 0;
    for (size_t i = 0; i < TARGET_STALL_RULES; i++) {
        loop->stall_next[i] = 1;
    }
    if (!open_loop(loop, err)) {
        free_loop(loop);
        return NULL;
    }
    if (index == 0) {
        target_truthlog_start(&loop->journal.truth, shared->start_ns);
    }
    atomic_store_explicit(&shared->loop[index], loop, memory_order_release);
    if (pthread_create(&loop->thread, NULL, run, loop) != 0) {
        target_fail(err, "cannot start a thread");
        atomic_store_explicit(&shared->loop[index], NULL, memory_order_relaxed);
        free_loop(loop);
        return NULL;
    }
    return loop;
}

void target_loop_drain(struct target_loop *loop)
{
    atomic_store_explicit(&loop->is_to_drain, true, memory_order_release);
    target_mailbox_wake(&loop->mailbox);
}

void target_loop_hurry(struct target_loop *loop)
{
    atomic_store_explicit(&loop->is_to_hurry, true, memory_order_release);
    target_mailbox_wake(&loop->mailbox);
}

void target_loop_join(struct target_loop *loop)
{
    pthread_join(loop->thread, NULL);
    MHD_stop_daemon(loop->daemon); /* completes, and so logs, what is left */
    loop->daemon = NULL;
    target_wsset_deinit(&loop->websockets); /* likewise */
}

struct target_journal *target_loop_journal(struct target_loop *loop)
{
    return &loop->journal;
}

void target_loop_free(struct target_loop *loop, int *log_errno, int *json_log_errno)
{
    target_journal_deinit(&loop->journal);
    *log_errno = loop->journal.truth.failed_errno ? loop->journal.truth.failed_errno : *log_errno;
    *json_log_errno =
        loop->journal.json.failed_errno ? loop->journal.json.failed_errno : *json_log_errno;
    free_loop(loop);
}
