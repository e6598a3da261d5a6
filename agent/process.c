/*
 * process: see the header. All files are reached through one descriptor of the folder /proc/PID,
 * which is of this very process: once it has ended, all that is read there fails with ESRCH,
 * whoever has its number by then. Its CPU time alone is asked for by the number: should another
 * process have that, the time is its until the end of the first is noticed, a second later at most.
 */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pid_files.h"
#include "procfile.h"
#include "rate.h"
#include "run_queue_wait.h"

#define MANY_FDS   10000 /* from here on a folder is seldom read to count them */
#define MANY_FDS_S 10
#define PRIVILEGED 0 /* the user whom RLIMIT_NPROC does not hold */

enum process_figure {
    PROCESS_CPU,
    PROCESS_WAIT,
    PROCESS_RSS,
    PROCESS_VIRTUAL,
    PROCESS_SWAP,
    PROCESS_MAJOR_FAULTS,
    PROCESS_NOFILE,
    PROCESS_THREADS,
    PROCESS_READ,
    PROCESS_WRITE,
    PROCESS_FIGURES
};

static const struct figure_about abouts[PROCESS_FIGURES] = {
    [PROCESS_CPU] = {PELT_SERVER_LIMIT, FIGURE_FAST, "process_cpu", "", "cores",
                     "clock_gettime() of the process, /proc/PID/status"},
    [PROCESS_WAIT] = {PELT_SERVER_GAUGE, FIGURE_FAST, "run_queue_wait", "", "share",
                      "/proc/PID/task/TID/schedstat"},
    [PROCESS_RSS] = {PELT_SERVER_LIMIT, FIGURE_MEDIUM, "memory_rss", "", "bytes",
                     "/proc/PID/statm"},
    [PROCESS_VIRTUAL] = {PELT_SERVER_LIMIT, FIGURE_MEDIUM, "memory_virtual", "", "bytes",
                         "/proc/PID/statm, /proc/PID/limits"},
    [PROCESS_SWAP] = {PELT_SERVER_GAUGE, FIGURE_MEDIUM, "memory_swap", "", "bytes",
                      "/proc/PID/status"},
    [PROCESS_MAJOR_FAULTS] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "process_major_faults", "",
                              "faults", "/proc/PID/stat"},
    [PROCESS_NOFILE] = {PELT_SERVER_LIMIT, FIGURE_MEDIUM, "nofile", "", "fds",
                        "/proc/PID/fd, /proc/PID/limits"},
    [PROCESS_THREADS] = {PELT_SERVER_LIMIT, FIGURE_MEDIUM, "process_threads", "", "threads",
                         "/proc/PID/stat, /proc/PID/limits"},
    [PROCESS_READ] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "process_read", "", "bytes",
                      "/proc/PID/io"},
    [PROCESS_WRITE] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "process_write", "", "bytes",
                       "/proc/PID/io"},
};

struct process {
    struct collector base;
    const struct target *target;
    const char *root;
    struct figure *figures[PROCESS_FIGURES];

    uint64_t epoch; /* of the target, that is open; 0: none */
    pid_t pid;
    int dir;         /* /proc/PID; -1: none */
    clockid_t clock; /* of its CPU time */
    bool has_clock;  /* of a live process: a fixture's numbers are those of others here */
    struct procfile stat, statm, status, io;
    struct run_queue_wait wait;
    int wait_error; /* of the last look for threads */
    struct rate cpu_rate, wait_rate;
    struct pid_limits limits;
    struct pid_status about;
    bool fd_size_known;      /* the size of a folder fd is how many there are */
    uint64_t fds_counted_ns; /* when the folder was read last, of a process with many; 0: never */
};

/* ---- open and close ---- */

static void close_all(struct process *p)
{
    procfile_close(&p->stat);
    procfile_close(&p->statm);
    procfile_close(&p->status);
    procfile_close(&p->io);
    run_queue_wait_reset(&p->wait);
    if (p->dir >= 0) {
        close(p->dir);
    }
    p->dir = -1;
    p->pid = 0;
}

static void all_unreadable(struct process *p, const char *why)
{
    for (size_t i = 0; i < PROCESS_FIGURES; i++) {
        figure_unreadable(p->figures[i], "%s", why);
    }
}

static void all_unreadable_for(struct process *p, int error)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/%d", (int)p->pid);
    for (size_t i = 0; i < PROCESS_FIGURES; i++) {
        procfile_unreadable(p->figures[i], error, path);
    }
}

static void read_slow(struct process *p);

