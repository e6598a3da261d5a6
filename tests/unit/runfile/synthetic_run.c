/*
 * synthetic_run PATH SECONDS SERIES PER_SECOND [LIMITS]: writes a finished run file of seeded data,
 * with an agent that reads so many limits, and says how long writing and loading took: for trying
 * readers of run files, and for measuring ours.
 */
#include <stdlib.h>

#include "pelt/clock.h"
#include "runfile/synthetic.h"

static int fail(const struct pelt_error *err)
{
    fprintf(stderr, "synthetic_run: %s\n", err->text);
    return 1;
}

int main(int argc, char **argv)
{
    struct pelt_error err = {""};
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: synthetic_run PATH SECONDS SERIES PER_SECOND [LIMITS]\n");
        return 2;
    }
    const int32_t seconds = (int32_t)strtol(argv[2], NULL, 10);
    const struct synthetic s = {7, (uint32_t)strtoul(argv[3], NULL, 10),
                                (uint32_t)strtoul(argv[4], NULL, 10), 0.01};
    struct pelt_registry *names = synthetic_names(&s);
    struct pelt_threshold bound;
    struct pelt_verdict_line line = {
        .level = PELT_LEVEL_TARGET, .has_value = true, .value = 12.345};
    uint64_t begun_ns = pelt_clock_ns();
    char id[32];
    if (pelt_runfile_create(argv[1], &f, &err) != PELT_OK ||
        pelt_threshold_parse("http_response p95 < 200ms", &bound, &err) != PELT_OK) {
        return fail(&err);
    }
    synthetic_meta(f, seconds);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)pelt_clock_wall_ns());
    if (pelt_runfile_meta(f, "run_id", id) != PELT_OK) {
        return fail(&err);
    }
    enum pelt_status status = pelt_runfile_thresholds(f, &bound, 1);
    synthetic_write(&s, f, names, 0, seconds);
    if (argc > 5) {
        synthetic_limits(f, seconds, (uint32_t)strtoul(argv[5], NULL, 10));
    }
    status = status ? status : pelt_runfile_finish(f, &line, 1, PELT_VALID, NULL, 0, NULL);
    if (pelt_runfile_close(f, &err) != PELT_OK || status != PELT_OK) {
        return fail(&err);
    }
    uint64_t written_ns = pelt_clock_ns();
    if (pelt_results_load(argv[1], &r, &err) != PELT_OK) {
        return fail(&err);
    }
    printf("written in %.3f s, loaded in %.3f s\n", (double)(written_ns - begun_ns) / 1e9,
           (double)(pelt_clock_ns() - written_ns) / 1e9);
    pelt_results_free(r);
    pelt_registry_free(names);
    return 0;
}
