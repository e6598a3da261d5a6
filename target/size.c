/* size: see the header. */
#include "size.h"

#include <assert.h>

enum { NONE, SMALL, MEDIUM, LARGE, SIZES };

struct settings {
    unsigned size;
};

static const char *const sizes[] = {
    [NONE] = "none", [SMALL] = "small", [MEDIUM] = "medium", [LARGE] = "large", NULL};

static const struct target_knob knobs[] = {
    {.name = "size",
     .type = TARGET_KNOB_CHOICE,
     .offset = offsetof(struct settings, size),
     .choices = sizes,
     .initial = "none",
     .text = "workers, queue, connections to upstream and database, sessions and WebSockets of a "
             "service of this size; knobs that are set besides win"},
};

static const struct {
    const char *knob;
    const char *value[SIZES];
} presets[] = {
    {"workers", {NULL, "2", "8", "32"}},
    {"workers-queue", {NULL, "20", "100", "500"}},
    {"upstream-max", {NULL, "2", "8", "32"}},
    {"database-max", {NULL, "2", "8", "32"}},
    {"sessions", {NULL, "100", "1000", "10000"}},
    {"ws-connections", {NULL, "100", "1000", "10000"}},
};

static bool set(struct target_change *change, const char *knob, const char *value,
                struct target_error *err)
{
    struct target_knob_place place;
    bool is_there = target_knob_find(&place, knob);

    assert(is_there);
    (void)is_there;
    return change->values.source[place.number] != TARGET_SOURCE_DEFAULT ||
           target_change_set(change, &place, value, TARGET_SOURCE_SIZE, err);
}

bool target_size_apply(struct target_change *change, struct target_error *err)
{
    const struct settings *settings = target_change_values(change, &target_size_system);

    for (size_t i = 0; settings->size != NONE && i < sizeof presets / sizeof presets[0]; i++) {
        if (!set(change, presets[i].knob, presets[i].value[settings->size], err)) {
            return false;
        }
    }
    return true;
}

const struct target_system target_size_system = {
    .name = "size",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct settings),
};
