/*
 * answers: see the header. Padding is blanks behind the JSON text, which JSON allows (RFC 8259,
 * section 2), so a padded answer reads like an unpadded one.
 */
#include "answers.h"

#include <inttypes.h>
#include <time.h>

#include <jansson.h>

#include "admin.h"
#include "handshake.h"
#include "models.h"
#include "names.h"
#include "quantity.h"
#include "response_cache.h"

#define JSON_TYPE       "application/json"
#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define MODEL           TARGET_MODEL
#define BYTES_MAX       (UINT64_C(1) << 30) /* of /bytes/N */
#define BYTES_BLOCK     (64 * 1024)
#define SERVER_TIMING   "Server-Timing"
#define CACHE_STATUS    "Cache-Status"
#define CACHE_BYPASS    "pelt-target; fwd=bypass"
#define CORRELATION_ID  "X-Correlation-ID"
#define SESSION_TURN    "X-Session-Turn"
#define STREAM_BLOCK    4096 /* at most this much of an event goes out at once */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (response) {
        MHD_add_response_header(response, name, value);
    }
}

/* Heap text becomes a response; text that could not be made (NULL) becomes none. */
static struct MHD_Response *text_response(char *text, const char *type)
{
    struct MHD_Response *response;

    if (!text) {
        return NULL;
    }
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    return response;
}

static char *padded(char *text, uint64_t bytes)
{
    size_t length = text ? strlen(text) : 0;
    char *longer;

    if (!text || length >= bytes) {
        return text;
    }
    longer = realloc(text, bytes + 1);
    if (!longer) {
        free(text);
        return NULL;
    }
    memset(longer + length, ' ', bytes - length);
    longer[bytes] = '\0';
    return longer;
}

/* Takes `json`, which may be NULL. */
static char *json_text(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text;
}

static void release_body(void *body)
{
    target_body_release(body);
}

/* The response holds the body as long as it is sent. */
static struct MHD_Response *body_response(struct target_body *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->bytes, body->text, release_body, target_body_hold(body));

    if (!response) {
        target_body_release(body);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, JSON_TYPE);
    return response;
}

/* The form in which OpenAI's API reports errors. Not padded: it is no answer of the service. */
static char *error_text(const char *type, const char *message)
{
    char plain[sizeof((struct target_error *)0)->text];
    json_t *json = json_string(message);

    if (!json) { /* what a client sent and the message quotes need not be UTF-8 */
        snprintf(plain, sizeof plain, "%s", message);
        for (char *at = plain; *at; at++) {
            *at = (char)((unsigned char)*at < 128 ? *at : '?');
        }
        json = json_string(plain);
    }
    return json_text(json_pack("{s:{s:s, s:o}}", "error", "type", type, "message", json));
}

/* ---- what never changes ---- */

static struct MHD_Response *fixed_response(const struct target_fixed *fixed)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(fixed->text), fixed->text, MHD_RESPMEM_PERSISTENT);

    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, JSON_TYPE);
    if (fixed->allow) {
        add_header(response, MHD_HTTP_HEADER_ALLOW, fixed->allow);
    }
    return response;
}

/* Takes `text`, which may be NULL: then false. */
static bool fix(const struct target_answers *answers, struct target_fixed *fixed, char *text,
                const char *allow)
{
    *fixed = (struct target_fixed){.text = text, .allow = allow};
    fixed->ready = text ? fixed_response(fixed) : NULL;
    if (answers->service->has_server_timing) {
        add_header(fixed->ready, SERVER_TIMING, "queue;dur=0, work;dur=0");
    }
    add_header(fixed->ready, CACHE_STATUS, CACHE_BYPASS);
    return fixed->ready != NULL;
}

static bool fix_json(struct target_answers *answers, enum target_fixed_answer which, json_t *json)
{
    return fix(answers, &answers->fixed[which],
               padded(json_text(json), answers->service->body_bytes), NULL);
}

