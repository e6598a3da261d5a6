/*
 * backends: see the header. Weighted turns are nginx's smooth ones: each adds its weight to its
 * credit, the richest is chosen and pays the sum of all weights; so that 5:1:1 gives a a b a c a a.
 */
#include "backends.h"

#include <string.h>

#include "quantity.h"

#define ADDRESS_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"

/* ---- addresses ---- */

bool target_backends_is_address(const char *text)
{
    const char *port = strrchr(text, ':');
    uint64_t number;

    return strspn(text, ADDRESS_CHARS) == strlen(text) && port && port > text &&
           strlen(text) < TARGET_BACKEND_BYTES && (text[0] == '[') == (port[-1] == ']') &&
           (text[0] == '[' || strchr(text, ':') == port) &&
           target_quantity_count(port + 1, 65535, &number) && number > 0;
}

/* Cuts "*WEIGHT" off; 1 where there is none. */
static bool split_weight(char *word, uint64_t *weight)
{
    char *star = strchr(word, '*');

    *weight = 1;
    if (!star) {
        return true;
    }
    *star = '\0';
    return target_quantity_count(star + 1, TARGET_BACKEND_WEIGHT_MAX, weight) && *weight > 0;
}

bool target_backends_read(const char **at, char address[TARGET_BACKEND_BYTES], uint64_t *weight,
                          struct target_error *err)
{
    char word[TARGET_BACKEND_BYTES + 8];
    size_t length;

    *at += strspn(*at, ", ");
    length = strcspn(*at, ", ");
    if (length == 0) {
        return false;
    }
    if (length < sizeof word) {
        memcpy(word, *at, length);
        word[length] = '\0';
        if (split_weight(word, weight) && target_backends_is_address(word)) {
            memcpy(address, word, strlen(word) + 1);
            *at += length;
            return true;
        }
    }
    return target_fail(err, "\"%.*s\" is not HOST:PORT or HOST:PORT*WEIGHT; try 127.0.0.1:18801*2",
                       (int)(length < 100 ? length : 100), *at);
}

/* ---- who there is ---- */

static bool is_there(const struct target_backend *backend)
{
    return backend->address[0] != '\0';
}

struct target_backend *target_backends_find(struct target_backends *all, const char *address)
{
    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        if (is_there(&all->slot[i]) && strcmp(all->slot[i].address, address) == 0) {
            return &all->slot[i];
        }
    }
    return NULL;
}

static struct target_backend *free_slot(struct target_backends *all)
{
    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        if (!is_there(&all->slot[i])) {
            all->slot[i] = (struct target_backend){.weight = 1};
            return &all->slot[i];
        }
    }
    return NULL;
}

struct target_backend *target_backends_add(struct target_backends *all, const char *address,
                                           enum target_backend_origin origin, uint64_t weight,
                                           uint64_t now_ns)
{
    struct target_backend *backend = target_backends_find(all, address);

    if (!backend || backend->is_leaving) {
        backend = backend ? backend : free_slot(all);
        if (!backend) {
            return NULL;
        }
        memcpy(backend->address, address, strlen(address) + 1);
        backend->is_leaving = false;
        backend->is_up = false;
        backend->failed_checks = 0;
        backend->check_ns = now_ns;
    }
    backend->origin = origin;
    backend->weight = weight;
    return backend;
}

/* The slot is free once the last request and the last check are over. */
static void settle(struct target_backend *backend)
{
    if (backend->is_leaving && backend->in_flight == 0 && !backend->is_checking) {
        *backend = (struct target_backend){.weight = 1};
    }
}

void target_backends_leave(struct target_backend *backend)
{
    backend->is_leaving = true;
    backend->is_up = false;
    settle(backend);
}

size_t target_backends_expire(struct target_backends *all, uint64_t now_ns)
{
    size_t count = 0;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        struct target_backend *backend = &all->slot[i];

        if (is_there(backend) && !backend->is_leaving &&
            backend->origin == TARGET_BACKEND_REGISTERED && now_ns >= backend->lease_ns) {
            target_backends_leave(backend);
            count++;
        }
    }
    return count;
}

/* ---- who is next ---- */

