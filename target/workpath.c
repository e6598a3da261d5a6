/* workpath: see the header. */
#include "workpath.h"

#include <string.h>

#include "conversation.h"
#include "quantity.h"
#include "search.h"
#include "tasks.h"

struct target_draft target_workpath_search(const struct target_sources *from,
                                           const struct target_asked *asked)
{
    struct target_error err = {{0}};
    struct target_query query;
    json_t *json;

    if (!target_query_read(&query, target_admission_query(asked->admission, "provider"),
                           target_admission_query(asked->admission, "type"),
                           target_admission_query(asked->admission, "q"), &err)) {
        return target_draft_bad_request(err.text);
    }
    json = target_search_answer(&query);
    return json ? target_draft_json(from, MHD_HTTP_OK, json)
                : target_draft_bad_request("q is not UTF-8; try /search?q=load+test");
}

/* ---- processing types ---- */

struct target_draft target_workpath_cognitive(const struct target_sources *from,
                                              const struct target_asked *asked)
{
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    const char *session = target_conversation_session(asked->connection);
    json_t *json =
        json_pack("{s:s, s:s}", "processing", asked->admission->cognitive, "status", "done");
    uint64_t turn;

    if (session) {
        if (!target_sessions_turn(from->sessions, session, asked->admission->cognitive, &scene,
                                  &turn)) {
            json_decref(json);
            return target_draft_failed(MHD_HTTP_NOT_FOUND, "session_not_found", TARGET_NO_SESSION);
        }
        json_object_set_new(json, "turn", json_integer((json_int_t)turn));
    }
    return target_draft_json(from, MHD_HTTP_OK, json);
}

/* ---- tasks ---- */

static struct target_tasks *tasks_of(const struct target_sources *from)
{
    return from->running->state[target_systems_index(&target_tasks_system)];
}

static struct target_draft no_tasks(void)
{
    return target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found",
                               "there are no tasks; turn the knob tasks");
}

struct target_draft target_workpath_task_made(const struct target_sources *from,
                                              const struct target_asked *asked)
{
    uint64_t id = asked->admission->task.id;
    struct target_error err = {{0}};
    unsigned priority;
    bool is_waiting;

    if (id > 0) {
        json_t *json = target_tasks_json(tasks_of(from), id, asked->now_ns);
        const char *state = json_string_value(json_object_get(json, "state"));

        return target_draft_json(
            from, state && strcmp(state, "done") == 0 ? MHD_HTTP_OK : MHD_HTTP_ACCEPTED, json);
    }
    if (!target_tasks_is_on(tasks_of(from))) {
        return no_tasks();
    }
    return target_tasks_read(asked->body, asked->body_bytes, &priority, &is_waiting, &err)
               ? no_tasks() /* they were turned on just now */
               : target_draft_bad_request(err.text);
}

struct target_draft target_workpath_task(const struct target_sources *from,
                                         const struct target_asked *asked)
{
    json_t *json;
    uint64_t id;

    if (!target_quantity_count(target_route_rest(asked->route, asked->path), UINT64_MAX / 2, &id)) {
        return target_draft_bad_request("/tasks/ID takes the id of a task, a number");
    }
    json = target_tasks_json(tasks_of(from), id, asked->now_ns);
    return json ? target_draft_json(from, MHD_HTTP_OK, json)
                : target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found",
                                      "there is no such task, or it is forgotten");
}
