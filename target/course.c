/*
 * course: the life of a request here is
 *
 *   head      body                 [held until due                        [held while
 *   received  received             and outside stalls]                     a stall is on]  answered
 *   NEW ----> ADMIT -------------> SERVICE ----------> WORK -------------> ANSWER -------> done
 *   counted   systems asked                            systems asked       systems told    logged
 *             [waits, any time]                        [waits, any time]   counted
 *
 * In brackets the connection is suspended in libmicrohttpd. ADMIT and WORK are for requests that
 * have work. The systems say whether it may begin, and when its work does. The worker pool may move
 * that begin later on, in any thread: then each loop asks anew for what it holds.
 *
 * A streamed answer is held again between its events, by the library's call for more of it. A
 * request for a WebSocket is done when its handshake is; what follows is wsset's.
 *
 * libmicrohttpd calls on_target before the first arrow, as only then the target is as it came, and
 * on_request at each arrow. Whether to hold is asked afresh each time, with the
 * clock of that moment: an answer that becomes due inside a stall, or that lateness carries into
 * one, waits for its end. The library does not look at a suspended connection, so a client that
 * leaves meanwhile is noticed when its answer is to be sent.
 */
#include "course.h"

#include "clock.h"
#include "conversation.h"
#include "draw.h"
#include "follow.h"
#include "hold.h"
#include "pipe.h"
#include "loop_internal.h"
#include "response_cache.h"
#include "streaming.h"
#include "trace.h"
#include "truthlog.h"
#include "websockets.h"

/* ---- its begin ---- */

/* A method that stands in log lines. */
static void note_method(struct target_request *request, const char *method)
{
    size_t length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");

    if (length == 0 || length >= sizeof request->method || method[length] != '\0') {
        method = "OTHER";
    }
    snprintf(request->method, sizeof request->method, "%s", method);
}

static void begin_request(struct target_loop *loop, struct target_request *request,
                          struct MHD_Connection *connection, const char *path, const char *method)
{
    target_follow_settings(loop);
    request->loop = loop;
    request->connection = connection;
    request->route = target_route_find(path);
    request->begin_ns = target_clock_now_ns();
    if (!target_route_is_observer(request->route)) {
        request->index =
            atomic_fetch_add_explicit(&loop->shared->arrivals, 1, memory_order_relaxed);
        if (loop->shared->json_log_fd >= 0 || target_trace_is_on(loop->shared->trace)) {
            note_method(request, method);
            target_correlation_id(
                request->correlation_id,
                MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Correlation-ID"),
                loop->shared->start_ns, request->index);
        }
        target_traceparent_read(&request->parent, MHD_lookup_connection_value(
                                                      connection, MHD_HEADER_KIND, "traceparent"));
    }
    target_counters_head(loop->counters, request->route);
    loop->in_flight++;
}

/* ---- what it asks for ---- */

static bool has_work(const struct target_request *request, const char *method)
{
    return target_route_has_work(request->route) && target_route_allows(request->route, method) &&
           !request->is_body_too_large;
}

static bool takes_time(const struct target_loop *loop, const struct target_request *request,
                       bool is_work)
{
    if (loop->service.time_for == TARGET_SERVICE_FOR_WORK) {
        return is_work;
    }
    return !target_route_is_observer(request->route) && !target_route_is_probe(request->route);
}

static uint64_t draw_service_ns(const struct target_loop *loop,
                                const struct target_request *request)
{
    uint64_t seed = loop->service.seed;

    if (loop->service.time.mean_ns <= 0) {
        return 0;
    }
    return target_law_ns(&loop->service.time,
                         target_draw(seed, request->index, TARGET_LANE_SERVICE),
                         target_draw(seed, request->index, TARGET_LANE_SERVICE_2));
}

static bool is_to_fail(const struct target_loop *loop, const struct target_request *request)
{
    return !target_route_is_observer(request->route) &&
           target_draw(loop->service.seed, request->index, TARGET_LANE_ERROR) <
               loop->service.error_share;
}

static bool asks_systems(const struct target_request *request)
{
    return !target_route_is_observer(request->route) && !target_route_is_probe(request->route);
}

