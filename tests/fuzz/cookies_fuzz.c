/*
 * cookies: any bytes as Set-Cookie fields, a line each, leave a jar whose Cookie field is one line
 * without control characters; and any bytes as a Location leave a URL without blanks.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pelt/cookies.h"
#include "pelt/redirect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_back(const struct pelt_cookies *jar, const char *path)
{
    struct pelt_cookie_place place = {
        .host = pelt_span_of("a.b.example"), .path = pelt_span_of(path), .secure = true};
    struct pelt_buf out = {0};
    assert(pelt_cookies_write(jar, &place, 1700000000, &out) == PELT_OK);
    if (out.len > 0) {
        assert(memcmp(out.data, "Cookie: ", 8) == 0);
        assert(memcmp(out.data + out.len - 2, "\r\n", 2) == 0);
        for (size_t i = 0; i + 2 < out.len; i++) {
            assert((unsigned char)out.data[i] >= ' ');
        }
    }
    pelt_buf_deinit(&out);
}

static void redirect(struct pelt_span location)
{
    struct pelt_buf out = {0};
    assert(pelt_redirect_url(pelt_span_of("http://h"), pelt_span_of("/a/b?c"), location, &out) ==
           PELT_OK);
    assert(out.len == 0 || !memchr(out.data, ' ', out.len));
    pelt_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_cookies *jar = NULL;
    struct pelt_cookie_place place = {.host = pelt_span_of("a.b.example"),
                                      .path = pelt_span_of("/x/y")};
    struct pelt_span text = pelt_span((const char *)data, size);
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text.ptr + at, '\n', size - at);
        size_t len = (end ? (size_t)(end - text.ptr) : size) - at;
        pelt_cookies_set(&jar, &place, pelt_span(text.ptr + at, len), 1700000000);
        at += len + 1;
    }
    send_back(jar, "/x/y/z");
    send_back(jar, "/");
    pelt_cookies_free(jar);
    if (size > 0) {
        redirect(text);
    }
    return 0;
}
