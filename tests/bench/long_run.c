/*
 * long_run: a run file of any length, through the same writer that runs use: to measure what
 * reports of a long run take, and to look at one. The same seed gives the same run.
 *
 *   long_run PATH [SECONDS] [REQUESTS] [NAMES] [FIGURES]
 *
 * Defaults: an hour, ten million requests of five names, no agent. With FIGURES one agent reads so
 * many limits ten times a second. Response times are log-normal around 8 ms; their scale swells and
 * ebbs by half over ten minutes; every 997th request ends as http_status 503, and every 5,003rd as
 * a timeout; the slowest and the failed carry ids.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/recorder.h"
#include "pelt/rng.h"
#include "pelt/runfile.h"

#define DAY_S  600 /* how long the load's tide takes */
#define STAGES 3

struct plan {
    const char *path;
    long seconds, requests, names, figures;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "long_run: %s\n", what);
    exit(1);
}

static void check(enum pelt_status status, const char *what)
{
    if (status != PELT_OK) {
        fail(what);
    }
}

/* ---- requests ---- */

static struct pelt_rng rng;

/* One number of the normal distribution for each sample would be most of the time: a table does. */
#define TABLE 65536
static double lognormal[TABLE];

static void make_table(void)
{
    for (int i = 0; i < TABLE; i++) {
        lognormal[i] = exp(pelt_rng_normal(&rng, 0, 0.6));
    }
}

static void describe(const void *of, struct pelt_kept *k)
{
    const uint64_t *number = of;
    snprintf(k->id, sizeof k->id, "%016llx%016llx",
             (unsigned long long)(*number * UINT64_C(0x9e3779b97f4a7c15)),
             (unsigned long long)*number + 1);
    k->has_user = true;
    k->user = *number % 100;
    k->iteration = *number / 100;
    k->status = k->outcome == PELT_OUTCOME_OK            ? 200
                : k->outcome == PELT_OUTCOME_HTTP_STATUS ? 503
                                                         : 0;
}

static void exchange(struct pelt_recorder *r, uint32_t series, uint64_t number, uint64_t done_ns)
{
    const double tide = 1 + 0.5 * sin(2 * M_PI * (double)(done_ns / PELT_NS_PER_S % DAY_S) / DAY_S);
    const uint64_t service_ns =
        (uint64_t)(8e6 * (1 + 0.1 * series) * tide * lognormal[pelt_rng_u64(&rng) % TABLE]);
    const uint64_t blocked_ns = 2000 + pelt_rng_u64(&rng) % 30000;
    const bool timeout = number % 5003 == 5002, refused = number % 997 == 996;
    const struct pelt_sample s = {
        .outcome = timeout   ? PELT_OUTCOME_TIMEOUT
                   : refused ? PELT_OUTCOME_HTTP_STATUS
                             : PELT_OUTCOME_OK,
        .sent = true,
        .answered = !timeout,
        .done_ns = done_ns,
        .response_ns = service_ns + blocked_ns,
        .service_ns = service_ns,
        .blocked_ns = blocked_ns,
        .dns_ns = PELT_NEVER,
        .connect_ns = PELT_NEVER,
        .tls_ns = PELT_NEVER,
        .send_ns = PELT_NEVER,
        .wait_ns = service_ns - service_ns / 20,
        .receive_ns = service_ns / 20,
        .bytes_sent = 180,
        .bytes_received = 900,
        .error = timeout   ? "no answer within 1s"
                 : refused ? "status 503"
                           : NULL,
        .of = &number,
    };
    pelt_recorder_started(r, series, done_ns - s.response_ns, done_ns);
    pelt_recorder_ended(r, series, &s);
    pelt_recorder_check(r, 1, !refused && !timeout, done_ns);
    pelt_recorder_iteration(r, s.response_ns, false, done_ns);
    pelt_recorder_arrival(r, blocked_ns / 10, done_ns);
}

/* ---- seconds ---- */

