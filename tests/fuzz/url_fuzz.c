/*
 * url: any bytes are either refused with a message or give spans that lie within them and make a
 * request.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pelt/http1_request.h"
#include "pelt/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct pelt_span part, struct pelt_span whole)
{
    assert(part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_span text = pelt_span((const char *)data, size);
    struct pelt_url url;
    struct pelt_error err = {""};
    if (pelt_url_parse(text, &url, &err) != PELT_OK) {
        assert(err.text[0] != '\0');
        return 0;
    }
    within(url.host, text);
    within(url.target, text);
    within(url.userinfo, text);
    assert(url.host.len > 0 && url.port > 0);
    struct pelt_buf out = {0};
    assert(pelt_http1_request_begin(&out, pelt_span_of("GET"), url.target, url.host, NULL) ==
           PELT_OK);
    assert(memchr(out.data, '\r', out.len) == strstr(out.data, "\r\nHost: "));
    pelt_buf_deinit(&out);
    return 0;
}
