/*
 * agent_prometheus_fuzz: any bytes as a page of metrics, without HTTP around it: whole and in
 * pieces the same samples. The first byte says how long the pieces are.
 */
#include "agent_reader.h"
#include "cache_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(void *arg, struct pelt_span line)
{
    cache_text_prometheus(line, on_sample, arg);
}

static struct samples read_page(const uint8_t *data, size_t size, size_t step)
{
    static struct cache_lines lines;
    struct samples s = {.gather = new_gather()};

    lines = (struct cache_lines){.on_line = on_line, .arg = &s};
    for (size_t at = 0, n; at < size; at += n) {
        n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        cache_lines_feed(&lines, piece, n);
        free(piece);
    }
    cache_lines_end(&lines);
    free_gather(s.gather);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct samples whole = read_page(data + 1, size - 1, size - 1);
    struct samples pieces = read_page(data + 1, size - 1, 1 + data[0] % 64);
    assert(whole.count == pieces.count && whole.sum == pieces.sum);
    return 0;
}
