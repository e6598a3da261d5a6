/* service: see the header. */
#include "service.h"

#include <sched.h>
#include <sys/resource.h>

#define THREADS_DEFAULT_MAX 2     /* more only help when asked for: the client needs cores too */
#define CONNECTIONS_DEFAULT 10240 /* fewer where the file limit is too low for that */
#define CONNECTIONS_MAX     100000
#define BACKLOG_MAX         65535
#define BODY_BYTES_MAX      (1024 * 1024 * 1024)
#define NS_PER_S            UINT64_C(1000000000)

#define FIELD(name) offsetof(struct target_service, name)

static const char *const time_for_choices[] = {"all", "work", NULL};

static const struct target_knob knobs[] = {
    {.name = "listen",
     .type = TARGET_KNOB_ADDRESS,
     .offset = FIELD(listen),
     .initial = "127.0.0.1:18800",
     .text = "where to listen; port 0: any free one"},
    {.name = "port-file",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(port_file),
     .max = TARGET_PATH_BYTES,
     .initial = "",
     .text = "a file that holds the port once the service listens"},
    {.name = "service-time",
     .type = TARGET_KNOB_LAW,
     .offset = FIELD(time),
     .initial = "0",
     .is_live = true,
     .text = "constant:5ms, exponential:5ms or lognormal:5ms,0.5 (mean, sigma), by timer and not "
             "CPU; 0: answer at once"},
    {.name = "service-for",
     .type = TARGET_KNOB_CHOICE,
     .offset = FIELD(time_for),
     .choices = time_for_choices,
     .initial = "all",
     .is_live = true,
     .text = "which requests take the service time: all, or those that have work (POST /api/chat "
             "and /v1/chat/completions, GET /work and /search, /cognitive/NAME)"},
    {.name = "stall",
     .type = TARGET_KNOB_STALLS,
     .offset = FIELD(stalls),
     .text = "1s/5s: answer nothing for 1 s from second 5, 10, ... after the start, then all that "
             "was held; 1s,300ms/5s takes the lengths in turn; repeatable"},
    {.name = "error-share",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(error_share),
     .initial = "0",
     .is_live = true,
     .text = "this share (1% or 0.01) is answered 500, drawn by the seed"},
    {.name = "body-size",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(body_bytes),
     .max = BODY_BYTES_MAX,
     .initial = "0",
     .text = "pads JSON answers to at least this size (64k, 10m)"},
    {.name = "seed",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(seed),
     .initial = "1",
     .text = "the k-th request's draws depend on it and k only"},
    {.name = "log",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(log),
     .max = TARGET_PATH_BYTES,
     .initial = "",
     .text = "truth log: each stall, request and event with its times"},
    {.name = "json-log",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(json_log),
     .max = TARGET_PATH_BYTES,
     .initial = "",
     .text = "a log line a request as services write them, with its correlation id"},
    {.name = "threads",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(threads),
     .min = 1,
     .max = TARGET_THREADS_MAX,
     .word = "auto",
     .initial = "auto",
     .text = "event loops; auto: one a core, at most 2"},
    {.name = "connections",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(connections),
     .min = 1,
     .max = CONNECTIONS_MAX,
     .word = "auto",
     .initial = "auto",
     .text = "most open at once in each thread; auto: 10240, or what the file limit allows"},
    {.name = "backlog",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(backlog),
     .min = 1,
     .max = BACKLOG_MAX,
     .initial = "8192",
     .text = "connections that may wait to be accepted, in each thread; the kernel allows "
             "net.core.somaxconn"},
    {.name = "drain",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(drain_ns),
     .min = 0,
     .max = 3600 * NS_PER_S,
     .initial = "2s",
     .is_live = true,
     .text = "at SIGTERM or SIGINT, what is in flight gets this long to be answered"},
    {.name = "vary",
     .type = TARGET_KNOB_NAMES,
     .offset = FIELD(vary),
     .max = TARGET_VARY_BYTES,
     .initial = "",
     .is_live = true,
     .text = "request headers that make answers differ (Accept-Language, X-Tenant): --cache and "
             "--coalesce keep apart requests whose values of them differ"},
    {.name = "server-timing",
     .type = TARGET_KNOB_FLAG,
     .offset = FIELD(has_server_timing),
     .initial = "on",
     .text = "every answer has a Server-Timing header: queue and work, in ms"},
    {.name = "admin",
     .type = TARGET_KNOB_FLAG,
     .offset = FIELD(has_admin),
     .initial = "on",
     .is_live = true,
     .text = "/admin/knobs answers clients on this machine; once off, only a restart turns it on"},
};

const struct target_system target_service_system = {
    .name = "service",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_service),
};

static uint64_t usable_cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
}

static uint64_t default_connections(uint64_t threads)
{
    struct rlimit limit;
    uint64_t files;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max == RLIM_INFINITY) {
        return CONNECTIONS_DEFAULT;
    }
    files = limit.rlim_max > TARGET_FILES_BESIDE ? limit.rlim_max - TARGET_FILES_BESIDE : 1;
    return files / threads < CONNECTIONS_DEFAULT ? files / threads : CONNECTIONS_DEFAULT;
}

void target_service_settle(struct target_service *service)
{
    uint64_t cores = usable_cores();

    if (service->threads == 0) {
        service->threads = cores < THREADS_DEFAULT_MAX ? cores : THREADS_DEFAULT_MAX;
    }
    if (service->connections == 0) {
        service->connections = default_connections(service->threads);
    }
}
