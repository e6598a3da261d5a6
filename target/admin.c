/* admin: see the header. A JSON value becomes the text that a configuration file would have, so
 * there is one reader and one checker of values. */
#include "admin.h"

#include <netinet/in.h>

#define STATUS_OK        200
#define STATUS_BAD       400
#define STATUS_NOT_FOUND 404
#define STATUS_FAILED    500

static const char *const sources[] = {
    [TARGET_SOURCE_DEFAULT] = "default", [TARGET_SOURCE_SIZE] = "size",
    [TARGET_SOURCE_FILE] = "file",       [TARGET_SOURCE_COMMAND_LINE] = "command line",
    [TARGET_SOURCE_ADMIN] = "admin",
};

bool target_admin_is_loopback(const struct sockaddr *peer)
{
    const struct sockaddr_in *v4 = (const void *)peer;
    const struct sockaddr_in6 *v6 = (const void *)peer;

    if (peer->sa_family == AF_INET) {
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (peer->sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) &&
                v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
    }
    return false;
}

/* ---- reading ---- */

static json_t *value_json(const struct target_knob *knob, const void *values)
{
    char text[TARGET_KNOB_TEXT_BYTES];

    target_knob_print(knob, values, text, sizeof text);
    if (knob->type == TARGET_KNOB_FLAG) {
        return json_boolean(strcmp(text, "on") == 0);
    }
    if (target_knob_is_number(knob, values)) {
        return json_loads(text, JSON_DECODE_ANY, NULL);
    }
    return json_string(text);
}

static json_t *knob_json(const struct target_settings *settings,
                         const struct target_knob_place *place)
{
    const struct target_knob *knob = target_knob_at(place);
    const void *values = target_settings_of(settings, place->system);
    char name[64];

    return json_pack("{s:o, s:s, s:s, s:s, s:b, s:s, s:s}", "value", value_json(knob, values),
                     "default", knob->initial ? knob->initial : "", "set_by",
                     sources[settings->values.source[place->number]], "system",
                     target_systems[place->system]->name, "live", (int)knob->is_live, "takes",
                     target_knob_value_name(knob, name), "text", knob->text);
}

static json_t *all_json(const struct target_settings *settings)
{
    struct target_knob_place place;
    json_t *all = json_object();

    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        json_object_set_new(all, target_knob_at(&place)->name, knob_json(settings, &place));
    }
    return all;
}

json_t *target_admin_read(struct target_settings *settings, const char *name)
{
    struct target_knob_place place;
    json_t *json = NULL;

    pthread_mutex_lock(&settings->lock);
    if (!name) {
        json = all_json(settings);
    } else if (target_knob_find(&place, name)) {
        json = knob_json(settings, &place);
    }
    pthread_mutex_unlock(&settings->lock);
    return json;
}

/* ---- writing ---- */

/* The value as a configuration file would have it. False: it can be no knob's value. */
static bool value_text(const json_t *value, char *text, size_t bytes)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return strlen(json_string_value(value)) == json_string_length(value) &&
               snprintf(text, bytes, "%s", json_string_value(value)) < (int)bytes;
    case JSON_INTEGER:
        snprintf(text, bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    case JSON_REAL:
        snprintf(text, bytes, "%.17g", json_real_value(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(text, bytes, "%s", json_is_true(value) ? "on" : "off");
        return true;
    default:
        return false;
    }
}

static unsigned fail_unknown(const char *name, unsigned status, struct target_error *err)
{
    const char *nearest = target_knob_nearest(name);

    if (nearest) {
        target_fail(err, "no knob \"%.60s\"; did you mean %s?", name, nearest);
    } else {
        target_fail(err, "no knob \"%.60s\"; GET /admin/knobs lists all", name);
    }
    return status;
}

static unsigned set(struct target_change *change, const char *name, const json_t *value,
                    unsigned unknown, struct target_error *err)
{
    struct target_knob_place place;
    struct target_error why = {{0}};
    char text[TARGET_KNOB_TEXT_BYTES];

    if (!target_knob_find(&place, name)) {
        return fail_unknown(name, unknown, err);
    }
    if (!value_text(value, text, sizeof text)) {
        target_fail(err, "%s: the value is no short text, number, true or false", name);
        return STATUS_BAD;
    }
    if (!target_change_set(change, &place, text, TARGET_SOURCE_ADMIN, &why)) {
        target_fail(err, "%s: %.400s", name, why.text);
        return STATUS_BAD;
    }
    return STATUS_OK;
}

static unsigned set_members(struct target_change *change, json_t *object, struct target_error *err)
{
    const char *name;
    json_t *value;
    unsigned status = STATUS_OK;

    if (!json_is_object(object)) {
        target_fail(err, "the body is no JSON object; try {\"workers\": 4}");
        return STATUS_BAD;
    }
    json_object_foreach(object, name, value)
    {
        status = set(change, name, value, STATUS_BAD, err);
        if (status != STATUS_OK) {
            break;
        }
    }
    return status;
}

static unsigned write_json(struct target_change *change, const char *name, json_t *json,
                           const struct target_scene *scene, struct target_error *err)
{
    unsigned status =
        name ? set(change, name, json, STATUS_NOT_FOUND, err) : set_members(change, json, err);

    if (status != STATUS_OK) {
        target_change_abort(change);
        return status;
    }
    return target_change_commit(change, scene, err) ? STATUS_OK : STATUS_BAD;
}

unsigned target_admin_write(struct target_settings *settings, struct target_running *running,
                            const char *name, const char *text, size_t bytes,
                            const struct target_scene *scene, struct target_error *err)
{
    struct target_change change;
    json_error_t why;
    json_t *json =
        json_loadb(text ? text : "", bytes, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    unsigned status = STATUS_FAILED;

    if (!json) {
        target_fail(err, "the body is not JSON: %.200s; try %s", why.text,
                    name ? "4 or \"5ms\"" : "{\"workers\": 4}");
        return STATUS_BAD;
    }
    if (target_change_begin(&change, settings, running, err)) {
        status = write_json(&change, name, json, scene, err);
    }
    json_decref(json);
    return status;
}
