/*
 * target_settings: no configuration file and no body sent to /admin/knobs crashes pelt-target; what
 * was refused changed nothing, what was taken reads back as printed, and the systems keep their
 * invariants whatever their knobs become.
 *
 * The first byte says what the rest is: a file, an object of knobs, one knob's value behind its
 * name and a line break, or a list of names as a client sends one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "config.h"
#include "database.h"
#include "names.h"
#include "upstream.h"
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

static void work(struct target_running *running, uint64_t at_ns)
{
    struct target_workers *workers = running->state[target_systems_index(&target_workers_system)];
    struct target_outcome none = {.status = 0};

    for (uint64_t i = 0; i < 8; i++) {
        struct target_scene scene = {.now_ns = at_ns + i * MS};
        struct target_admission admission = {.route = TARGET_ROUTE_WORK,
                                             .method = "GET",
                                             .path = "/work",
                                             .vary = "",
                                             .is_work = true,
                                             .service_ns = i * 3 * MS,
                                             .start_ns = scene.now_ns};
        enum target_verdict verdict =
            target_running_ask(running, &admission, TARGET_STEP_ADMIT, &scene);
        uint64_t start_ns;

        require(verdict != TARGET_REFUSED || admission.status != 0);
        require(verdict != TARGET_LATER || admission.later_ns > scene.now_ns);
        require(admission.start_ns >= scene.now_ns);
        if (admission.ticket) {
            target_workers_end(workers, admission.ticket, 0, i % 2, &start_ns);
        }
        target_running_ended(running, &admission, &none, &scene);
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

/* Whatever a list has in it, names are good ones. */
static void try_list(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), name[TARGET_NAME_BYTES];
    const char *at = text;

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    while (target_names_next(&at, name)) {
        require(name[0] != '\0' && target_names_are_good(name));
    }
    require(*at == '\0');
    free(text);
}

/* The systems start as `given`, but for those that reach for files and other hosts: they stay off.
 */
struct beginning {
    const struct target_settings *given, *off;
};

static const void *settings_of(const void *cls, size_t system)
{
    const struct beginning *beginning = cls;
    bool is_outside = target_systems[system] == &target_upstream_system ||
                      target_systems[system] == &target_database_system;

    return target_settings_of(is_outside ? beginning->off : beginning->given, system);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target_settings settings, off;
    struct target_running running;
    struct beginning beginning = {.given = &settings, .off = &off};
    struct target_error err = {{0}};

    if (size == 0) {
        return 0;
    }
    if (data[0] == 'l') {
        try_list(data + 1, size - 1);
        return 0;
    }
    require(target_settings_init(&settings, &err) && target_settings_init(&off, &err));
    if (data[0] == 'f') {
        try_file(&settings, data + 1, size - 1);
    }
    require(target_running_start(&running, settings_of, &beginning, 0));
    work(&running, 0);
    if (data[0] == 'n') {
        try_named(&settings, &running, data + 1, size - 1);
    } else if (data[0] != 'f') {
        try_admin(&settings, &running, NULL, data + 1, size - 1);
    }
    work(&running, 100 * MS);
    target_running_stop(&running, &(struct target_scene){.now_ns = 200 * MS});
    target_settings_deinit(&off);
    target_settings_deinit(&settings);
    return 0;
}
