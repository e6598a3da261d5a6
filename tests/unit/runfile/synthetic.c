/* Service times are exponential around 5 ms plus 1 ms a series; response adds an exponential 0.1 ms
 * of waiting. Each exchange begins and ends in one second; answers after more than 20 ms are
 * tainted. */
#include "synthetic.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pelt/clock.h"
#include "pelt/rng.h"

struct pelt_registry *synthetic_names(const struct synthetic *s)
{
    struct pelt_registry *names = pelt_registry_new();
    assert(names != NULL);
    for (uint32_t i = 1; i <= s->series; i++) {
        char name[32];
        snprintf(name, sizeof name, "GET /items/%u", i);
        pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of(name));
    }
    pelt_registry_intern(names, PELT_NAME_CHECK, pelt_span_of("answered"));
    pelt_registry_intern(names, PELT_NAME_CHECK, pelt_span_of("is short"));
    return names;
}

static void record(struct pelt_frame *f, struct pelt_request_frame *r, struct pelt_rng *rng,
                   double mean_us)
{
    uint64_t blocked = (uint64_t)pelt_rng_exponential(rng, 100),
             wait = (uint64_t)pelt_rng_exponential(rng, mean_us);
    pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->pool, blocked + wait + 60, 1);
    if (blocked + wait + 60 > 20000) {
        pelt_hist_record_n(&f->hist[PELT_RUNHIST_TAINTED], &f->pool, blocked + wait + 60, 1);
    }
    f->flight_ns += 1000 * (blocked + wait + 60);
    pelt_hist_record_n(&r->hist[PELT_HIST_SERVICE], &f->pool, wait + 60, 1);
    pelt_hist_record_n(&r->hist[PELT_HIST_BLOCKED], &f->pool, blocked, 1);
    pelt_hist_record_n(&r->hist[PELT_HIST_SEND], &f->pool, 10, 1);
    pelt_hist_record_n(&r->hist[PELT_HIST_WAIT], &f->pool, wait, 1);
    pelt_hist_record_n(&r->hist[PELT_HIST_RECEIVE], &f->pool, 50, 1);
}

static void exchange(const struct synthetic *s, struct pelt_frame *f, uint32_t series, uint32_t i,
                     struct pelt_rng *rng)
{
    static const enum pelt_outcome failures[] = {PELT_OUTCOME_HTTP_STATUS, PELT_OUTCOME_TIMEOUT};
    struct pelt_request_frame *r = pelt_frame_request(f, series);
    struct pelt_check_frame *check = pelt_frame_check(f, 1 + i % 2);
    enum pelt_outcome outcome = PELT_OUTCOME_OK;
    assert(r != NULL && check != NULL);
    if (pelt_rng_uniform(rng) < s->error_share) {
        outcome = failures[i % 2];
        uint64_t at_ns = f->second < 0 ? 0
                                       : ((uint64_t)f->second * s->per_second + i) *
                                             (PELT_NS_PER_S / s->per_second);
        pelt_frame_error(f, series, outcome, at_ns,
                         outcome == PELT_OUTCOME_TIMEOUT ? "no first byte within 10s"
                                                         : "status 503");
        check->failed++;
    } else {
        check->passed++;
    }
    r->started++;
    r->outcomes[outcome]++;
    r->bytes_sent += 120;
    if (outcome != PELT_OUTCOME_TIMEOUT) {
        r->bytes_received += 450;
        record(f, r, rng, 4000 + 1000.0 * series);
    }
    f->iterations++;
    f->planned++;
    pelt_hist_record_n(&f->hist[PELT_RUNHIST_ITERATION], &f->pool, 6000 + i, 1);
    pelt_hist_record_n(&f->hist[PELT_RUNHIST_SEND_LAG], &f->pool, 2 + i % 20, 1);
}

void synthetic_fill(const struct synthetic *s, struct pelt_frame *frame, int32_t t)
{
    frame->second = t;
    for (uint32_t series = 1; series <= s->series; series++) {
        struct pelt_rng rng;
        pelt_rng_init(&rng, s->seed, (uint64_t)(t + 1) * 1000 + series);
        for (uint32_t i = 0; i < s->per_second; i++) {
            exchange(s, frame, series, i, &rng);
        }
    }
    pelt_hist_record_n(&frame->hist[PELT_RUNHIST_LOOP_LAG], &frame->pool, 40, 100);
    frame->users = 20;
    frame->cpu_ns = 250 * PELT_NS_PER_MS;
    frame->run_wait_ns = 20 * PELT_NS_PER_MS;
    frame->lua_looks = 20;
    frame->lua_seen = 3;
}

static void meta(struct pelt_runfile *f, const char *key, const char *value)
{
    enum pelt_status status = pelt_runfile_meta(f, key, value);
    assert(status == PELT_OK);
    (void)status;
}

