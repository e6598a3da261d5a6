/* adminpath: see the header. */
#include "adminpath.h"

#include <string.h>

#include "admin.h"
#include "jsontext.h"
#include "levels.h"
#include "names.h"
#include "outputs.h"
#include "response.h"
#include "response_cache.h"
#include "search.h"
#include "trim.h"

static bool is_on_this_machine(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    return info && info->client_addr && target_admin_is_loopback(info->client_addr);
}

bool target_adminpath_is_forbidden(const struct target_sources *from,
                                   const struct target_asked *asked, struct target_draft *answer)
{
    if (!target_route_is_admin(asked->route)) {
        return false;
    }
    if (!from->service->has_admin) {
        *answer = target_draft_failed(MHD_HTTP_FORBIDDEN, "forbidden",
                                      "the admin path is off (--admin off)");
        return true;
    }
    if (!is_on_this_machine(asked->connection)) {
        *answer = target_draft_failed(
            MHD_HTTP_FORBIDDEN, "forbidden",
            "the admin path answers clients on this machine only; ask 127.0.0.1");
        return true;
    }
    return false;
}

static struct target_draft answer_knobs(const struct target_sources *from, const char *name)
{
    json_t *json = target_admin_read(from->settings, name);

    if (!json) {
        return target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found",
                                   "there is no such knob; GET /admin/knobs lists all");
    }
    return target_draft_own(MHD_HTTP_OK,
                            target_response_text(target_jsontext_take(json), TARGET_JSON_TYPE));
}

static struct target_draft turn_knobs(const struct target_sources *from,
                                      const struct target_asked *asked, const char *name)
{
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    struct target_error err = {{0}};
    unsigned status = target_admin_write(from->settings, from->running, name, asked->body,
                                         asked->body_bytes, &scene, &err);

    return status == MHD_HTTP_OK
               ? answer_knobs(from, name)
               : target_draft_failed(status,
                                     status == MHD_HTTP_NOT_FOUND ? "not_found" : "invalid_request",
                                     err.text);
}

struct target_draft target_adminpath_knobs(const struct target_sources *from,
                                           const struct target_asked *asked)
{
    const char *name =
        asked->route == TARGET_ROUTE_KNOB ? target_route_rest(asked->route, asked->path) : NULL;

    if (strcmp(asked->method, MHD_HTTP_METHOD_PUT) == 0) {
        return turn_knobs(from, asked, name);
    }
    return answer_knobs(from, name);
}

/* ---- caches ---- */

struct purge_asked { /* NULL: not asked for */
    const char *tag, *pattern, *topic;
    unsigned given;  /* of these */
    unsigned others; /* arguments that are none of these, or one more, or one without a value */
};

static enum MHD_Result read_purge(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct purge_asked *asked = cls;
    const char **place = strcmp(name, "tag") == 0       ? &asked->tag
                         : strcmp(name, "pattern") == 0 ? &asked->pattern
                         : strcmp(name, "topic") == 0   ? &asked->topic
                                                        : NULL;

    if (!place || !value || *place) {
        asked->others++;
    } else {
        *place = value;
        asked->given++;
    }
    return MHD_YES;
}

static bool is_one_name(const char *text)
{
    char name[TARGET_NAME_BYTES];
    const char *at = text;

    return target_names_are_good(text) && target_names_next(&at, name) && !*at &&
           strcmp(name, text) == 0;
}

static size_t purge(const struct target_sources *from, const struct purge_asked *asked,
                    const struct target_scene *scene)
{
    struct target_response_cache *answers =
        from->running->state[target_systems_index(&target_response_cache_system)];
    struct target_outputs *outputs =
        from->running->state[target_systems_index(&target_outputs_system)];
    char tag[TARGET_NAME_BYTES];
    size_t purged = 0;

    if (asked->topic || asked->given == 0) { /* first, as the response cache keeps what it gives */
        purged += target_outputs_purge(outputs, asked->topic, scene);
    }
    if (asked->topic) {
        target_outputs_tag(tag, asked->topic);
    }
    return purged + target_response_cache_purge(answers, asked->topic ? tag : asked->tag,
                                                asked->pattern, scene);
}

/* NULL: no level would owe any. */
static json_t *owed_json(const struct target_sources *from)
{
    struct target_levels *levels =
        from->running->state[target_systems_index(&target_levels_system)];

    return target_levels_are_outside(levels) ? json_integer((json_int_t)target_levels_owed(levels))
                                             : NULL;
}

struct target_draft target_adminpath_purge(const struct target_sources *from,
                                           const struct target_asked *asked)
{
    struct purge_asked query = {.tag = NULL};
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    size_t purged;

    MHD_get_connection_values(asked->connection, MHD_GET_ARGUMENT_KIND, read_purge, &query);
    if (query.others > 0 || query.given > 1) {
        return target_draft_bad_request("this path takes ?tag=NAME, ?topic=NAME or "
                                        "?pattern=/work*, once, or no query: then all answers are "
                                        "dropped");
    }
    if ((query.tag && !is_one_name(query.tag)) || (query.topic && !is_one_name(query.topic))) {
        return target_draft_bad_request("a tag or topic is a name of up to 64 letters, digits and "
                                        "-_.:/; without any, all answers are dropped");
    }
    purged = purge(from, &query, &scene);
    return target_draft_text(
        MHD_HTTP_OK, target_jsontext_take(json_pack("{s:I, s:o*}", "purged", (json_int_t)purged,
                                                    "pending", owed_json(from))));
}

struct target_draft target_adminpath_warm(const struct target_sources *from,
                                          const struct target_asked *asked)
{
    struct target_search *search =
        from->running->state[target_systems_index(&target_search_system)];
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    struct target_error err = {{0}};
    uint64_t kept;

    if (!target_search_warm(search, asked->body, asked->body_bytes, from->service->body_bytes,
                            &scene, &kept, &err)) {
        return target_draft_bad_request(err.text);
    }
    return target_draft_text(MHD_HTTP_OK,
                             target_jsontext_take(json_pack("{s:I}", "warmed", (json_int_t)kept)));
}

/* ---- memory ---- */

struct target_draft target_adminpath_trim(const struct target_sources *from,
                                          const struct target_asked *asked)
{
    struct target_trim *trim = from->running->state[target_systems_index(&target_trim_system)];
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    struct target_trimmed trimmed = target_trim_now(trim, &scene, "asked");

    return target_draft_text(
        MHD_HTTP_OK, target_jsontext_take(json_pack(
                         "{s:I, s:I}", "resident_before_bytes", (json_int_t)trimmed.before_bytes,
                         "resident_after_bytes", (json_int_t)trimmed.after_bytes)));
}