/* What it names as its session; NULL: none, or its path has none. */
static const char *session_of(const struct target_request *request)
{
    switch (request->route) {
    case TARGET_ROUTE_CHAT:
    case TARGET_ROUTE_COMPLETIONS:
    case TARGET_ROUTE_COGNITIVE:
    case TARGET_ROUTE_SESSIONS:
    case TARGET_ROUTE_WS_ECHO:
    case TARGET_ROUTE_WS_CHAT:
        return target_conversation_session(request->connection);
    default:
        return NULL;
    }
}

/*
 * Whether its answer is for its client alone: of a session, or streamed as time goes by. What is
 * searched for has a cache of its own.
 */
static bool is_personal(const struct target_request *request, const char *session)
{
    if (request->route == TARGET_ROUTE_SEARCH) {
        return true;
    }
    if (request->route == TARGET_ROUTE_COGNITIVE) {
        return session != NULL;
    }
    if (request->route != TARGET_ROUTE_CHAT && request->route != TARGET_ROUTE_COMPLETIONS) {
        return false;
    }
    return session ||
           (request->body_bytes > 0 && target_ask_names_stream(request->body, request->body_bytes));
}

/* It is whole. */
static void begin_asking(struct target_loop *loop, struct target_request *request,
                         const char *method, const char *path, uint64_t now)
{
    const char *session = session_of(request);

    request->is_work = has_work(request, method);
    request->stage = asks_systems(request) ? TARGET_STAGE_ADMIT : TARGET_STAGE_SERVICE;
    request->whole_ns = now;
    request->admission = (struct target_admission){
        .connection = request->connection,
        .route = request->route,
        .method = method,
        .path = path,
        .target = request->target,
        .body = request->body_bytes ? request->body : NULL,
        .body_bytes = request->body_bytes,
        .is_cut = request->is_body_too_large,
        .correlation_id = request->correlation_id[0] ? request->correlation_id : NULL,
        .is_work = request->is_work,
        .session = session,
        .seed = loop->service.seed,
        .index = request->index,
        .vary = loop->service.vary,
        .is_to_fail = is_to_fail(loop, request),
        .is_personal = is_personal(request, session),
        .service_ns =
            takes_time(loop, request, request->is_work) ? draw_service_ns(loop, request) : 0,
        .start_ns = now,
        .mailbox = &loop->mailbox,
    };
}

/* ---- from stage to stage ---- */

/*
 * Gives the worker back, unless the begin of the work was moved meanwhile: then the request has its
 * new begin, and is due later.
 */
static void end_work(struct target_loop *loop, struct target_request *request, uint64_t now,
                     bool is_given_up)
{
    struct target_admission *admission = &request->admission;

    if (admission->ticket && target_workers_end(loop->shared->workers, admission->ticket, now,
                                                is_given_up, &admission->start_ns)) {
        admission->ticket = 0;
    }
}

/* The systems, of the stage that the request is in. */
static enum target_verdict ask_systems(struct target_loop *loop, struct target_request *request,
                                       uint64_t now)
{
    struct target_scene scene = {.now_ns = now, .journal = &loop->journal};
    struct target_admission *admission = &request->admission;
    bool is_before = request->stage == TARGET_STAGE_ADMIT;
    enum target_verdict verdict;

    if (is_before && admission->start_ns < now) {
        admission->start_ns = now; /* it waited */
    }
    verdict = target_running_ask(&loop->shared->running, admission,
                                 is_before ? TARGET_STEP_ADMIT : TARGET_STEP_WORK, &scene);
    target_follow_own_change(loop);
    if (verdict == TARGET_GO) {
        request->stage++;
        admission->next = 0;
    } else if (verdict == TARGET_REFUSED || verdict == TARGET_ANSWERED) {
        request->stage = TARGET_STAGE_ANSWER;
        admission->service_ns = is_before ? 0 : admission->service_ns;
    }
    return verdict;
}

