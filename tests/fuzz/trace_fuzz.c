/*
 * trace: no file leads outside of itself; times ascend from 0, each request lies in its line, and
 * no line is both a request and none. The first byte is the format.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static void check_request(const struct pelt_trace *t, size_t k)
{
    struct pelt_span line = pelt_trace_line(t, k), method, path;
    const char *end = t->content->bytes + t->content->len;
    require(line.ptr >= t->content->bytes && line.ptr + line.len <= end);
    require(k == 0 ? t->at_ns[0] == 0 : t->at_ns[k - 1] <= t->at_ns[k]);
    if (t->format == PELT_TRACE_COMBINED) {
        pelt_trace_request(t, k, &method, &path);
        require(method.ptr > line.ptr && path.ptr + path.len <= line.ptr + line.len);
        require(method.len > 0 && path.len > 0 && path.ptr[0] == '/');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_trace *t = NULL;
    struct pelt_error err;
    if (size == 0) {
        return 0;
    }
    char *bytes = malloc(size);
    memcpy(bytes, data + 1, size - 1);
    bytes[size - 1] = '\0';
    struct pelt_content content = {.path = "t", .bytes = bytes, .len = size - 1};
    if (pelt_trace_new(&content, (enum pelt_trace_format)(data[0] % 3), &t, &err) == PELT_OK) {
        size_t lines = 1;
        for (size_t i = 0; i < content.len; i++) {
            lines += bytes[i] == '\n';
        }
        require(t->count > 0 && t->count + t->bad <= lines);
        require(pelt_trace_length_ns(t) > t->at_ns[t->count - 1]);
        for (size_t k = 0; k < t->count; k++) {
            check_request(t, k);
        }
    }
    pelt_trace_free(t);
    free(bytes);
    return 0;
}
