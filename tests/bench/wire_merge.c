/*
 * wire_merge: what seconds of workers cost whoever puts them together, in memory.
 *
 *     wire_merge encode|check|add|library WORKERS SERIES SAMPLES SECONDS
 *
 * Each worker has SERIES series with SAMPLES log-normal response times a second. prints one line:
 * microseconds a histogram, bytes of a worker's second. `add` checks and adds, as the coordinator
 * does; `library` decodes HdrHistogram's compressed form into a histogram and adds that.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pelt/hist_codec.h"
#include "pelt/rng.h"
#include "pelt/wire_frame.h"

#define DISTINCT 64 /* workers whose samples differ */

struct worker {
    struct pelt_registry *names;
    struct pelt_frame *frame;
    struct pelt_buf message; /* its one part */
    struct pelt_buf *hist;   /* of each series, in the library's form */
};

static unsigned long workers_len, series, samples, seconds_len;
static struct worker workers[DISTINCT];

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(enum pelt_status status, const char *what)
{
    if (status != PELT_OK) {
        fprintf(stderr, "%s: %s\n", what, pelt_status_name(status));
        exit(1);
    }
}

static enum pelt_status on_part(void *arg, uint32_t part, struct pelt_span bytes)
{
    struct pelt_buf *out = arg;
    pelt_buf_reset(out);
    return pelt_buf_add(out, bytes.ptr, bytes.len);
}

static void encode(struct worker *w)
{
    struct pelt_wire_totals totals = {0};
    const struct pelt_wire_second s = {.frame = w->frame, .names = w->names, .totals = &totals};
    pelt_wire_totals_add(&totals, w->frame);
    check(pelt_wire_frame_encode(&s, on_part, &w->message), "encode");
}

static void fill(struct worker *w, struct pelt_rng *rng)
{
    w->names = pelt_registry_new();
    w->frame = pelt_frame_new(NULL);
    w->hist = calloc(series, sizeof *w->hist);
    for (unsigned long s = 0; s < series; s++) {
        char name[40];
        snprintf(name, sizeof name, "GET /series/%lu", s);
        uint32_t id = pelt_registry_intern(w->names, PELT_NAME_REQUEST, pelt_span_of(name));
        struct pelt_request_frame *r = pelt_frame_request(w->frame, id);
        for (unsigned long i = 0; i < samples; i++) {
            pelt_hist_record(&r->hist[PELT_HIST_RESPONSE], &w->frame->pool,
                             (uint64_t)(5000 * exp(pelt_rng_normal(rng, 0, 0.5))));
        }
        r->started = r->outcomes[PELT_OUTCOME_OK] = samples;
        pelt_buf_init(&w->hist[s], 0);
        check(pelt_hist_encode(&r->hist[PELT_HIST_RESPONSE], &w->hist[s]), "library");
    }
    pelt_buf_init(&w->message, 0);
    encode(w);
}

static void add_by_library(struct worker *w, struct pelt_frame *sum)
{
    for (unsigned long s = 0; s < series; s++) {
        struct pelt_hist_pool pool = {0};
        struct pelt_hist one = {0};
        check(
            pelt_hist_decode_add(&one, &pool, pelt_span(w->hist[s].data, w->hist[s].len), 1, NULL),
            "library");
        pelt_hist_add(&pelt_frame_request(sum, (uint32_t)s + 1)->hist[PELT_HIST_RESPONSE],
                      &sum->pool, &one);
        pelt_hist_pool_deinit(&pool);
    }
}

static void run(const char *mode)
{
    struct pelt_registry *names = pelt_registry_new();
    struct pelt_frame *sum = pelt_frame_new(NULL);
    struct pelt_wire_into into = {.frame = sum, .names = names};
    const double began_s = cpu_s();
    for (unsigned long t = 0; t < seconds_len; t++) {
        pelt_frame_reset(sum);
        for (unsigned long i = 0; i < workers_len; i++) {
            struct worker *w = &workers[i % DISTINCT];
            const struct pelt_span message = pelt_span(w->message.data, w->message.len);
            struct pelt_wire_part part;
            if (strcmp(mode, "encode") == 0) {
                encode(w);
            } else if (strcmp(mode, "check") == 0) {
                check(pelt_wire_frame_check(message, &part, NULL), mode);
                pelt_wire_part_deinit(&part);
            } else if (strcmp(mode, "add") == 0) {
                check(pelt_wire_frame_add(message, &into, NULL), mode);
            } else {
                add_by_library(w, sum);
            }
        }
    }
    const double took_s = cpu_s() - began_s;
    printf("%.2f us a histogram, %zu bytes a worker and second (library %zu a histogram)\n",
           took_s * 1e6 / (double)(seconds_len * workers_len * series), workers[0].message.len,
           workers[0].hist[0].len);
    pelt_frame_free(sum);
    pelt_registry_free(names);
}

int main(int argc, char **argv)
{
    struct pelt_rng rng;
    if (argc != 6) {
        fprintf(stderr, "wire_merge encode|check|add|library WORKERS SERIES SAMPLES SECONDS\n");
        return 2;
    }
    workers_len = strtoul(argv[2], NULL, 10);
    series = strtoul(argv[3], NULL, 10);
    samples = strtoul(argv[4], NULL, 10);
    seconds_len = strtoul(argv[5], NULL, 10);
    pelt_rng_init(&rng, 1, 1);
    for (unsigned i = 0; i < DISTINCT; i++) {
        fill(&workers[i], &rng);
    }
    run(argv[1]);
    for (unsigned i = 0; i < DISTINCT; i++) {
        for (unsigned long s = 0; s < series; s++) {
            pelt_buf_deinit(&workers[i].hist[s]);
        }
        free(workers[i].hist);
        pelt_buf_deinit(&workers[i].message);
        pelt_frame_free(workers[i].frame);
        pelt_registry_free(workers[i].names);
    }
    return 0;
}
