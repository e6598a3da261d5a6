/*
 * loop: the life of a request here is
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
 * libmicrohttpd calls on_request at each arrow. Whether to hold is asked afresh each time, with the
 * clock of that moment: an answer that becomes due inside a stall, or that lateness carries into
 * one, waits for its end.
 *
 * Invariants: a connection is suspended exactly while its request is in `held`, for a known time,
 * or in `waiting`, until mail says that it was resumed. The library does not look at a suspended
 * connection, so a client that leaves meanwhile is noticed when its answer is to be sent.
 */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "answers.h"
#include "draw.h"
#include "dueheap.h"
#include "journal.h"
#include "keytable.h"
#include "mailbox.h"
#include "request.h"
#include "response_cache.h"
#include "stream.h"
#include "truthlog.h"
#include "wsset.h"

/*
 * libmicrohttpd's 32 KB a connection are too much for 10,000 of them; heads of up to about 6 KB
 * and their answers fit into this, larger ones are answered 431 by the library.
 */
#define CONNECTION_BYTES 8192

/* Held answers are released 16 at a time, but in no more than about 128 batches. */
#define RELEASE_BATCH 16
#define RELEASE_WALKS 128

#define LONG_SLEEP_NS UINT64_C(2000000)

#define SERVICE_ENDS "service_ends"      /* the finish_reason of a stream that is cut */
#define PARTING_NS   UINT64_C(100000000) /* to say so, when the time to drain is over */
#define ACCEPT_TURNS 1000                /* of the library, for who stands in line at the end */

