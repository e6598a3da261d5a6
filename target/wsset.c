/*
 * wsset: see the header. The life of a member:
 *
 *   open -------------------> lingering -> freed
 *     \--> closing (told) ----^   the socket is half closed: what still comes is read and dropped,
 *                                 as a reset would take the close frame from the client again
 *
 * A second from being told, and a second of lingering: then it is freed.
 */
#include "wsset.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keytable.h"
#include "truthlog.h"

#define EVENTS_A_TURN 64
#define TIMERS_A_TURN 64
#define PATIENCE_NS   UINT64_C(1000000000) /* for the client to close */
#define GOING_AWAY    "the service ends"

struct target_wsmember {
    struct target_wsconn conn;
    struct target_rank_node timer; /* in the heap while `due_ns` is not UINT64_MAX */
    uint64_t due_ns;
    struct target_wsset *set;
    struct target_wsmember *before, *after;
    int fd;
    uint32_t events; /* that epoll looks for */
    bool is_lingering;
    uint64_t limit_ns; /* of being told, or of lingering; UINT64_MAX: none */
    char *early;       /* not yet read by wslay; NULL: nothing */
    size_t early_bytes, early_at;
    uint64_t begin_ns;
    const char *path;
};

static bool is_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return TARGET_OWNER(a, struct target_wsmember, timer)->due_ns <
           TARGET_OWNER(b, struct target_wsmember, timer)->due_ns;
}

/* ---- the socket ---- */

static ssize_t moved(ssize_t n)
{
    if (n > 0) {
        return n;
    }
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

static ssize_t receive(void *cls, uint8_t *bytes, size_t room)
{
    struct target_wsmember *member = cls;
    size_t left = member->early_bytes - member->early_at;
    size_t n = left < room ? left : room;

    if (left == 0) {
        return moved(recv(member->fd, bytes, room, 0));
    }
    memcpy(bytes, member->early + member->early_at, n);
    member->early_at += n;
    return (ssize_t)n;
}

static ssize_t send_bytes(void *cls, const uint8_t *bytes, size_t count, bool more_follows)
{
    struct target_wsmember *member = cls;

    return moved(send(member->fd, bytes, count, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0)));
}

/* True: the client has closed, or will not be heard any more. */
static bool drop_input(struct target_wsmember *member)
{
    char bytes[4096];

    for (int i = 0; i < 16; i++) {
        ssize_t n = moved(recv(member->fd, bytes, sizeof bytes, 0));

        if (n <= 0) {
            return n < 0;
        }
    }
    return false;
}

/* ---- one member ---- */

static void log_end(const struct target_wsmember *member)
{
    const struct target_wsconn *conn = &member->conn;
    struct target_truth_websocket truth = {
        .begin_ns = member->begin_ns,
        .end_ns = conn->env->clock(),
        .path = member->path,
        .code_sent = wslay_event_get_status_code_sent(conn->ctx),
        .code_received = wslay_event_get_status_code_received(conn->ctx),
        .messages_in = conn->count.messages_in,
        .messages_out = conn->count.messages_out,
        .bytes_in = conn->count.bytes_in,
        .bytes_out = conn->count.bytes_out,
        .tokens = conn->tokens,
    };

    target_truthlog_websocket(&conn->env->journal->truth, &truth);
}

/* To close it is not enough: until the handshake is over, the library has it open, too. */
static void forget_socket(struct target_wsmember *member)
{
    epoll_ctl(member->set->epoll_fd, EPOLL_CTL_DEL, member->fd, NULL);
}

static void end_member(struct target_wsmember *member)
{
    struct target_wsset *set = member->set;

    log_end(member);
    target_rankheap_remove(&set->timers, &member->timer);
    *(member->before ? &member->before->after : &set->first) = member->after;
    if (member->after) {
        member->after->before = member->before;
    }
    set->count--;
    forget_socket(member);
    close(member->fd);
    target_wsconn_deinit(&member->conn);
    free(member->early);
    target_ws_leave(set->env.ws);
    free(member);
}

static void set_due(struct target_wsmember *member, uint64_t due_ns)
{
    struct target_rankheap *timers = &member->set->timers;

    if (due_ns == member->due_ns) {
        return;
    }
    target_rankheap_remove(timers, &member->timer);
    member->due_ns = due_ns;
    if (due_ns != UINT64_MAX) {
        target_rankheap_add(timers, &member->timer); /* `add` made room for all */
    }
}

