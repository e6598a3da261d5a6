/*
 * agent_lines_fuzz: any bytes as a line of statsd, of squid's counters and of nginx' log, whose
 * field the first byte says.
 */
#include <math.h>

#include "agent_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_counted(void *arg, const struct cache_sample *sample)
{
    assert(sample->how == CACHE_SET || sample->how == CACHE_ADD);
    assert(isfinite(sample->number) && sample->text.len == 0);
    on_sample(arg, sample);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct samples s = {.gather = new_gather()};

    if (size > 0) {
        int field = (int8_t)data[0] == 0 ? 1 : (int8_t)data[0];
        char *line = malloc(size);
        memcpy(line, data + 1, size - 1);
        struct pelt_span span = pelt_span(line, size - 1);
        cache_text_statsd(span, on_counted, &s);
        cache_text_squid(span, on_sample, &s);
        cache_text_nginx(span, field, on_counted, &s);
        free(line);
    }
    free_gather(s.gather);
    return 0;
}
