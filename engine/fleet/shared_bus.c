/*
 * shared_bus: see pelt/fleet_shared.h. A call is done at most once: what a broken connection has
 * done nobody knows, and the script is told. What is used lives on for PELT_BUS_SHARED_S.
 *
 * A queue's size is Redis' own estimate. It comes with each push's answer; only where the last one
 * was above half of the limit it is asked before. So a queue may pass the limit by one value a
 * host.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/fleet_shared.h"

struct pelt_fleet_shared {
    pthread_mutex_t lock;
    struct pelt_bus *bus;
    char run[PELT_BUS_RUN_MAX + 1];
    uint64_t epoch;
    bool nearly_full; /* some queue was, when it was last pushed to */
    struct pelt_shared_far far;
};

/* Takes the lock, and connects if need be. */
static enum pelt_status begin(struct pelt_fleet_shared *s, const char *name,
                              char key[PELT_BUS_KEY_SIZE], struct pelt_error *err)
{
    char whole[PELT_BUS_SHARED_MAX + 1];
    const int len = snprintf(whole, sizeof(whole), "%llu:%s", (unsigned long long)s->epoch, name);
    if (len < 0 || len > PELT_BUS_SHARED_MAX) {
        pthread_mutex_lock(&s->lock);
        return pelt_fail(err, PELT_EINVAL, "'%s' is too long a name for a run of many hosts", name);
    }
    pelt_bus_shared_key(key, s->run, whole);
    pthread_mutex_lock(&s->lock);
    enum pelt_status status = pelt_bus_ensure(s->bus, err);
    return status == PELT_AGAIN ? pelt_fail(err, PELT_EIO, "the bus cannot be reached") : status;
}

static enum pelt_status end(struct pelt_fleet_shared *s, enum pelt_status status)
{
    pthread_mutex_unlock(&s->lock);
    return status;
}

static enum pelt_status flush_integer(struct pelt_fleet_shared *s, const char *key, size_t i,
                                      int64_t *out, struct pelt_error *err)
{
    pelt_bus_put_expire(s->bus, key, PELT_BUS_SHARED_S);
    enum pelt_status status = pelt_bus_flush(s->bus, err);
    return status == PELT_OK ? pelt_bus_took_integer(s->bus, i, out, err) : status;
}

static enum pelt_status on_add(void *arg, const char *counter, int64_t n, int64_t *value,
                               struct pelt_error *err)
{
    struct pelt_fleet_shared *s = arg;
    char key[PELT_BUS_KEY_SIZE];
    enum pelt_status status = begin(s, counter, key, err);
    if (status == PELT_OK) {
        status = flush_integer(s, key, pelt_bus_put_incr(s->bus, key, n), value, err);
    }
    return end(s, status);
}

/* As pelt.shared of one host: an error, and nothing added. */
static enum pelt_status check_room(struct pelt_fleet_shared *s, const char *key, size_t more,
                                   struct pelt_error *err)
{
    int64_t bytes = 0;
    const size_t i = pelt_bus_put_memory(s->bus, key);
    enum pelt_status status = pelt_bus_flush(s->bus, err);
    if (status == PELT_OK && pelt_bus_took_integer(s->bus, i, &bytes, err) != PELT_OK) {
        bytes = 0; /* there is no such queue any more */
    }
    if (status == PELT_OK && (uint64_t)bytes + more > PELT_SHARED_QUEUE_BYTES) {
        return pelt_fail(err, PELT_ELIMIT,
                         "%lld bytes wait, and the limit is %zu MiB: pop them faster, or ask len() "
                         "before you push",
                         (long long)bytes, PELT_SHARED_QUEUE_BYTES >> 20);
    }
    return status;
}

static enum pelt_status add_value(struct pelt_fleet_shared *s, const char *key,
                                  struct pelt_span value, struct pelt_error *err)
{
    int64_t bytes, len;
    const size_t pushed = pelt_bus_put_rpush(s->bus, key, value),
                 size = pelt_bus_put_memory(s->bus, key);
    enum pelt_status status = flush_integer(s, key, pushed, &len, err);
    if (status == PELT_OK && pelt_bus_took_integer(s->bus, size, &bytes, err) == PELT_OK) {
        s->nearly_full = (uint64_t)bytes > PELT_SHARED_QUEUE_BYTES / 2;
    }
    return status;
}

static enum pelt_status on_push(void *arg, const char *queue, struct pelt_span value,
                                struct pelt_error *err)
{
    struct pelt_fleet_shared *s = arg;
    char key[PELT_BUS_KEY_SIZE];
    enum pelt_status status = begin(s, queue, key, err);
    if (status == PELT_OK && s->nearly_full) {
        status = check_room(s, key, value.len, err);
    }
    return end(s, status == PELT_OK ? add_value(s, key, value, err) : status);
}

static enum pelt_status on_pop(void *arg, const char *queue, struct pelt_buf *out,
                               struct pelt_error *err)
{
    struct pelt_fleet_shared *s = arg;
    char key[PELT_BUS_KEY_SIZE];
    struct pelt_span value;
    enum pelt_status status = begin(s, queue, key, err);
    if (status != PELT_OK) {
        return end(s, status);
    }
    const size_t i = pelt_bus_put_lpop(s->bus, key);
    pelt_bus_put_expire(s->bus, key, PELT_BUS_SHARED_S);
    status = pelt_bus_flush(s->bus, err);
    if (status == PELT_OK) {
        status = pelt_bus_took_text(s->bus, i, &value, err);
    }
    if (status == PELT_OK && pelt_buf_add(out, value.ptr, value.len) != PELT_OK) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return end(s, status == PELT_ENOTFOUND ? PELT_EOF : status);
}

static enum pelt_status on_len(void *arg, const char *queue, uint64_t *len, struct pelt_error *err)
{
    struct pelt_fleet_shared *s = arg;
    char key[PELT_BUS_KEY_SIZE];
    int64_t value = 0;
    enum pelt_status status = begin(s, queue, key, err);
    if (status == PELT_OK) {
        status = flush_integer(s, key, pelt_bus_put_llen(s->bus, key), &value, err);
    }
    *len = value > 0 ? (uint64_t)value : 0;
    return end(s, status);
}

enum pelt_status pelt_fleet_shared_new(const struct pelt_fleet_options *options, uint64_t epoch,
                                       struct pelt_fleet_shared **out, struct pelt_error *err)
{
    struct pelt_fleet_shared *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pthread_mutex_init(&s->lock, NULL);
    snprintf(s->run, sizeof(s->run), "%s", options->run != NULL ? options->run : PELT_FLEET_RUN);
    s->epoch = epoch;
    s->far = (struct pelt_shared_far){
        .add = on_add, .push = on_push, .pop = on_pop, .len = on_len, .arg = s};
    enum pelt_status status = pelt_bus_new(&options->bus, &s->bus, err);
    if (status != PELT_OK) {
        pelt_fleet_shared_free(s);
        return status;
    }
    *out = s;
    return PELT_OK;
}

void pelt_fleet_shared_free(struct pelt_fleet_shared *s)
{
    if (s != NULL) {
        pelt_bus_free(s->bus);
        pthread_mutex_destroy(&s->lock);
        free(s);
    }
}

const struct pelt_shared_far *pelt_fleet_shared_far(struct pelt_fleet_shared *s)
{
    return &s->far;
}
