/* agent: see the header. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "about.h"
#include "clock.h"
#include "collectors.h"
#include "face.h"
#include "guard.h"
#include "lockdown.h"
#include "probe.h"
#include "procfile.h"
#include "sampler.h"
#include "syscalls.h"
#include "token.h"

#define LARGE_BYTES (64 * 1024) /* blocks from here on go back to the host when they are freed */
#define PEM_BYTES   ((size_t)256 * 1024)
#define PROBE_MS    1200 /* so that figures of two readings and of other threads have a value */
#define PROBE_TURNS 8    /* of that, at most, for what takes long to read */

struct agent {
    const struct agent_options *options;
    struct about about;
    struct notices notices;
    struct sampler_list list;
    struct sampler sampler;
    bool has_sampler;
    struct face *face;
    struct token token;
    struct guard guard;
    char *tls_certificate, *tls_key; /* NULL: plain HTTP */
    struct lockdown lockdown;
    int ending; /* readable when it is time to end */
};

/* Few threads that seldom allocate: one arena, and nothing kept that is not needed. */
static void save_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
}

static enum pelt_status make_list(struct agent *a, struct pelt_error *err)
{
    const struct agent_options *o = a->options;
    enum pelt_status status;

    a->list.catalogue = catalogue_new();
    if (!a->list.catalogue) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    a->list.notices = &a->notices;
    a->list.root = o->root;
    status = targets_new(o->targets, o->targets_len, o->root, &a->notices, &a->list.targets, err);
    if (!status) {
        status = host_collectors_add(&a->list, o, err);
    }
    if (!status) {
        status = net_collectors_add(&a->list, o, err);
    }
    if (!status) {
        status = cache_collectors_add(&a->list, o, err);
    }
    if (!status) {
        status = sampler_list_add(&a->list, syscalls_collector_new(&a->notices), err);
    }
    return status;
}

/* A file of this name that is new, and no link that somebody has put there. NULL: errno. */
static FILE *make_file(const char *path)
{
    int fd;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return fd >= 0 ? fdopen(fd, "w") : NULL;
}

/* Where it answers, for who asked for any free port; whole as soon as it is there. */
static enum pelt_status write_port(const struct agent *a, struct pelt_error *err)
{
    const char *path = a->options->port_file;
    struct pelt_addr addr;
    char part[4096];
    FILE *file;
    int failed;

    if (!path) {
        return PELT_OK;
    }
    face_address(a->face, &addr);
    snprintf(part, sizeof part, "%s.part", path);
    file = make_file(part);
    failed = !file || fprintf(file, "%u\n", ntohs(addr.u.in.sin_port)) < 0; /* in6's is there too */
    failed |= file && fclose(file) != 0;
    if (failed || rename(part, path) != 0) {
        return pelt_fail(err, PELT_EINVAL, "--port-file: cannot write %s: %s", path,
                         strerror(errno));
    }
    return PELT_OK;
}

static enum pelt_status read_pem(const char *option, const char *path, char **out,
                                 struct pelt_error *err)
{
    size_t len;

    if (path) {
        *out = procfile_whole("", path, PEM_BYTES, &len);
        if (!*out || !strstr(*out, "-----BEGIN ")) {
            return pelt_fail(err, PELT_EINVAL, "--%s: %s: %s", option, path,
                             *out ? "this is no PEM file" : strerror(errno));
        }
    }
    return PELT_OK;
}

/* Its group may read it, as Debian's ssl-cert does. */
static enum pelt_status check_key(const char *path, struct pelt_error *err)
{
    struct stat st;

    if (path && stat(path, &st) == 0 && (st.st_mode & 007) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--tls-key: %s has mode %04o, so anybody here can use it: chmod 600 %s",
                         path, (unsigned)st.st_mode & 07777, path);
    }
    return PELT_OK;
}

static enum pelt_status read_secrets(struct agent *a, struct pelt_error *err)
{
    const struct agent_options *o = a->options;
    enum pelt_status status = o->token_file ? token_read(o->token_file, &a->token, err) : PELT_OK;

    if (!status) {
        status = read_pem("tls-cert", o->tls_cert, &a->tls_certificate, err);
    }
    if (!status) {
        status = read_pem("tls-key", o->tls_key, &a->tls_key, err);
    }
    if (!status) {
        status = check_key(o->tls_key, err);
    }
    return status;
}

static enum pelt_status open_face(struct agent *a, struct pelt_error *err)
{
    struct face_options options = {
        .listen = a->options->listen,
        .about = &a->about,
        .sampler = &a->sampler,
        .admits = guard_admits,
        .guard = &a->guard,
    };
    enum pelt_status status = read_secrets(a, err);

    if (!status) {
        guard_init(&a->guard, a->options->token_file ? &a->token : NULL);
        options.tls_certificate = a->tls_certificate;
        options.tls_key = a->tls_key;
        status = face_new(&options, &a->face, err);
    }
    return status ? status : write_port(a, err);
}

