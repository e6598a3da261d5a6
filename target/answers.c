/* answers: see the header. */
#include "answers.h"

#include "about.h"
#include "adminpath.h"
#include "backendpath.h"
#include "capacity.h"
#include "conversation.h"
#include "dashboard.h"
#include "draft.h"
#include "echo.h"
#include "events.h"
#include "headers.h"
#include "queue.h"
#include "telling.h"
#include "workpath.h"

bool target_answers_build(struct target_answers *answers)
{
    return target_fixed_build(&answers->fixed, answers->from.service);
}

void target_answers_deinit(struct target_answers *answers)
{
    target_fixed_deinit(&answers->fixed);
}

static struct target_draft fixed(const struct target_answers *answers, unsigned status,
                                 enum target_fixed_answer which)
{
    return target_draft_fixed(&answers->fixed.one[which], status);
}

static struct target_draft answer_ready(const struct target_answers *answers,
                                        const struct target_asked *asked)
{
    struct target_scene scene = target_sources_scene(&answers->from, asked->now_ns);

    if (answers->from.is_closing) {
        return fixed(answers, MHD_HTTP_SERVICE_UNAVAILABLE, TARGET_FIXED_DRAINING);
    }
    if (target_running_health(answers->from.running, NULL, NULL, &scene) ==
        TARGET_HEALTH_NOT_READY) {
        return fixed(answers, MHD_HTTP_SERVICE_UNAVAILABLE, TARGET_FIXED_DEGRADED);
    }
    return fixed(answers, MHD_HTTP_OK, TARGET_FIXED_READY);
}

static struct target_draft by_route(const struct target_answers *answers,
                                    const struct target_asked *asked)
{
    switch (asked->route) {
    case TARGET_ROUTE_CHAT:
        return target_conversation_chat(&answers->from, asked, TARGET_ASK_MESSAGE);
    case TARGET_ROUTE_COMPLETIONS:
        return target_conversation_chat(&answers->from, asked, TARGET_ASK_MESSAGES);
    case TARGET_ROUTE_SESSIONS:
        return target_conversation_sessions(&answers->from, asked);
    case TARGET_ROUTE_WS_ECHO:
    case TARGET_ROUTE_WS_CHAT:
    case TARGET_ROUTE_WS_PUSH:
        return target_conversation_handshake(&answers->from, asked);
    case TARGET_ROUTE_MODELS:
        return target_about_models(&answers->from, asked, &answers->fixed.one[TARGET_FIXED_MODELS]);
    case TARGET_ROUTE_STATUS:
        return target_about_status(&answers->from, asked);
    case TARGET_ROUTE_WORK:
        return fixed(answers, MHD_HTTP_OK, TARGET_FIXED_WORK);
    case TARGET_ROUTE_SEARCH:
        return target_workpath_search(&answers->from, asked);
    case TARGET_ROUTE_COGNITIVE:
        return target_workpath_cognitive(&answers->from, asked);
    case TARGET_ROUTE_TASKS:
        return target_workpath_task_made(&answers->from, asked);
    case TARGET_ROUTE_TASK:
        return target_workpath_task(&answers->from, asked);
    case TARGET_ROUTE_HEALTH:
        return fixed(answers, MHD_HTTP_OK, TARGET_FIXED_HEALTH);
    case TARGET_ROUTE_LIVE:
        return fixed(answers, MHD_HTTP_OK, TARGET_FIXED_LIVE);
    case TARGET_ROUTE_READY:
        return answer_ready(answers, asked);
    case TARGET_ROUTE_DETAILED:
        return target_about_detailed(&answers->from, asked);
    case TARGET_ROUTE_ECHO:
        return target_echo_request(&answers->from, asked);
    case TARGET_ROUTE_BYTES:
        return target_echo_bytes(asked);
    case TARGET_ROUTE_ANSWER_STATUS:
        return target_echo_status(&answers->from, asked);
    case TARGET_ROUTE_COUNT:
        return target_about_count(&answers->from);
    case TARGET_ROUTE_METRICS:
        return target_about_metrics(&answers->from, asked);
    case TARGET_ROUTE_KNOBS:
    case TARGET_ROUTE_KNOB:
        return target_adminpath_knobs(&answers->from, asked);
    case TARGET_ROUTE_CACHE:
        return target_adminpath_purge(&answers->from, asked);
    case TARGET_ROUTE_DASHBOARD:
    case TARGET_ROUTE_API_HEALTH:
    case TARGET_ROUTE_SYSTEM_STATS:
    case TARGET_ROUTE_WORKERS_STATS:
    case TARGET_ROUTE_TASKS_QUEUED:
    case TARGET_ROUTE_TASKS_RUNNING:
    case TARGET_ROUTE_TASKS_STATUS:
    case TARGET_ROUTE_HISTORY:
    case TARGET_ROUTE_FULL_STATUS:
        return target_dashboard_answer(&answers->from, asked);
    case TARGET_ROUTE_CAPACITY:
        return target_capacity_answer(&answers->from, asked);
    case TARGET_ROUTE_ALERTS:
        return target_telling_alerts(&answers->from);
    case TARGET_ROUTE_EVENTS:
        return target_events_answer(&answers->from, asked);
    case TARGET_ROUTE_TRACE:
        return target_telling_trace(&answers->from, asked);
    case TARGET_ROUTE_QUEUE:
        return target_queue_answer(&answers->from, asked);
    case TARGET_ROUTE_BACKENDS:
        return target_backendpath(&answers->from, asked);
    case TARGET_ROUTE_WARM:
        return target_adminpath_warm(&answers->from, asked);
    case TARGET_ROUTE_TRIM:
        return target_adminpath_trim(&answers->from, asked);
    case TARGET_ROUTE_OTHER:
    case TARGET_ROUTES:
        break;
    }
    return fixed(answers, MHD_HTTP_NOT_FOUND, TARGET_FIXED_NOT_FOUND);
}