static bool fix_error(struct target_answers *answers, enum target_fixed_answer which,
                      const char *type, const char *message)
{
    return fix(answers, &answers->fixed[which], error_text(type, message), NULL);
}

static bool fix_wrong_methods(struct target_answers *answers)
{
    char message[64];

    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        const char *methods = target_route_methods(route);

        snprintf(message, sizeof message, "this path allows %s", methods ? methods : "any method");
        if (methods && !fix(answers, &answers->wrong_method[route],
                            error_text("method_not_allowed", message), methods)) {
            return false;
        }
    }
    return true;
}

bool target_answers_build(struct target_answers *answers)
{
    return fix_json(answers, TARGET_FIXED_HEALTH, json_pack("{s:s}", "status", "ok")) &&
           fix_json(answers, TARGET_FIXED_LIVE, json_pack("{s:s}", "status", "alive")) &&
           fix_json(answers, TARGET_FIXED_READY, json_pack("{s:s}", "status", "ready")) &&
           fix_json(answers, TARGET_FIXED_DRAINING, json_pack("{s:s}", "status", "draining")) &&
           fix_json(answers, TARGET_FIXED_WORK, json_pack("{s:s}", "status", "done")) &&
           fix_json(answers, TARGET_FIXED_MODELS,
                    json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "object", "list", "data", "id", MODEL,
                              "object", "model", "owned_by", "pelt")) &&
           fix_error(answers, TARGET_FIXED_FAILED, "server_error",
                     "this request was drawn to fail") &&
           fix_error(answers, TARGET_FIXED_NOT_FOUND, "not_found", "there is no such path") &&
           fix_error(answers, TARGET_FIXED_TOO_LARGE, "invalid_request",
                     "a body has at most 1 MiB here") &&
           fix_wrong_methods(answers);
}

static void unfix(struct target_fixed *fixed)
{
    if (fixed->ready) {
        MHD_destroy_response(fixed->ready);
    }
    free(fixed->text);
}

void target_answers_deinit(struct target_answers *answers)
{
    for (size_t i = 0; i < TARGET_FIXED; i++) {
        unfix(&answers->fixed[i]);
    }
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        unfix(&answers->wrong_method[route]);
    }
}

/* ---- one answer ---- */

/* What is to be answered, before the headers that every answer has. */
struct draft { /* all NULL: no memory */
    unsigned status;
    const struct target_fixed *fixed;
    struct MHD_Response *own;
    char *text;                   /* JSON on the heap, no response yet */
    struct target_body *body;     /* the same, shared; held */
    struct target_stream *stream; /* as in the answer */
    bool has_place;
};

static struct draft fixed(const struct target_answers *answers, unsigned status,
                          enum target_fixed_answer which)
{
    return (struct draft){.status = status, .fixed = &answers->fixed[which]};
}

static struct draft own(unsigned status, struct MHD_Response *response)
{
    return (struct draft){.status = status, .own = response};
}

static struct draft text_draft(unsigned status, char *text)
{
    return (struct draft){.status = status, .text = text};
}

static struct draft json_draft(const struct target_answers *answers, unsigned status, json_t *json)
{
    return (struct draft){.status = status,
                          .text = padded(json_text(json), answers->service->body_bytes)};
}

static struct draft failed(unsigned status, const char *type, const char *message)
{
    return text_draft(status, error_text(type, message));
}

static struct draft bad_request(const char *message)
{
    return failed(MHD_HTTP_BAD_REQUEST, "invalid_request", message);
}

/* A header of this answer alone: from now on nobody can share it. */
static void mark(struct draft *draft, const char *name, const char *value)
{
    if (draft->text) {
        draft->own = text_response(draft->text, JSON_TYPE);
        draft->text = NULL;
    }
    add_header(draft->own, name, value);
}

