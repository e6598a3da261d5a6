/* coalesce: a flight is in the table from join to end; the figures' `used` is the sum of queues. */
#include "coalesce.h"

#include <assert.h>
#include <pthread.h>

#include "keytable.h"

struct target_flight {
    struct target_key_node by_key;
    struct target_waiters followers;
    char key[];
};

struct target_coalesce {
    pthread_mutex_t lock;
    struct target_keytable flights;
    struct target_coalesce_figures figures;
};

static struct target_flight *start_flight(struct target_coalesce *coalesce, const char *key)
{
    size_t size = strlen(key) + 1;
    struct target_flight *flight = calloc(1, sizeof *flight + size);

    if (!flight) {
        return NULL;
    }
    memcpy(flight->key, key, size);
    if (!target_keytable_add(&coalesce->flights, &flight->by_key, flight->key)) {
        free(flight);
        return NULL;
    }
    coalesce->figures.executions++;
    return flight;
}

static enum target_coalesce_role follow(struct target_coalesce *coalesce,
                                        struct target_flight *flight, struct target_waiter *waiter)
{
    struct target_coalesce_figures *figures = &coalesce->figures;

    if (figures->usage.used >= figures->usage.limit) {
        figures->usage.events++;
        return TARGET_COALESCE_ALONE;
    }
    target_waiters_push(&flight->followers, waiter);
    figures->usage.used++;
    figures->collapsed++;
    return TARGET_COALESCE_FOLLOW;
}

enum target_coalesce_role target_coalesce_join(struct target_coalesce *coalesce, const char *key,
                                               struct target_waiter *waiter,
                                               struct target_flight **flight)
{
    enum target_coalesce_role role;
    struct target_key_node *there;

    *flight = NULL;
    pthread_mutex_lock(&coalesce->lock);
    there = target_keytable_find(&coalesce->flights, key);
    if (there) {
        role = follow(coalesce, TARGET_OWNER(there, struct target_flight, by_key), waiter);
    } else {
        *flight = start_flight(coalesce, key);
        role = *flight ? TARGET_COALESCE_LEAD : TARGET_COALESCE_ALONE;
    }
    pthread_mutex_unlock(&coalesce->lock);
    return role;
}

struct target_waiter *target_coalesce_end(struct target_coalesce *coalesce,
                                          struct target_flight *flight, void *result)
{
    struct target_waiter *followers;

    pthread_mutex_lock(&coalesce->lock);
    target_keytable_remove(&coalesce->flights, &flight->by_key);
    coalesce->figures.usage.used -= flight->followers.count;
    followers = target_waiters_take(&flight->followers, result);
    pthread_mutex_unlock(&coalesce->lock);
    free(flight);
    return followers;
}

bool target_coalesce_leave(struct target_coalesce *coalesce, struct target_waiter *waiter)
{
    bool is_following;

    pthread_mutex_lock(&coalesce->lock);
    is_following = waiter->queue != NULL;
    if (is_following) {
        target_waiters_remove(waiter);
        coalesce->figures.usage.used--;
    }
    pthread_mutex_unlock(&coalesce->lock);
    return is_following;
}

void target_coalesce_set(struct target_coalesce *coalesce, uint64_t followers_max)
{
    pthread_mutex_lock(&coalesce->lock);
    coalesce->figures.usage.limit = followers_max;
    pthread_mutex_unlock(&coalesce->lock);
}

struct target_coalesce_figures target_coalesce_figures(struct target_coalesce *coalesce)
{
    struct target_coalesce_figures figures;

    pthread_mutex_lock(&coalesce->lock);
    figures = coalesce->figures;
    figures.usage.waiters = figures.usage.used;
    figures.flights = coalesce->flights.count;
    pthread_mutex_unlock(&coalesce->lock);
    return figures;
}

struct target_coalesce *target_coalesce_new(uint64_t followers_max)
{
    struct target_coalesce *coalesce = calloc(1, sizeof *coalesce);

    if (coalesce) {
        pthread_mutex_init(&coalesce->lock, NULL);
        coalesce->figures.usage.limit = followers_max;
    }
    return coalesce;
}

void target_coalesce_free(struct target_coalesce *coalesce)
{
    if (!coalesce) {
        return;
    }
    assert(coalesce->flights.count == 0);
    target_keytable_deinit(&coalesce->flights);
    pthread_mutex_destroy(&coalesce->lock);
    free(coalesce);
}