static void open_process(struct process *p)
{
    char path[PROCFILE_PATH];

    for (size_t i = 0; i < PROCESS_FIGURES && p->epoch != 0; i++) {
        figure_rebase(p->figures[i]);
    }
    close_all(p);
    p->epoch = p->target->epoch;
    p->pid = p->target->pid;
    rate_reset(&p->cpu_rate);
    rate_reset(&p->wait_rate);
    p->fds_counted_ns = 0;
    snprintf(path, sizeof path, "%s/proc/%d", p->root, (int)p->pid);
    p->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->dir < 0) {
        all_unreadable_for(p, errno);
        return;
    }
    p->has_clock = p->root[0] == '\0' && clock_getcpuclockid(p->pid, &p->clock) == 0;
    procfile_open_at(&p->stat, p->dir, "stat");
    procfile_open_at(&p->statm, p->dir, "statm");
    procfile_open_at(&p->status, p->dir, "status");
    procfile_open_at(&p->io, p->dir, "io");
    p->wait_error = run_queue_wait_refresh(&p->wait, p->dir);
    read_slow(p);
}

/* False: there is no process, which all figures say. */
static bool has_process(struct process *p)
{
    if (p->target->pid == 0) {
        all_unreadable(p, p->target->why);
        close_all(p);
        return false;
    }
    if (p->target->epoch != p->epoch || p->dir < 0) {
        open_process(p);
    }
    return p->dir >= 0;
}

static void unreadable(struct process *p, enum process_figure which, int error, const char *file)
{
    char path[80];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)p->pid, file);
    procfile_unreadable(p->figures[which], error, path);
}

/* ---- fast ---- */

/* Seconds of CPU time of all its threads so far. Returns 0 or errno. */
static int cpu_seconds(struct process *p, double *out)
{
    char text[1024];
    struct pid_stat stat;
    struct timespec time;
    size_t len;

    if (p->has_clock && clock_gettime(p->clock, &time) == 0) {
        *out = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
        return 0;
    }
    if (!procfile_read(&p->stat, text, sizeof text, &len)) {
        return p->stat.error;
    }
    if (!pid_parse_stat(text, len, &stat)) {
        return EBADMSG;
    }
    *out = (double)stat.cpu_ticks / (double)sysconf(_SC_CLK_TCK);
    return 0;
}

static void read_cpu(struct process *p, uint64_t now_ns)
{
    double seconds, per_ns;
    int error = cpu_seconds(p, &seconds);

    if (error != 0) {
        unreadable(p, PROCESS_CPU, error, "stat");
    } else if (rate_take(&p->cpu_rate, seconds, now_ns, &per_ns)) {
        figure_limit(p->figures[PROCESS_CPU], per_ns * 1e9,
                     p->about.cores > 0 ? p->about.cores : NAN, NAN);
    }
}

static void read_wait(struct process *p, uint64_t now_ns)
{
    double per_ns;
    int error = p->wait_error != 0 ? p->wait_error : run_queue_wait_read(&p->wait, p->dir);

    if (error == E2BIG) {
        figure_unreadable(p->figures[PROCESS_WAIT],
                          "more than %d threads: reading each would cost too much",
                          RUN_QUEUE_THREADS);
    } else if (error != 0) {
        unreadable(p, PROCESS_WAIT, error, "task/TID/schedstat");
    } else if (rate_take(&p->wait_rate, (double)p->wait.total_ns, now_ns, &per_ns)) {
        figure_gauge(p->figures[PROCESS_WAIT], per_ns);
    }
}

static void read_fast(struct process *p, uint64_t now_ns)
{
    read_cpu(p, now_ns);
    if (run_queue_wait_held(&p->wait) || p->wait_error != 0) {
        read_wait(p, now_ns);
    }
}

/* ---- medium ---- */

/* Unlimited is no maximum. */
static double max_of(double limit)
{
    return isfinite(limit) ? limit : NAN;
}

static void read_stat(struct process *p)
{
    char text[1024];
    size_t len;
    struct pid_stat stat;

    if (!procfile_read(&p->stat, text, sizeof text, &len) || !pid_parse_stat(text, len, &stat)) {
        unreadable(p, PROCESS_MAJOR_FAULTS, p->stat.error, "stat");
        unreadable(p, PROCESS_THREADS, p->stat.error, "stat");
        return;
    }
    figure_counter(p->figures[PROCESS_MAJOR_FAULTS], (double)stat.major_faults);
    figure_limit(p->figures[PROCESS_THREADS], (double)stat.threads,
                 p->about.uid == PRIVILEGED ? NAN : max_of(p->limits.processes), NAN);
}

static void read_statm(struct process *p)
{
    const double page = (double)sysconf(_SC_PAGESIZE);
    char text[128];
    size_t len;
    uint64_t size, resident;

    if (!procfile_read(&p->statm, text, sizeof text, &len) ||
        !pid_parse_statm(text, len, &size, &resident)) {
        unreadable(p, PROCESS_RSS, p->statm.error, "statm");
        unreadable(p, PROCESS_VIRTUAL, p->statm.error, "statm");
        return;
    }
    figure_limit(p->figures[PROCESS_RSS], (double)resident * page, NAN, NAN);
    figure_limit(p->figures[PROCESS_VIRTUAL], (double)size * page,
                 max_of(p->limits.address_space_bytes), NAN);
}