/* What ends the loop: a signal, or for a probe some time. */
static enum pelt_status open_ending(struct agent *a, struct pelt_error *err)
{
    sigset_t endings;

    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    a->ending = a->options->probe ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)
                                  : signalfd(-1, &endings, SFD_CLOEXEC);
    if (a->ending < 0) {
        return pelt_fail(err, PELT_EIO, "cannot open a descriptor: %s", strerror(errno));
    }
    return PELT_OK;
}

static enum pelt_status open_all(struct agent *a, struct pelt_error *err)
{
    const struct agent_options *o = a->options;
    enum pelt_status status = about_init(&a->about, o->name, o->redact_hostname, err);

    if (!status) {
        status = make_list(a, err);
    }
    if (!status) {
        status = sampler_init(&a->sampler, &a->list, o->cpu_limit, err);
        a->has_sampler = true;
    }
    if (!status) {
        status = open_ending(a, err);
    }
    if (!status && !o->probe) {
        status = open_face(a, err);
    }
    return status;
}

enum pelt_status agent_new(const struct agent_options *options, struct agent **out,
                           struct pelt_error *err)
{
    struct agent *a = calloc(1, sizeof *a);
    enum pelt_status status;

    if (!a) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    save_memory();
    lockdown_open_files();
    a->options = options;
    a->ending = -1;
    status = open_all(a, err);
    if (status) {
        agent_free(a);
        return status;
    }
    *out = a;
    return PELT_OK;
}

static void say_where(const struct agent *a)
{
    struct pelt_addr addr;
    char text[64];

    face_address(a->face, &addr);
    pelt_addr_format(&addr, text, sizeof text);
    printf("pelt-agent: \"%s\" answers on %s://%s with %zu figures\n", a->about.name,
           a->tls_certificate ? "https" : "http", text, catalogue_len(a->list.catalogue));
    fflush(stdout);
}

/* All is open: from here on the agent can do little more than read. */
static enum pelt_status lock_down(struct agent *a, struct pelt_error *err)
{
    enum pelt_status status = lockdown_enter(&a->lockdown, a->options, a->list.targets, err);

    a->about.guards = a->lockdown.guards;
    return status;
}

static enum pelt_status begin_collectors(void *of, struct pelt_error *err)
{
    return sampler_start(&((struct agent *)of)->sampler, err);
}

static enum pelt_status begin_face(void *of, struct pelt_error *err)
{
    return face_start(((struct agent *)of)->face, err);
}

static enum pelt_status begin_sampling(struct agent *a, struct pelt_error *err)
{
    enum pelt_status status = lock_down(a, err);

    if (!status) {
        status = lockdown_begin(&a->lockdown, begin_collectors, a, err);
    }
    if (!status) {
        sampler_begin(&a->sampler);
    }
    return status;
}

enum pelt_status agent_run(struct agent *a, struct pelt_error *err)
{
    enum pelt_status status = begin_sampling(a, err);

    if (!status) {
        status = lockdown_begin(&a->lockdown, begin_face, a, err);
    }
    if (!status) {
        say_where(a);
        status = sampler_run(&a->sampler, a->ending, err);
        face_stop(a->face);
    }
    return status;
}

static void on_frame(void *of)
{
}

/* A client that reads nothing: what it makes the sampler do is what counts. */
static enum pelt_status tick_fast(struct agent *a, struct pelt_error *err)
{
    uint64_t now_ns = agent_clock_ns();
    enum pelt_status status;
    struct grid grid;

    status = grid_init(&grid, (int64_t)now_ns, GRID_TICK_LEAST_NS, NULL, now_ns, err);
    if (!status) {
        (void)streams_open(&a->sampler.streams, &grid, on_frame, NULL);
    }
    return status;
}

static enum pelt_status sample_for(struct agent *a, int ms, struct pelt_error *err)
{
    const struct itimerspec moment = {
        .it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}};

    if (timerfd_settime(a->ending, 0, &moment, NULL) != 0) {
        return pelt_fail(err, PELT_EIO, "cannot set a timer: %s", strerror(errno));
    }
    return sampler_run(&a->sampler, a->ending, err);
}

enum pelt_status agent_probe(struct agent *a, struct pelt_error *err)
{
    enum pelt_status status = begin_sampling(a, err);

    if (!status) {
        status = tick_fast(a, err);
    }
    for (int i = 0; !status && i < PROBE_TURNS; i++) {
        status = sample_for(a, PROBE_MS, err);
        if (!probe_is_pending(a->list.catalogue)) {
            break;
        }
    }
    if (!status && !probe_print(stdout, a->list.catalogue)) {
        status = pelt_fail(err, PELT_EIO, "cannot print what can be read: %s", strerror(errno));
    }
    return status;
}

void agent_free(struct agent *a)
{
    if (!a) {
        return;
    }
    face_free(a->face);
    sampler_list_deinit(&a->list);
    if (a->has_sampler) {
        sampler_deinit(&a->sampler);
    }
    if (a->ending >= 0) {
        close(a->ending);
    }
    lockdown_deinit(&a->lockdown);
    explicit_bzero(&a->token, sizeof a->token);
    free(a->tls_certificate);
    free(a->tls_key);
    targets_free(a->list.targets);
    catalogue_free(a->list.catalogue);
    free(a);
}
