/*
 * hist_tool: the engine's histogram as a filter, for comparison with other HDR libraries.
 *
 *   hist_tool encode       microseconds on stdin, one a line; V2 compressed payload on stdout
 *   hist_tool percentiles  payload on stdin; "count N", "p50 N", ..., "max N" on stdout
 */
#include <inttypes.h>

#include "pelt/hist_codec.h"

static const struct {
    const char *name;
    double percentile;
} FIGURES[] = {{"p50", 50},     {"p90", 90},       {"p95", 95}, {"p99", 99},
               {"p99.9", 99.9}, {"p99.99", 99.99}, {"max", 100}};

static int encode(struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    struct pelt_buf out;
    uint64_t us;
    pelt_buf_init(&out, 0);
    while (scanf("%" SCNu64, &us) == 1) {
        pelt_hist_record_n(h, pool, us, 1);
    }
    bool ok = feof(stdin) && pelt_hist_encode(h, &out) == PELT_OK &&
              fwrite(out.data, 1, out.len, stdout) == out.len;
    pelt_buf_deinit(&out);
    return ok ? 0 : 1;
}

static int percentiles(struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    static char payload[1 << 20];
    struct pelt_error err = {0};
    size_t len = fread(payload, 1, sizeof payload, stdin);
    if (pelt_hist_decode_add(h, pool, pelt_span(payload, len), 1, &err) != PELT_OK) {
        fprintf(stderr, "hist_tool: %s\n", err.text);
        return 1;
    }
    printf("count %" PRIu64 "\n", h->count);
    for (size_t i = 0; i < sizeof FIGURES / sizeof FIGURES[0]; i++) {
        uint64_t us = pelt_hist_percentile_us(h, FIGURES[i].percentile);
        printf("%s %" PRIu64 "\n", FIGURES[i].name, us);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct pelt_hist_pool pool;
    struct pelt_hist h = {0};
    int code = 2;
    pelt_hist_pool_init(&pool, NULL);
    if (argc == 2 && strcmp(argv[1], "encode") == 0) {
        code = encode(&h, &pool);
    } else if (argc == 2 && strcmp(argv[1], "percentiles") == 0) {
        code = percentiles(&h, &pool);
    } else {
        fprintf(stderr, "usage: hist_tool encode|percentiles\n");
    }
    pelt_hist_pool_deinit(&pool);
    return code;
}
