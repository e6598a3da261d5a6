/* upstream: see the header. What libcurl does is in httplink.c. */
#include "upstream.h"

#include <inttypes.h>

#include <curl/curl.h>

#include "clock.h"
#include "httplink.h"
#include "keytable.h"
#include "retry.h"
#include "systems.h"

#define NS_PER_S   UINT64_C(1000000000)
#define NS_PER_MS  UINT64_C(1000000)
#define RETRY_SEED 1

struct target_upstream {
    struct target_dependency *dependency; /* NULL: off */
    struct target_httplink_to to;
    struct target_breaker breaker;
    pthread_mutex_t lock; /* of what follows; taken after that of the dependency */
    struct target_upstream_settings settings;
    enum target_breaker_state told; /* the state that the log knows */
    uint64_t half_opened, closed, retries, timeouts, failures;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_upstream_settings, name)

static const struct target_knob knobs[] = {
    {.name = "upstream",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(url),
     .max = TARGET_UPSTREAM_URL_BYTES,
     .initial = "",
     .text = "http://HOST:PORT/PATH that each request with work calls once its service time is "
             "over; an answer that is no 2xx or 3xx fails the request"},
    TARGET_DEPENDENCY_KNOBS("upstream", FIELD(calls)),
    {.name = "upstream-failures",
     .needs = "upstream",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(failures),
     .max = 1000000,
     .initial = "0",
     .is_live = true,
     .text = "failed calls in a row that open the circuit breaker: then requests are answered 503 "
             "at once; 0: it never opens"},
    {.name = "upstream-cooldown",
     .needs = "upstream-failures",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(cooldown_ns),
     .min = NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "5s",
     .is_live = true,
     .text = "how long the breaker stays open; then one call may try, and closes it if it "
             "succeeds"},
    {.name = "upstream-attempts",
     .needs = "upstream",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(attempts),
     .min = 1,
     .max = TARGET_RETRY_ATTEMPTS_MAX,
     .initial = "1",
     .is_live = true,
     .text = "how often a call is tried in all before its request fails"},
    {.name = "upstream-backoff",
     .needs = "upstream-attempts",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(backoff_ns),
     .max = 3600 * NS_PER_S,
     .initial = "100ms",
     .is_live = true,
     .text = "the longest wait before the second attempt; it doubles with each, and each wait is "
             "drawn evenly between 0 and it (full jitter)"},
    {.name = "upstream-backoff-max",
     .needs = "upstream-attempts",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(backoff_max_ns),
     .max = 3600 * NS_PER_S,
     .initial = "2s",
     .is_live = true,
     .text = "no wait before a further attempt is longer"},
};

static bool check_url(const char *url, struct target_error *err)
{
    struct target_httplink_to to;
    bool is_good = target_httplink_to_init(&to, url);

    target_httplink_to_deinit(&to);
    return is_good || target_fail(err,
                                  "upstream: \"%.100s\" is not http://HOST:PORT/PATH; try "
                                  "http://127.0.0.1:18801/work",
                                  url);
}

static bool check_settings(const void *cls, struct target_error *err)
{
    const struct target_upstream_settings *settings = cls;

    return (settings->url[0] == '\0' || check_url(settings->url, err)) &&
           target_dependency_check(&settings->calls, "upstream", err);
}

/* ---- one connection, on its thread ---- */

static void *open_connection(void *cls, uint64_t deadline_ns, const char **why)
{
    const struct target_upstream *u = cls;

    return target_httplink_open(&u->to, deadline_ns, why);
}

static bool check_connection(void *cls, void *connection, uint64_t deadline_ns)
{
    return target_httplink_is_open(connection);
}

static int call_upstream(void *cls, void *connection, uint64_t index, uint64_t deadline_ns,
                         bool *is_good)
{
    int answer = target_httplink_get(connection, deadline_ns, is_good);

    return answer >= 200 && answer < 400 ? 0 : answer;
}

static void close_connection(void *cls, void *connection)
{
    target_httplink_close(connection);
}

/* ---- the breaker ---- */

/* Tells the change, if the state changed. Under the lock. */
static void note_state(struct target_upstream *u, uint64_t now_ns)
{
    enum target_breaker_state state = target_breaker_figures(&u->breaker, now_ns).state;
    struct target_notices *notices = target_dependency_notices(u->dependency);

    if (state == u->told) {
        return;
    }
    u->told = state;
    u->half_opened += state == TARGET_BREAKER_HALF_OPEN;
    u->closed += state == TARGET_BREAKER_CLOSED;
    target_notices_add(notices, now_ns,
                       state == TARGET_BREAKER_OPEN     ? "breaker_open"
                       : state == TARGET_BREAKER_CLOSED ? "breaker_closed"
                                                        : "breaker_half_open",
                       "%s", "");
}

