/* request: see the header. */
#include "request.h"

#define BODY_ROOM_FIRST 1024

void target_request_store_deinit(struct target_request_store *store)
{
    while (store->first) {
        struct target_request *request = store->first;

        store->first = request->next;
        free(request->body);
        free(request);
    }
}

struct target_request *target_request_take(struct target_request_store *store)
{
    struct target_request *request = store->first;

    if (!request) {
        return calloc(1, sizeof *request);
    }
    store->first = request->next;
    *request = (struct target_request){.body = request->body, .body_room = request->body_room};
    return request;
}

void target_request_give_back(struct target_request_store *store, struct target_request *request)
{
    request->next = store->first;
    store->first = request;
}

static bool grow_body(struct target_request *request, size_t bytes)
{
    size_t room = request->body_room ? request->body_room : BODY_ROOM_FIRST;
    char *body;

    while (room < bytes) {
        room *= 2;
    }
    if (room == request->body_room) {
        return true;
    }
    body = realloc(request->body, room);
    if (!body) {
        return false;
    }
    request->body = body;
    request->body_room = room;
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
    if (!grow_body(request, request->body_bytes + bytes)) {
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
