/* server: see the header. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "dashboard.h"
#include "levels.h"
#include "loop.h"
#include "register.h"
#include "response_cache.h"
#include "trace.h"
#include "trim.h"

struct target_server {
    struct target_shared shared;
    struct target_service service; /* as it started */
    bool has_systems;              /* they were started */
    struct target_loop *loop[TARGET_THREADS_MAX];
    size_t loops; /* started */
    int listen_fd[TARGET_THREADS_MAX];
    size_t listeners; /* opened */
    size_t taken;     /* of these: given to a loop, the first ones */
    char port[NI_MAXSERV];
};

/* ---- the sockets ---- */

static int fail_closed(int fd)
{
    int why = errno;

    close(fd);
    errno = why;
    return -1;
}

/* Bound, not yet listening; -1 and errno if the address cannot be had. */
static int bind_socket(const struct addrinfo *address, int option)
{
    int one = 1;
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (setsockopt(fd, SOL_SOCKET, option, &one, sizeof one) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0) {
        return fail_closed(fd);
    }
    return fd;
}

/*
 * With SO_REUSEPORT alone, two services would share a port and its connections silently. A socket
 * without it cannot be bound while another service holds the port.
 */
static bool is_port_free(const struct addrinfo *address)
{
    int fd = bind_socket(address, SO_REUSEADDR);

    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

/* A listener a loop: the kernel spreads connections evenly. `address` gets the port once bound. */
static bool open_listeners(struct target_server *server, struct addrinfo *address)
{
    socklen_t length = address->ai_addrlen;

    while (server->listeners < server->service.threads) {
        int fd = bind_socket(address, SO_REUSEPORT);

        if (fd < 0) {
            return false;
        }
        server->listen_fd[server->listeners++] = fd;
        if (listen(fd, (int)server->service.backlog) < 0 ||
            getsockname(fd, address->ai_addr, &length) < 0) {
            return false;
        }
    }
    return true;
}

static bool listen_at(struct target_server *server, struct target_error *err)
{
    const struct target_address *asked = &server->service.listen;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *address;
    int code = getaddrinfo(asked->host, asked->port, &hints, &address);
    bool good;

    if (code != 0) {
        return target_fail(err, "--listen: cannot resolve \"%s\": %s; try 127.0.0.1", asked->host,
                           gai_strerror(code));
    }
    good = is_port_free(address) && open_listeners(server, address);
    if (!good) {
        target_fail(err, "--listen: cannot listen on %s port %s: %s; try port 0 for a free one",
                    asked->host, asked->port, strerror(errno));
    } else {
        getnameinfo(address->ai_addr, address->ai_addrlen, NULL, 0, server->port,
                    sizeof server->port, NI_NUMERICSERV);
    }
    freeaddrinfo(address);
    return good;
}

/* Each connection is a descriptor. A limit too low is said, not hidden. */
static void raise_file_limit(const struct target_service *service)
{
    rlim_t needed = (rlim_t)(service->connections * service->threads + TARGET_FILES_BESIDE);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed) {
        fprintf(stderr,
                "pelt-target: %" PRIu64 " connections in each of %" PRIu64
                " threads need %llu file descriptors, the hard limit is %llu; try ulimit -Hn or "
                "fewer --connections\n",
                service->connections, service->threads, (unsigned long long)needed,
                (unsigned long long)limit.rlim_max);
    }
}

/* ---- the files ---- */

/* -1 for none. */
static bool open_log(int *fd, const char *knob, const char *path, struct target_error *err)
{
    *fd = -1;
    if (path[0] == '\0') {
        return true;
    }
    *fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    return *fd >= 0 ||
           target_fail(err, "--%s: cannot write \"%.300s\": %s", knob, path, strerror(errno));
}

static bool open_logs(struct target_server *server, struct target_error *err)
{
    struct target_shared *shared = &server->shared;

    return open_log(&shared->log_fd, "log", server->service.log, err) &&
           open_log(&shared->json_log_fd, "json-log", server->service.json_log, err);
}