static const char *refusal_type(unsigned status)
{
    switch (status) {
    case MHD_HTTP_TOO_MANY_REQUESTS:
        return "rate_limited";
    case MHD_HTTP_NOT_FOUND:
        return "not_found";
    case MHD_HTTP_BAD_GATEWAY:
        return "bad_gateway";
    case MHD_HTTP_GATEWAY_TIMEOUT:
        return "timeout";
    default:
        return "overloaded";
    }
}

static struct draft refused(const struct target_admission *admission)
{
    struct draft answer =
        failed(admission->status, refusal_type(admission->status), admission->message);
    char seconds[24];

    if (admission->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%" PRIu64, admission->retry_after_s);
        mark(&answer, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    return answer;
}

static struct target_scene scene_of(const struct target_answers *answers,
                                    const struct target_asked *asked)
{
    return (struct target_scene){.now_ns = asked->now_ns, .journal = answers->journal};
}

/* ---- chat and sessions ---- */

const char *target_session_of(struct MHD_Connection *connection)
{
    const char *id =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, TARGET_SESSION_HEADER);

    return id ? id
              : MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, TARGET_SESSION_COOKIE);
}

static struct draft no_session(void)
{
    return failed(MHD_HTTP_NOT_FOUND, "session_not_found", TARGET_NO_SESSION);
}

/* Takes `stream`. */
static struct draft streamed(const struct target_asked *asked, struct target_stream *stream)
{
    struct draft answer = {.status = MHD_HTTP_OK, .stream = stream};

    answer.own = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, asked->reader,
                                                   asked->cls, NULL);
    add_header(answer.own, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    add_header(answer.own, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    return answer;
}

static struct draft answer_chat(struct target_answers *answers, const struct target_asked *asked,
                                enum target_ask_form form)
{
    struct target_scene scene = scene_of(answers, asked);
    struct target_chat_asked chat_asked = {.form = form,
                                           .body = asked->body,
                                           .body_bytes = asked->body_bytes,
                                           .model = asked->admission->model.name,
                                           .pace = answers->pace,
                                           .seed = answers->service->seed,
                                           .index = asked->index,
                                           .begin_ns = asked->now_ns,
                                           .created_s = (uint64_t)time(NULL),
                                           .scene = &scene,
                                           .sessions = answers->sessions,
                                           .session = target_session_of(asked->connection)};
    struct target_chat_answer chat = target_chat_answer(&chat_asked);
    struct draft answer;
    char turn[24];

    if (chat.error_type) {
        return failed(chat.status, chat.error_type, chat.error.text);
    }
    answer =
        chat.stream ? streamed(asked, chat.stream) : json_draft(answers, MHD_HTTP_OK, chat.json);
    if (chat.turn > 0) {
        snprintf(turn, sizeof turn, "%" PRIu64, chat.turn);
        mark(&answer, SESSION_TURN, turn);
    }
    return answer;
}

static struct draft make_session(struct target_answers *answers, const struct target_asked *asked)
{
    struct target_admission full = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                    .message = "there are as many sessions as may be"};
    struct target_scene scene = scene_of(answers, asked);
    char id[TARGET_SESSION_ID_BYTES], cookie[sizeof id + 64];
    struct draft answer;

    if (!target_sessions_make(answers->sessions, &scene, id, &full.retry_after_s)) {
        return full.retry_after_s > 0 ? refused(&full) : own(MHD_HTTP_OK, NULL);
    }
    answer = text_draft(MHD_HTTP_CREATED,
                        json_text(target_sessions_tell(answers->sessions, id, &scene)));
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly", TARGET_SESSION_COOKIE, id);
    mark(&answer, MHD_HTTP_HEADER_SET_COOKIE, cookie);
    mark(&answer, TARGET_SESSION_HEADER, id);
    return answer;
}

