/*
 * The thread that asks: a log that grows, is rotated and cut short; datagrams; a server that never
 * answers, and one that is not there. Real time and sockets, because these are what it is about.
 */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cache_loop.h"
#include "cache_source.h"
#include "collectors.h"
#include "pelt/clock.h"

#define PATIENCE_NS UINT64_C(10000000000)

struct agent { /* what the caches see of one */
    struct notices notices;
    struct sampler_list list;
    struct agent_options options;
};

static struct agent *agent;

static void begin(const char *const *caches)
{
    struct pelt_error err = {""};

    agent = calloc(1, sizeof *agent);
    agent->list.catalogue = catalogue_new();
    agent->list.notices = &agent->notices;
    for (size_t i = 0; caches[i]; i++) {
        agent->options.caches.all[agent->options.caches.len++] = caches[i];
    }
    if (cache_collectors_add(&agent->list, &agent->options, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(agent->list.len, 1);
    assert_int_equal(agent->list.collectors[0]->start(agent->list.collectors[0], &err), PELT_OK);
}

#define BEGIN(...) begin((const char *const[]){__VA_ARGS__, NULL})

static void end(void)
{
    agent->list.collectors[0]->free(agent->list.collectors[0]);
    catalogue_free(agent->list.catalogue);
    free(agent);
}

static const struct figure *sample(const char *name)
{
    struct collector *c = agent->list.collectors[0];

    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    c->read(c, FIGURE_FAST, pelt_clock_ns());
    for (size_t i = 0; i < catalogue_len(agent->list.catalogue); i++) {
        if (strcmp(catalogue_at(agent->list.catalogue, i)->name, name) == 0) {
            return catalogue_at(agent->list.catalogue, i);
        }
    }
    fail_msg("no figure %s", name);
    return NULL;
}

static void wait_for(const char *name, double hits, double misses)
{
    const uint64_t until = pelt_clock_ns() + PATIENCE_NS;
    const struct figure *f;

    do {
        f = sample(name);
        if (f->why[0] == '\0' && f->cells[PELT_CELL_HITS] == hits &&
            f->cells[PELT_CELL_MISSES] == misses) {
            return;
        }
    } while (pelt_clock_ns() < until);
    fail_msg("%s: %s hits %g misses %g, not %g, %g", name, f->why, f->cells[PELT_CELL_HITS],
             f->cells[PELT_CELL_MISSES], hits, misses);
}

static void wait_for_why(const char *name, const char *why)
{
    const uint64_t until = pelt_clock_ns() + PATIENCE_NS;
    const struct figure *f;

    do {
        f = sample(name);
        if (strstr(f->why, why)) {
            return;
        }
    } while (pelt_clock_ns() < until);
    fail_msg("%s: '%s', not '%s'", name, f->why, why);
}

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int at;

    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static void append(const char *name, const char *text)
{
    int fd = open(in_folder(name), O_WRONLY | O_APPEND | O_CREAT, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* As copytruncate does, and the server writes on. */
static void cut(const char *name, const char *text)
{
    int fd = open(in_folder(name), O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void a_log_is_followed(void **state)
{
    char cache[200];

    snprintf(cache, sizeof cache, "nginx=%s", in_folder("a.log"));
    append("a.log", "old HIT\nold HIT\n");
    BEGIN(cache);
    wait_for("nginx", 0, 0); /* what was there before is not counted */
    append("a.log", "GET /1 HIT\nGET /MISS -\nGET /2 MI");
    wait_for("nginx", 1, 0);
    append("a.log", "SS\nGET /3 \"EXPIRED\"\nGET /4 STALE\nGET /5 BYPASS\n");
    wait_for("nginx", 2, 2);
    /* Rotated: the rest of the old file, then the new one. */
    append("a.log", "GET /6 HIT\n");
    assert_int_equal(rename(in_folder("a.log"), in_folder("a.log.1")), 0);
    append("a.log.1", "GET /7 HIT\n");
    append("a.log", "GET /8 REVALIDATED\nGET /9 MISS\n");
    wait_for("nginx", 4, 4);
    /* Cut short (copytruncate). */
    assert_int_equal(truncate(in_folder("a.log"), 0), 0);
    wait_for("nginx", 4, 4);
    append("a.log", "GET /10 UPDATING\n");
    wait_for("nginx", 5, 4);
    /* Cut short and longer than before by the next look. */
    cut("a.log", "GET /11 MISS\nGET /11 more than the file had before HIT\n");
    wait_for("nginx", 6, 5);
    /* Gone, and there again. */
    assert_int_equal(unlink(in_folder("a.log")), 0);
    append("a.log", "GET /12 HIT\n");
    wait_for("nginx", 7, 5);
    end();
}

static void a_log_without_status_is_refused(void **state)
{
    char cache[200];

    snprintf(cache, sizeof cache, "web=nginx=%s", in_folder("b.log"));
    BEGIN(cache);
    wait_for_why("web", "No such file");
    append("b.log", "GET /1 200\n");
    /* Of a log that comes later all is read. */
    wait_for_why("web", "field -1 is no $upstream_cache_status: give #field=NUMBER");
    append("b.log", "GET /1 HIT\n");
    wait_for("web", 1, 0);
    end();
}

static int udp_to(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* A port of loopback that nobody has (now); `fd` keeps a listener on it if `listens`. */
static uint16_t free_port(int type, bool listens, int *fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;

    *fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&at, &len), 0);
    if (listens) {
        assert_int_equal(listen(*fd, 8), 0);
    } else {
        close(*fd);
    }
    return ntohs(at.sin_port);
}

static void datagrams_are_counted(void **state)
{
    static const char *const datagrams[] = {"c.hit:3|c\nc.miss:1|c|@0.5\nnonsense\n", "c.hit:2|c",
                                            "c.other:9|c", "c.used:5|g"};
    char cache[200];
    int fd;
    uint16_t port = free_port(SOCK_DGRAM, false, &fd);

    snprintf(cache, sizeof cache, "app=statsd=127.0.0.1:%u#hit=c.hit,miss=c.miss,used=c.used",
             port);
    BEGIN(cache);
    wait_for_why("app", "c.hit is not there");
    fd = udp_to(port);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(send(fd, datagrams[i], strlen(datagrams[i]), 0), strlen(datagrams[i]));
    }
    wait_for("app", 5, 2); /* counted from the first on */
    assert_float_equal(sample("app")->cells[PELT_CELL_CACHE_USED], 5, 0);
    assert_float_equal(sample("cache_lines_unreadable")->cells[0], 1, 0);
    assert_float_equal(sample("cache_datagrams_lost")->cells[0], 0, 0);
    assert_int_equal(send(fd, "c.hit:1|c", 9, 0), 9);
    wait_for("app", 6, 2);
    close(fd);
    end();
}

static void a_server_that_never_answers_delays_nobody(void **state)
{
    char silent[100], gone[100];
    int fd, none;
    uint64_t most_ns = 0;

    snprintf(silent, sizeof silent, "silent=redis=127.0.0.1:%u", free_port(SOCK_STREAM, true, &fd));
    snprintf(gone, sizeof gone, "gone=memcached=127.0.0.1:%u",
             free_port(SOCK_STREAM, false, &none));
    BEGIN(silent, gone);
    for (int i = 0; i < 20; i++) {
        struct collector *c = agent->list.collectors[0];
        uint64_t begun_ns = pelt_clock_ns();
        c->read(c, FIGURE_FAST, begun_ns);
        uint64_t took_ns = pelt_clock_ns() - begun_ns;
        most_ns = took_ns > most_ns ? took_ns : most_ns;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    assert_true(most_ns < UINT64_C(50000000));
    wait_for_why("gone", "Connection refused");
    wait_for_why("silent", "no answer in time");
    end();
    close(fd);
}

static void an_agent_that_never_started_is_freed(void **state)
{
    struct notices notices = {0};
    struct sampler_list list = {.catalogue = catalogue_new(), .notices = &notices};
    struct agent_options options = {.caches = {{"redis=127.0.0.1:1", "redis=127.0.0.1:2"}, 1}};
    struct pelt_error err = {""};

    assert_int_equal(cache_collectors_add(&list, &options, &err), PELT_OK);
    list.collectors[0]->free(list.collectors[0]);
    options.caches.len = 2;
    assert_int_equal(cache_collectors_add(&list, &options, &err), PELT_EINVAL);
    assert_string_equal(err.text, "--cache: two are called 'redis': give each a name, as in "
                                  "--cache NAME=KIND=ADDRESS");
    catalogue_free(list.catalogue);
}

static int make_folder(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/pelt-caches-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    unlink(in_folder("a.log"));
    unlink(in_folder("a.log.1"));
    unlink(in_folder("b.log"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_followed),
        cmocka_unit_test(a_log_without_status_is_refused),
        cmocka_unit_test(datagrams_are_counted),
        cmocka_unit_test(a_server_that_never_answers_delays_nobody),
        cmocka_unit_test(an_agent_that_never_started_is_freed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