static struct target_breaker_pass ask_breaker(struct target_upstream *u, uint64_t now_ns)
{
    struct target_breaker_pass pass;

    pthread_mutex_lock(&u->lock);
    note_state(u, now_ns); /* the cool-down may be over */
    pass = target_breaker_ask(&u->breaker, now_ns);
    pthread_mutex_unlock(&u->lock);
    return pass;
}

static void report(struct target_upstream *u, struct target_upstream_asked *asked,
                   enum target_breaker_outcome outcome, uint64_t now_ns)
{
    pthread_mutex_lock(&u->lock);
    note_state(u, now_ns);
    target_breaker_report(&u->breaker, &asked->pass, outcome, now_ns);
    asked->pass.is_allowed = false;
    note_state(u, now_ns);
    pthread_mutex_unlock(&u->lock);
}

/* ---- one request ---- */

#define ASKED(of_call)     TARGET_OWNER(of_call, struct target_upstream_asked, call)
#define ADMISSION(of_call) TARGET_OWNER(of_call, struct target_admission, upstream.call)

static void refuse(struct target_admission *admission, unsigned status, const char *message,
                   uint64_t retry_after_s)
{
    admission->status = status;
    admission->refused_by = target_upstream_system.name;
    admission->message = message;
    admission->retry_after_s = retry_after_s;
}

static void refuse_open(struct target_admission *admission, const struct target_breaker_pass *pass)
{
    refuse(admission, 503, "the circuit breaker of the upstream is open",
           pass->retry_ns ? (pass->retry_ns + NS_PER_S - 1) / NS_PER_S : 1);
}

static void refuse_full(struct target_admission *admission)
{
    refuse(admission, 503, "too many requests wait for a connection to the upstream", 1);
}

/* The client's own fault, as far as the upstream says. */
static bool is_rejected(const struct target_call *call)
{
    return call->answer >= 400 && call->answer < 500 && call->answer != 429;
}

static bool is_failure(const struct target_call *call)
{
    return call->result == TARGET_CALL_NOT_OPENED ||
           (call->result == TARGET_CALL_FAILED && !is_rejected(call));
}

static enum target_breaker_outcome outcome_of(const struct target_call *call)
{
    if (is_failure(call)) {
        return TARGET_BREAKER_FAILED;
    }
    return call->result == TARGET_CALL_OK || call->result == TARGET_CALL_FAILED
               ? TARGET_BREAKER_OK
               : TARGET_BREAKER_ABANDONED;
}

static void refuse_failed(struct target_admission *admission, const struct target_call *call)
{
    switch (call->result) {
    case TARGET_CALL_NOT_OPENED:
        refuse(admission, 502, "cannot connect to the upstream", 0);
        break;
    case TARGET_CALL_NOT_SERVED:
        refuse(admission, 503, "no connection to the upstream was free in time", 1);
        break;
    case TARGET_CALL_FULL:
        refuse_full(admission);
        break;
    case TARGET_CALL_FAILED:
        if (call->answer == TARGET_HTTPLINK_LATE) {
            refuse(admission, 504, "the upstream did not answer in time", 0);
        } else if (call->answer == TARGET_HTTPLINK_BROKEN) {
            refuse(admission, 502, "the upstream broke the connection", 0);
        } else if (is_rejected(call)) {
            refuse(admission, 502, "the upstream rejected the call", 0);
        } else {
            refuse(admission, 502, "the upstream answered with an error", 0);
        }
        break;
    case TARGET_CALL_REJECTED:
        refuse_open(admission, &admission->upstream.pass);
        break;
    case TARGET_CALL_OK:
    case TARGET_CALL_SHUT: /* turned off: the request goes on without it */
        break;
    }
}