static void write_samples(struct pelt_runfile *f, const struct plan *plan, int32_t t)
{
    struct pelt_samples samples = {.ticks = 0};
    for (int tick = 0; tick < 10; tick++) {
        check(pelt_samples_tick(&samples, t * INT64_C(1000000000) + tick * INT64_C(100000000)),
              "out of memory");
        for (long i = 0; i < plan->figures; i++) {
            const double tide = 1 + sin(2 * M_PI * (double)(t % DAY_S) / DAY_S + (double)i);
            const double cells[] = {floor(400 * tide) + tick % 3, 1024, floor(tide) + t};
            check(pelt_samples_add(&samples, (uint32_t)i, 3, cells), "out of memory");
        }
    }
    check(pelt_runfile_samples(f, t, 0, &samples), "samples cannot be written");
    pelt_samples_deinit(&samples);
}

static void write_agent(struct pelt_runfile *f, const struct plan *plan)
{
    const struct pelt_agent_row agent = {.name = "api",
                                         .url = "http://127.0.0.1:9646",
                                         .version = "0.1.0",
                                         .host = "synthetic",
                                         .drift_ppm = 0.1,
                                         .bound_ns = 100000,
                                         .measured_ns = 1000000000,
                                         .cpu_ns = 4000000,
                                         .rss_bytes = 9000000,
                                         .frames = (uint64_t)plan->seconds * 10};
    check(pelt_runfile_agent(f, 0, &agent), "the agent cannot be written");
    for (long i = 0; i < plan->figures; i++) {
        char name[32];
        snprintf(name, sizeof name, "limit_%ld", i);
        const struct pelt_server_figure_row row = {.i = (uint32_t)i,
                                                   .kind = PELT_SERVER_LIMIT,
                                                   .name = name,
                                                   .target = "",
                                                   .unit = "",
                                                   .tier = "fast",
                                                   .source = "synthetic"};
        check(pelt_runfile_figures(f, &row, 1), "figures cannot be written");
    }
    write_samples(f, plan, -1);
}

static void meta(struct pelt_runfile *f, const char *key, const char *value)
{
    check(pelt_runfile_meta(f, key, value), "meta cannot be written");
}

static void write_about(struct pelt_runfile *f, const struct plan *plan)
{
    char text[64];
    const struct pelt_stage_row stages[STAGES] = {
        {0, (double)plan->seconds / 10, 0, 100, .part = "ramp"},
        {(double)plan->seconds / 10, (double)plan->seconds * 9 / 10, 100, 100, .span = 1,
         .part = "steady"},
        {(double)plan->seconds * 9 / 10, (double)plan->seconds, 100, 0, .part = "ramp-down"}};
    struct pelt_threshold t[2];
    struct pelt_error err;
    check(pelt_threshold_parse("http_response p99 < 1s", &t[0], &err), err.text);
    check(pelt_threshold_parse("errors share < 2%", &t[1], &err), err.text);
    meta(f, "run_id", "20261122-080000-5eed");
    meta(f, "scenario", "synthetic");
    meta(f, "kind", "run");
    meta(f, "command", "pelt run synthetic.lua");
    meta(f, "start_wall_ns", "1795334400000000000");
    snprintf(text, sizeof text, "%ld000000000", plan->seconds);
    meta(f, "duration_ns", text);
    meta(f, "plan", "100 users");
    meta(f, "peak", "100");
    meta(f, "loop", "open");
    meta(f, "load_kind", "sustained");
    meta(f, "load_params", "{\"effect\": 0.1, \"family\": 0.05}");
    meta(f, "target", "http://127.0.0.1:18800");
    meta(f, "seed", "1");
    meta(f, "threads", "1");
    meta(f, "hosts", "1");
    meta(f, "version", PELT_VERSION);
    meta(f, "same_host", "no");
    for (int i = 0; i < STAGES; i++) {
        check(pelt_runfile_stage(f, &stages[i]), "stages cannot be written");
    }
    check(pelt_runfile_thresholds(f, t, 2), "thresholds cannot be written");
}

