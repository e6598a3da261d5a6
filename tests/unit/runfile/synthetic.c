/* Service times are exponential around 5 ms plus 1 ms a series; response adds an exponential 0.1 ms
 * of waiting. Each exchange begins and ends in one second; answers after more than 20 ms are
 * tainted. */
#include "synthetic.h"

#include <assert.h>
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