/* True if there is to be a next try, at `*again_ns`. */
static bool is_to_be_tried_again(struct target_upstream *u, const struct target_call *call,
                                 uint64_t now_ns, uint64_t *again_ns)
{
    uint64_t wait_ns;
    struct target_retry retry;
    bool is_again;

    pthread_mutex_lock(&u->lock);
    retry = (struct target_retry){.attempts = u->settings.attempts,
                                  .base_ns = u->settings.backoff_ns,
                                  .cap_ns = u->settings.backoff_max_ns,
                                  .seed = RETRY_SEED};
    is_again = is_failure(call) && target_retry_wait(&retry, call->index, call->tries, &wait_ns);
    u->retries += is_again;
    pthread_mutex_unlock(&u->lock);
    if (is_again) {
        *again_ns = now_ns + wait_ns;
        target_notices_add(target_dependency_notices(u->dependency), now_ns, "retry",
                           ",\"call\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"wait_ms\":%.3f",
                           call->index, call->tries, (double)wait_ns / 1e6);
    }
    return is_again;
}

static void count_failure(struct target_upstream *u, const struct target_call *call,
                          uint64_t now_ns)
{
    bool is_timeout = call->result == TARGET_CALL_FAILED && call->answer == TARGET_HTTPLINK_LATE;

    pthread_mutex_lock(&u->lock);
    u->failures += is_failure(call);
    u->timeouts += is_timeout;
    pthread_mutex_unlock(&u->lock);
    if (is_timeout) {
        target_notices_add(target_dependency_notices(u->dependency), now_ns, "timeout",
                           ",\"call\":%" PRIu64, call->index);
    }
}

static void end(struct target_admission *admission)
{
    target_call_tell(&admission->upstream.call, target_upstream_system.name, admission);
    target_resume(admission);
}

static uint64_t on_done(void *cls, struct target_call *call, uint64_t now_ns)
{
    struct target_upstream *u = cls;
    uint64_t again_ns;

    if (call->result != TARGET_CALL_REJECTED) {
        report(u, ASKED(call), outcome_of(call), now_ns);
    }
    count_failure(u, call, now_ns);
    if (is_to_be_tried_again(u, call, now_ns, &again_ns)) {
        return again_ns;
    }
    refuse_failed(ADMISSION(call), call);
    end(ADMISSION(call));
    return 0;
}

/* The breaker may have opened while the call waited, for its next try or for a connection. */
static bool may_go(void *cls, struct target_call *call, uint64_t now_ns)
{
    struct target_upstream *u = cls;
    struct target_breaker_pass *pass = &ASKED(call)->pass;

    if (!pass->is_allowed || !target_breaker_is_current(&u->breaker, pass)) {
        *pass = ask_breaker(u, now_ns);
    }
    return pass->is_allowed;
}

static enum target_verdict begin(struct target_upstream *u, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_upstream_asked *asked = &admission->upstream;
    enum target_begin begun;

    asked->pass = ask_breaker(u, scene->now_ns);
    if (!asked->pass.is_allowed) {
        refuse_open(admission, &asked->pass);
        return TARGET_REFUSED;
    }
    begun = target_dependency_begin(u->dependency, &asked->call);
    if (begun == TARGET_BEGIN_UNDER_WAY) {
        return TARGET_WAITS; /* the admission may be another thread's by now */
    }
    report(u, asked, TARGET_BREAKER_ABANDONED, scene->now_ns);
    if (begun == TARGET_BEGIN_FULL) {
        refuse_full(admission);
        return TARGET_REFUSED;
    }
    return begun == TARGET_BEGIN_OFF ? TARGET_GO : TARGET_NO_MEMORY;
}

static enum target_verdict work(void *state, struct target_admission *admission,
                                const struct target_scene *scene)
{
    struct target_upstream *u = state;
    enum target_verdict verdict;

    if (!u->dependency) {
        return TARGET_GO;
    }
    verdict = begin(u, admission, scene);
    target_notices_tell(target_dependency_notices(u->dependency), target_upstream_system.name,
                        scene);
    return verdict;
}

static bool leave(void *state, struct target_admission *admission)
{
    struct target_upstream *u = state;

    if (!target_dependency_leave(u->dependency, &admission->upstream.call)) {
        return false;
    }
    if (admission->upstream.pass.is_allowed) {
        report(u, &admission->upstream, TARGET_BREAKER_ABANDONED, target_clock_now_ns());
    }
    return true;
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_upstream *u = state;

    if (u->dependency) {
        target_notices_tell(target_dependency_notices(u->dependency), target_upstream_system.name,
                            scene);
    }
}

/* ---- the system ---- */

static const struct target_dependency_kind kind = {
    .name = "upstream",
    .queue_name = "upstream_queue",
    .open = open_connection,
    .check = check_connection,
    .call = call_upstream,
    .close = close_connection,
    .on_done = on_done,
    .may_go = may_go,
};

