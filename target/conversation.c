/* conversation: see the header. */
#include "conversation.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "chat.h"
#include "handshake.h"
#include "jsontext.h"
#include "response.h"
#include "sessions.h"

#define SESSION_TURN "X-Session-Turn"
#define STREAM_BLOCK 4096 /* at most this much of an event goes out at once */

const char *target_conversation_session(struct MHD_Connection *connection)
{
    const char *id =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, TARGET_SESSION_HEADER);

    return id ? id
              : MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, TARGET_SESSION_COOKIE);
}

/* ---- the chat ---- */

/* Takes `stream`. */
static struct target_draft streamed(const struct target_asked *asked, struct target_stream *stream)
{
    struct target_draft answer = {.status = MHD_HTTP_OK, .stream = stream};

    answer.own = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, asked->reader,
                                                   asked->cls, NULL);
    target_response_add(answer.own, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    target_response_add(answer.own, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    return answer;
}

struct target_draft target_conversation_chat(const struct target_sources *from,
                                             const struct target_asked *asked,
                                             enum target_ask_form form)
{
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    struct target_chat_asked chat_asked = {.form = form,
                                           .body = asked->body,
                                           .body_bytes = asked->body_bytes,
                                           .model = asked->admission->model.name,
                                           .pace = from->pace,
                                           .seed = from->service->seed,
                                           .index = asked->index,
                                           .begin_ns = asked->now_ns,
                                           .created_s = (uint64_t)time(NULL),
                                           .scene = &scene,
                                           .sessions = from->sessions,
                                           .session =
                                               target_conversation_session(asked->connection)};
    struct target_chat_answer chat = target_chat_answer(&chat_asked);
    struct target_draft answer;
    char turn[24];

    asked->cost->tokens = chat.tokens;
    if (chat.error_type) {
        return target_draft_failed(chat.status, chat.error_type, chat.error.text);
    }
    answer = chat.stream ? streamed(asked, chat.stream)
                         : target_draft_json(from, MHD_HTTP_OK, chat.json);
    if (chat.turn > 0) {
        snprintf(turn, sizeof turn, "%" PRIu64, chat.turn);
        target_draft_mark(&answer, SESSION_TURN, turn);
    }
    return answer;
}

/* ---- sessions ---- */

static struct target_draft no_session(void)
{
    return target_draft_failed(MHD_HTTP_NOT_FOUND, "session_not_found", TARGET_NO_SESSION);
}

static struct target_draft make_session(const struct target_sources *from,
                                        const struct target_asked *asked)
{
    struct target_admission full = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                    .message = "there are as many sessions as may be"};
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    char id[TARGET_SESSION_ID_BYTES], cookie[sizeof id + 64];
    struct target_draft answer;

    if (!target_sessions_make(from->sessions, &scene, id, &full.retry_after_s)) {
        return full.retry_after_s > 0 ? target_draft_refused(&full)
                                      : target_draft_own(MHD_HTTP_OK, NULL);
    }
    answer = target_draft_text(
        MHD_HTTP_CREATED, target_jsontext_take(target_sessions_tell(from->sessions, id, &scene)));
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly", TARGET_SESSION_COOKIE, id);
    target_draft_mark(&answer, MHD_HTTP_HEADER_SET_COOKIE, cookie);
    target_draft_mark(&answer, TARGET_SESSION_HEADER, id);
    return answer;
}

struct target_draft target_conversation_sessions(const struct target_sources *from,
                                                 const struct target_asked *asked)
{
    const char *id = target_conversation_session(asked->connection);
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    json_t *json;

    if (strcmp(asked->method, MHD_HTTP_METHOD_POST) == 0) {
        return make_session(from, asked);
    }
    if (!id) {
        return target_draft_bad_request("name the session by the cookie " TARGET_SESSION_COOKIE
                                        " or the header " TARGET_SESSION_HEADER);
    }
    if (strcmp(asked->method, MHD_HTTP_METHOD_DELETE) == 0) {
        return target_sessions_end(from->sessions, id, &scene)
                   ? target_draft_json(from, MHD_HTTP_OK, json_pack("{s:s}", "status", "ended"))
                   : no_session();
    }
    json = target_sessions_tell(from->sessions, id, &scene);
    return json ? target_draft_json(from, MHD_HTTP_OK, json) : no_session();
}

/* ---- WebSockets ---- */

static const char *header_of(const struct target_asked *asked, const char *name)
{
    return MHD_lookup_connection_value(asked->connection, MHD_HEADER_KIND, name);
}

static struct target_draft not_upgraded(unsigned status, const char *why)
{
    bool is_other = status == MHD_HTTP_UPGRADE_REQUIRED;
    struct target_draft answer =
        target_draft_failed(status, is_other ? "upgrade_required" : "invalid_request", why);

    if (is_other) {
        target_draft_mark(&answer, MHD_HTTP_HEADER_UPGRADE, "websocket");
        target_draft_mark(&answer, "Sec-WebSocket-Version", "13");
    }
    return answer;
}

/* A place is taken once all else is good. */
static struct target_draft upgrade(const struct target_sources *from,
                                   const struct target_asked *asked, const char *accept)
{
    struct target_admission full = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                    .message = from->is_closing
                                                   ? "the service ends"
                                                   : "there are as many WebSockets as may be"};
    struct target_draft answer = {.status = MHD_HTTP_SWITCHING_PROTOCOLS};

    if (from->is_closing || !target_ws_enter(from->ws)) {
        return target_draft_refused(&full);
    }
    answer.has_place = true;
    answer.own = MHD_create_response_for_upgrade(asked->upgraded, asked->cls);
    target_response_add(answer.own, MHD_HTTP_HEADER_UPGRADE, "websocket");
    target_response_add(answer.own, "Sec-WebSocket-Accept", accept);
    return answer;
}

struct target_draft target_conversation_handshake(const struct target_sources *from,
                                                  const struct target_asked *asked)
{
    struct target_handshake handshake = {
        .is_http_1_1 = asked->is_http_1_1,
        .upgrade = header_of(asked, MHD_HTTP_HEADER_UPGRADE),
        .connection = header_of(asked, MHD_HTTP_HEADER_CONNECTION),
        .version = header_of(asked, "Sec-WebSocket-Version"),
        .key = header_of(asked, "Sec-WebSocket-Key"),
    };
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    const char *session = target_conversation_session(asked->connection), *why;
    char accept[TARGET_ACCEPT_BYTES];
    unsigned status = target_handshake_check(&handshake, accept, &why);

    if (status != MHD_HTTP_SWITCHING_PROTOCOLS) {
        return not_upgraded(status, why);
    }
    if (session && !target_sessions_touch(from->sessions, session, &scene)) {
        return no_session();
    }
    return upgrade(from, asked, accept);
}