static void look_for(struct target_wsmember *member, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = member};

    if (events != member->events) {
        epoll_ctl(member->set->epoll_fd, EPOLL_CTL_MOD, member->fd, &event);
        member->events = events;
    }
}

static void linger(struct target_wsmember *member)
{
    member->is_lingering = true;
    member->limit_ns = member->conn.env->clock() + PATIENCE_NS;
    shutdown(member->fd, SHUT_WR);
    look_for(member, EPOLLIN);
    set_due(member, member->limit_ns);
}

/* After anything that happened to a member that is not lingering; it may be gone then. */
static void settle(struct target_wsmember *member)
{
    struct target_wsconn *conn = &member->conn;
    uint64_t due_ns;

    if (conn->is_gone) {
        end_member(member);
        return;
    }
    if (target_wsconn_is_over(conn)) {
        linger(member);
        return;
    }
    if (member->set->is_draining && !conn->is_answering && !target_wsconn_has_closed(conn)) {
        target_wsconn_close(conn, TARGET_WS_GOING_AWAY, GOING_AWAY);
        target_wsconn_send(conn);
    }
    if (member->limit_ns == UINT64_MAX && target_wsconn_has_closed(conn)) {
        member->limit_ns = conn->env->clock() + PATIENCE_NS;
    }
    due_ns = target_wsconn_due_ns(conn);
    set_due(member, due_ns < member->limit_ns ? due_ns : member->limit_ns);
    look_for(member, (target_wsconn_wants_read(conn) ? EPOLLIN : 0) |
                         (target_wsconn_wants_write(conn) ? EPOLLOUT : 0));
}

static void on_socket(struct target_wsmember *member, uint32_t events)
{
    if (member->is_lingering) {
        if (drop_input(member)) {
            end_member(member);
        }
        return;
    }
    if (!(events & (EPOLLIN | EPOLLOUT))) {
        member->conn.is_gone = true; /* reset, and nothing to read or to write that would show it */
    } else if (target_wsconn_wants_read(&member->conn)) {
        target_wsconn_receive(&member->conn);
    }
    target_wsconn_send(&member->conn);
    settle(member);
}

static void on_timer(struct target_wsmember *member, uint64_t now_ns)
{
    if (now_ns >= member->limit_ns) {
        end_member(member);
        return;
    }
    target_wsconn_say(&member->conn);
    settle(member);
}

/* ---- the set ---- */

bool target_wsset_init(struct target_wsset *set, const struct target_wsenv *env)
{
    *set = (struct target_wsset){.env = *env, .timers = {.is_before = is_before}};
    set->env.receive = receive;
    set->env.send = send_bytes;
    set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return set->epoll_fd >= 0;
}

void target_wsset_deinit(struct target_wsset *set)
{
    while (set->first) {
        end_member(set->first);
    }
    target_rankheap_deinit(&set->timers);
    if (set->epoll_fd >= 0) {
        close(set->epoll_fd);
    }
    set->epoll_fd = -1;
}

/* NULL: no memory or no descriptor. */
static struct target_wsmember *new_member(struct target_wsset *set,
                                          const struct target_upgraded *upgraded)
{
    struct target_wsmember *member = calloc(1, sizeof *member);
    int one = 1;

    if (!member) {
        return NULL;
    }
    member->fd = fcntl(upgraded->fd, F_DUPFD_CLOEXEC, 0);
    member->early = upgraded->early_bytes > 0 ? malloc(upgraded->early_bytes) : NULL;
    if (member->fd < 0 || (upgraded->early_bytes > 0 && !member->early) ||
        !target_rankheap_reserve(&set->timers, set->count + 1) ||
        !target_wsconn_init(&member->conn, &set->env, member, upgraded->is_chat,
                            upgraded->session)) {
        if (member->fd >= 0) {
            close(member->fd);
        }
        free(member->early);
        free(member);
        return NULL;
    }
    setsockopt(member->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (upgraded->early_bytes > 0) {
        memcpy(member->early, upgraded->early, upgraded->early_bytes);
    }
    member->early_bytes = upgraded->early_bytes;
    member->path = upgraded->path;
    return member;
}

static void link_member(struct target_wsset *set, struct target_wsmember *member)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};

    member->set = set;
    member->due_ns = member->limit_ns = UINT64_MAX;
    member->begin_ns = set->env.clock();
    member->after = set->first;
    if (set->first) {
        set->first->before = member;
    }
    set->first = member;
    set->count++;
    member->events = EPOLLIN;
    member->conn.is_gone = epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, member->fd, &event) < 0;
}

