/*
 * child: see the header. Between fork and exec only what a signal handler might call: this is one
 * thread of several.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF      "/proc/self/exe"
#define ARGS_MAX  64
#define SAID_MAX  256
#define PATH_ROOM 4096

struct target_child {
    pid_t pid;   /* 0: it is over */
    int said_fd; /* -1: closed */
    char said[SAID_MAX];
    size_t said_bytes;
    unsigned port;
};

/* ---- its begin ---- */

static char executable[PATH_ROOM]; /* written before the fork only */

/* Cuts `options`, which is written to, into words behind the fixed ones. False: too many. */
static bool split(char *options, char *args[ARGS_MAX])
{
    static char name[] = "pelt-target", listen[] = "--listen=127.0.0.1:0";
    size_t count = 0;
    char *rest = options;

    args[count++] = name;
    args[count++] = listen;
    while ((rest += strspn(rest, " ")), *rest) {
        if (count == ARGS_MAX - 1) {
            return false;
        }
        args[count++] = rest;
        rest += strcspn(rest, " ");
        if (*rest) {
            *rest++ = '\0';
        }
    }
    args[count] = NULL;
    return true;
}

static void become(char *args[ARGS_MAX], int out, pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent && dup2(out, STDOUT_FILENO) >= 0) {
        execv(executable, args);
    }
    _exit(127);
}

static bool launch(struct target_child *child, char *args[ARGS_MAX], struct target_error *err)
{
    pid_t parent = getpid();
    ssize_t length = readlink(SELF, executable, sizeof executable - 1);
    int ends[2];

    if (length < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        return target_fail(err, "cannot start a back end: %s", strerror(errno));
    }
    executable[length] = '\0';
    child->pid = fork();
    if (child->pid == 0) {
        become(args, ends[1], parent);
    }
    close(ends[1]);
    child->said_fd = ends[0];
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (child->pid < 0) {
        child->pid = 0;
        return target_fail(err, "cannot start a back end: %s", strerror(errno));
    }
    return true;
}

struct target_child *target_child_start(const char *options, struct target_error *err)
{
    struct target_child *child = calloc(1, sizeof *child);
    char *words = strdup(options), *args[ARGS_MAX];
    bool is_started = false;

    if (child && words) {
        child->said_fd = -1;
        is_started = split(words, args) ? launch(child, args, err)
                                        : target_fail(err, "more than %d options", ARGS_MAX - 3);
    } else {
        target_fail(err, "no memory for a back end");
    }
    free(words);
    if (!is_started && child) {
        target_child_end(child, true);
        child = NULL;
    }
    return child;
}

/* ---- what it says ---- */

int target_child_fd(const struct target_child *child)
{
    return child->said_fd;
}

static void close_said(struct target_child *child)
{
    if (child->said_fd >= 0) {
        close(child->said_fd);
    }
    child->said_fd = -1;
}

/* Of "pelt-target listening on http://127.0.0.1:PORT". */
static unsigned port_in(const char *line)
{
    const char *colon = strrchr(line, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;

    return port > 0 && port < 65536 ? (unsigned)port : 0;
}

unsigned target_child_port(struct target_child *child)
{
    ssize_t n;

    if (child->said_fd < 0) {
        return child->port;
    }
    n = read(child->said_fd, child->said + child->said_bytes, SAID_MAX - 1 - child->said_bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    child->said_bytes += n > 0 ? (size_t)n : 0;
    child->said[child->said_bytes] = '\0';
    if (n <= 0 || memchr(child->said, '\n', child->said_bytes)) {
        child->port = n > 0 ? port_in(child->said) : 0;
        close_said(child);
    }
    return child->port;
}

/* ---- its end ---- */

bool target_child_is_over(struct target_child *child)
{
    if (child->pid > 0 && waitpid(child->pid, NULL, WNOHANG) == child->pid) {
        child->pid = 0;
    }
    return child->pid == 0;
}

void target_child_stop(struct target_child *child)
{
    if (child->pid > 0) {
        kill(child->pid, SIGTERM);
    }
}

bool target_child_end(struct target_child *child, bool at_once)
{
    if (at_once && child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        child->pid = 0;
    }
    if (!target_child_is_over(child)) {
        return false;
    }
    close_said(child);
    free(child);
    return true;
}
