/* request: see the header. */
#include "request.h"

#include "room.h"

#define BODY_ROOM_FIRST   1024
#define TARGET_ROOM_FIRST 64

static void free_request(struct target_request *request)
{
    free(request->body);
    free(request->target);
    free(request);
}

/* Under the lock; NULL: none is kept. */
static struct target_request *pop(struct target_request_store *store)
{
    struct target_request *request = store->first;

    if (request) {
        store->first = request->next;
        store->now.kept--;
    }
    return request;
}

static void keep_at_most(struct target_request_store *store, uint64_t most)
{
    struct target_request *beyond = NULL, *request;

    pthread_mutex_lock(&store->lock);
    while (store->now.kept > most) {
        request = pop(store);
        request->next = beyond;
        beyond = request;
    }
    pthread_mutex_unlock(&store->lock);
    while ((request = beyond) != NULL) { /* freed without the lock: the loops want it meanwhile */
        beyond = request->next;
        free_request(request);
    }
}

void target_request_store_init(struct target_request_store *store)
{
    *store = (struct target_request_store){.kept_max = TARGET_UNLIMITED};
    pthread_mutex_init(&store->lock, NULL);
}

void target_request_store_deinit(struct target_request_store *store)
{
    keep_at_most(store, 0);
    pthread_mutex_destroy(&store->lock);
}

void target_request_store_set(struct target_request_store *store, uint64_t kept_max)
{
    pthread_mutex_lock(&store->lock);
    store->kept_max = kept_max;
    pthread_mutex_unlock(&store->lock);
    keep_at_most(store, kept_max);
}

void target_request_store_trim(struct target_request_store *store)
{
    keep_at_most(store, 0);
}

struct target_request_stored target_request_store_now(struct target_request_store *store)
{
    struct target_request_stored now;

    pthread_mutex_lock(&store->lock);
    now = store->now;
    pthread_mutex_unlock(&store->lock);
    return now;
}

struct target_request *target_request_take(struct target_request_store *store)
{
    struct target_request *request;

    pthread_mutex_lock(&store->lock);
    request = pop(store);
    store->now.used++;
    store->now.made += !request;
    pthread_mutex_unlock(&store->lock);
    if (request) {
        *request = (struct target_request){.body = request->body,
                                           .body_room = request->body_room,
                                           .target = request->target,
                                           .target_room = request->target_room};
        return request;
    }
    request = calloc(1, sizeof *request);
    if (!request) {
        pthread_mutex_lock(&store->lock);
        store->now.used--;
        pthread_mutex_unlock(&store->lock);
    }
    return request;
}

void target_request_give_back(struct target_request_store *store, struct target_request *request)
{
    bool is_kept;

    pthread_mutex_lock(&store->lock);
    store->now.used--;
    is_kept = store->now.kept < store->kept_max;
    if (is_kept) {
        request->next = store->first;
        store->first = request;
        store->now.kept++;
    }
    pthread_mutex_unlock(&store->lock);
    if (!is_kept) {
        free_request(request);
    }
}

bool target_request_set_target(struct target_request *request, const char *target)
{
    size_t bytes = strlen(target) + 1;

    if (!target_room_make(&request->target, &request->target_room, bytes, TARGET_ROOM_FIRST)) {
        return false;
    }
    memcpy(request->target, target, bytes);
    return true;
}

bool target_request_add_body(struct target_request *request, const char *data, size_t bytes)
{
    if (request->body_bytes + bytes > TARGET_BODY_BYTES_MAX) {
        request->is_body_too_large = true;
    }
    if (request->is_body_too_large) {
        return true;
    }
    if (!target_room_make(&request->body, &request->body_room, request->body_bytes + bytes,
                          BODY_ROOM_FIRST)) {
        return false;
    }
    memcpy(request->body + request->body_bytes, data, bytes);
    request->body_bytes += bytes;
    return true;
}

uint64_t target_request_due_ns(const struct target_request *request)
{
    return request->admission.start_ns + request->admission.service_ns;
}

uint64_t target_request_queue_ns(const struct target_request *request)
{
    if (request->admission.lb.backend[0]) {
        return 0; /* what it waited for is the call of its back end */
    }
    uint64_t waited_ns = request->admission.start_ns - request->whole_ns;
    uint64_t told_ns = request->admission.model.load_ns + request->admission.held_ns;

    return waited_ns > told_ns ? waited_ns - told_ns : 0;
}