/* A weight of at least 1, so that one that is busy gets what shows that it no longer is. */
static int64_t weight_of(const struct target_backend *backend, enum target_balance balance)
{
    double left = 100 * (1 - backend->cpu_share);

    if (balance != TARGET_BALANCE_CPU) {
        return (int64_t)backend->weight;
    }
    return left < 1 ? 1 : (int64_t)(left + 0.5);
}

static bool may_get(const struct target_backends *all, size_t i, uint64_t but)
{
    return all->slot[i].is_up && !(but >> i & 1);
}

static struct target_backend *choose_weighted(struct target_backends *all,
                                              enum target_balance balance, uint64_t but)
{
    struct target_backend *best = NULL;
    int64_t sum = 0;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        struct target_backend *backend = &all->slot[i];

        if (!may_get(all, i, but)) {
            continue;
        }
        sum += weight_of(backend, balance);
        backend->credit += weight_of(backend, balance);
        if (!best || backend->credit > best->credit) {
            best = backend;
        }
    }
    if (best) {
        best->credit -= sum;
    }
    return best;
}

/* The first behind the last one that is up, or that has fewest in flight. */
static struct target_backend *choose_in_turn(struct target_backends *all, bool is_least,
                                             uint64_t but)
{
    struct target_backend *best = NULL;

    for (size_t n = 1; n <= TARGET_BACKENDS_MAX; n++) {
        size_t i = (all->last + n) % TARGET_BACKENDS_MAX;
        struct target_backend *backend = &all->slot[i];

        if (!may_get(all, i, but)) {
            continue;
        }
        if (!is_least) {
            return backend;
        }
        if (!best || backend->in_flight < best->in_flight) {
            best = backend;
        }
    }
    return best;
}

static struct target_backend *choose(struct target_backends *all, enum target_balance balance,
                                     uint64_t but)
{
    return balance == TARGET_BALANCE_WEIGHTED || balance == TARGET_BALANCE_CPU
               ? choose_weighted(all, balance, but)
               : choose_in_turn(all, balance == TARGET_BALANCE_LEAST, but);
}

struct target_backend *target_backends_choose(struct target_backends *all,
                                              enum target_balance balance, uint64_t but)
{
    struct target_backend *backend = choose(all, balance, but);

    if (backend) {
        all->last = target_backends_slot(all, backend);
        backend->in_flight++;
        backend->requests++;
    }
    return backend;
}

void target_backends_done(struct target_backend *backend, bool answered, uint64_t took_ns)
{
    backend->in_flight--;
    if (answered) {
        backend->answers++;
        backend->answer_ns += took_ns;
    } else {
        backend->failures++;
    }
    settle(backend);
}

/* ---- how they are ---- */

bool target_backends_checked(struct target_backend *backend, bool is_good, uint64_t failures_max)
{
    bool was_up = backend->is_up;

    backend->is_checking = false;
    backend->failed_checks = is_good ? 0 : backend->failed_checks + 1;
    if (backend->is_leaving) {
        settle(backend);
        return false;
    }
    if (is_good) {
        backend->credit = was_up ? backend->credit : 0;
        backend->is_up = true;
    } else if (backend->failed_checks >= failures_max) {
        backend->is_up = false;
        backend->cpu_ns = 0;
        backend->cpu_share = 0;
    }
    return backend->is_up != was_up;
}

void target_backends_cpu(struct target_backend *backend, double cpu_s, uint64_t now_ns)
{
    double elapsed_s =
        backend->cpu_ns && now_ns > backend->cpu_ns ? (double)(now_ns - backend->cpu_ns) / 1e9 : 0;
    double share = elapsed_s > 0 ? (cpu_s - backend->cpu_s) / elapsed_s : 0;

    backend->cpu_share = share < 0 ? 0 : share > 1 ? 1 : share;
    backend->cpu_s = cpu_s;
    backend->cpu_ns = now_ns;
}

size_t target_backends_slot(const struct target_backends *all, const struct target_backend *backend)
{
    return (size_t)(backend - all->slot);
}

size_t target_backends_up(const struct target_backends *all)
{
    size_t count = 0;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        count += all->slot[i].is_up;
    }
    return count;
}

uint64_t target_backends_in_flight(const struct target_backends *all)
{
    uint64_t count = 0;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        count += all->slot[i].in_flight;
    }
    return count;
}
