/*
 * outlet: see the header. `lock` guards everything but `writing`, which is the thread's alone. The
 * thread can be cancelled only while it writes, when it holds nothing.
 */
#include "pelt/outlet.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "pelt/buf.h"
#include "pelt/clock.h"

struct pelt_outlet {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pelt_buf waiting; /* not yet taken by the thread */
    struct pelt_buf writing; /* taken: the two change places */
    size_t in_hand;          /* bytes of `writing` while they are being written */
    bool gone;               /* writing failed: all that comes is dropped */
    bool runs;               /* the thread is there */
    bool ending;
};

static bool write_some(int fd, const char **at, size_t *left)
{
    ssize_t len = write(fd, *at, *left);
    if (len >= 0) {
        *at += len;
        *left -= (size_t)len;
        return true;
    }
    if (errno == EAGAIN) { /* somebody else who has this file made it non-blocking */
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        return poll(&room, 1, -1) >= 0 || errno == EINTR;
    }
    return errno == EINTR;
}

static bool write_all(struct pelt_outlet *o)
{
    int before, unused;
    const char *at = o->writing.data;
    size_t left = o->writing.len;
    bool fine = true;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    while (fine && left > 0) {
        fine = write_some(o->fd, &at, &left);
    }
    pthread_setcancelstate(before, &unused);
    return fine;
}

static void take(struct pelt_outlet *o)
{
    struct pelt_buf taken = o->waiting;
    o->waiting = o->writing;
    o->writing = taken;
    o->in_hand = taken.len;
}

static void note_written(struct pelt_outlet *o, bool fine)
{
    o->gone = o->gone || !fine;
    o->in_hand = 0;
    pelt_buf_reset(&o->writing);
    pthread_cond_broadcast(&o->changed);
}

/* With the lock held, which is let go meanwhile. */
static void write_waiting(struct pelt_outlet *o)
{
    take(o);
    pthread_mutex_unlock(&o->lock);
    bool fine = write_all(o);
    pthread_mutex_lock(&o->lock);
    note_written(o, fine);
}

static void *thread_main(void *arg)
{
    struct pelt_outlet *o = arg;
    int unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &unused);
    prctl(PR_SET_NAME, "pelt-outlet");
    pthread_mutex_lock(&o->lock);
    while (!o->ending) {
        if (o->waiting.len > 0) {
            write_waiting(o);
        } else {
            pthread_cond_wait(&o->changed, &o->lock);
        }
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

static bool start_thread(struct pelt_outlet *o)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&o->thread, NULL, thread_main, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

static void discard(struct pelt_outlet *o)
{
    pelt_buf_deinit(&o->waiting);
    pelt_buf_deinit(&o->writing);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

struct pelt_outlet *pelt_outlet_new(int fd)
{
    struct pelt_outlet *o = calloc(1, sizeof(struct pelt_outlet));
    if (o == NULL) {
        return NULL;
    }
    pthread_condattr_t attributes;
    o->fd = fd;
    pelt_buf_init(&o->waiting, PELT_OUTLET_BYTES_MAX);
    pelt_buf_init(&o->writing, PELT_OUTLET_BYTES_MAX);
    pthread_mutex_init(&o->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&o->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return o;
}

void pelt_outlet_free(struct pelt_outlet *o)
{
    if (o == NULL) {
        return;
    }
    pthread_mutex_lock(&o->lock);
    o->ending = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    if (o->runs) {
        pthread_cancel(o->thread);
        pthread_join(o->thread, NULL);
    }
    discard(o);
}

/* With the lock held. Where no thread can be had, whoever puts writes. */
static void see_to_writing(struct pelt_outlet *o)
{
    o->runs = o->runs || start_thread(o);
    if (o->runs) {
        pthread_cond_broadcast(&o->changed);
    } else {
        take(o);
        note_written(o, write_all(o));
    }
}

static bool put(struct pelt_outlet *o, const char *bytes, size_t len, size_t most_waiting)
{
    pthread_mutex_lock(&o->lock);
    bool taken = o->gone;
    if (!taken && o->waiting.len + o->in_hand <= most_waiting) {
        taken = pelt_buf_add(&o->waiting, bytes, len) == PELT_OK;
        o->waiting.failed = false; /* the next one may be shorter */
        see_to_writing(o);
    }
    pthread_mutex_unlock(&o->lock);
    return taken;
}

bool pelt_outlet_put(struct pelt_outlet *o, const char *bytes, size_t len)
{
    return put(o, bytes, len, PELT_OUTLET_BYTES_MAX);
}

bool pelt_outlet_put_at_once(struct pelt_outlet *o, const char *bytes, size_t len)
{
    return put(o, bytes, len, 0);
}

bool pelt_outlet_flush(struct pelt_outlet *o, uint64_t patience_ns)
{
    uint64_t until_ns = pelt_clock_ns() + patience_ns;
    struct timespec until = {.tv_sec = (time_t)(until_ns / PELT_NS_PER_S),
                             .tv_nsec = (long)(until_ns % PELT_NS_PER_S)};
    int error = 0;
    pthread_mutex_lock(&o->lock);
    while (error == 0 && !o->gone && o->waiting.len + o->in_hand > 0) {
        error = pthread_cond_timedwait(&o->changed, &o->lock, &until);
    }
    bool empty = o->gone || o->waiting.len + o->in_hand == 0;
    pthread_mutex_unlock(&o->lock);
    return empty;
}