/* False: what was logged is not complete. */
static bool close_log(int fd, const char *knob, const char *path, int failed_errno,
                      struct target_error *err)
{
    if (fd >= 0 && close(fd) < 0) {
        failed_errno = errno;
    }
    return failed_errno == 0 || target_fail(err, "--%s: \"%.300s\" is not complete: %s", knob, path,
                                            strerror(failed_errno));
}

static bool write_line(const char *path, const char *line)
{
    FILE *file = fopen(path, "we");
    bool is_written;

    if (!file) {
        return false;
    }
    is_written = fprintf(file, "%s\n", line) > 0;
    return fclose(file) == 0 && is_written;
}

/* Renamed into place, so that whoever sees the file can read the port. */
static bool write_port_file(const char *path, const char *port, struct target_error *err)
{
    char temporary[4096];

    if (snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid()) >=
        (int)sizeof temporary) {
        return target_fail(err, "--port-file: the path is longer than %zu bytes", sizeof temporary);
    }
    if (!write_line(temporary, port) || rename(temporary, path) < 0) {
        target_fail(err, "--port-file: cannot write \"%.300s\": %s", path, strerror(errno));
        unlink(temporary);
        return false;
    }
    return true;
}

/* ---- start and stop ---- */

static const void *settings_of(const void *cls, size_t system)
{
    return target_settings_of(cls, system);
}

static bool start_systems(struct target_server *server)
{
    struct target_shared *shared = &server->shared;

    server->has_systems = true;
    if (!target_running_start(&shared->running, settings_of, shared->settings, shared->start_ns)) {
        return false;
    }
    shared->workers = shared->running.state[target_systems_index(&target_workers_system)];
    shared->account = shared->running.state[target_systems_index(&target_account_system)];
    shared->chat = shared->running.state[target_systems_index(&target_chat_system)];
    shared->sessions = shared->running.state[target_systems_index(&target_sessions_system)];
    target_response_cache_join(
        shared->running.state[target_systems_index(&target_response_cache_system)],
        shared->running.state[target_systems_index(&target_levels_system)]);
    shared->ws = shared->running.state[target_systems_index(&target_ws_system)];
    target_trim_attach(shared->running.state[target_systems_index(&target_trim_system)],
                       &shared->requests);
    shared->trace = shared->running.state[target_systems_index(&target_trace_system)];
    shared->dashboard = shared->running.state[target_systems_index(&target_dashboard_system)];
    return true;
}

static bool start_loops(struct target_server *server, struct target_error *err)
{
    struct target_shared *shared = &server->shared;
    size_t threads = (size_t)server->service.threads;

    shared->tally.set = calloc(threads, sizeof *shared->tally.set);
    if (!shared->tally.set) {
        return target_fail(err, "no memory for %zu threads", threads);
    }
    shared->tally.sets = threads;
    shared->start_ns = target_clock_now_ns();
    if (!start_systems(server)) {
        return target_fail(err, "no memory for the systems");
    }
    while (server->taken < threads) {
        size_t i = server->taken++;

        server->loop[i] = target_loop_start(shared, i, server->listen_fd[i], err);
        if (!server->loop[i]) {
            return false;
        }
        server->loops++;
    }
    return true;
}

static bool open_ended(struct target_server *server, struct target_error *err)
{
    server->shared.ended_fd = eventfd(0, EFD_CLOEXEC);
    return server->shared.ended_fd >= 0 ||
           target_fail(err, "cannot make an eventfd: %s", strerror(errno));
}

static bool announce(const struct target_server *server, struct target_error *err)
{
    const char *host = server->service.listen.host;
    bool is_v6 = strchr(host, ':') != NULL;

    if (server->service.port_file[0] &&
        !write_port_file(server->service.port_file, server->port, err)) {
        return false;
    }
    printf("pelt-target listening on http://%s%s%s:%s\n", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
           server->port);
    fflush(stdout);
    return target_register_begin(
               server->shared.running.state[target_systems_index(&target_register_system)], host,
               server->port) ||
           target_fail(err, "no memory to register");
}

