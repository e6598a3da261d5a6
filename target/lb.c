/*
 * lb: see the header. `lock` is over the back ends, the settings and the counts; the relay's thread
 * takes it in its turns and when a call is over, loops when they choose. Nobody holds it while a
 * request is resumed or a process started. The fleet is the relay's thread's alone.
 */
#include "lb.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fleet.h"
#include "forward.h"
#include "pipe.h"
#include "relay.h"
#include "scaler.h"

#define NS_PER_S     UINT64_C(1000000000)
#define NS_PER_MS    UINT64_C(1000000)
#define TELL_NS      (250 * NS_PER_MS) /* how often a loop tells the events */
#define CHECK_MS     5000              /* no check takes longer */
#define CHECK_PATH   "/health/ready"
#define CPU_PATH     "/health/detailed"
#define REGISTER_MAX 4096 /* bytes of a registration */

struct target_lb {
    pthread_mutex_t lock;
    struct target_lb_settings settings;
    struct target_backends backends;
    struct target_scaler scaler;
    struct target_mean in_flight;
    uint64_t wanted;   /* of its own, to run */
    uint64_t scale_ns; /* when the scaler is asked next */
    double utilisation;
    uint64_t relayed, failed, retried, nobody, checks, ups, downs, registered, expired;
    _Atomic bool is_on;         /* release once `relay` is there, acquire before it is used */
    struct target_relay *relay; /* NULL: it was never on */
    struct target_notices notices;
    struct target_fleet fleet;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_lb_settings, name)

static const char *const balances[] = {
    [TARGET_BALANCE_OFF] = "off",           [TARGET_BALANCE_ROUND_ROBIN] = "round-robin",
    [TARGET_BALANCE_WEIGHTED] = "weighted", [TARGET_BALANCE_LEAST] = "least-connections",
    [TARGET_BALANCE_CPU] = "cpu",           NULL,
};

static const struct target_knob knobs[] = {
    {.name = "lb",
     .type = TARGET_KNOB_CHOICE,
     .offset = FIELD(balance),
     .choices = balances,
     .initial = "off",
     .is_live = true,
     .text = "balances: gives requests to back ends in turn, by weight, to the one with fewest in "
             "flight, or in proportion to the CPU that each has left"},
    {.name = "lb-backends",
     .needs = "lb",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(backends),
     .max = TARGET_LB_TEXT_BYTES,
     .initial = "",
     .is_live = true,
     .text = "HOST:PORT or HOST:PORT*WEIGHT of each back end, with commas; others may register"},
    {.name = "lb-check",
     .needs = "lb",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(check_ns),
     .min = 10 * NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "1s",
     .is_live = true,
     .text = "how often each back end is asked for /health/ready"},
    {.name = "lb-check-failures",
     .needs = "lb",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(check_failures),
     .min = 1,
     .max = 1000,
     .initial = "1",
     .is_live = true,
     .text = "failed checks in a row after which a back end gets no requests; a good one brings "
             "it back"},
    {.name = "lb-timeout",
     .needs = "lb",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(timeout_ns),
     .min = NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "30s",
     .is_live = true,
     .text = "how long a back end may take to answer before the request is answered 504"},
    {.name = "lb-attempts",
     .needs = "lb",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(attempts),
     .min = 1,
     .max = TARGET_BACKENDS_MAX,
     .initial = "1",
     .is_live = true,
     .text = "how many back ends a request is tried on that takes no connection, before it is "
             "answered 502"},
    {.name = "lb-lease",
     .needs = "lb",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(lease_ns),
     .min = 100 * NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "10s",
     .is_live = true,
     .text = "a back end that registered and was not heard of for this long leaves"},
    {.name = "lb-scale",
     .needs = "lb",
     .type = TARGET_KNOB_FLAG,
     .offset = FIELD(scales),
     .initial = "off",
     .is_live = true,
     .text = "starts back ends of its own, and stops them, as they are used"},
    {.name = "lb-start",
     .needs = "lb-scale",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(start),
     .max = TARGET_LB_TEXT_BYTES,
     .initial = "",
     .is_live = true,
     .text = "options of the back ends that it starts, with blanks between them"},
    {.name = "lb-min",
     .needs = "lb-scale",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(min),
     .min = 1,
     .max = TARGET_BACKENDS_MAX,
     .initial = "1",
     .is_live = true,
     .text = "it runs at least so many"},
    {.name = "lb-max",
     .needs = "lb-scale",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(max),
     .min = 1,
     .max = TARGET_BACKENDS_MAX,
     .initial = "10",
     .is_live = true,
     .text = "it runs at most so many"},
    {.name = "lb-up",
     .needs = "lb-scale",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(up),
     .initial = "80%",
     .is_live = true,
     .text = "one more is started when this share of what they are meant for was in flight on "
             "average, from one check to the next"},
    {.name = "lb-down",
     .needs = "lb-scale",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(down),
     .initial = "30%",
     .is_live = true,
     .text = "one is stopped when it was less than this share"},
    {.name = "lb-cooldown",
     .needs = "lb-scale",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(cooldown_ns),
     .max = 24 * 3600 * NS_PER_S,
     .initial = "30s",
     .is_live = true,
     .text = "no start or stop for this long after one"},
    {.name = "lb-capacity",
     .needs = "lb-scale",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(capacity),
     .min = 1,
     .max = 1000000,
     .initial = "8",
     .is_live = true,
     .text = "requests in flight that a back end is meant for"},
};

