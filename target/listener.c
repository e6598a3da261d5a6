/* listener: see the header. */
#include "listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 16
#define PAUSE_NS       UINT64_C(10000000)

static uint64_t room(const struct target_listener *listener)
{
    uint64_t open =
        MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;

    return open < listener->connections_max ? listener->connections_max - open : 0;
}

int target_listener_awaited_fd(const struct target_listener *listener, uint64_t now_ns)
{
    bool is_open = listener->fd >= 0 && now_ns >= listener->again_ns;

    return is_open && room(listener) > 0 ? listener->fd : -1;
}

uint64_t target_listener_due_ns(const struct target_listener *listener, uint64_t now_ns)
{
    return listener->fd >= 0 && now_ns < listener->again_ns ? listener->again_ns : UINT64_MAX;
}

/* False: there is nobody, or no means to take them in. */
static bool accept_one(struct target_listener *listener, uint64_t now_ns)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int fd =
        accept4(listener->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        return MHD_add_connection(listener->daemon, fd, (struct sockaddr *)&address, length) ==
               MHD_YES; /* else it closed it */
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        listener->again_ns = now_ns + PAUSE_NS;
    }
    return errno == ECONNABORTED || errno == EINTR;
}

size_t target_listener_accept(struct target_listener *listener, uint64_t now_ns)
{
    uint64_t most = room(listener);
    size_t accepted = 0;

    if (most > ACCEPTS_A_TURN) {
        most = ACCEPTS_A_TURN;
    }
    while (accepted < most && accept_one(listener, now_ns)) {
        accepted++;
    }
    return accepted;
}

void target_listener_close(struct target_listener *listener)
{
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    listener->fd = -1;
}
