/*
 * target_process: see the header.
 */
#include "target_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pelt/clock.h"

#define PROGRAM_SIZE     64 /* bytes of a program's name */
#define ARGUMENTS_MAX    32
#define START_TIMEOUT_NS (10 * PELT_NS_PER_S)
#define STOP_TIMEOUT_NS  (3 * PELT_NS_PER_S) /* it answers what is in flight for 2 s */
#define POLL_NS          (10 * PELT_NS_PER_MS)

static void pause_briefly(void)
{
    struct timespec t = {0, POLL_NS};
    nanosleep(&t, NULL);
}

/* The path of the program beside our own; without one there its bare name, which exec looks for in
 * PATH. */
static void find_program(const char *name, char *out, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", out, size - PROGRAM_SIZE);
    char *slash = NULL;
    if (len > 0) {
        out[len] = '\0';
        slash = strrchr(out, '/');
    }
    if (slash != NULL) {
        snprintf(slash + 1, PROGRAM_SIZE, "%s", name);
    }
    if (slash == NULL || access(out, X_OK) != 0) {
        snprintf(out, size, "%s", name);
    }
}

/* Runs in the child: only calls that are safe after fork. */
static void become_program(const char *program, char *const *argv, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(1); /* the parent died before the line above */
    }
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    execvp(program, argv);
    _exit(127);
}

static pid_t spawn(const char *program, const char *port_file, const char *const *arguments)
{
    const char *argv[ARGUMENTS_MAX] = {program, "--listen", "127.0.0.1:0", "--port-file",
                                       port_file};
    for (size_t i = 5; arguments[i - 5] != NULL && i + 1 < ARGUMENTS_MAX; i++) {
        argv[i] = arguments[i - 5];
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become_program(program, (char *const *)argv, parent);
    }
    return pid;
}

/* Reads the port once the whole line is there. */
static bool read_port(const char *path, unsigned *port)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    char end = 0;
    bool whole = fscanf(file, "%5u%c", port, &end) == 2 && end == '\n';
    fclose(file);
    return whole;
}

static enum pelt_status await_port(struct cli_target *t, const char *name, const char *program,
                                   const char *port_file, struct pelt_error *err)
{
    uint64_t until_ns = pelt_clock_ns() + START_TIMEOUT_NS;
    unsigned port;
    while (!read_port(port_file, &port)) {
        int how;
        if (waitpid(t->pid, &how, WNOHANG) == t->pid) {
            t->pid = 0;
            if (WIFEXITED(how) && WEXITSTATUS(how) == 127) {
                return pelt_fail(err, PELT_ENOTFOUND,
                                 "%s is neither beside pelt nor in PATH: build it (ninja %s) or "
                                 "install it",
                                 name, name);
            }
            return pelt_fail(err, PELT_EIO,
                             "%s ended before it listened; try it by hand: %s --listen 127.0.0.1:0",
                             program, program);
        }
        if (pelt_clock_ns() > until_ns) {
            return pelt_fail(
                err, PELT_EIO,
                "%s did not listen within 10 s; try it by hand: %s --listen 127.0.0.1:0", program,
                program);
        }
        pause_briefly();
    }
    snprintf(t->url, sizeof t->url, "http://127.0.0.1:%u", port);
    return PELT_OK;
}

enum pelt_status cli_target_start(struct cli_target *t, const char *name,
                                  const char *const *arguments, struct pelt_error *err)
{
    char program[4096], folder[1024], port_file[1100];
    const char *temp = getenv("TMPDIR");
    *t = (struct cli_target){0};
    snprintf(folder, sizeof folder, "%s/pelt-demo-XXXXXX",
             temp != NULL && *temp != '\0' ? temp : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return pelt_fail(err, PELT_EIO, "cannot make the folder %s: %s; another place: TMPDIR",
                         folder, strerror(errno));
    }
    snprintf(port_file, sizeof port_file, "%s/port", folder);
    find_program(name, program, sizeof program);
    t->pid = spawn(program, port_file, arguments);
    enum pelt_status status;
    if (t->pid < 0) {
        t->pid = 0;
        status = pelt_fail(err, PELT_EIO, "cannot start %s: %s", program, strerror(errno));
    } else {
        status = await_port(t, name, program, port_file, err);
    }
    unlink(port_file);
    rmdir(folder);
    if (status != PELT_OK) {
        cli_target_stop(t);
    }
    return status;
}

void cli_target_stop(struct cli_target *t)
{
    if (t->pid == 0) {
        return;
    }
    uint64_t until_ns = pelt_clock_ns() + STOP_TIMEOUT_NS;
    kill(t->pid, SIGTERM);
    while (waitpid(t->pid, NULL, WNOHANG) == 0) {
        if (pelt_clock_ns() > until_ns) {
            kill(t->pid, SIGKILL);
            waitpid(t->pid, NULL, 0);
            break;
        }
        pause_briefly();
    }
    t->pid = 0;
}