static struct draft answer_sessions(struct target_answers *answers,
                                    const struct target_asked *asked)
{
    const char *id = target_session_of(asked->connection);
    struct target_scene scene = scene_of(answers, asked);
    json_t *json;

    if (strcmp(asked->method, MHD_HTTP_METHOD_POST) == 0) {
        return make_session(answers, asked);
    }
    if (!id) {
        return bad_request("name the session by the cookie " TARGET_SESSION_COOKIE
                           " or the header " TARGET_SESSION_HEADER);
    }
    if (strcmp(asked->method, MHD_HTTP_METHOD_DELETE) == 0) {
        return target_sessions_end(answers->sessions, id, &scene)
                   ? json_draft(answers, MHD_HTTP_OK, json_pack("{s:s}", "status", "ended"))
                   : no_session();
    }
    json = target_sessions_tell(answers->sessions, id, &scene);
    return json ? json_draft(answers, MHD_HTTP_OK, json) : no_session();
}

/* ---- WebSockets ---- */

static const char *header_of(const struct target_asked *asked, const char *name)
{
    return MHD_lookup_connection_value(asked->connection, MHD_HEADER_KIND, name);
}

static struct draft not_upgraded(unsigned status, const char *why)
{
    bool is_other = status == MHD_HTTP_UPGRADE_REQUIRED;
    struct draft answer = failed(status, is_other ? "upgrade_required" : "invalid_request", why);

    if (is_other) {
        mark(&answer, MHD_HTTP_HEADER_UPGRADE, "websocket");
        mark(&answer, "Sec-WebSocket-Version", "13");
    }
    return answer;
}

/* A place is taken once all else is good. */
static struct draft upgrade(struct target_answers *answers, const struct target_asked *asked,
                            const char *accept)
{
    struct target_admission full = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                    .message = answers->is_closing
                                                   ? "the service ends"
                                                   : "there are as many WebSockets as may be"};
    struct draft answer = {.status = MHD_HTTP_SWITCHING_PROTOCOLS};

    if (answers->is_closing || !target_ws_enter(answers->ws)) {
        return refused(&full);
    }
    answer.has_place = true;
    answer.own = MHD_create_response_for_upgrade(asked->upgraded, asked->cls);
    add_header(answer.own, MHD_HTTP_HEADER_UPGRADE, "websocket");
    add_header(answer.own, "Sec-WebSocket-Accept", accept);
    return answer;
}

static struct draft answer_ws(struct target_answers *answers, const struct target_asked *asked)
{
    struct target_handshake handshake = {
        .is_http_1_1 = asked->is_http_1_1,
        .upgrade = header_of(asked, MHD_HTTP_HEADER_UPGRADE),
        .connection = header_of(asked, MHD_HTTP_HEADER_CONNECTION),
        .version = header_of(asked, "Sec-WebSocket-Version"),
        .key = header_of(asked, "Sec-WebSocket-Key"),
    };
    struct target_scene scene = scene_of(answers, asked);
    const char *session = target_session_of(asked->connection), *why;
    char accept[TARGET_ACCEPT_BYTES];
    unsigned status = target_handshake_check(&handshake, accept, &why);

    if (status != MHD_HTTP_SWITCHING_PROTOCOLS) {
        return not_upgraded(status, why);
    }
    if (session && !target_sessions_touch(answers->sessions, session, &scene)) {
        return no_session();
    }
    return upgrade(answers, asked, accept);
}

static struct draft answer_status(struct target_answers *answers, const struct target_asked *asked)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:I}", "status", "ok", "model", MODEL, "version",
                             PELT_VERSION, "uptime_s", (double)asked->uptime_ns / 1e9, "in_flight",
                             (json_int_t)target_tally_in_flight(answers->tally));

    return json_draft(answers, MHD_HTTP_OK, json);
}

static enum MHD_Result add_member(void *object, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    /* A value that is not UTF-8 cannot stand in JSON and is left out. */
    json_object_set_new(object, name, json_string(value ? value : ""));
    return MHD_YES;
}

static json_t *values_object(struct MHD_Connection *connection, enum MHD_ValueKind kind)
{
    json_t *object = json_object();

    if (object) {
        MHD_get_connection_values(connection, kind, add_member, object);
    }
    return object;
}