static struct target_draft draft_answer(const struct target_answers *answers,
                                        const struct target_asked *asked)
{
    struct target_draft answer;

    if (target_adminpath_is_forbidden(&answers->from, asked, &answer)) {
        return answer;
    }
    if (asked->admission->status) {
        return target_draft_refused(asked->admission);
    }
    if (asked->admission->is_to_fail) {
        return fixed(answers, MHD_HTTP_INTERNAL_SERVER_ERROR, TARGET_FIXED_FAILED);
    }
    if (asked->admission->lb.pipe) {
        return target_draft_piped(asked->admission->result, asked->piped, asked->cls);
    }
    if (asked->admission->result) {
        return target_draft_body(asked->admission->result);
    }
    if (!target_route_allows(asked->route, asked->method)) {
        return target_draft_fixed(&answers->fixed.wrong_method[asked->route],
                                  MHD_HTTP_METHOD_NOT_ALLOWED);
    }
    if (asked->is_body_too_large) {
        return fixed(answers, MHD_HTTP_CONTENT_TOO_LARGE, TARGET_FIXED_TOO_LARGE);
    }
    return by_route(answers, asked);
}

static void tell_systems(const struct target_answers *answers, const struct target_asked *asked,
                         const struct target_draft *draft)
{
    struct target_scene scene = target_sources_scene(&answers->from, asked->now_ns);
    struct target_outcome outcome = {.status = draft->status, .body = draft->body};

    target_running_ended(answers->from.running, asked->admission, &outcome, &scene);
}

struct target_answer target_answers_make(struct target_answers *answers,
                                         const struct target_asked *asked)
{
    struct target_draft draft = draft_answer(answers, asked);
    struct MHD_Response *response;

    target_draft_share(&draft, asked->admission);
    tell_systems(answers, asked, &draft);
    asked->cost->bytes_out = target_draft_bytes(&draft);
    if (draft.fixed && !draft.body && !target_headers_are_needed(asked)) {
        return (struct target_answer){
            .status = draft.status, .response = draft.fixed->ready, .is_shared = true};
    }
    response = target_draft_respond(&draft);
    target_headers_add(&answers->from, response, asked);
    return (struct target_answer){.status = draft.status,
                                  .response = response,
                                  .stream = draft.stream,
                                  .has_place = draft.has_place};
}

void target_answers_close(struct target_answers *answers)
{
    answers->from.is_closing = true;
    target_fixed_close(&answers->fixed);
}