static bool check_list(const char *at, struct target_error *err)
{
    char address[TARGET_BACKEND_BYTES];
    struct target_error why = {{0}};
    uint64_t weight;
    size_t count = 0;

    while (target_backends_read(&at, address, &weight, &why)) {
        count++;
    }
    if (why.text[0]) {
        return target_fail(err, "lb-backends: %.400s", why.text);
    }
    return count <= TARGET_BACKENDS_MAX ||
           target_fail(err, "lb-backends: %zu back ends; at most %d", count, TARGET_BACKENDS_MAX);
}

static bool check_settings(const void *cls, struct target_error *err)
{
    const struct target_lb_settings *settings = cls;

    if (settings->max < settings->min) {
        return target_fail(err, "lb-max is %" PRIu64 " and lb-min %" PRIu64 "; try lb-max %" PRIu64,
                           settings->max, settings->min, settings->min);
    }
    if (settings->down >= settings->up) {
        return target_fail(err, "lb-down must be below lb-up; try lb-down 30%% and lb-up 80%%");
    }
    return check_list(settings->backends, err);
}

/* ---- what is told ---- */

static void note(struct target_lb *lb, uint64_t now_ns, const char *event,
                 const struct target_backend *backend)
{
    target_notices_add(&lb->notices, now_ns, event, ",\"backend\":\"%.75s\"", backend->address);
}

/* Under the lock, whenever one more or less is in flight. */
static void note_in_flight(struct target_lb *lb, uint64_t now_ns)
{
    target_mean_set(&lb->in_flight, target_backends_in_flight(&lb->backends), now_ns);
}

/* ---- one request ---- */

struct job { /* a request on its way */
    struct target_lb *lb;
    struct target_admission *admission;
    struct target_backend *backend;
    uint64_t begin_ns, attempts;
    uint64_t tried; /* bit i: the one in slot i took no connection */
};

static void refuse(struct target_admission *admission, unsigned status, const char *message,
                   uint64_t retry_after_s)
{
    admission->status = status;
    admission->refused_by = target_lb_system.name;
    admission->message = message;
    admission->retry_after_s = retry_after_s;
}

static void refuse_failed(struct target_admission *admission, enum target_relay_result result)
{
    switch (result) {
    case TARGET_RELAY_REFUSED:
        refuse(admission, 502, "cannot connect to the back end", 0);
        break;
    case TARGET_RELAY_LATE:
        refuse(admission, 504, "the back end did not answer in time", 0);
        break;
    case TARGET_RELAY_TOO_LARGE:
        refuse(admission, 502, "the answer of the back end is larger than 64 MiB", 0);
        break;
    case TARGET_RELAY_HEAD_LARGE:
        refuse(admission, 502,
               "the header fields of the back end are larger than 64 KiB, or its Connection than 4 "
               "KiB",
               0);
        break;
    case TARGET_RELAY_NO_STATUS:
        refuse(admission, 502, "the status of the back end is none of 200 to 599", 0);
        break;
    case TARGET_RELAY_ENDED:
        refuse(admission, 503, "the balancer ends", 1);
        break;
    case TARGET_RELAY_BROKEN:
    case TARGET_RELAY_ANSWERED:
        refuse(admission, 502, "the back end broke the connection", 0);
        break;
    }
}

static void note_backend(struct target_admission *admission, const struct target_backend *backend)
{
    memcpy(admission->lb.backend, backend->address, sizeof admission->lb.backend);
}

