/* redis: see the header. */
#include "redis.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static const char *const PLACES[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                     "/usr/bin/valkey-server"};

static const char *server(void)
{
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        if (access(PLACES[i], X_OK) == 0) {
            return PLACES[i];
        }
    }
    return NULL;
}

bool redis_is_there(void)
{
    return server() != NULL;
}

/* Below those that the kernel hands out, so that no connection gets it before it is listened on. */
static unsigned free_port(void)
{
    for (int i = 0; i < 100; i++) {
        uint16_t random;
        assert_int_equal(getrandom(&random, sizeof random, 0), sizeof random);
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                 .sin_port = htons((uint16_t)(10000 + random % 20000))};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool free = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        if (free) {
            return ntohs(at.sin_port);
        }
    }
    fail_msg("no free port");
    return 0;
}

static void run(struct redis *r, const char *const *more)
{
    char port[12];
    const char *args[32] = {server(),    "--port",       port,     "--bind",
                            "127.0.0.1", "--save",       "",       "--dir",
                            r->folder,   "--appendonly", "no",     "--enable-debug-command",
                            "yes",       "--loglevel",   "warning"};
    size_t len = 15;
    snprintf(port, sizeof port, "%u", r->port);
    for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
        args[len++] = more[i];
    }
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
        int fd = open("/dev/null", O_RDWR);
        dup2(fd, 0);
        dup2(fd, 1);
        dup2(fd, 2);
        execv(args[0], (char *const *)args);
        _exit(127);
    }
}

static void wait_until_it_answers(const struct redis *r)
{
    const struct pelt_bus_options options = {.url = r->url, .password = ""};
    struct pelt_error err = {""};
    struct pelt_bus *bus = NULL;
    assert_int_equal(pelt_bus_new(&options, &bus, &err), PELT_OK);
    enum pelt_status status = PELT_EIO;
    for (int i = 0; i < 1000 && status == PELT_EIO; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        status = pelt_bus_connect(bus, &err);
    }
    pelt_bus_free(bus);
    if (status != PELT_OK && strstr(err.text, "NOAUTH") == NULL) {
        fail_msg("%s", err.text);
    }
}

void redis_start(struct redis *r, const char *const *more)
{
    *r = (struct redis){.port = free_port(), .folder = "/tmp/pelt-redis-XXXXXX"};
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->url, sizeof r->url, "redis://127.0.0.1:%u", r->port);
    run(r, more);
    wait_until_it_answers(r);
}

void redis_start_again(struct redis *r)
{
    run(r, NULL);
    wait_until_it_answers(r);
}

void redis_kill(struct redis *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    r->pid = 0;
}

void redis_stop(struct redis *r)
{
    redis_kill(r);
    rmdir(r->folder);
}

struct pelt_bus *redis_bus(const struct redis *r)
{
    const struct pelt_bus_options options = {.url = r->url, .password = ""};
    struct pelt_error err = {""};
    struct pelt_bus *bus = NULL;
    if (pelt_bus_new(&options, &bus, &err) != PELT_OK || pelt_bus_connect(bus, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return bus;
}

void redis_say(struct pelt_bus *bus, ...)
{
    struct pelt_span words[64];
    size_t len = 0;
    struct pelt_error err = {""};
    va_list args;
    va_start(args, bus);
    for (const char *word; (word = va_arg(args, const char *)) != NULL;) {
        words[len++] = pelt_span_of(word);
    }
    va_end(args);
    size_t i = pelt_bus_put(bus, words, len);
    if (pelt_bus_flush(bus, &err) != PELT_OK || pelt_bus_took(bus, i, &err) != PELT_OK) {
        fail_msg("%s: %s", words[0].ptr, err.text);
    }
}