bool target_wsset_add(struct target_wsset *set, const struct target_upgraded *upgraded)
{
    struct target_wsmember *member = new_member(set, upgraded);

    if (!member) {
        target_ws_leave(set->env.ws);
        return false;
    }
    atomic_fetch_add_explicit(&set->env.ws->opened, 1, memory_order_relaxed);
    link_member(set, member);
    target_wsconn_push_from(&member->conn, upgraded->push_due_ns);
    if (upgraded->early_bytes > 0) {
        target_wsconn_receive(&member->conn);
    }
    settle(member);
    return true;
}

/* What is left until its next push becomes longer or shorter as the period does: clients stay as
 * evenly spread as they were. */
static void move_push(struct target_wsmember *member, uint64_t now_ns, double ratio)
{
    uint64_t due_ns = member->conn.push_due_ns;
    double left_ns = due_ns > now_ns ? (double)(due_ns - now_ns) : 0;

    if (due_ns != UINT64_MAX && !member->is_lingering) {
        target_wsconn_push_from(&member->conn, now_ns + (uint64_t)(left_ns * ratio));
        settle(member);
    }
}

static void follow_period(struct target_wsset *set)
{
    uint64_t push_ns = set->env.push_ns(set->env.loop), now_ns = set->env.clock();
    double ratio = set->push_ns > 0 ? (double)push_ns / (double)set->push_ns : 1;

    if (push_ns == set->push_ns) {
        return;
    }
    set->push_ns = push_ns;
    for (struct target_wsmember *member = set->first, *after; member && ratio != 1;
         member = after) {
        after = member->after;
        move_push(member, now_ns, ratio);
    }
}

static void run_timers(struct target_wsset *set)
{
    uint64_t now_ns = set->env.clock();

    for (int i = 0; i < TIMERS_A_TURN; i++) {
        struct target_rank_node *node = target_rankheap_first(&set->timers);

        if (!node || TARGET_OWNER(node, struct target_wsmember, timer)->due_ns > now_ns) {
            return;
        }
        on_timer(TARGET_OWNER(node, struct target_wsmember, timer), now_ns);
    }
}

void target_wsset_run(struct target_wsset *set)
{
    struct epoll_event event[EVENTS_A_TURN];
    int count;

    if (set->count == 0) {
        return;
    }
    follow_period(set);
    run_timers(set);
    count = epoll_wait(set->epoll_fd, event, EVENTS_A_TURN, 0);
    for (int i = 0; i < count;
         i++) { /* a member ends only by its own event: the others are there */
        on_socket(event[i].data.ptr, event[i].events);
    }
}

uint64_t target_wsset_due_ns(const struct target_wsset *set)
{
    struct target_rank_node *first = target_rankheap_first(&set->timers);

    return first ? TARGET_OWNER(first, struct target_wsmember, timer)->due_ns : UINT64_MAX;
}

/* Calls `act` for each member, which may end it. */
static void each(struct target_wsset *set, void (*act)(struct target_wsmember *member))
{
    for (struct target_wsmember *member = set->first, *after; member; member = after) {
        after = member->after;
        if (!member->is_lingering) {
            act(member);
        }
    }
}

static void drain_member(struct target_wsmember *member)
{
    if (target_wsconn_wants_read(&member->conn)) {
        target_wsconn_receive(&member->conn);
    }
    settle(member);
}

static void hurry_member(struct target_wsmember *member)
{
    target_wsconn_close(&member->conn, TARGET_WS_GOING_AWAY, GOING_AWAY);
    target_wsconn_send(&member->conn);
    settle(member);
}

void target_wsset_drain(struct target_wsset *set)
{
    set->is_draining = true;
    each(set, drain_member);
}

void target_wsset_hurry(struct target_wsset *set)
{
    each(set, hurry_member);
}