/* Tries another back end, as this one took no connection. Under the lock. */
static bool try_another(struct job *job, struct target_relay_call *call)
{
    struct target_lb *lb = job->lb;
    struct target_backend *other;

    if (call->result != TARGET_RELAY_REFUSED || job->attempts >= lb->settings.attempts) {
        return false;
    }
    job->tried |= UINT64_C(1) << target_backends_slot(&lb->backends, job->backend);
    other = target_backends_choose(&lb->backends, lb->settings.balance, job->tried);
    if (!other) {
        return false;
    }
    if (!target_forward_readdress(call, other->address)) {
        target_backends_done(other, false, 0);
        return false;
    }
    job->attempts++;
    lb->retried++;
    target_backends_done(job->backend, false, 0);
    job->backend = other;
    note_backend(job->admission, other);
    target_relay_call_again(call);
    return true;
}

static void note_done(struct job *job, bool is_answered, uint64_t now_ns)
{
    struct target_lb *lb = job->lb;

    target_backends_done(job->backend, is_answered, now_ns - job->begin_ns);
    lb->relayed += is_answered;
    lb->failed += !is_answered;
    note_in_flight(lb, now_ns);
}

static bool is_bare(const struct target_relay_call *call)
{
    bool is_head = strcmp(call->method, "HEAD") == 0;

    return !call->text && (call->status == 304 || (is_head && call->status != 204));
}

static void answer(struct target_admission *admission, struct target_relay_call *call)
{
    if (call->result == TARGET_RELAY_ANSWERED) {
        admission->result =
            is_bare(call) ? target_body_new_bare(call->status, target_answerhead_take(&call->head),
                                                 call->head.length)
                          : target_body_new_of(call->status, call->text, call->text_bytes,
                                               target_answerhead_take(&call->head));
        call->text = NULL;
        admission->lb.is_relayed = admission->result != NULL;
    }
    if (!admission->result) {
        refuse_failed(admission, call->result);
    }
}

static void note_span(const struct job *job, uint64_t now_ns)
{
    struct target_admission *admission = job->admission;

    if (admission->spans < TARGET_SPANS_MAX) {
        admission->span[admission->spans++] =
            (struct target_span){.name = "backend", .call_ns = now_ns - job->begin_ns};
    }
}

/* Events are passed on as they come; the time until the first one is what the answer waited for. */
static struct target_pipe *on_stream(void *cls, struct target_relay_call *call)
{
    struct job *job = cls;
    struct target_admission *admission = job->admission;
    struct target_pipe *pipe = target_pipe_new();
    struct target_body *result =
        pipe ? target_body_new_of(call->status, NULL, 0, target_answerhead_take(&call->head))
             : NULL;

    if (!result) {
        if (pipe) { /* neither side has seen it */
            target_pipe_leave(pipe);
            target_pipe_end(pipe, false);
        }
        return NULL;
    }
    admission->result = result;
    admission->lb.pipe = pipe;
    admission->lb.is_relayed = true;
    note_span(job, target_clock_now_ns());
    target_resume(admission);
    return pipe;
}

static void on_answer(void *cls, struct target_relay_call *call)
{
    struct job *job = cls;
    struct target_admission *admission = job->admission;
    uint64_t now_ns = target_clock_now_ns();
    bool is_again;
    /* A stream that nobody takes any more is no fault of the back end. */
    bool is_answered = call->result == TARGET_RELAY_ANSWERED ||
                       (call->has_streamed && call->result == TARGET_RELAY_TOO_LARGE);

    pthread_mutex_lock(&job->lb->lock);
    is_again = try_another(job, call);
    if (!is_again) {
        note_done(job, is_answered, now_ns);
    }
    pthread_mutex_unlock(&job->lb->lock);
    if (is_again) {
        return;
    }
    if (!call->has_streamed) { /* else the request was answered, and may be gone */
        answer(admission, call);
        note_span(job, now_ns);
        target_resume(admission);
    }
    free(job);
}