struct target_loop {
    struct target_shared *shared;
    struct target_service service; /* a copy, as of `settings_version` */
    uint64_t settings_version;
    bool has_new_settings;   /* not followed yet */
    struct target_pace pace; /* as `service`, as of `pace_version` */
    uint64_t pace_version;
    uint64_t plan; /* of the workers, that the dues in `held` follow */
    struct target_counters *counters;
    struct MHD_Daemon *daemon;
    int listen_fd;                 /* -1 once the daemon owns it */
    int http_fd;                   /* the daemon's epoll set; the daemon owns it */
    struct target_mailbox mailbox; /* requests resumed; woken to drain or to follow a plan, too */
    atomic_bool is_to_drain;       /* release before the wake, acquire after it */
    struct target_dueheap held;
    struct target_waiters waiting;
    struct target_answers answers;
    struct target_journal journal;
    uint64_t stall_next[TARGET_STALL_RULES]; /* first stall not yet logged, of each rule */
    bool is_first;                           /* it ticks the systems and logs stalls */
    uint64_t tick_ns;
    uint64_t in_flight; /* observers included */
    struct target_wsset websockets;
    bool has_upgraded;     /* the library has a connection to take leave of */
    uint64_t streams;      /* in flight */
    uint64_t drain_due_ns; /* 0: not draining */
    bool is_giving_up;     /* the time to drain is over: held requests are dropped */
    struct target_request_store requests;
    pthread_t thread;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- requests ---- */

static void refresh_settings(struct target_loop *loop)
{
    if (target_settings_refresh(loop->shared->settings, &target_service_system, &loop->service,
                                &loop->settings_version)) {
        loop->has_new_settings = true;
    }
    target_settings_refresh(loop->shared->settings, &target_chat_system, &loop->pace,
                            &loop->pace_version);
}

/* A method that stands in log lines. */
static void note_method(struct target_request *request, const char *method)
{
    size_t length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");

    if (length == 0 || length >= sizeof request->method || method[length] != '\0') {
        method = "OTHER";
    }
    snprintf(request->method, sizeof request->method, "%s", method);
}

static struct target_request *begin_request(struct target_loop *loop,
                                            struct MHD_Connection *connection, const char *path,
                                            const char *method)
{
    struct target_request *request = target_request_take(&loop->requests);

    if (!request) {
        return NULL;
    }
    refresh_settings(loop);
    request->loop = loop;
    request->connection = connection;
    request->route = target_route_find(path);
    request->begin_ns = now_ns();
    if (!target_route_is_observer(request->route)) {
        request->index =
            atomic_fetch_add_explicit(&loop->shared->arrivals, 1, memory_order_relaxed);
        if (loop->shared->json_log_fd >= 0) {
            note_method(request, method);
            target_correlation_id(
                request->correlation_id,
                MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Correlation-ID"),
                loop->shared->start_ns, request->index);
        }
    }
    target_counters_head(loop->counters, request->route);
    loop->in_flight++;
    return request;
}

/* ---- when to answer ---- */

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

/* Whether its answer is for its client alone: of a session, or streamed as time goes by. */
static bool is_personal(const struct target_request *request)
{
    static const char stream[] = "\"stream\"";

    if (request->route != TARGET_ROUTE_CHAT && request->route != TARGET_ROUTE_COMPLETIONS) {
        return false;
    }
    return target_session_of(request->connection) ||
           (request->body_bytes > 0 &&
            memmem(request->body, request->body_bytes, stream, sizeof stream - 1));
}

/* It is whole. */
static void begin_asking(struct target_loop *loop, struct target_request *request,
                         const char *method, const char *path, uint64_t now)
{
    request->is_work = has_work(request, method);
    request->stage = asks_systems(request) ? TARGET_STAGE_ADMIT : TARGET_STAGE_SERVICE;
    request->whole_ns = now;
    request->admission = (struct target_admission){
        .connection = request->connection,
        .route = request->route,
        .method = method,
        .path = path,
        .body = request->body_bytes ? request->body : NULL,
        .body_bytes = request->body_bytes,
        .is_work = request->is_work,
        .vary = loop->service.vary,
        .is_to_fail = is_to_fail(loop, request),
        .is_personal = is_personal(request),
        .service_ns =
            takes_time(loop, request, request->is_work) ? draw_service_ns(loop, request) : 0,
        .start_ns = now,
        .mailbox = &loop->mailbox,
    };
}

static uint64_t due_ns(const struct target_request *request)
{
    return request->admission.start_ns + request->admission.service_ns;
}

/* Between the whole request and the begin of its work, but for the load of its model. */
static uint64_t queue_ns(const struct target_request *request)
{
    return request->admission.start_ns - request->whole_ns - request->admission.model.load_ns;
}

/* `ns`, or the end of the stalls that it lies in. */
static uint64_t outside_stalls_ns(const struct target_loop *loop, uint64_t ns)
{
    uint64_t start_ns = loop->shared->start_ns;

    return start_ns + target_calendar_free_ns(&loop->service.stalls, ns - start_ns);
}

/* The moment from which the request may be answered: `now`, or a later one. */
static uint64_t free_to_answer_ns(const struct target_loop *loop,
                                  const struct target_request *request, uint64_t now)
{
    uint64_t from_ns = due_ns(request) > now ? due_ns(request) : now;

    if (target_route_is_observer(request->route)) {
        return now;
    }
    return outside_stalls_ns(loop, from_ns);
}

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

static enum MHD_Result hold(struct target_loop *loop, struct target_request *request,
                            uint64_t due_ns)
{
    struct target_held held = {.due_ns = due_ns, .order = request->index, .what = request};

    if (!target_dueheap_push(&loop->held, held)) {
        return MHD_NO;
    }
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

/* Until mail comes. */
static enum MHD_Result await(struct target_loop *loop, struct target_request *request)
{
    request->pause.owner = request;
    target_waiters_push(&loop->waiting, &request->pause);
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

/* It is held as one that is due, so that many that were resumed at once leave in batches. */
static void end_wait(struct target_loop *loop, struct target_request *request)
{
    struct target_held held = {.due_ns = 0, .order = request->index, .what = request};

    target_waiters_remove(&request->pause);
    if (!target_dueheap_push(&loop->held, held)) {
        MHD_resume_connection(request->connection);
    }
}

static void take_mail(struct target_loop *loop)
{
    struct target_mail *mail = target_mailbox_take(&loop->mailbox), *next;

    for (; mail; mail = next) {
        next = mail->next;
        end_wait(loop, TARGET_OWNER(mail, struct target_request, admission.resumed));
    }
}

/*
 * Resumes what is due by `now`, at most a batch; the daemon's next runs answer it. The library
 * makes one step (answer, send, complete) with every ready connection before it makes the next step
 * with any, so releasing thousands at once would send the first only after all were answered. A
 * batch costs a walk over all suspended connections, hence larger batches where many are held.
 */
static void release_due(struct target_loop *loop, uint64_t now)
{
    size_t batch = RELEASE_BATCH + loop->held.count / RELEASE_WALKS;
    const struct target_held *first = target_dueheap_peek(&loop->held);

    for (; first && first->due_ns <= now && batch > 0; batch--) {
        struct target_request *request = target_dueheap_pop(&loop->held).what;

        MHD_resume_connection(request->connection);
        first = target_dueheap_peek(&loop->held);
    }
}

/* The plan of the workers was changed: held requests are due at other moments. */
static void follow_plan(struct target_loop *loop, uint64_t plan)
{
    uint64_t now = now_ns();

    loop->plan = plan;
    for (size_t i = 0; i < loop->held.count; i++) {
        struct target_held *held = &loop->held.item[i];
        struct target_request *request = held->what;

        if (request->admission.ticket) {
            request->admission.start_ns =
                target_workers_start(loop->shared->workers, request->admission.ticket);
            held->due_ns = free_to_answer_ns(loop, request, now);
        }
    }
    target_dueheap_sort_again(&loop->held);
}

/* Called when this loop may have changed the plan or settings; others are woken to follow. */
static void notice_own_change(struct target_loop *loop)
{
    uint64_t plan = target_workers_plan(loop->shared->workers);
    uint64_t version = loop->settings_version;

    refresh_settings(loop);
    if (plan == loop->plan && version == loop->settings_version) {
        return;
    }
    if (plan != loop->plan) {
        follow_plan(loop, plan);
    }
    for (size_t i = 0; i < loop->shared->tally.sets; i++) {
        struct target_loop *other =
            atomic_load_explicit(&loop->shared->loop[i], memory_order_acquire);

        if (other && other != loop) {
            target_mailbox_wake(&other->mailbox);
        }
    }
}

/* ---- streams and WebSockets ---- */

/* Makes the next event, or holds the connection until it is due. */
static ssize_t next_event(struct target_loop *loop, struct target_request *request)
{
    struct target_stream *stream = request->stream;
    uint64_t now = now_ns(), due = target_stream_due_ns(stream);
    uint64_t free_ns = outside_stalls_ns(loop, due > now ? due : now);

    if (loop->is_giving_up) {
        target_stream_cut(stream, SERVICE_ENDS);
    } else if (free_ns > now) {
        return hold(loop, request, free_ns) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return target_stream_make(stream, now_ns) ? 1 : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The library asks for more of a streamed answer. */
static ssize_t on_stream(void *cls, uint64_t position, char *bytes, size_t room)
{
    struct target_request *request = cls;
    struct target_stream *stream = request->stream;

    if (!target_stream_has_bytes(stream)) {
        ssize_t made = stream->step == TARGET_STREAM_OVER ? MHD_CONTENT_READER_END_OF_STREAM
                                                          : next_event(request->loop, request);

        if (made <= 0) {
            return made;
        }
    }
    return (ssize_t)target_stream_take(stream, bytes, room);
}

static void end_stream(struct target_loop *loop, struct target_request *request, bool is_sent)
{
    struct target_stream *stream = request->stream;

    if (stream) {
        target_chat_ended(loop->shared->chat, is_sent && !stream->cause, stream->tokens);
        target_stream_free(stream);
        request->stream = NULL;
        loop->streams--;
    }
}

/* The handshake was sent. The library closes its connection, of which the set has a duplicate. */
static void on_upgraded(void *cls, struct MHD_Connection *connection, void *slot, const char *early,
                        size_t early_bytes, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
    struct target_request *request = cls;
    struct target_loop *loop = request->loop;
    struct target_upgraded upgraded = {
        .fd = fd,
        .early = early,
        .early_bytes = early_bytes,
        .path = target_route_class(request->route),
        .is_chat = request->route == TARGET_ROUTE_WS_CHAT,
        .session = target_session_of(connection),
    };

    request->has_place = false; /* the set gives it back */
    if (!target_wsset_add(&loop->websockets, &upgraded)) {
        uint64_t now = now_ns();

        target_journal_event(&loop->journal, now, now, target_ws_system.name, "lost",
                             ",\"path\":\"%s\"", upgraded.path);
    }
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
    loop->has_upgraded = true;
}

/* Until when a stall holds the WebSockets; not later than `now`: none does. */
static uint64_t websockets_free_ns(const struct target_loop *loop, uint64_t now)
{
    return loop->websockets.count > 0 ? outside_stalls_ns(loop, now) : 0;
}

static void run_websockets(struct target_loop *loop, uint64_t now)
{
    if (loop->websockets.count == 0 || websockets_free_ns(loop, now) > now) {
        return;
    }
    refresh_settings(loop);
    if (loop->drain_due_ns && !loop->websockets.is_draining) {
        target_wsset_drain(&loop->websockets);
    }
    target_wsset_run(&loop->websockets);
}

/* ---- libmicrohttpd's calls ---- */

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
        .queue_ns = queue_ns(request),
        .work_ns = request->admission.service_ns,
        .admission = &request->admission,
        .correlation_id = request->correlation_id[0] ? request->correlation_id : NULL,
        .is_http_1_1 = request->is_http_1_1,
        .index = request->index,
        .reader = on_stream,
        .upgraded = on_upgraded,
        .cls = request,
    };
    struct target_answer answer = target_answers_make(&loop->answers, &asked);
    enum MHD_Result result;

    notice_own_change(loop); /* a knob may have been turned */
    request->has_place = answer.has_place;
    request->stream = answer.stream;
    if (answer.stream) {
        loop->streams++;
        target_chat_begun(loop->shared->chat);
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
    notice_own_change(loop);
    if (verdict == TARGET_GO) {
        request->stage++;
        admission->next = 0;
    } else if (verdict == TARGET_REFUSED || verdict == TARGET_ANSWERED) {
        request->stage = TARGET_STAGE_ANSWER;
        admission->service_ns = is_before ? 0 : admission->service_ns;
    }
    return verdict;
}

static enum MHD_Result answer_when_due(struct target_loop *loop, struct target_request *request,
                                       const char *method, const char *path)
{
    uint64_t now = now_ns();
    enum target_verdict verdict;
    uint64_t free_ns;

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
            verdict = ask_systems(loop, request, now);
            if (verdict == TARGET_WAITS) {
                return await(loop, request);
            }
            if (verdict == TARGET_LATER) {
                return hold(loop, request, request->admission.later_ns);
            }
            if (verdict == TARGET_NO_MEMORY) {
                return MHD_NO;
            }
            break;
        case TARGET_STAGE_SERVICE:
            if (due_ns(request) <= now) {
                end_work(loop, request, now, false);
            }
            free_ns = free_to_answer_ns(loop, request, now);
            if (free_ns > now) {
                return hold(loop, request, free_ns);
            }
            request->stage = request->is_work ? TARGET_STAGE_WORK : TARGET_STAGE_ANSWER;
            break;
        case TARGET_STAGE_ANSWER:
            free_ns = free_to_answer_ns(loop, request, now);
            return free_ns > now ? hold(loop, request, free_ns)
                                 : answer(loop, request, method, path, now);
        }
    }
}

/* Called when the head is there, for each piece of the body, at its end, and after a resume. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_bytes, void **slot)
{
    struct target_loop *loop = cls;
    struct target_request *request = *slot;

    if (!request) {
        request = *slot = begin_request(loop, connection, path, method);
        if (request) {
            request->is_http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
        }
        return request ? MHD_YES : MHD_NO;
    }
    if (*data_bytes > 0) {
        bool is_taken = target_request_add_body(request, data, *data_bytes);

        *data_bytes = 0;
        return is_taken ? MHD_YES : MHD_NO;
    }
    return answer_when_due(loop, request, method, path);
}

static void log_request(struct target_loop *loop, const struct target_request *request,
                        bool is_sent)
{
    struct target_truth truth = {
        .begin_ns = request->begin_ns,
        .end_ns = now_ns(),
        .path = target_route_class(request->route),
        .status = request->status,
        .is_sent = is_sent,
        .queue_ns = queue_ns(request),
        .work_ns = request->admission.service_ns,
        .refused_by = request->admission.refused_by,
        .counted_ns = request->admission.rate.counted_ns,
        .model = request->admission.model.name,
        .load_ns = request->admission.model.load_ns,
        .cache = target_response_cache_word(&request->admission),
        .span = request->admission.span,
        .spans = request->admission.spans,
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
        .begin_ns = truth.begin_ns,
        .end_ns = truth.end_ns,
    };

    target_truthlog_request(&loop->journal.truth, &truth);
    target_jsonlog_request(&loop->journal.json, &entry);
}

/* To systems that were not told of its end when it was answered. */
static void tell_unanswered(struct target_loop *loop, struct target_request *request)
{
    struct target_scene scene = {.now_ns = now_ns(), .journal = &loop->journal};
    struct target_outcome none = {.status = 0};

    if (request->admission.told) {
        target_running_ended(&loop->shared->running, &request->admission, &none, &scene);
    }
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode why)
{
    struct target_loop *loop = cls;
    struct target_request *request = *slot;
    bool is_sent = why == MHD_REQUEST_TERMINATED_COMPLETED_OK;

    if (!request) {
        return;
    }
    end_work(loop, request, 0, true);
    tell_unanswered(loop, request);
    if (!target_route_is_observer(request->route)) {
        log_request(loop, request, is_sent);
    }
    end_stream(loop, request, is_sent);
    if (request->has_place) { /* it left before it was a WebSocket */
        target_ws_leave(loop->shared->ws);
    }
    target_counters_done(loop->counters, request->route);
    loop->in_flight--;
    target_request_give_back(&loop->requests, request);
    *slot = NULL;
}

/* ---- the thread ---- */

static void log_stalls(struct target_loop *loop, uint64_t now)
{
    const struct target_calendar *stalls = &loop->service.stalls;
    uint64_t start_ns = loop->shared->start_ns;
    uint64_t begin_ns, end_ns;

    for (size_t i = 0; loop->is_first && i < stalls->rules; i++) {
        target_stall_window(&stalls->rule[i], loop->stall_next[i], &begin_ns, &end_ns);
        while (start_ns + end_ns <= now) {
            target_truthlog_stall(&loop->journal.truth, start_ns + begin_ns, start_ns + end_ns);
            target_stall_window(&stalls->rule[i], ++loop->stall_next[i], &begin_ns, &end_ns);
        }
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * The library accepts nothing after it ran out of descriptors, until one of its connections ends. A
 * knob may have given some back: one that ends at once makes it look.
 */
static void accept_again(struct target_loop *loop)
{
    struct sockaddr_un nobody = {.sun_family = AF_UNIX};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        return;
    }
    close(pair[1]);
    MHD_add_connection(loop->daemon, pair[0], (struct sockaddr *)&nobody, sizeof nobody);
    MHD_run(loop->daemon); /* takes it up */
    MHD_run(loop->daemon); /* ends it; the next run listens */
}

static void follow_settings(struct target_loop *loop)
{
    if (loop->has_new_settings) {
        loop->has_new_settings = false;
        loop->tick_ns = 0;
        accept_again(loop);
    }
}

static void tick_systems(struct target_loop *loop, uint64_t now)
{
    struct target_scene scene = {.now_ns = now, .journal = &loop->journal};

    if (loop->is_first && now >= loop->tick_ns) {
        loop->tick_ns = target_running_tick(&loop->shared->running, &scene);
    }
}

/* When the loop must run even if no byte arrives. */
static uint64_t next_wake_ns(const struct target_loop *loop, uint64_t websockets_ns)
{
    const struct target_held *first = target_dueheap_peek(&loop->held);
    uint64_t held_ns = earlier(first ? first->due_ns : UINT64_MAX, websockets_ns);
    uint64_t wake_ns = earlier(target_journal_due_ns(&loop->journal), held_ns);
    MHD_UNSIGNED_LONG_LONG pending_ms;

    if (loop->has_upgraded ||
        (MHD_get_timeout(loop->daemon, &pending_ms) == MHD_YES && pending_ms == 0)) {
        return 0; /* the daemon stopped in the middle of ready connections */
    }
    if (loop->is_first) {
        wake_ns = earlier(wake_ns, loop->tick_ns);
    }
    if (loop->drain_due_ns && !loop->is_giving_up) {
        wake_ns = earlier(wake_ns, loop->drain_due_ns);
    }
    return wake_ns;
}

/*
 * How long to sleep towards `wake_ns`. An idle virtual machine wakes the later the longer it slept
 * (measured: 30 us after 1 ms, 300 us after 125 ms), so a long sleep ends a little early and a
 * short one follows.
 */
static struct timespec sleep_towards(uint64_t wake_ns)
{
    uint64_t now = now_ns();
    uint64_t left_ns = wake_ns > now ? wake_ns - now : 0;

    if (left_ns > LONG_SLEEP_NS) {
        left_ns -= left_ns / 32;
    }
    return (struct timespec){.tv_sec = (time_t)(left_ns / 1000000000),
                             .tv_nsec = (long)(left_ns % 1000000000)};
}

/* What other threads asked of this loop. */
static void obey(struct target_loop *loop, uint64_t now)
{
    uint64_t plan = target_workers_plan(loop->shared->workers);

    refresh_settings(loop);
    take_mail(loop);
    if (plan != loop->plan) {
        follow_plan(loop, plan);
    }
    if (!loop->drain_due_ns && atomic_load_explicit(&loop->is_to_drain, memory_order_acquire)) {
        refresh_settings(loop);
        loop->drain_due_ns = now + loop->service.drain_ns;
    }
}

static void wait_for_work(struct target_loop *loop, uint64_t latest_ns)
{
    uint64_t now = now_ns(), free_ns = websockets_free_ns(loop, now);
    bool are_held = free_ns > now, are_there = loop->websockets.count > 0;
    uint64_t websockets_ns = are_held ? free_ns : target_wsset_due_ns(&loop->websockets);
    uint64_t wake_ns = earlier(next_wake_ns(loop, websockets_ns), latest_ns);
    struct timespec left = {0};
    struct pollfd fds[] = {
        {.fd = loop->http_fd, .events = POLLIN},
        {.fd = loop->mailbox.wake_fd, .events = POLLIN},
        {.fd = are_there && !are_held ? loop->websockets.epoll_fd : -1, .events = POLLIN}};

    if (wake_ns == 0) {
        return;
    }
    if (wake_ns != UINT64_MAX) {
        left = sleep_towards(wake_ns);
    }
    ppoll(fds, sizeof fds / sizeof fds[0], wake_ns == UINT64_MAX ? NULL : &left, NULL);
    if (fds[1].revents) {
        target_mailbox_hear(&loop->mailbox);
    }
}

static bool is_readable(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN};

    return poll(&asked, 1, 0) > 0;
}

/* Who has connected by now is still served: closing the socket would reset whom nobody accepted. */
static void stop_accepting(struct target_loop *loop)
{
    int fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;

    for (int i = 0; i < ACCEPT_TURNS && is_readable(fd); i++) {
        MHD_run(loop->daemon);
    }
    fd = MHD_quiesce_daemon(loop->daemon);
    if (fd >= 0) {
        close(fd);
    }
    target_answers_close(&loop->answers);
}

static void leave_waits(struct target_loop *loop)
{
    struct target_waiter *waiter = loop->waiting.first, *next;

    for (; waiter; waiter = next) {
        struct target_request *request = waiter->owner;

        next = waiter->next;
        if (target_running_leave(&loop->shared->running, &request->admission)) {
            end_wait(loop, request);
        }
    }
}

/* Streams and WebSockets get a moment to say that the service ends. */
static void part(struct target_loop *loop)
{
    uint64_t end_ns = now_ns() + PARTING_NS;

    target_wsset_hurry(&loop->websockets);
    while (loop->streams + loop->websockets.count > 0 && now_ns() < end_ns) {
        loop->has_upgraded = false;
        MHD_run(loop->daemon);
        target_wsset_run(&loop->websockets);
        target_journal_tick(&loop->journal, now_ns());
        wait_for_work(loop, end_ns);
    }
}

/*
 * The library must have no suspended connection when it stops, and nobody may resume a request that
 * is no more: for those that cannot leave at once, the loop waits.
 */
static void give_up(struct target_loop *loop)
{
    loop->is_giving_up = true;
    leave_waits(loop);
    while (loop->held.count > 0 || loop->waiting.count > 0) {
        take_mail(loop);
        release_due(loop, UINT64_MAX);
        MHD_run(loop->daemon);
        if (loop->held.count == 0 && loop->waiting.count > 0) {
            struct pollfd mail = {.fd = loop->mailbox.wake_fd, .events = POLLIN};

            poll(&mail, 1, -1);
            target_mailbox_hear(&loop->mailbox);
        }
    }
    part(loop);
}

/* Nothing is in flight, and nobody has sent what was not read yet. */
static bool is_done(const struct target_loop *loop)
{
    return loop->in_flight == 0 && loop->websockets.count == 0 && !is_readable(loop->http_fd);
}

static void *run(void *cls)
{
    struct target_loop *loop = cls;
    bool is_accepting = true;

    prctl(PR_SET_TIMERSLACK, 1); /* the default lets each wake-up be 50 us late */
    for (;;) {
        uint64_t now = now_ns();

        obey(loop, now);
        log_stalls(loop, now);
        follow_settings(loop);
        tick_systems(loop, now);
        release_due(loop, now);
        loop->has_upgraded = false;
        MHD_run(loop->daemon);
        run_websockets(loop, now);
        target_journal_tick(&loop->journal, now);
        if (loop->drain_due_ns && is_accepting) {
            stop_accepting(loop);
            is_accepting = false;
        }
        if (loop->drain_due_ns && (is_done(loop) || now >= loop->drain_due_ns)) {
            break;
        }
        wait_for_work(loop, UINT64_MAX);
    }
    give_up(loop);
    return NULL;
}

/* ---- start and end ---- */

static struct MHD_Daemon *start_daemon(struct target_loop *loop)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_TURBO, 0, NULL, NULL,
        on_request, loop, MHD_OPTION_LISTEN_SOCKET, loop->listen_fd, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, loop, MHD_OPTION_CONNECTION_LIMIT, (unsigned)loop->service.connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static void free_loop(struct target_loop *loop)
{
    target_wsset_deinit(&loop->websockets);
    if (loop->daemon) {
        MHD_stop_daemon(loop->daemon);
    }
    if (loop->listen_fd >= 0) {
        close(loop->listen_fd);
    }
    target_mailbox_deinit(&loop->mailbox);
    target_journal_deinit(&loop->journal);
    target_answers_deinit(&loop->answers);
    target_dueheap_deinit(&loop->held);
    target_request_store_deinit(&loop->requests);
    free(loop);
}

static bool open_websockets(struct target_loop *loop)
{
    struct target_wsenv env = {.clock = now_ns,
                               .ws = loop->shared->ws,
                               .sessions = loop->shared->sessions,
                               .journal = &loop->journal,
                               .pace = &loop->pace,
                               .seed = &loop->service.seed,
                               .arrivals = &loop->shared->arrivals};

    return target_wsset_init(&loop->websockets, &env);
}

static bool open_loop(struct target_loop *loop, struct target_error *err)
{
    const struct target_shared *shared = loop->shared;
    bool is_mailbox_open =
        target_mailbox_init(&loop->mailbox); /* free_loop closes it in any case */

    loop->answers = (struct target_answers){.service = &loop->service,
                                            .tally = &shared->tally,
                                            .settings = loop->shared->settings,
                                            .running = &loop->shared->running,
                                            .journal = &loop->journal,
                                            .pace = &loop->pace,
                                            .sessions = shared->sessions,
                                            .ws = shared->ws};
    if (!target_answers_build(&loop->answers) ||
        !target_journal_init(&loop->journal, shared->log_fd, shared->json_log_fd)) {
        return target_fail(err, "no memory for answers of %llu bytes; try a smaller --body-size",
                           (unsigned long long)loop->service.body_bytes);
    }
    if (!open_websockets(loop)) {
        return target_fail(err, "cannot make an epoll set: %s", strerror(errno));
    }
    if (!is_mailbox_open) {
        return target_fail(err, "cannot make an eventfd: %s", strerror(errno));
    }
    loop->daemon = start_daemon(loop);
    if (!loop->daemon) {
        return target_fail(err, "libmicrohttpd cannot start: %s", strerror(errno));
    }
    loop->listen_fd = -1;
    loop->http_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return true;
}

struct target_loop *target_loop_start(struct target_shared *shared, size_t index, int listen_fd,
                                      struct target_error *err)
{
    struct target_loop *loop = calloc(1, sizeof *loop);

    if (!loop) {
        close(listen_fd);
        target_fail(err, "no memory for a loop");
        return NULL;
    }
    loop->shared = shared;
    loop->counters = &shared->tally.set[index];
    loop->listen_fd = listen_fd;
    loop->websockets.epoll_fd = -1;
    loop->settings_version = loop->pace_version = UINT64_MAX;
    refresh_settings(loop);
    loop->has_new_settings = false;
    loop->plan = target_workers_plan(shared->workers);
    loop->is_first = index == 0;
    for (size_t i = 0; i < TARGET_STALL_RULES; i++) {
        loop->stall_next[i] = 1;
    }
    if (!open_loop(loop, err)) {
        free_loop(loop);
        return NULL;
    }
    if (index == 0) {
        target_truthlog_start(&loop->journal.truth, shared->start_ns);
    }
    atomic_store_explicit(&shared->loop[index], loop, memory_order_release);
    if (pthread_create(&loop->thread, NULL, run, loop) != 0) {
        target_fail(err, "cannot start a thread");
        atomic_store_explicit(&shared->loop[index], NULL, memory_order_relaxed);
        free_loop(loop);
        return NULL;
    }
    return loop;
}

void target_loop_drain(struct target_loop *loop)
{
    atomic_store_explicit(&loop->is_to_drain, true, memory_order_release);
    target_mailbox_wake(&loop->mailbox);
}

void target_loop_join(struct target_loop *loop)
{
    pthread_join(loop->thread, NULL);
    MHD_stop_daemon(loop->daemon); /* completes, and so logs, what is left */
    loop->daemon = NULL;
    target_wsset_deinit(&loop->websockets); /* likewise */
}

struct target_journal *target_loop_journal(struct target_loop *loop)
{
    return &loop->journal;
}

void target_loop_free(struct target_loop *loop, int *log_errno, int *json_log_errno)
{
    target_journal_deinit(&loop->journal);
    *log_errno = loop->journal.truth.failed_errno ? loop->journal.truth.failed_errno : *log_errno;
    *json_log_errno =
        loop->journal.json.failed_errno ? loop->journal.json.failed_errno : *json_log_errno;
    free_loop(loop);
}
