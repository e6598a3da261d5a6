/*
 * target_stored: what pelt-target reads back from disk or Redis, or gets as a query, a list of
 * queries or a task, crashes it never; what is taken is in the form that it promises.
 *
 * The first byte says what the rest is: p a packed answer, s a session, q a query, w a list of
 * queries, t a task; z what is to be packed and come back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"
#include "search.h"
#include "sessionstore.h"
#include "tasks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static void try_pack(const char *text, size_t size)
{
    struct target_unpacked unpacked;

    if (target_pack_read(&unpacked, text, size)) {
        require(unpacked.body->status == 200);
        require(strlen(unpacked.body->text) == unpacked.body->bytes);
        require(strlen(unpacked.tags) < TARGET_PACK_TAGS_MAX);
        target_body_release(unpacked.body);
    }
}

static void try_round(const char *text)
{
    struct target_pack pack = {.tags = "/work", .text = text, .bytes = strlen(text)};
    struct target_unpacked unpacked;
    size_t bytes;
    unsigned char *packed = target_pack_make(&pack, &bytes);

    require(packed && target_pack_read(&unpacked, packed, bytes));
    require(strcmp(unpacked.body->text, text) == 0 && strcmp(unpacked.tags, "/work") == 0);
    target_body_release(unpacked.body);
    free(packed);
}

static void try_session(const char *text, size_t size)
{
    json_t *session = target_sessionstore_read(text, size);

    if (session) {
        require(json_integer_value(json_object_get(session, "turns")) >= 0);
        require(json_is_array(json_object_get(session, "messages")));
        json_decref(session);
    }
}

/* A normal form is its own normal form. */
static void try_query(const char *text)
{
    char query[TARGET_QUERY_BYTES], again[TARGET_QUERY_BYTES];

    if (target_query_normalise(text, query)) {
        require(query[0] != '\0' && query[0] != ' ' && query[strlen(query) - 1] != ' ');
        require(strstr(query, "  ") == NULL);
        require(target_query_normalise(query, again) && strcmp(query, again) == 0);
    }
}

static void try_warm(const char *text, size_t size)
{
    static const struct target_search_settings on = {
        .bytes = 10000, .entries = 10, .ttl_ns = 1000, .semantic = 0.5};
    struct target_search *search = target_search_system.start(&on, 0);
    struct target_scene scene = {.now_ns = 0};
    struct target_error err = {{0}};
    uint64_t kept;

    require(search != NULL);
    require(target_search_warm(search, text, size, 0, &scene, &kept, &err) || err.text[0]);
    target_search_system.stop(search, &scene);
}

static void try_task(const char *text, size_t size)
{
    struct target_error err = {{0}};
    unsigned priority;
    bool is_waiting;

    if (target_tasks_read(text, size, &priority, &is_waiting, &err)) {
        require(priority < 3);
    } else {
        require(err.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0) {
        return 0;
    }
    text = malloc(size);
    require(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0]) {
    case 'p':
        try_pack(text, size - 1);
        break;
    case 's':
        try_session(text, size - 1);
        break;
    case 'q':
        try_query(text);
        break;
    case 'w':
        try_warm(text, size - 1);
        break;
    case 't':
        try_task(text, size - 1);
        break;
    default:
        try_round(text);
    }
    free(text);
    return 0;
}