/* Who gets it; NULL: nobody is up. */
static struct target_backend *choose(struct target_lb *lb, struct target_admission *admission,
                                     uint64_t *timeout_ms, uint64_t now_ns)
{
    struct target_backend *backend;

    pthread_mutex_lock(&lb->lock);
    backend = target_backends_choose(&lb->backends, lb->settings.balance, 0);
    if (backend) {
        note_backend(admission, backend);
        note_in_flight(lb, now_ns);
    } else {
        lb->nobody++;
        refuse(admission, 503, "no back end is up",
               (lb->settings.check_ns + NS_PER_S - 1) / NS_PER_S);
    }
    *timeout_ms = (lb->settings.timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
    pthread_mutex_unlock(&lb->lock);
    return backend;
}

static void give_up(struct target_lb *lb, struct target_backend *backend, uint64_t now_ns)
{
    pthread_mutex_lock(&lb->lock);
    target_backends_done(backend, false, 0);
    note_in_flight(lb, now_ns);
    pthread_mutex_unlock(&lb->lock);
}

static enum target_verdict relay(struct target_lb *lb, struct target_admission *admission,
                                 uint64_t now_ns)
{
    struct target_relay_call *call = target_relay_call_new(lb->relay);
    struct job *job = malloc(sizeof *job);
    uint64_t timeout_ms;
    struct target_backend *backend = choose(lb, admission, &timeout_ms, now_ns);
    bool is_made =
        call && job && backend && target_forward_fill(call, admission, admission->lb.backend);

    if (is_made) {
        *job = (struct job){.lb = lb,
                            .admission = admission,
                            .backend = backend,
                            .begin_ns = now_ns,
                            .attempts = 1};
        call->timeout_ms = timeout_ms;
        call->on_done = on_answer;
        call->on_stream = on_stream;
        call->cls = job;
        target_relay_call_begin(call);
        return TARGET_WAITS;
    }
    if (call) {
        target_relay_call_drop(call);
    }
    free(job);
    if (!backend) {
        return TARGET_REFUSED;
    }
    give_up(lb, backend, now_ns);
    return TARGET_NO_MEMORY;
}

bool target_lb_is_own(enum target_route route)
{
    return route == TARGET_ROUTE_HEALTH || route == TARGET_ROUTE_STATUS ||
           route == TARGET_ROUTE_DASHBOARD || route == TARGET_ROUTE_WS_PUSH ||
           target_route_is_probe(route) || target_route_is_observer(route);
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_lb *lb = state;

    if (!atomic_load_explicit(&lb->is_on, memory_order_acquire) || admission->is_to_fail ||
        admission->is_cut || target_lb_is_own(admission->route)) {
        return TARGET_GO;
    }
    if (admission->route == TARGET_ROUTE_WS_ECHO || admission->route == TARGET_ROUTE_WS_CHAT) {
        refuse(admission, 501, "the balancer passes on no WebSockets; connect to a back end", 0);
        return TARGET_REFUSED;
    }
    if (!target_forward_takes_target(admission->method, admission->target)) {
        refuse(admission, 400,
               "the balancer passes on paths only: they begin with / and have no "
               "blanks or control characters",
               0);
        return TARGET_REFUSED;
    }
    if (!target_forward_takes_method(admission->method)) {
        refuse(admission, 501, "the balancer does not know this method", 0);
        return TARGET_REFUSED;
    }
    return relay(lb, admission, scene->now_ns);
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_lb *lb = state;

    if (admission->lb.backend[0]) {
        target_notices_tell(&lb->notices, target_lb_system.name, scene);
    }
}

/* The relay tells all who wait. */
static bool leave(void *state, struct target_admission *admission)
{
    struct target_lb *lb = state;

    target_relay_end(lb->relay);
    return false;
}

/* ---- checks, on the relay's thread ---- */

static double cpu_in(const char *text, size_t bytes)
{
    json_t *json = json_loadb(text ? text : "", bytes, 0, NULL);
    json_t *cpu = json_object_get(json_object_get(json, "process"), "cpu_s");
    double cpu_s = json_is_number(cpu) ? json_number_value(cpu) : -1;

    json_decref(json);
    return isfinite(cpu_s) ? cpu_s : -1;
}

/* The first call of a check asks whether it is ready, the second what CPU it has used. */
static void on_checked(void *cls, struct target_relay_call *call)
{
    struct target_lb *lb = cls;
    struct target_backend *backend = &lb->backends.slot[call->number];
    uint64_t now_ns = target_clock_now_ns();
    bool is_good = call->result == TARGET_RELAY_ANSWERED && call->status < 400;
    bool is_second = strstr(call->url, CPU_PATH) != NULL;
    double cpu_s;

    pthread_mutex_lock(&lb->lock);
    if (is_good && is_second) {
        cpu_s = cpu_in(call->text, call->text_bytes);
        if (cpu_s >= 0) {
            target_backends_cpu(backend, cpu_s, now_ns);
        }
    } else if (is_good && lb->settings.balance == TARGET_BALANCE_CPU) {
        char *url = NULL;

        if (asprintf(&url, "http://%s%s", backend->address, CPU_PATH) > 0) {
            free(call->url);
            call->url = url;
            target_relay_call_again(call);
            pthread_mutex_unlock(&lb->lock);
            return;
        }
    }
    lb->checks++;
    if (target_backends_checked(backend, is_good, lb->settings.check_failures)) {
        lb->ups += backend->is_up;
        lb->downs += !backend->is_up;
        note(lb, now_ns, backend->is_up ? "up" : "down", backend);
    }
    pthread_mutex_unlock(&lb->lock);
}

static void begin_check(struct target_lb *lb, struct target_backend *backend, uint64_t now_ns)
{
    struct target_relay_call *call = target_relay_call_new(lb->relay);
    uint64_t interval_ms = lb->settings.check_ns / NS_PER_MS;

    backend->check_ns = now_ns + lb->settings.check_ns;
    if (!call || asprintf(&call->url, "http://%s%s", backend->address, CHECK_PATH) < 0) {
        if (call) {
            call->url = NULL;
            target_relay_call_drop(call);
        }
        return;
    }
    call->method = "GET";
    call->timeout_ms = interval_ms < CHECK_MS ? interval_ms : CHECK_MS;
    call->on_done = on_checked;
    call->cls = lb;
    call->number = target_backends_slot(&lb->backends, backend);
    backend->is_checking = true;
    target_relay_call_begin(call);
}

/* Those that are due; returns when the next one is. */
static uint64_t check_all(struct target_lb *lb, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        struct target_backend *backend = &lb->backends.slot[i];

        if (backend->address[0] == '\0' || backend->is_leaving || backend->is_checking) {
            continue;
        }
        if (now_ns >= backend->check_ns) {
            begin_check(lb, backend, now_ns);
        }
        next_ns = backend->check_ns < next_ns ? backend->check_ns : next_ns;
    }
    return next_ns;
}

