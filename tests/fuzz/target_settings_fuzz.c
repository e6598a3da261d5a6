/*
 * target_settings: no configuration file and no body sent to /admin/knobs crashes pelt-target; what
 * was refused changed nothing, what was taken reads back as printed, and the worker pool keeps its
 * invariants whatever its knobs become.
 *
 * The first byte says what the rest is: a file, an object of knobs, or one knob's value behind its
 * name and a line break.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "config.h"
#include "workers.h"

#define MS UINT64_C(1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static char *printed(const struct target_settings *settings)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    require(out != NULL);
    target_config_print(settings, out);
    fclose(out);
    return text;
}

/* False: it was refused. */
static bool parse(struct target_settings *settings, char *text, size_t bytes)
{
    struct target_change change;
    struct target_error err = {{0}};

    require(target_change_begin(&change, settings, NULL, &err));
    if (!target_config_parse(&change, "fuzz.conf", text, bytes, &err)) {
        require(err.text[0] != '\0');
        target_change_abort(&change);
        return false;
    }
    if (!target_change_commit(&change, NULL, &err)) {
        require(err.text[0] != '\0');
        return false;
    }
    return true;
}

/*
 * A path may hold what a file cannot say again (a '#' behind a blank comes from /admin only, and
 * paths are not live there), so texts read back exactly.
 */
static void try_file(struct target_settings *settings, const uint8_t *data, size_t size)
{
    struct target_settings again;
    struct target_error err = {{0}};
    char *text = malloc(size + 1), *before = printed(settings), *first, *second;

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (parse(settings, text, size)) {
        first = printed(settings);
        require(target_settings_init(&again, &err));
        second = strdup(first);
        require(parse(&again, second, strlen(second)));
        free(second);
        second = printed(&again);
        require(strcmp(first, second) == 0);
        target_settings_deinit(&again);
        free(second);
    } else {
        first = printed(settings);
        require(strcmp(first, before) == 0);
    }
    free(first);
    free(before);
    free(text);
}

static void work(struct target_workers *workers, uint64_t at_ns)
{
    for (uint64_t i = 0; i < 8; i++) {
        struct target_scene scene = {.now_ns = at_ns + i * MS};
        struct target_admission admission = {.service_ns = i * 3 * MS, .start_ns = scene.now_ns};
        uint64_t start_ns;

        if (target_workers_system.admit(workers, &admission, &scene) && admission.ticket) {
            require(admission.start_ns >= scene.now_ns);
            target_workers_end(workers, admission.ticket, 0, i % 2, &start_ns);
        }
    }
}

static void try_admin(struct target_settings *settings, struct target_running *running,
                      const char *name, const uint8_t *data, size_t size)
{
    struct target_scene scene = {.now_ns = 100 * MS};
    struct target_error err = {{0}};
    char *before = printed(settings), *after;
    unsigned status =
        target_admin_write(settings, running, name, (const char *)data, size, &scene, &err);

    after = printed(settings);
    require(status == 200 ? err.text[0] == '\0' : err.text[0] != '\0');
    require(status == 200 || strcmp(before, after) == 0);
    json_decref(target_admin_read(settings, NULL));
    free(before);
    free(after);
}

static void try_named(struct target_settings *settings, struct target_running *running,
                      const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    char name[64] = "workers";
    size_t length = end ? (size_t)(end - data) : 0;

    if (end && length < sizeof name) {
        memcpy(name, data, length);
        name[length] = '\0';
        data += length + 1;
        size -= length + 1;
    }
    try_admin(settings, running, name, data, size);
}

static const void *settings_of(const void *cls, size_t system)
{
    return target_settings_of(cls, system);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = target_systems_index(&target_workers_system);
    struct target_settings settings;
    struct target_running running;
    struct target_error err = {{0}};

    if (size == 0) {
        return 0;
    }
    require(target_settings_init(&settings, &err));
    if (data[0] == 'f') {
        try_file(&settings, data + 1, size - 1);
    }
    require(target_running_start(&running, settings_of, &settings, 0));
    work(running.state[at], 0);
    if (data[0] == 'n') {
        try_named(&settings, &running, data + 1, size - 1);
    } else if (data[0] != 'f') {
        try_admin(&settings, &running, NULL, data + 1, size - 1);
    }
    work(running.state[at], 100 * MS);
    target_running_stop(&running, &(struct target_scene){.now_ns = 200 * MS});
    target_settings_deinit(&settings);
    return 0;
}