static enum MHD_Result answer(struct target_loop *loop, struct target_request *request,
                              const char *method, const char *path, uint64_t now)
{
    struct target_asked asked = {
        .connection = request->connection,
        .route = request->route,
        .method = method,
        .path = path,
        .body = request->body_bytes ? request->body : NULL,
        .body_bytes = request->body_bytes,
        .is_body_too_large = request->is_body_too_large,
        .uptime_ns = now - loop->shared->start_ns,
        .now_ns = now,
        .queue_ns = target_request_queue_ns(request),
        .work_ns = request->admission.service_ns,
        .admission = &request->admission,
        .correlation_id = request->correlation_id[0] ? request->correlation_id : NULL,
        .is_http_1_1 = request->is_http_1_1,
        .index = request->index,
        .reader = target_streaming_read,
        .piped = target_streaming_pipe,
        .upgraded = target_websockets_take,
        .cls = request,
        .cost = &request->cost,
    };
    struct target_answer answer;
    enum MHD_Result result;

    request->cost.bytes_in = request->body_bytes;
    target_meter_leave(&loop->meter, &request->cost);
    answer = target_answers_make(&loop->answers, &asked);
    target_follow_own_change(loop); /* a knob may have been turned */
    target_hold_over(request);
    request->has_place = answer.has_place;
    if (answer.stream) {
        target_streaming_begin(loop, request, answer.stream);
    }
    if (!answer.response) {
        return MHD_NO;
    }
    result = MHD_queue_response(request->connection, answer.status, answer.response);
    if (!answer.is_shared) {
        MHD_destroy_response(answer.response);
    }
    if (result == MHD_YES) {
        request->status = answer.status;
        target_counters_answer(loop->counters, request->route, answer.status);
    }
    return result;
}

/* Asks the systems. True: `*result` is for the library; false: the request has its next stage. */
static bool waits_for_systems(struct target_loop *loop, struct target_request *request,
                              uint64_t now, enum MHD_Result *result)
{
    switch (ask_systems(loop, request, now)) {
    case TARGET_WAITS:
        *result = target_hold_for_mail(loop, request);
        return true;
    case TARGET_LATER:
        *result = target_hold_until(loop, request, request->admission.later_ns);
        return true;
    case TARGET_NO_MEMORY:
        *result = MHD_NO;
        return true;
    case TARGET_GO:
    case TARGET_REFUSED:
    case TARGET_ANSWERED:
        break;
    }
    return false;
}

/* As above, for its service time. */
static bool waits_for_service(struct target_loop *loop, struct target_request *request,
                              uint64_t now, enum MHD_Result *result)
{
    uint64_t free_ns;

    if (target_request_due_ns(request) <= now) {
        end_work(loop, request, now, false);
    }
    free_ns = target_hold_answer_ns(loop, request, now);
    if (free_ns > now) {
        *result = target_hold_until(loop, request, free_ns);
        return true;
    }
    request->stage = request->is_work ? TARGET_STAGE_WORK : TARGET_STAGE_ANSWER;
    return false;
}

/* From stage to stage, until it must wait or is answered. */
static enum MHD_Result go_on(struct target_loop *loop, struct target_request *request,
                             const char *method, const char *path)
{
    uint64_t now = target_clock_now_ns(), free_ns;
    enum MHD_Result result;

    if (loop->is_giving_up) {
        return MHD_NO;
    }
    for (;;) {
        switch (request->stage) {
        case TARGET_STAGE_NEW:
            begin_asking(loop, request, method, path, now);
            break;
        case TARGET_STAGE_ADMIT:
        case TARGET_STAGE_WORK:
            if (waits_for_systems(loop, request, now, &result)) {
                return result;
            }
            break;
        case TARGET_STAGE_SERVICE:
            if (waits_for_service(loop, request, now, &result)) {
                return result;
            }
            break;
        case TARGET_STAGE_ANSWER:
            free_ns = target_hold_answer_ns(loop, request, now);
            return free_ns > now ? target_hold_until(loop, request, free_ns)
                                 : answer(loop, request, method, path, now);
        }
    }
}

/* ---- its end ---- */