/* ---- more of them, and fewer ---- */

/* What the scaler says now, if it is to be asked; under the lock. */
static int ask_scaler(struct target_lb *lb, uint64_t count, uint64_t now_ns)
{
    const struct target_lb_settings *settings = &lb->settings;
    const struct target_scaler_options options = {
        .min = settings->min,
        .max = settings->max,
        .up = settings->up,
        .down = settings->down,
        .cooldown_ns = settings->cooldown_ns,
    };
    size_t up = target_backends_up(&lb->backends);
    int step;

    if (now_ns < lb->scale_ns) {
        return 0;
    }
    lb->scale_ns = now_ns + settings->check_ns;
    if (up == 0) {
        return 0;
    }
    lb->utilisation =
        target_mean_take(&lb->in_flight, now_ns) / ((double)settings->capacity * (double)up);
    step = target_scaler_decide(&lb->scaler, &options, lb->utilisation, count, now_ns);
    if (step != 0) {
        target_notices_add(&lb->notices, now_ns, step > 0 ? "scale_up" : "scale_down",
                           ",\"backends\":%" PRIu64 ",\"utilisation\":%.4f,\"why\":\"%s\"",
                           count + (uint64_t)(int64_t)step, lb->utilisation,
                           step > 0 ? "busy" : "idle");
    }
    return step;
}

/* How many of its own are to run; the scaler is asked while they do. Under the lock. */
static uint64_t want(struct target_lb *lb, uint64_t count, uint64_t now_ns)
{
    const struct target_lb_settings *settings = &lb->settings;

    lb->wanted = lb->wanted > settings->max ? settings->max : lb->wanted;
    lb->wanted = lb->wanted < settings->min ? settings->min : lb->wanted;
    if (count >= lb->wanted) { /* else one that died is replaced first */
        lb->wanted = (uint64_t)((int64_t)count + ask_scaler(lb, count, now_ns));
    }
    return lb->wanted;
}