static void write_seconds(struct pelt_runfile *f, const struct plan *plan,
                          struct pelt_registry *names)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    struct pelt_recorder *recorder = calloc(1, sizeof *recorder);
    const uint64_t start_ns = 60 * PELT_NS_PER_S;
    uint64_t number = 0;
    if (frame == NULL || recorder == NULL) {
        fail("out of memory");
    }
    pelt_recorder_init(recorder, frame, start_ns, NULL, NULL);
    recorder->describe = describe;
    for (int32_t t = 0; t < plan->seconds; t++) {
        const uint64_t upto =
            (uint64_t)plan->requests * ((uint64_t)t + 1) / (uint64_t)plan->seconds;
        const uint64_t begin_ns = start_ns + (uint64_t)t * PELT_NS_PER_S, first = number;
        frame->second = t;
        for (; number < upto; number++) {
            const uint64_t at = (number - first) * PELT_NS_PER_S / (upto - first);
            exchange(recorder, 1 + (uint32_t)(number % (uint64_t)plan->names), number,
                     begin_ns + at);
        }
        for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
            frame->slots[i].started = frame->slots[i].ended = (uint32_t)((upto - first) / 10);
        }
        frame->users = 100;
        frame->cpu_ns = 300 * PELT_NS_PER_MS;
        const struct pelt_host_row host = {0, 0, 0, 0, 600 * PELT_NS_PER_MS, 320 * PELT_NS_PER_MS};
        check(pelt_runfile_second(f, frame, &frame, 1, names), "a second cannot be written");
        check(pelt_runfile_host(f, t, &host), "the host cannot be written");
        if (plan->figures > 0) {
            write_samples(f, plan, t);
        }
        pelt_frame_reset(frame);
    }
    pelt_frame_free(frame);
    free(recorder);
}

static long number_of(char **argv, int argc, int i, long otherwise, long least)
{
    const long n = i < argc ? strtol(argv[i], NULL, 10) : otherwise;
    if (n < least) {
        fail("usage: long_run PATH [SECONDS] [REQUESTS] [NAMES] [FIGURES]");
    }
    return n;
}

int main(int argc, char **argv)
{
    const struct plan plan = {.path = argc > 1 ? argv[1] : NULL,
                              .seconds = number_of(argv, argc, 2, 3600, 1),
                              .requests = number_of(argv, argc, 3, 10000000, 1),
                              .names = number_of(argv, argc, 4, 5, 1),
                              .figures = number_of(argv, argc, 5, 0, 0)};
    struct pelt_registry *names = pelt_registry_new();
    struct pelt_runfile *f = NULL;
    struct pelt_error err = {""};
    const struct pelt_verdict_line lines[2] = {
        {.level = PELT_LEVEL_TARGET, .value = 45, .has_value = true},
        {.level = PELT_LEVEL_TARGET, .value = 0.001, .has_value = true}};
    const char *const none[] = {NULL};
    if (plan.path == NULL || names == NULL) {
        fail("usage: long_run PATH [SECONDS] [REQUESTS] [NAMES] [FIGURES]");
    }
    pelt_rng_init(&rng, 1, 0);
    make_table();
    for (long i = 0; i < plan.names; i++) {
        char name[64];
        snprintf(name, sizeof name, "GET /items/%ld", i + 1);
        pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of(name));
    }
    pelt_registry_intern(names, PELT_NAME_CHECK, pelt_span_of("answered"));
    check(pelt_runfile_create(plan.path, &f, &err), err.text);
    write_about(f, &plan);
    if (plan.figures > 0) {
        write_agent(f, &plan);
    }
    write_seconds(f, &plan, names);
    check(pelt_runfile_finish(f, lines, 2, PELT_VALID, none, 0, none), "the end cannot be written");
    check(pelt_runfile_close(f, &err), err.text);
    pelt_registry_free(names);
    return 0;
}