/* What was left to the service becomes numbers; then the server's own copy is taken. */
static bool settle(struct target_server *server, struct target_error *err)
{
    struct target_settings *settings = server->shared.settings;
    struct target_change change;

    if (!target_change_begin(&change, settings, NULL, err)) {
        return false;
    }
    target_service_settle(target_change_values(&change, &target_service_system));
    if (!target_change_commit(&change, NULL, err)) {
        return false;
    }
    memcpy(&server->service,
           target_settings_of(settings, target_systems_index(&target_service_system)),
           sizeof server->service);
    return true;
}

struct target_server *target_server_start(struct target_settings *settings,
                                          struct target_error *err)
{
    struct target_server *server = calloc(1, sizeof *server);
    struct target_error ignored;

    if (!server) {
        target_fail(err, "no memory");
        return NULL;
    }
    server->shared = (struct target_shared){
        .settings = settings, .log_fd = -1, .json_log_fd = -1, .ended_fd = -1};
    if (!settle(server, err)) {
        free(server);
        return NULL;
    }
    target_request_store_init(&server->shared.requests);
    target_settings_tell_idle(settings, stderr);
    raise_file_limit(&server->service);
    if (!open_logs(server, err) || !open_ended(server, err) || !listen_at(server, err) ||
        !start_loops(server, err) || !announce(server, err)) {
        (void)!target_server_stop(server, -1, &ignored);
        return NULL;
    }
    return server;
}

/* All that could log has ended but for the systems. */
static void stop_systems(struct target_server *server)
{
    struct target_scene scene = {
        .now_ns = target_clock_now_ns(),
        .journal = server->loops > 0 ? target_loop_journal(server->loop[0]) : NULL,
    };

    if (server->has_systems) {
        target_running_stop(&server->shared.running, &scene);
    }
}

/* Until all loops ended, or `hurry_fd` can be read. */
static void await_end(const struct target_server *server, int hurry_fd)
{
    struct pollfd fds[] = {{.fd = server->shared.ended_fd, .events = POLLIN},
                           {.fd = hurry_fd, .events = POLLIN}};
    uint64_t ended = 0, more;

    while (ended < server->loops) {
        if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0) {
            continue; /* a signal that is none of ours */
        }
        if (fds[1].revents) {
            return;
        }
        ended += read(server->shared.ended_fd, &more, sizeof more) == sizeof more ? more : 0;
    }
}

static void drain_loops(struct target_server *server, int hurry_fd)
{
    struct target_register *reg =
        server->shared.running.state[target_systems_index(&target_register_system)];

    if (reg) {
        target_register_leave(reg);
    }
    atomic_store(&server->shared.busy, server->loops);
    for (size_t i = 0; i < server->loops; i++) {
        target_loop_drain(server->loop[i]);
    }
    await_end(server, hurry_fd);
    for (size_t i = 0; i < server->loops; i++) {
        target_loop_hurry(server->loop[i]); /* in vain if it ended */
    }
}

static void stop_loops(struct target_server *server, int *log_errno, int *json_log_errno)
{
    for (size_t i = 0; i < server->loops; i++) {
        target_loop_join(server->loop[i]);
    }
    stop_systems(server);
    for (size_t i = 0; i < server->loops; i++) {
        target_loop_free(server->loop[i], log_errno, json_log_errno);
    }
    for (size_t i = server->taken; i < server->listeners; i++) {
        close(server->listen_fd[i]);
    }
}

bool target_server_stop(struct target_server *server, int hurry_fd, struct target_error *err)
{
    int log_errno = 0, json_log_errno = 0;
    bool is_complete;

    drain_loops(server, hurry_fd);
    stop_loops(server, &log_errno, &json_log_errno);
    is_complete = close_log(server->shared.log_fd, "log", server->service.log, log_errno, err) &&
                  close_log(server->shared.json_log_fd, "json-log", server->service.json_log,
                            json_log_errno, err);
    if (server->shared.ended_fd >= 0) {
        close(server->shared.ended_fd);
    }
    target_request_store_deinit(&server->shared.requests);
    free(server->shared.tally.set);
    free(server);
    return is_complete;
}