/* Returns when it is to be asked next. */
static uint64_t scale(struct target_lb *lb, uint64_t now_ns)
{
    uint64_t count = target_fleet_count(&lb->fleet), wanted, next_ns, look_ns;
    char options[TARGET_LB_TEXT_BYTES];
    bool scales;

    pthread_mutex_lock(&lb->lock);
    scales = lb->settings.scales && lb->settings.balance != TARGET_BALANCE_OFF;
    memcpy(options, lb->settings.start, sizeof options);
    wanted = scales ? want(lb, count, now_ns) : count;
    next_ns = scales ? lb->scale_ns : UINT64_MAX;
    pthread_mutex_unlock(&lb->lock);
    if (count < wanted && !target_fleet_start(&lb->fleet, options, now_ns)) {
        next_ns = lb->fleet.again_ns > now_ns ? lb->fleet.again_ns : next_ns;
    } else if (count > wanted) {
        target_fleet_stop(&lb->fleet);
    } else if (count + 1 < wanted) {
        next_ns = now_ns;
    }
    look_ns = target_fleet_turn(&lb->fleet, now_ns);
    return look_ns < next_ns ? look_ns : next_ns;
}

static uint64_t on_turn(void *cls, uint64_t now_ns)
{
    struct target_lb *lb = cls;
    uint64_t check_ns, scale_ns;
    size_t expired;

    pthread_mutex_lock(&lb->lock);
    expired = target_backends_expire(&lb->backends, now_ns);
    lb->expired += expired;
    if (expired > 0) {
        target_notices_add(&lb->notices, now_ns, "expired", ",\"backends\":%zu", expired);
    }
    check_ns = lb->relay && lb->settings.balance != TARGET_BALANCE_OFF ? check_all(lb, now_ns)
                                                                       : UINT64_MAX;
    pthread_mutex_unlock(&lb->lock);
    scale_ns = scale(lb, now_ns);
    return check_ns < scale_ns ? check_ns : scale_ns;
}

/* ---- registration ---- */

static const char *origin_of(const struct target_backend *backend)
{
    return backend->origin == TARGET_BACKEND_GIVEN        ? "given"
           : backend->origin == TARGET_BACKEND_REGISTERED ? "registered"
                                                          : "started";
}

static json_t *backend_json(const struct target_backend *backend)
{
    return json_pack(
        "{s:s, s:s, s:I, s:b, s:b, s:I, s:I, s:I, s:f, s:f}", "address", backend->address, "origin",
        origin_of(backend), "weight", (json_int_t)backend->weight, "up", (int)backend->is_up,
        "leaving", (int)backend->is_leaving, "in_flight", (json_int_t)backend->in_flight,
        "requests", (json_int_t)backend->requests, "failures", (json_int_t)backend->failures,
        "cpu_share", backend->cpu_share, "mean_ms",
        backend->answers ? (double)backend->answer_ns / 1e6 / (double)backend->answers : 0.0);
}

json_t *target_lb_json(struct target_lb *lb)
{
    json_t *all = json_array();

    pthread_mutex_lock(&lb->lock);
    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        if (lb->backends.slot[i].address[0]) {
            json_array_append_new(all, backend_json(&lb->backends.slot[i]));
        }
    }
    pthread_mutex_unlock(&lb->lock);
    return all;
}

/* Under the lock. */
static bool take_in(struct target_lb *lb, const char *address, uint64_t weight, uint64_t now_ns)
{
    struct target_backend *backend = target_backends_find(&lb->backends, address);
    bool is_new = !backend || backend->is_leaving;

    if (!is_new && backend->origin != TARGET_BACKEND_REGISTERED) {
        return true; /* it is there whatever it says */
    }
    backend =
        target_backends_add(&lb->backends, address, TARGET_BACKEND_REGISTERED, weight, now_ns);
    if (!backend) {
        return false;
    }
    backend->lease_ns = now_ns + lb->settings.lease_ns;
    if (is_new) {
        lb->registered++;
        note(lb, now_ns, "registered", backend);
    }
    return true;
}

unsigned target_lb_register(struct target_lb *lb, const char *text, size_t bytes, uint64_t now_ns,
                            struct target_error *err)
{
    json_error_t why;
    json_t *json = bytes <= REGISTER_MAX ? json_loadb(text ? text : "", bytes, 0, &why) : NULL;
    const char *address = json_string_value(json_object_get(json, "address"));
    json_t *weight_json = json_object_get(json, "weight");
    json_int_t weight = weight_json ? json_integer_value(weight_json) : 1;
    unsigned status = 200;