static void log_request(struct target_loop *loop, const struct target_request *request,
                        bool is_sent)
{
    struct target_truth truth = {
        .begin_ns = request->begin_ns,
        .end_ns = target_clock_now_ns(),
        .path = target_route_class(request->route),
        .status = request->status,
        .is_sent = is_sent,
        .queue_ns = target_request_queue_ns(request),
        .work_ns = request->admission.service_ns,
        .refused_by = request->admission.refused_by,
        .counted_ns = request->admission.rate.counted_ns,
        .model = request->admission.model.name,
        .load_ns = request->admission.model.load_ns,
        .cache = target_response_cache_word(&request->admission),
        .backend = request->admission.lb.backend,
        .cache_by = target_response_cache_who(&request->admission),
        .trace_id = request->parent.trace_id,
        .parent_id = request->parent.parent_id,
        .span = request->admission.span,
        .spans = request->admission.spans,
        .processing = request->admission.cognitive,
        .cost = request->cost.is_counted ? &request->cost : NULL,
        .is_stream = request->stream != NULL,
        .tokens = request->stream ? request->stream->tokens : 0,
        .first_ns = request->stream ? request->stream->first_ns : 0,
        .last_ns = request->stream ? request->stream->last_ns : 0,
    };
    struct target_log_entry entry = {
        .method = request->method,
        .path = truth.path,
        .status = truth.status,
        .correlation_id = request->correlation_id,
        .trace_id = truth.trace_id,
        .begin_ns = truth.begin_ns,
        .end_ns = truth.end_ns,
    };

    target_truthlog_request(&loop->journal.truth, &truth);
    target_jsonlog_request(&loop->journal.json, TARGET_HERE, &entry);
    target_trace_add(loop->shared->trace, request->correlation_id, request->method, &truth);
}

/* To systems that were not told of its end when it was answered. */
static void tell_unanswered(struct target_loop *loop, struct target_request *request)
{
    struct target_scene scene = {.now_ns = target_clock_now_ns(), .journal = &loop->journal};
    struct target_outcome none = {.status = 0};

    if (request->admission.told) {
        target_running_ended(&loop->shared->running, &request->admission, &none, &scene);
    }
}

/* ---- the library's calls ---- */

void *target_course_on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct target_loop *loop = cls;
    struct target_request *request = target_request_take(&loop->shared->requests);

    if (request && !target_request_set_target(request, target ? target : "")) {
        target_request_give_back(&loop->shared->requests, request);
        request = NULL;
    }
    return request;
}

enum MHD_Result target_course_on_request(void *cls, struct MHD_Connection *connection,
                                         const char *path, const char *method, const char *version,
                                         const char *data, size_t *data_bytes, void **slot)
{
    struct target_loop *loop = cls;
    struct target_request *request = *slot;
    enum MHD_Result result;

    if (!request) {
        return MHD_NO; /* there was no memory for it */
    }
    if (!request->loop) {
        begin_request(loop, request, connection, path, method);
        request->is_http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
        return MHD_YES;
    }
    target_meter_enter(&loop->meter, loop->shared->account, &request->cost);
    if (*data_bytes > 0) {
        result = target_request_add_body(request, data, *data_bytes) ? MHD_YES : MHD_NO;
        *data_bytes = 0;
    } else {
        result = go_on(loop, request, method, path);
    }
    if (request->status == 0) { /* else it was said what it cost */
        target_meter_leave(&loop->meter, &request->cost);
    }
    return result;
}

void target_course_on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                                enum MHD_RequestTerminationCode why)
{
    struct target_loop *loop = cls;
    struct target_request *request = *slot;
    bool is_sent = why == MHD_REQUEST_TERMINATED_COMPLETED_OK;

    if (!request) {
        return;
    }
    *slot = NULL;
    if (!request->loop) { /* its head was none */
        target_request_give_back(&loop->shared->requests, request);
        return;
    }
    end_work(loop, request, 0, true);
    tell_unanswered(loop, request);
    if (!target_route_is_observer(request->route)) {
        log_request(loop, request, is_sent);
        target_account_add(loop->shared->account, &request->cost);
    }
    target_streaming_end(loop, request, is_sent);
    target_pipe_leave(request->admission.lb.pipe);
    request->admission.lb.pipe = NULL;
    if (request->has_place) { /* it left before it was a WebSocket */
        target_ws_leave(loop->shared->ws);
    }
    if (request->status == 0) {
        target_counters_unanswered(loop->counters, request->route);
    }
    target_counters_done(loop->counters, request->route, target_clock_now_ns() - request->begin_ns);
    loop->in_flight--;
    target_request_give_back(&loop->shared->requests, request);
}
