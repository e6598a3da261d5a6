/*
 * lines: any bytes have the same lines whole, in pieces and byte by byte, and none has an end in
 * it. The first byte says how long the pieces are, and whether a CR alone ends a line.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/lines.h"

#define LINE_MAX_BYTES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum pelt_status status;
    uint64_t lines, sum;
    bool bare_cr;
};

static enum pelt_status on_line(void *arg, struct pelt_span line)
{
    struct outcome *o = arg;
    assert(line.len <= LINE_MAX_BYTES);
    for (size_t i = 0; i < line.len; i++) {
        assert(line.ptr[i] != '\n' && !(o->bare_cr && line.ptr[i] == '\r'));
        o->sum = o->sum * 31 + (unsigned char)line.ptr[i];
    }
    o->sum = o->sum * 31 + line.len;
    o->lines++;
    return PELT_OK;
}

static struct outcome read_all(const uint8_t *data, size_t size, size_t step, bool bare_cr)
{
    struct outcome o = {.status = PELT_OK, .bare_cr = bare_cr};
    struct pelt_lines l = {
        .on_line = on_line, .arg = &o, .max = LINE_MAX_BYTES, .bare_cr = bare_cr};
    for (size_t at = 0, n; o.status == PELT_OK && at < size; at += n) {
        n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        o.status = pelt_lines_feed(&l, piece, n);
        free(piece);
    }
    o.status = o.status == PELT_OK ? pelt_lines_end(&l) : o.status;
    pelt_lines_deinit(&l);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    bool bare_cr = data[0] & 1;
    size_t step = 1 + data[0] / 2 % 32;
    struct outcome whole = read_all(data + 1, size - 1, size, bare_cr);
    struct outcome pieces = read_all(data + 1, size - 1, step, bare_cr);
    struct outcome bytes = read_all(data + 1, size - 1, 1, bare_cr);
    assert(whole.status == pieces.status && whole.status == bytes.status);
    assert(whole.lines == pieces.lines && whole.lines == bytes.lines);
    assert(whole.sum == pieces.sum && whole.sum == bytes.sum);
    return 0;
}