    if (!address || !target_backends_is_address(address) || weight < 1 ||
        weight > TARGET_BACKEND_WEIGHT_MAX) {
        target_fail(err,
                    "the body is not {\"address\": \"HOST:PORT\", \"weight\": 1}, weight 1 "
                    "to %d",
                    TARGET_BACKEND_WEIGHT_MAX);
        status = 400;
    } else if (!atomic_load_explicit(&lb->is_on, memory_order_acquire)) {
        target_fail(err, "this is no balancer; start it with --lb round-robin");
        status = 409;
    } else {
        pthread_mutex_lock(&lb->lock);
        if (!take_in(lb, address, (uint64_t)weight, now_ns)) {
            target_fail(err, "there are %d back ends already", TARGET_BACKENDS_MAX);
            status = 503;
        }
        pthread_mutex_unlock(&lb->lock);
        target_relay_wake(lb->relay);
    }
    json_decref(json);
    return status;
}

bool target_lb_leave(struct target_lb *lb, const char *address, uint64_t now_ns)
{
    struct target_backend *backend;

    pthread_mutex_lock(&lb->lock);
    backend = target_backends_find(&lb->backends, address);
    if (backend && !backend->is_leaving) {
        note(lb, now_ns, "left", backend);
        target_backends_leave(backend);
    }
    pthread_mutex_unlock(&lb->lock);
    return backend != NULL;
}

/* ---- the system ---- */

/* Those of the list are there, and of those given before no others. Under the lock. */
static void follow_list(struct target_lb *lb, uint64_t now_ns)
{
    bool is_named[TARGET_BACKENDS_MAX] = {false};
    const char *at = lb->settings.backends;
    struct target_error ignored;
    char address[TARGET_BACKEND_BYTES];
    uint64_t weight;

    while (target_backends_read(&at, address, &weight, &ignored)) {
        struct target_backend *backend = target_backends_find(&lb->backends, address);
        bool is_new = !backend || backend->is_leaving;

        backend = target_backends_add(&lb->backends, address, TARGET_BACKEND_GIVEN, weight, now_ns);
        if (backend) {
            backend->is_up |= is_new; /* until its first check says otherwise */
            is_named[target_backends_slot(&lb->backends, backend)] = true;
        }
    }
    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        struct target_backend *backend = &lb->backends.slot[i];

        if (backend->address[0] && backend->origin == TARGET_BACKEND_GIVEN && !is_named[i]) {
            target_backends_leave(backend);
        }
    }
}

static void follow(struct target_lb *lb, const struct target_lb_settings *settings, uint64_t now_ns)
{
    pthread_mutex_lock(&lb->lock);
    lb->settings = *settings;
    lb->scale_ns = 0;
    follow_list(lb, now_ns);
    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        lb->backends.slot[i].check_ns = now_ns;
    }
    pthread_mutex_unlock(&lb->lock);
    atomic_store_explicit(&lb->is_on, settings->balance != TARGET_BALANCE_OFF,
                          memory_order_release);
}

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_lb *lb = state;
    const struct target_lb_settings *settings = cls;

    if (settings->balance != TARGET_BALANCE_OFF && !lb->relay) {
        struct target_relay *relay = target_relay_new(on_turn, lb);

        if (!relay) {
            return false;
        }
        pthread_mutex_lock(&lb->lock);
        lb->relay = relay;
        pthread_mutex_unlock(&lb->lock);
    }
    follow(lb, settings, scene->now_ns);
    if (lb->relay) {
        target_relay_wake(lb->relay);
    }
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_lb *lb = state;

    target_relay_free(lb->relay);
    target_fleet_end(&lb->fleet);
    target_notices_tell(&lb->notices, target_lb_system.name, scene);
    target_notices_deinit(&lb->notices);
    pthread_mutex_destroy(&lb->lock);
    free(lb);
}

static void *start(const void *cls, uint64_t now_ns)
{
    struct target_lb *lb = calloc(1, sizeof *lb);
    const struct target_scene scene = {.now_ns = now_ns};

    if (!lb) {
        return NULL;
    }
    pthread_mutex_init(&lb->lock, NULL);
    lb->fleet.backends = &lb->backends;
    lb->fleet.lock = &lb->lock;
    lb->fleet.notices = &lb->notices;
    lb->in_flight.begin_ns = lb->in_flight.last_ns = now_ns;
    if (!target_notices_init(&lb->notices) || !apply(lb, cls, &scene)) {
        stop(lb, &scene);
        return NULL;
    }
    return lb;
}

static uint64_t tick(void *state, const struct target_scene *scene)
{
    struct target_lb *lb = state;

    if (!atomic_load_explicit(&lb->is_on, memory_order_acquire)) {
        return UINT64_MAX;
    }
    target_notices_tell(&lb->notices, target_lb_system.name, scene);
    return scene->now_ns + TELL_NS;
}

