/* null_h2: what the client's end makes of its answers. */
#include "test.h"

#include <string.h>

#include "null_h2.h"
#include "pelt/h2_session.h"

static size_t body_bytes;
static int done;

static void on_sent(struct pelt_h2_stream *s, uint32_t bytes, bool all)
{
}

static void on_came(struct pelt_h2_stream *s, uint32_t bytes)
{
}

static void on_head(struct pelt_h2_stream *s, struct pelt_span text)
{
    assert_int_equal(s->status, 200);
    assert_non_null(memmem(text.ptr, text.len, "server: pelt-null\r\n", 19));
}

static void on_body(struct pelt_h2_stream *s, const char *bytes, size_t len, bool last)
{
    body_bytes += len;
}

static void on_ended(struct pelt_h2_stream *s, enum pelt_h2_end end, uint32_t code)
{
    assert_int_equal(end, PELT_H2_DONE);
    done++;
}

static const struct pelt_h2_ops ops = {
    .sent = on_sent, .came = on_came, .head = on_head, .body = on_body, .ended = on_ended};

/* Until neither has anything to say. */
static void talk(struct pelt_h2_session *client, struct pelt_null_h2 *server, uint64_t *requests)
{
    struct pelt_span bytes;
    bool said = true;
    while (said) {
        said = false;
        while ((bytes = pelt_h2_session_peek(client)).len > 0) {
            assert_true(pelt_null_h2_read(server, bytes.ptr, bytes.len, requests));
            pelt_h2_session_advance(client, bytes.len);
            said = true;
        }
        while ((bytes = pelt_null_h2_send(server)).len > 0) {
            assert_int_equal(pelt_h2_session_feed(client, bytes.ptr, bytes.len), PELT_OK);
            said = true;
        }
    }
}

static void every_request_is_answered_with_the_body(void **state)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"};
    static char body[100000];
    const struct pelt_h2_settings usual = {.window = 0};
    struct pelt_h2_session *client;
    struct pelt_null_h2 *server = pelt_null_h2_new(pelt_span(body, sizeof body));
    uint64_t counted = 0;
    assert_int_equal(pelt_h2_session_new(&client, &usual, &ops, NULL), PELT_OK);
    const struct pelt_span first = pelt_h2_session_peek(client);
    assert_true(pelt_null_h2_begins(first.ptr, first.len));
    assert_false(pelt_null_h2_begins("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27));
    for (int i = 0; i < 30; i++) {
        struct pelt_h2_stream stream = {.want_head = true};
        assert_int_equal(
            pelt_h2_session_submit(client, &stream, pelt_span_of(requests[i % 3]), false), PELT_OK);
        talk(client, server, &counted);
        assert_int_equal(done, i + 1);
    }
    assert_int_equal(counted, 30);
    assert_int_equal(body_bytes, 20 * sizeof body);
    pelt_h2_session_free(client);
    pelt_null_h2_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_answered_with_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