static void read_status(struct process *p)
{
    char text[8192];
    size_t len;

    if (procfile_read(&p->status, text, sizeof text, &len) &&
        pid_parse_status(text, len, &p->about)) {
        figure_gauge(p->figures[PROCESS_SWAP], (double)p->about.swap_bytes);
    } else {
        unreadable(p, PROCESS_SWAP, p->status.error, "status");
    }
}

/* The agent has files open itself, so where its own folder says 0 the kernel does not tell. */
static bool is_fd_size_known(const char *root)
{
    struct stat about;

    return root[0] == '\0' && stat("/proc/self/fd", &about) == 0 && about.st_size > 0;
}

/* -1: the folder may not be read, see errno. */
static double count_folder(int dir)
{
    const int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    double count = 0;

    if (folder == NULL) {
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}

static void read_fds(struct process *p, uint64_t now_ns)
{
    struct figure *f = p->figures[PROCESS_NOFILE];
    struct stat about;
    double count;

    if (fstatat(p->dir, "fd", &about, 0) != 0) {
        unreadable(p, PROCESS_NOFILE, errno, "fd");
        return;
    }
    count = (double)about.st_size;
    if (!p->fd_size_known) {
        if (p->fds_counted_ns != 0 &&
            now_ns < p->fds_counted_ns + MANY_FDS_S * UINT64_C(1000000000)) {
            return;
        }
        count = count_folder(p->dir);
        p->fds_counted_ns = count > MANY_FDS ? now_ns : 0;
    }
    if (count < 0) {
        unreadable(p, PROCESS_NOFILE, errno, "fd");
    } else {
        figure_limit(f, count, max_of(p->limits.open_files), NAN);
    }
}

static void read_io(struct process *p)
{
    char text[512];
    size_t len;
    uint64_t read_bytes, write_bytes;

    if (procfile_read(&p->io, text, sizeof text, &len) &&
        pid_parse_io(text, len, &read_bytes, &write_bytes)) {
        figure_counter(p->figures[PROCESS_READ], (double)read_bytes);
        figure_counter(p->figures[PROCESS_WRITE], (double)write_bytes);
    } else {
        unreadable(p, PROCESS_READ, p->io.error, "io");
        unreadable(p, PROCESS_WRITE, p->io.error, "io");
    }
}

static void read_medium(struct process *p, uint64_t now_ns)
{
    read_status(p);
    read_stat(p);
    read_statm(p);
    read_fds(p, now_ns);
    read_io(p);
    p->wait_error = run_queue_wait_refresh(&p->wait, p->dir);
    if (!run_queue_wait_held(&p->wait)) {
        read_wait(p, now_ns);
    }
}

/* ---- slow ---- */

static void read_slow(struct process *p)
{
    char text[4096];
    size_t len;

    if (procfile_once(p->dir, "limits", text, sizeof text, &len) != 0 ||
        !pid_parse_limits(text, len, &p->limits)) {
        p->limits = (struct pid_limits){NAN, NAN, NAN, NAN};
    }
    if (procfile_read(&p->status, text, sizeof text, &len)) {
        pid_parse_status(text, len, &p->about);
    }
}

/* ---- the collector ---- */

static void process_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct process *p = (struct process *)self;

    if (!has_process(p)) {
        return;
    }
    switch (tier) {
    case FIGURE_FAST:
        read_fast(p, now_ns);
        break;
    case FIGURE_MEDIUM:
        read_medium(p, now_ns);
        break;
    case FIGURE_SLOW:
        read_slow(p);
        break;
    }
}

static void process_free(struct collector *self)
{
    struct process *p = (struct process *)self;

    close_all(p);
    run_queue_wait_deinit(&p->wait);
    free(p);
}

struct collector *process_collector_new(struct catalogue *c, const struct target *t,
                                        const char *root)
{
    struct process *p = calloc(1, sizeof *p);

    if (p == NULL) {
        return NULL;
    }
    p->base = (struct collector){.name = "process", .read = process_read, .free = process_free};
    p->target = t;
    p->root = root;
    p->fd_size_known = is_fd_size_known(root);
    p->dir = -1;
    p->stat = p->statm = p->status = p->io = PROCFILE_NONE;
    bool ok = run_queue_wait_init(&p->wait);
    for (size_t i = 0; i < PROCESS_FIGURES; i++) {
        struct figure_about about = abouts[i];
        about.target = t->name;
        p->figures[i] = catalogue_add(c, &about);
        ok = ok && p->figures[i] != NULL;
    }
    if (!ok) {
        process_free(&p->base);
        return NULL;
    }
    if (t->pid != 0) {
        open_process(p);
    }
    return &p->base;
}