void synthetic_meta(struct pelt_runfile *f, double duration_s)
{
    static const char *const pairs[][2] = {
        {"schema", "3"},
        {"run_id", "20261121-080000-5eed"},
        {"scenario", "synthetic"},
        {"kind", "run"},
        {"start_wall_ns", "1795248000000000000"},
        {"plan", "rate 60/s"},
        {"loop", "open"},
        {"target", "http://127.0.0.1:18800"},
        {"seed", "7"},
        {"threads", "1"},
        {"hosts", "1"},
        {"same_host", "yes"},
        {"version", "0.1.0"},
    };
    char duration[32];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        meta(f, pairs[i][0], pairs[i][1]);
    }
    snprintf(duration, sizeof duration, "%.0f", duration_s * (double)PELT_NS_PER_S);
    meta(f, "duration_ns", duration);
}

const struct pelt_host_row synthetic_host = {.throttled = 1,
                                             .throttled_ns = 2 * PELT_NS_PER_MS,
                                             .pressure_ns = PELT_UNREAD,
                                             .stolen_ns = 0,
                                             .busy_ns = 900 * PELT_NS_PER_MS,
                                             .own_ns = 300 * PELT_NS_PER_MS};

void synthetic_write(const struct synthetic *s, struct pelt_runfile *f, struct pelt_registry *names,
                     int32_t from, int32_t to)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    assert(frame != NULL);
    for (int32_t t = from; t < to; t++) {
        pelt_frame_reset(frame);
        synthetic_fill(s, frame, t);
        enum pelt_status status = pelt_runfile_second(f, frame, &frame, 1, names);
        assert(status == PELT_OK);
        status = t >= 0 ? pelt_runfile_host(f, t, &synthetic_host) : PELT_OK;
        assert(status == PELT_OK);
        (void)status;
    }
    pelt_frame_free(frame);
}

/* ---- what agents read ---- */

static void well(enum pelt_status status)
{
    assert(status == PELT_OK);
    (void)status;
}

enum { NOFILE, BACKLOG, MEMORY, QUEUE_WAIT, THROTTLED, RESPONSE, DISK, CGROUP, FIGURES };

static const struct pelt_server_figure_row figures[] = {
    {0, NOFILE, PELT_SERVER_LIMIT, "nofile", "port 8080", "fds", "medium", "/proc/PID/fd", NULL},
    {0, BACKLOG, PELT_SERVER_LIMIT, "listen_backlog", "0.0.0.0:8080", "connections", "fast",
     "sock_diag", NULL},
    {0, MEMORY, PELT_SERVER_LIMIT, "memory_rss", "port 8080", "bytes", "medium", "/proc/PID/statm",
     NULL},
    {0, QUEUE_WAIT, PELT_SERVER_GAUGE, "run_queue_wait", "port 8080", "share", "fast",
     "/proc/PID/task/TID/schedstat", NULL},
    {0, THROTTLED, PELT_SERVER_COUNTER, "cgroup_cpu_throttled", "port 8080", "s", "fast",
     "cpu.stat", NULL},
    {0, RESPONSE, PELT_SERVER_CACHE, "response", "", "bytes", "medium", "INFO", NULL},
    {0, DISK, PELT_SERVER_LIMIT, "disk_space", "/", "bytes", "slow", "statvfs()", NULL},
    {0, CGROUP, PELT_SERVER_LIMIT, "cgroup_memory", "port 8080", "bytes", "medium",
     "memory.current", "EACCES: run the agent as root"},
    {1, 0, PELT_SERVER_LIMIT, "nofile", "", "fds", "medium", "/proc/sys/fs/file-nr", NULL},
};

static void add_sample(struct pelt_samples *s, uint32_t figure, unsigned cells, const double *cell)
{
    well(pelt_samples_add(s, figure, cells, cell));
}

/* Tick `tick` of second `t`: 2 lookups a ms once it is warm. */
static void fill_samples(struct pelt_samples *s, int32_t t, int tick)
{
    const double at = t + tick / 10.0, grown = at > 0 ? at : 0;
    const double cold = grown < 4 ? grown : 4;
    const double hits = 200 * (cold * cold / 8 + (grown - cold)) * 0.8;
    const double lookups = 200 * grown;
    const double backlog[] = {t == 12 ? 128 : 3, 128, t >= 12 ? 512 : 0}, wait[] = {0.01 * tick},
                 throttled[] = {0.003 * grown};
    add_sample(s, BACKLOG, 3, backlog);
    add_sample(s, QUEUE_WAIT, 1, wait);
    add_sample(s, THROTTLED, 1, throttled);
    if (tick == 0) {
        const double nofile[] = {800 + 10 * grown, 1024, NAN},
                     memory[] = {1e8 + 1e6 * grown, NAN, NAN},
                     cache[] = {floor(hits), floor(lookups) - floor(hits), floor(grown), 5e7, 1e8};
        add_sample(s, NOFILE, 3, nofile);
        add_sample(s, MEMORY, 3, memory);
        add_sample(s, RESPONSE, 5, cache);
    }
    if (tick == 0 && (t == -1 || t % 10 == 0)) {
        const double disk[] = {9e10, 1e11, NAN};
        add_sample(s, DISK, 3, disk);
    }
}

