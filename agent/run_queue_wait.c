/* run_queue_wait: see the header. */
#include "run_queue_wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pid_files.h"

bool run_queue_wait_init(struct run_queue_wait *r)
{
    *r = (struct run_queue_wait){.capacity = RUN_QUEUE_THREADS};
    r->threads = calloc(r->capacity, sizeof *r->threads);
    return r->threads != NULL;
}

void run_queue_wait_reset(struct run_queue_wait *r)
{
    for (size_t i = 0; i < r->len; i++) {
        procfile_close(&r->threads[i].file);
    }
    r->len = 0;
    r->attached = false;
}

void run_queue_wait_deinit(struct run_queue_wait *r)
{
    run_queue_wait_reset(r);
    free(r->threads);
    r->threads = NULL;
}

bool run_queue_wait_held(const struct run_queue_wait *r)
{
    return r->len <= RUN_QUEUE_HELD;
}

static int by_tid(const void *a, const void *b)
{
    const struct run_queue_thread *x = a, *y = b;

    return (x->tid > y->tid) - (x->tid < y->tid);
}

static struct run_queue_thread *find(struct run_queue_wait *r, size_t len, pid_t tid)
{
    const struct run_queue_thread key = {.tid = tid};

    return len > 0 ? bsearch(&key, r->threads, len, sizeof key, by_tid) : NULL;
}

static void drop(struct run_queue_wait *r, size_t at)
{
    procfile_close(&r->threads[at].file);
    memmove(&r->threads[at], &r->threads[at + 1], (r->len - at - 1) * sizeof *r->threads);
    r->len--;
}

/* Those in the folder join the list; those of before that are not in it leave it. */
static int list_threads(struct run_queue_wait *r, DIR *folder)
{
    static bool seen[RUN_QUEUE_THREADS]; /* of those before; one thread does this */
    const size_t before = r->len;
    int error = 0;

    memset(seen, 0, sizeof seen);
    for (struct dirent *entry; error == 0 && (entry = readdir(folder)) != NULL;) {
        const pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        struct run_queue_thread *known = tid > 0 ? find(r, before, tid) : NULL;
        if (known != NULL) {
            seen[known - r->threads] = true;
        } else if (tid > 0 && r->len == r->capacity) {
            error = E2BIG;
        } else if (tid > 0) {
            r->threads[r->len++] =
                (struct run_queue_thread){.tid = tid, .file = PROCFILE_NONE, .begun = r->attached};
        }
    }
    for (size_t i = before; i-- > 0;) {
        if (!seen[i]) {
            drop(r, i);
        }
    }
    qsort(r->threads, r->len, sizeof *r->threads, by_tid);
    return error;
}

static void thread_path(const struct run_queue_thread *t, char path[48])
{
    snprintf(path, 48, "task/%d/schedstat", (int)t->tid);
}

static void hold(struct run_queue_wait *r, int dir)
{
    const bool held = run_queue_wait_held(r);
    char path[48];

    for (size_t i = 0; i < r->len; i++) {
        struct run_queue_thread *t = &r->threads[i];
        thread_path(t, path);
        if (!held) {
            procfile_close(&t->file);
        } else if (t->file.fd < 0) {
            procfile_open_at(&t->file, dir, path);
        }
    }
}

int run_queue_wait_refresh(struct run_queue_wait *r, int dir)
{
    const int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    int error;

    if (folder == NULL) {
        error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    error = list_threads(r, folder);
    closedir(folder);
    if (error == 0) {
        hold(r, dir);
    } else {
        run_queue_wait_reset(r);
    }
    return error;
}

static int read_thread(struct run_queue_wait *r, struct run_queue_thread *t, int dir)
{
    char text[96], path[48];
    size_t len;
    uint64_t ran, waited;
    int error = 0;

    if (t->file.fd >= 0) {
        error = procfile_read(&t->file, text, sizeof text, &len) ? 0 : t->file.error;
    } else {
        thread_path(t, path);
        error = procfile_once(dir, path, text, sizeof text, &len);
    }
    if (error == 0 && !pid_parse_schedstat(text, len, &ran, &waited)) {
        error = EBADMSG;
    }
    if (error == 0) {
        if (t->begun && waited >= t->waited_ns) {
            r->total_ns += waited - t->waited_ns;
        }
        t->waited_ns = waited;
        t->begun = true;
    }
    return error;
}

int run_queue_wait_read(struct run_queue_wait *r, int dir)
{
    int error = ENOENT;
    bool any = false;

    for (size_t i = 0; i < r->len; i++) {
        const int one = read_thread(r, &r->threads[i], dir);
        any = any || one == 0;
        error = one != 0 ? one : error;
    }
    r->attached = r->attached || any;
    return any ? 0 : error;
}