static size_t count_there(const struct target_lb *lb)
{
    size_t count = 0;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        count += lb->backends.slot[i].address[0] && !lb->backends.slot[i].is_leaving;
    }
    return count;
}

static enum target_health health(void *state, const struct target_scene *scene)
{
    struct target_lb *lb = state;
    size_t up, all;

    if (!atomic_load_explicit(&lb->is_on, memory_order_acquire)) {
        return TARGET_HEALTH_OK;
    }
    pthread_mutex_lock(&lb->lock);
    up = target_backends_up(&lb->backends);
    all = count_there(lb);
    pthread_mutex_unlock(&lb->lock);
    return up == 0 ? TARGET_HEALTH_NOT_READY : up < all ? TARGET_HEALTH_DEGRADED : TARGET_HEALTH_OK;
}

static void add_backend(struct target_figures *figures, const struct target_backend *backend)
{
    const struct {
        const char *name, *help;
        double value;
        bool is_counter;
    } all[] = {
        {"backend_up", "Of a back end: 1, it gets requests.", backend->is_up, false},
        {"backend_weight", "Of a back end: its weight.", (double)backend->weight, false},
        {"backend_cpu_share", "Of a back end: share of a core that it used.", backend->cpu_share,
         false},
        {"backend_in_flight", "Of a back end: requests now.", (double)backend->in_flight, false},
        {"backend_requests_total", "Of a back end: requests given to it.",
         (double)backend->requests, true},
        {"backend_failures_total", "Of a back end: requests that it did not answer.",
         (double)backend->failures, true},
        {"backend_answers_total", "Of a back end: requests that it answered.",
         (double)backend->answers, true},
        {"backend_seconds_total", "Of a back end: time until its answers, all together.",
         (double)backend->answer_ns / 1e9, true},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct target_series_figure series = {.name = all[i].name,
                                              .label = "backend",
                                              .help = all[i].help,
                                              .value = all[i].value,
                                              .is_counter = all[i].is_counter};

        memcpy(series.of, backend->address, sizeof series.of);
        target_figures_add_series(figures, &series);
    }
}

static void add_events(struct target_lb *lb, struct target_figures *figures)
{
    const char *name = target_lb_system.name;

    target_figures_add_event(figures, name, "relayed", lb->relayed);
    target_figures_add_event(figures, name, "failed", lb->failed);
    target_figures_add_event(figures, name, "retried", lb->retried);
    target_figures_add_event(figures, name, "no_backend", lb->nobody);
    target_figures_add_event(figures, name, "checked", lb->checks);
    target_figures_add_event(figures, name, "up", lb->ups);
    target_figures_add_event(figures, name, "down", lb->downs);
    target_figures_add_event(figures, name, "registered", lb->registered);
    target_figures_add_event(figures, name, "expired", lb->expired);
    if (lb->settings.scales) {
        target_figures_add_event(figures, name, "scale_up", lb->scaler.ups);
        target_figures_add_event(figures, name, "scale_down", lb->scaler.downs);
        target_figures_add_event(figures, name, "scale_reversed", lb->scaler.reversals);
        target_figures_add_event(figures, name, "scale_held", lb->scaler.held);
    }
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_lb *lb = state;
    size_t up, all;

    if (!atomic_load_explicit(&lb->is_on, memory_order_acquire)) {
        return;
    }
    pthread_mutex_lock(&lb->lock);
    up = target_backends_up(&lb->backends);
    all = count_there(lb);
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "backends_down",
                                                                    .used = all - up,
                                                                    .limit = all,
                                                                    .events = lb->nobody});
    if (lb->settings.scales) {
        target_figures_add_limit(
            figures, &(struct target_limit_figure){.name = "lb_capacity",
                                                   .used = target_backends_in_flight(&lb->backends),
                                                   .limit = lb->settings.capacity * up});
    }
    add_events(lb, figures);
    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        if (lb->backends.slot[i].address[0]) {
            add_backend(figures, &lb->backends.slot[i]);
        }
    }
    pthread_mutex_unlock(&lb->lock);
    target_notices_tell(&lb->notices, target_lb_system.name, scene);
}

const struct target_system target_lb_system = {
    .name = "lb",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_lb_settings),
    .check = check_settings,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admits_all = true,
    .admit = admit,
    .ended = ended,
    .leave = leave,
    .tick = tick,
    .health = health,
    .figures = figures,
};