static struct target_breaker_options
breaker_options(const struct target_upstream_settings *settings)
{
    return (struct target_breaker_options){.failures = settings->failures,
                                           .cooldown_ns = settings->cooldown_ns};
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_upstream *u = state;

    if (u->dependency) {
        target_dependency_free(u->dependency, scene);
    }
    target_httplink_to_deinit(&u->to);
    if (u->settings.url[0]) {
        curl_global_cleanup();
    }
    target_breaker_deinit(&u->breaker);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

static bool open_up(struct target_upstream *u)
{
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK ||
        !target_httplink_to_init(&u->to, u->settings.url)) {
        return false;
    }
    u->dependency = target_dependency_new(&kind, u);
    if (!u->dependency) {
        return false;
    }
    u->to.dependency = u->dependency;
    target_dependency_set(u->dependency, &u->settings.calls);
    return true;
}

static void *start(const void *cls, uint64_t now_ns)
{
    const struct target_upstream_settings *settings = cls;
    struct target_upstream *u = calloc(1, sizeof *u);
    struct target_breaker_options options = breaker_options(settings);

    if (!u) {
        return NULL;
    }
    u->settings = *settings;
    pthread_mutex_init(&u->lock, NULL);
    target_breaker_init(&u->breaker, &options);
    if (settings->url[0] && !open_up(u)) {
        stop(u, NULL);
        return NULL;
    }
    return u;
}

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_upstream *u = state;
    const struct target_upstream_settings *settings = cls;
    struct target_breaker_options options = breaker_options(settings);

    if (!u->dependency) {
        return true;
    }
    pthread_mutex_lock(&u->lock);
    u->settings = *settings;
    target_breaker_set(&u->breaker, &options);
    note_state(u, scene->now_ns);
    pthread_mutex_unlock(&u->lock);
    target_dependency_set(u->dependency, &settings->calls);
    return true;
}

/*
 * Half-open it is ready: somebody must come for the breaker to close. A dead upstream without a
 * breaker is not known to be dead.
 */
static enum target_health health(void *state, const struct target_scene *scene)
{
    static const enum target_health health_of[] = {
        [TARGET_BREAKER_CLOSED] = TARGET_HEALTH_OK,
        [TARGET_BREAKER_OPEN] = TARGET_HEALTH_NOT_READY,
        [TARGET_BREAKER_HALF_OPEN] = TARGET_HEALTH_DEGRADED,
    };
    struct target_upstream *u = state;
    enum target_health health = TARGET_HEALTH_OK;

    if (!u->dependency) {
        return TARGET_HEALTH_OK;
    }
    pthread_mutex_lock(&u->lock);
    note_state(u, scene->now_ns); /* the cool-down may be over */
    if (u->settings.calls.max > 0) {
        health = health_of[target_breaker_figures(&u->breaker, scene->now_ns).state];
    }
    pthread_mutex_unlock(&u->lock);
    return health;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_upstream *u = state;
    const char *name = target_upstream_system.name;
    struct target_breaker_figures breaker;

    if (!u->dependency) {
        return;
    }
    target_dependency_figures(u->dependency, figures);
    pthread_mutex_lock(&u->lock);
    note_state(u, scene->now_ns);
    breaker = target_breaker_figures(&u->breaker, scene->now_ns);
    if (u->settings.calls.max > 0) {
        target_figures_add_event(figures, name, "retry", u->retries);
        target_figures_add_event(figures, name, "failed", u->failures);
        target_figures_add_event(figures, name, "timeout", u->timeouts);
    }
    if (u->settings.calls.max > 0 && breaker.usage.limit > 0) {
        target_figures_add_limit(figures,
                                 &(struct target_limit_figure){.name = "upstream_breaker",
                                                               .used = breaker.usage.used,
                                                               .limit = breaker.usage.limit,
                                                               .events = breaker.rejected});
        target_figures_add_event(figures, name, "breaker_open", breaker.usage.events);
        target_figures_add_event(figures, name, "breaker_half_open", u->half_opened);
        target_figures_add_event(figures, name, "breaker_closed", u->closed);
        target_figures_add_event(figures, name, "breaker_probe", breaker.probes);
    }
    pthread_mutex_unlock(&u->lock);
    target_notices_tell(target_dependency_notices(u->dependency), name, scene);
}

const struct target_system target_upstream_system = {
    .name = "upstream",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_upstream_settings),
    .check = check_settings,
    .start = start,
    .stop = stop,
    .apply = apply,
    .work = work,
    .ended = ended,
    .leave = leave,
    .health = health,
    .figures = figures,
};