static struct draft answer_echo(struct target_answers *answers, const struct target_asked *asked)
{
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:I}", "method", asked->method, "path", asked->path,
                  "query", values_object(asked->connection, MHD_GET_ARGUMENT_KIND), "headers",
                  values_object(asked->connection, MHD_HEADER_KIND), "body_bytes",
                  (json_int_t)asked->body_bytes);

    if (json && asked->body) {
        json_object_set_new(json, "body", json_stringn(asked->body, asked->body_bytes));
    }
    return json_draft(answers, MHD_HTTP_OK, json);
}

static ssize_t fill_block(void *cls, uint64_t position, char *block, size_t size)
{
    memset(block, 'x', size);
    return (ssize_t)size;
}

static struct draft answer_bytes(const struct target_asked *asked)
{
    struct MHD_Response *response;
    uint64_t bytes;

    if (!target_quantity_count(target_route_rest(asked->route, asked->path), BYTES_MAX, &bytes)) {
        return bad_request("/bytes/N takes N of 0 to 1073741824");
    }
    response = MHD_create_response_from_callback(bytes, BYTES_BLOCK, fill_block, NULL, NULL);
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
    }
    return own(MHD_HTTP_OK, response);
}

static bool has_no_body(uint64_t status)
{
    return status == MHD_HTTP_NO_CONTENT || status == MHD_HTTP_NOT_MODIFIED;
}

