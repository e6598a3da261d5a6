/* adminpath: see the header. */
#include "adminpath.h"

#include <string.h>

#include "admin.h"
#include "jsontext.h"
#include "names.h"
#include "response.h"
#include "response_cache.h"

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

struct tag_asked {
    const char *tag; /* NULL: none */
    unsigned others; /* arguments that are no tag, or one more, or one without a value */
};

static enum MHD_Result read_tag(void *cls, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    struct tag_asked *asked = cls;

    if (strcmp(name, "tag") != 0 || !value || asked->tag) {
        asked->others++;
    } else {
        asked->tag = value;
    }
    return MHD_YES;
}

struct target_draft target_adminpath_purge(const struct target_sources *from,
                                           const struct target_asked *asked)
{
    struct target_response_cache *cache =
        from->running->state[target_systems_index(&target_response_cache_system)];
    struct tag_asked query = {.tag = NULL};
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    char name[TARGET_NAME_BYTES];
    const char *tag, *at;

    MHD_get_connection_values(asked->connection, MHD_GET_ARGUMENT_KIND, read_tag, &query);
    at = tag = query.tag;
    if (query.others > 0) {
        return target_draft_bad_request("this path takes ?tag=NAME, once, or no query: then all "
                                        "answers are dropped");
    }
    if (tag && (!target_names_are_good(tag) || !target_names_next(&at, name) || *at)) {
        return target_draft_bad_request("tag is not a name of up to 64 letters, digits and -_.:/; "
                                        "without tag, all answers are dropped");
    }
    return target_draft_text(
        MHD_HTTP_OK, target_jsontext_take(json_pack("{s:I}", "purged",
                                                    (json_int_t)target_response_cache_purge(
                                                        cache, tag ? name : NULL, &scene))));
}