void synthetic_agents(struct pelt_runfile *f, int32_t to)
{
    const struct pelt_agent_row agents[] = {{"api-1", "http://10.0.0.5:9646", "0.1.0",
                                             "api-1.example", -5000123456, 9400, 12.5, 20000000000,
                                             96000000, 7340032, false, 190, 2, 1},
                                            {"db", "https://10.0.0.6:9646", "0.1.0", "db.example",
                                             250000, 150000, NAN, 0, 0, 0, true, 0, 0, 0}};
    const struct pelt_server_gap_row gaps[] = {
        {0, 6.1, 7.4, "agent api-1 does not answer: connection reset"},
        {1, 2.0, NAN, "agent db does not answer: connection refused"}};
    struct pelt_samples s = {.ticks = 0};
    for (uint32_t i = 0; i < 2; i++) {
        well(pelt_runfile_agent(f, i, &agents[i]));
        well(pelt_runfile_gap(f, &gaps[i]));
    }
    well(pelt_runfile_figures(f, figures, sizeof figures / sizeof *figures));
    for (int32_t t = -1; t < to; t++) {
        const int ticks = t < 0 ? 1 : 10;
        for (int tick = 0; tick < ticks; tick++) {
            well(pelt_samples_tick(&s, t * INT64_C(1000000000) + tick * 100000000));
            fill_samples(&s, t, tick);
        }
        if (t != 6) {
            well(pelt_runfile_samples(f, t, 0, &s));
        }
        pelt_samples_reset(&s);
        if (t < 2) {
            const double nofile[] = {1000, 100000, NAN};
            well(pelt_samples_tick(&s, t * INT64_C(1000000000)));
            add_sample(&s, 0, 3, nofile);
            well(pelt_runfile_samples(f, t, 1, &s));
            pelt_samples_reset(&s);
        }
    }
    pelt_samples_deinit(&s);
}

/* ---- many limits ---- */

static void write_figures(struct pelt_runfile *f, uint32_t limits)
{
    for (uint32_t i = 0; i < limits; i++) {
        char name[32];
        snprintf(name, sizeof name, "pool_%u", i + 1);
        const struct pelt_server_figure_row row = {
            0, i, PELT_SERVER_LIMIT, name, "", "connections", "fast", "/metrics", NULL};
        well(pelt_runfile_figures(f, &row, 1));
    }
}

static void sample_limit(struct pelt_samples *s, uint32_t i, double at_s, double end_s)
{
    const double wave = 0.5 + 0.4 * sin(at_s / (20.0 + 7 * i) + i);
    const double bites = i == 0 && at_s > 0.75 * end_s ? floor(10 * (at_s - 0.75 * end_s)) : 0;
    const double cell[] = {bites > 0 ? 1000 : floor(1000 * wave), 1000, bites};
    add_sample(s, i, 3, cell);
}

static void write_stages(struct pelt_runfile *f, int32_t to)
{
    const double end = to, up = end / 10;
    const struct pelt_stage_row stages[] = {
        {.from_s = 0, .to_s = up, .from = 0, .to = 500, .part = "ramp"},
        {.from_s = up, .to_s = end - up, .from = 500, .to = 500, .span = 1, .part = "steady"},
        {.from_s = end - up, .to_s = end, .from = 500, .to = 0, .part = "ramp-down"}};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        well(pelt_runfile_stage(f, &stages[i]));
    }
    well(pelt_runfile_event(f, 0.75 * end, "saturated", "pool_1 is full from here on"));
}

void synthetic_limits(struct pelt_runfile *f, int32_t to, uint32_t limits)
{
    const struct pelt_agent_row agent = {"api-1",  "http://10.0.0.5:9646",
                                         "0.1.0",  "api-1.example",
                                         0,        9400,
                                         0,        20000000000,
                                         96000000, 7340032,
                                         false,    190,
                                         2,        1};
    struct pelt_samples s = {.ticks = 0};
    well(pelt_runfile_agent(f, 0, &agent));
    write_figures(f, limits);
    write_stages(f, to);
    for (int32_t t = -1; t < to; t++) {
        for (int tick = 0; tick < (t < 0 ? 1 : 10); tick++) {
            well(pelt_samples_tick(&s, t * INT64_C(1000000000) + tick * 100000000));
            for (uint32_t i = 0; i < limits; i++) {
                sample_limit(&s, i, t + tick / 10.0, to);
            }
        }
        well(pelt_runfile_samples(f, t, 0, &s));
        pelt_samples_reset(&s);
    }
    pelt_samples_deinit(&s);
}