static struct draft answer_with_status(struct target_answers *answers,
                                       const struct target_asked *asked)
{
    uint64_t status;

    if (!target_quantity_count(target_route_rest(asked->route, asked->path), TARGET_STATUS_MAX,
                               &status) ||
        status < MHD_HTTP_OK) {
        return bad_request("/status/N takes N of 200 to 599");
    }
    if (has_no_body(status)) {
        return own((unsigned)status,
                   MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
    }
    return json_draft(answers, (unsigned)status, json_pack("{s:I}", "status", (json_int_t)status));
}

static struct draft answer_count(const struct target_answers *answers)
{
    return own(MHD_HTTP_OK, text_response(target_tally_json(answers->tally), JSON_TYPE));
}

static struct draft answer_metrics(const struct target_answers *answers,
                                   const struct target_asked *asked)
{
    uint64_t stalls = target_calendar_begun(&answers->service->stalls, asked->uptime_ns);
    struct target_scene scene = scene_of(answers, asked);
    struct target_figures figures = {.limits = 0};

    target_running_figures(answers->running, &figures, &scene);
    return own(MHD_HTTP_OK, text_response(target_tally_prometheus(answers->tally, stalls, &figures),
                                          PROMETHEUS_TYPE));
}

static struct draft answer_detailed(const struct target_answers *answers,
                                    const struct target_asked *asked)
{
    struct target_scene scene = scene_of(answers, asked);
    struct target_figures figures = {.limits = 0};
    json_t *json;

    target_running_figures(answers->running, &figures, &scene);
    json = json_pack("{s:s, s:f, s:I, s:o}", "status", answers->is_closing ? "draining" : "ok",
                     "uptime_s", (double)asked->uptime_ns / 1e9, "in_flight",
                     (json_int_t)target_tally_in_flight(answers->tally), "systems",
                     target_figures_json(&figures));
    return json_draft(answers, MHD_HTTP_OK, json);
}

static struct draft answer_models(const struct target_answers *answers,
                                  const struct target_asked *asked)
{
    struct target_scene scene = scene_of(answers, asked);
    struct target_models *models =
        answers->running->state[target_systems_index(&target_models_system)];

    return target_models_is_on(models)
               ? json_draft(answers, MHD_HTTP_OK, target_models_json(models, &scene))
               : fixed(answers, MHD_HTTP_OK, TARGET_FIXED_MODELS);
}

/* ---- /admin/knobs ---- */

static bool is_on_this_machine(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    return info && info->client_addr && target_admin_is_loopback(info->client_addr);
}

static struct draft answer_knobs(const struct target_answers *answers, const char *name)
{
    json_t *json = target_admin_read(answers->settings, name);

    if (!json) {
        return failed(MHD_HTTP_NOT_FOUND, "not_found",
                      "there is no such knob; GET /admin/knobs lists all");
    }
    return own(MHD_HTTP_OK, text_response(json_text(json), JSON_TYPE));
}

static struct draft turn_knobs(const struct target_answers *answers,
                               const struct target_asked *asked, const char *name)
{
    struct target_scene scene = scene_of(answers, asked);
    struct target_error err = {{0}};
    unsigned status = target_admin_write(answers->settings, answers->running, name, asked->body,
                                         asked->body_bytes, &scene, &err);

    return status == MHD_HTTP_OK
               ? answer_knobs(answers, name)
               : failed(status, status == MHD_HTTP_NOT_FOUND ? "not_found" : "invalid_request",
                        err.text);
}

static struct draft answer_admin(const struct target_answers *answers,
                                 const struct target_asked *asked)
{
    const char *name =
        asked->route == TARGET_ROUTE_KNOB ? target_route_rest(asked->route, asked->path) : NULL;

    if (strcmp(asked->method, MHD_HTTP_METHOD_PUT) == 0) {
        return turn_knobs(answers, asked, name);
    }
    return answer_knobs(answers, name);
}

/* ---- /admin/cache ---- */

static struct draft purge_cache(const struct target_answers *answers,
                                const struct target_asked *asked)
{
    struct target_response_cache *cache =
        answers->running->state[target_systems_index(&target_response_cache_system)];
    const char *tag = MHD_lookup_connection_value(asked->connection, MHD_GET_ARGUMENT_KIND, "tag");
    struct target_scene scene = scene_of(answers, asked);
    char name[TARGET_NAME_BYTES];
    const char *at = tag;

    if (tag && (!target_names_are_good(tag) || !target_names_next(&at, name) || *at)) {
        return bad_request("tag is not a name of up to 64 letters, digits and -_.:/; without tag, "
                           "all answers are dropped");
    }
    return text_draft(MHD_HTTP_OK, json_text(json_pack("{s:I}", "purged",
                                                       (json_int_t)target_response_cache_purge(
                                                           cache, tag ? name : NULL, &scene))));
}

/* Whoever may not look at all: before methods and bodies. */
static bool is_forbidden(const struct target_answers *answers, const struct target_asked *asked,
                         struct draft *answer)
{
    if (!target_route_is_admin(asked->route)) {
        return false;
    }
    if (!answers->service->has_admin) {
        *answer = failed(MHD_HTTP_FORBIDDEN, "forbidden", "the admin path is off (--admin off)");
        return true;
    }
    if (!is_on_this_machine(asked->connection)) {
        *answer = failed(MHD_HTTP_FORBIDDEN, "forbidden",
                         "the admin path answers clients on this machine only; ask 127.0.0.1");
        return true;
    }
    return false;
}

/* ---- the whole ---- */

static struct draft by_route(struct target_answers *answers, const struct target_asked *asked)
{
    switch (asked->route) {
    case TARGET_ROUTE_CHAT:
        return answer_chat(answers, asked, TARGET_ASK_MESSAGE);
    case TARGET_ROUTE_COMPLETIONS:
        return answer_chat(answers, asked, TARGET_ASK_MESSAGES);
    case TARGET_ROUTE_SESSIONS:
        return answer_sessions(answers, asked);
    case TARGET_ROUTE_WS_ECHO:
    case TARGET_ROUTE_WS_CHAT:
        return answer_ws(answers, asked);
    case TARGET_ROUTE_MODELS:
        return answer_models(answers, asked);
    case TARGET_ROUTE_STATUS:
        return answer_status(answers, asked);
    case TARGET_ROUTE_WORK:
        return fixed(answers, MHD_HTTP_OK, TARGET_FIXED_WORK);
    case TARGET_ROUTE_HEALTH:
        return fixed(answers, MHD_HTTP_OK, TARGET_FIXED_HEALTH);
    case TARGET_ROUTE_LIVE:
        return fixed(answers, MHD_HTTP_OK, TARGET_FIXED_LIVE);
    case TARGET_ROUTE_READY:
        return answers->is_closing
                   ? fixed(answers, MHD_HTTP_SERVICE_UNAVAILABLE, TARGET_FIXED_DRAINING)
                   : fixed(answers, MHD_HTTP_OK, TARGET_FIXED_READY);
    case TARGET_ROUTE_DETAILED:
        return answer_detailed(answers, asked);
    case TARGET_ROUTE_ECHO:
        return answer_echo(answers, asked);
    case TARGET_ROUTE_BYTES:
        return answer_bytes(asked);
    case TARGET_ROUTE_ANSWER_STATUS:
        return answer_with_status(answers, asked);
    case TARGET_ROUTE_COUNT:
        return answer_count(answers);
    case TARGET_ROUTE_METRICS:
        return answer_metrics(answers, asked);
    case TARGET_ROUTE_KNOBS:
    case TARGET_ROUTE_KNOB:
        return answer_admin(answers, asked);
    case TARGET_ROUTE_CACHE:
        return purge_cache(answers, asked);
    case TARGET_ROUTE_OTHER:
    case TARGET_ROUTES:
        break;
    }
    return fixed(answers, MHD_HTTP_NOT_FOUND, TARGET_FIXED_NOT_FOUND);
}

static struct draft draft_answer(struct target_answers *answers, const struct target_asked *asked)
{
    struct draft answer;

    if (is_forbidden(answers, asked, &answer)) {
        return answer;
    }
    if (asked->admission->status) {
        return refused(asked->admission);
    }
    if (asked->admission->is_to_fail) {
        return fixed(answers, MHD_HTTP_INTERNAL_SERVER_ERROR, TARGET_FIXED_FAILED);
    }
    if (asked->admission->result) {
        return (struct draft){.status = asked->admission->result->status,
                              .body = target_body_hold(asked->admission->result)};
    }
    if (!target_route_allows(asked->route, asked->method)) {
        return (struct draft){.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                              .fixed = &answers->wrong_method[asked->route]};
    }
    if (asked->is_body_too_large) {
        return fixed(answers, MHD_HTTP_CONTENT_TOO_LARGE, TARGET_FIXED_TOO_LARGE);
    }
    return by_route(answers, asked);
}

/* In the cache, or among those under way. */
static bool has_been_looked_up(const struct target_asked *asked)
{
    return asked->admission->response_cache.note != TARGET_CACHE_BYPASS ||
           asked->admission->coalescing.is_collapsed;
}

static void add_timing(struct MHD_Response *response, const struct target_asked *asked)
{
    const struct target_admission *admission = asked->admission;
    char text[120 + 80 * TARGET_SPANS_MAX];
    size_t used = (size_t)snprintf(text, sizeof text, "queue;dur=%.3f, work;dur=%.3f",
                                   (double)asked->queue_ns / 1e6, (double)asked->work_ns / 1e6);

    if (admission->model.name) {
        used += (size_t)snprintf(text + used, sizeof text - used, ", load;dur=%.3f",
                                 (double)admission->model.load_ns / 1e6);
    }
    for (unsigned i = 0; i < admission->spans; i++) {
        const struct target_span *span = &admission->span[i];

        used += (size_t)snprintf(text + used, sizeof text - used, ", %s-wait;dur=%.3f, %s;dur=%.3f",
                                 span->name, (double)span->wait_ns / 1e6, span->name,
                                 (double)span->call_ns / 1e6);
    }
    add_header(response, SERVER_TIMING, text);
}

static void add_number(struct MHD_Response *response, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    add_header(response, name, text);
}

/* The header fields of draft-ietf-httpapi-ratelimit-headers-06. */
static void add_rate(struct MHD_Response *response, const struct target_bucket_verdict *rate)
{
    char policy[64];

    snprintf(policy, sizeof policy, "%" PRIu64 ";w=%" PRIu64, rate->limit, rate->window_s);
    add_header(response, "RateLimit-Policy", policy);
    add_number(response, "RateLimit-Limit", rate->limit);
    add_number(response, "RateLimit-Remaining", rate->remaining);
    add_number(response, "RateLimit-Reset", rate->reset_s);
}

static void add_cache_status(struct MHD_Response *response, const struct target_asked *asked)
{
    char text[TARGET_CACHE_STATUS_BYTES];

    target_response_cache_status(asked->admission, text);
    add_header(response, CACHE_STATUS, text);
    if (has_been_looked_up(asked) && asked->admission->vary[0]) {
        add_header(response, MHD_HTTP_HEADER_VARY, asked->admission->vary);
    }
}

static void add_own_headers(const struct target_answers *answers, struct MHD_Response *response,
                            const struct target_asked *asked)
{
    if (answers->service->has_server_timing) {
        add_timing(response, asked);
    }
    if (asked->admission->rate.limit > 0) {
        add_rate(response, &asked->admission->rate);
    }
    if (!target_route_is_observer(asked->route)) {
        add_cache_status(response, asked);
    }
    if (asked->correlation_id) {
        add_header(response, CORRELATION_ID, asked->correlation_id);
    }
    if (answers->is_closing) {
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

static bool needs_own_headers(const struct target_asked *asked)
{
    return asked->correlation_id || asked->queue_ns > 0 || asked->work_ns > 0 ||
           asked->admission->rate.limit > 0 || asked->admission->model.name ||
           asked->admission->spans > 0 || has_been_looked_up(asked);
}

/* Turns JSON into a body that can be shared, where somebody wants one. */
static void share(struct draft *draft, const struct target_admission *admission)
{
    if (!admission->is_body_wanted || draft->body) {
        return;
    }
    if (draft->text) {
        draft->body = target_body_new(draft->status, draft->text);
        draft->text = NULL;
    } else if (draft->fixed) {
        draft->body = target_body_new(draft->status, strdup(draft->fixed->text));
    }
}

static void tell_systems(struct target_answers *answers, const struct target_asked *asked,
                         const struct draft *draft)
{
    struct target_scene scene = scene_of(answers, asked);
    struct target_outcome outcome = {.status = draft->status, .body = draft->body};

    target_running_ended(answers->running, asked->admission, &outcome, &scene);
}

/* The draft's response, its own for this request alone; NULL: no memory. */
static struct MHD_Response *respond(const struct draft *draft)
{
    struct MHD_Response *response;

    if (draft->body) {
        response = body_response(draft->body);
        target_body_release(draft->body);
        return response;
    }
    if (draft->fixed) {
        return fixed_response(draft->fixed);
    }
    return draft->text ? text_response(draft->text, JSON_TYPE) : draft->own;
}

struct target_answer target_answers_make(struct target_answers *answers,
                                         const struct target_asked *asked)
{
    struct draft draft = draft_answer(answers, asked);
    struct MHD_Response *response;

    share(&draft, asked->admission);
    tell_systems(answers, asked, &draft);
    if (draft.fixed && !draft.body && !needs_own_headers(asked)) {
        return (struct target_answer){
            .status = draft.status, .response = draft.fixed->ready, .is_shared = true};
    }
    response = respond(&draft);
    add_own_headers(answers, response, asked);
    return (struct target_answer){.status = draft.status,
                                  .response = response,
                                  .stream = draft.stream,
                                  .has_place = draft.has_place};
}

void target_answers_close(struct target_answers *answers)
{
    answers->is_closing = true;
    for (size_t i = 0; i < TARGET_FIXED; i++) {
        add_header(answers->fixed[i].ready, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        add_header(answers->wrong_method[route].ready, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}
