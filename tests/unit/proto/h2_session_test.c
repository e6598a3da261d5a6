/* The client's end of an HTTP/2 connection, against frames written by hand, in every split where
 * they are good, and against nghttp2's own server for what it sends. */
#include "test.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "failing_malloc.h"
#include "pelt/h2_session.h"

#define STREAMS 5

enum { DATA, HEADERS, RST = 3, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, END_HEADERS = 4 };

static const char request[] = "GET /a?b=1 HTTP/1.1\r\nHost: example.test:81\r\nUser-Agent: x\r\n"
                              "Connection: keep-alive\r\nTE: trailers\r\nX-Own:  v \r\n\r\n";

/* ---- frames of a server ---- */

static void frame(struct pelt_buf *b, unsigned type, unsigned flags, uint32_t stream,
                  const void *payload, size_t len)
{
    const unsigned char head[9] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
    pelt_buf_add(b, head, sizeof head);
    pelt_buf_add(b, payload, len);
}

static void settings(struct pelt_buf *b, uint32_t streams)
{
    const unsigned char payload[6] = {
        0, 3, 0, 0, (unsigned char)(streams >> 8), (unsigned char)streams};
    frame(b, SETTINGS, 0, 0, payload, sizeof payload);
}

/* A literal field without an index; short texts. */
static size_t field(char *out, const char *name, const char *value)
{
    return (size_t)snprintf(out, 300, "%c%c%s%c%s", 0x10, (char)strlen(name), name,
                            (char)strlen(value), value);
}

/* :status 200 of the static table, then these fields. */
static void head(struct pelt_buf *b, uint32_t stream, unsigned flags, const char *const *fields)
{
    char block[2000] = {(char)0x88};
    size_t len = 1;
    for (; fields != NULL && *fields != NULL; fields += 2) {
        len += field(block + len, fields[0], fields[1]);
    }
    frame(b, HEADERS, END_HEADERS | flags, stream, block, len);
}

static void reset(struct pelt_buf *b, uint32_t stream, uint32_t code)
{
    const unsigned char payload[4] = {0, 0, (unsigned char)(code >> 8), (unsigned char)code};
    frame(b, RST, 0, stream, payload, sizeof payload);
}

static void goaway(struct pelt_buf *b, uint32_t last, uint32_t code, const char *debug)
{
    unsigned char payload[64] = {0, 0, 0, (unsigned char)last, 0, 0, 0, (unsigned char)code};
    memcpy(payload + 8, debug, strlen(debug));
    frame(b, GOAWAY, 0, 0, payload, 8 + strlen(debug));
}

/* ---- a session and what it told ---- */

struct fixture {
    struct pelt_h2_session *session;
    struct pelt_h2_stream stream[STREAMS];
    struct pelt_buf told, sent;
    size_t body[STREAMS], came[STREAMS];
    int last[STREAMS];        /* pieces that were said to be the last */
    char words[STREAMS][300]; /* on what was wrong with an answer */
};

static struct fixture *current; /* the one that is being fed */

static int number_of(const struct pelt_h2_stream *s)
{
    return (int)(s - current->stream);
}

static void on_sent(struct pelt_h2_stream *s, uint32_t bytes, bool all)
{
    if (all) {
        pelt_buf_addf(&current->told, "%d sent\n", number_of(s));
    }
}

static void on_came(struct pelt_h2_stream *s, uint32_t bytes)
{
    current->came[number_of(s)] += bytes;
}

static void on_head(struct pelt_h2_stream *s, struct pelt_span text)
{
    pelt_buf_addf(&current->told, "%d head %u%s [%.*s]\n", number_of(s), s->status,
                  s->may_set_cookie ? " cookie" : "", (int)text.len, text.len > 0 ? text.ptr : "");
}

static void on_go_on(struct pelt_h2_stream *s)
{
    pelt_buf_addf(&current->told, "%d go on\n", number_of(s));
    pelt_h2_session_release(current->session, s, 2);
}

static void on_body(struct pelt_h2_stream *s, const char *bytes, size_t len, bool last)
{
    current->body[number_of(s)] += len;
    current->last[number_of(s)] += last;
}

static void on_trailer(struct pelt_h2_stream *s, struct pelt_span fields)
{
    pelt_buf_addf(&current->told, "%d trailer [%.*s]\n", number_of(s), (int)fields.len, fields.ptr);
}

static void on_ended(struct pelt_h2_stream *s, enum pelt_h2_end end, uint32_t code)
{
    static const char *const names[] = {"done",     "refused",        "reset",
                                        "bad head", "head too large", "bad body"};
    char name[16];
    const char *words = pelt_h2_session_words(current->session);
    snprintf(current->words[number_of(s)], sizeof current->words[0], "%s",
             words != NULL ? words : "");
    pelt_buf_addf(&current->told, "%d %s %s, %zu bytes\n", number_of(s), names[end],
                  pelt_h2_code_name(code, name), current->body[number_of(s)]);
    assert_int_equal(s->id, 0);
}

static void on_goaway(void *arg, int32_t last, uint32_t code, struct pelt_span debug)
{
    char name[16];
    assert_ptr_equal(arg, current);
    pelt_buf_addf(&current->told, "goaway %d %s \"%.*s\"\n", (int)last,
                  pelt_h2_code_name(code, name), (int)debug.len, debug.ptr);
}

static const struct pelt_h2_ops ops = {.sent = on_sent,
                                       .came = on_came,
                                       .head = on_head,
                                       .go_on = on_go_on,
                                       .body = on_body,
                                       .trailer = on_trailer,
                                       .ended = on_ended,
                                       .goaway = on_goaway};

static const struct pelt_h2_settings usual;

static void begin(struct fixture *f, const struct pelt_h2_settings *s)
{
    *f = (struct fixture){.session = NULL};
    current = f;
    assert_int_equal(pelt_h2_session_new(&f->session, s, &ops, f), PELT_OK);
}

static void finish(struct fixture *f)
{
    pelt_h2_session_free(f->session);
    pelt_buf_deinit(&f->told);
    pelt_buf_deinit(&f->sent);
}

static void send_all(struct fixture *f)
{
    struct pelt_span bytes;
    while ((bytes = pelt_h2_session_peek(f->session)).len > 0) {
        const size_t some = bytes.len > 7 ? bytes.len / 2 : bytes.len;
        pelt_buf_add(&f->sent, bytes.ptr, some);
        pelt_h2_session_advance(f->session, some);
    }
}

static enum pelt_status submit(struct fixture *f, unsigned i, const char *text)
{
    return pelt_h2_session_submit(f->session, &f->stream[i], pelt_span_of(text), false);
}

/* Submits `n` GETs as soon as they may be, and feeds `bytes` in pieces of `step`. */
static enum pelt_status run(struct fixture *f, unsigned n, const struct pelt_buf *bytes,
                            size_t step)
{
    struct pelt_buf first;
    enum pelt_status status;
    pelt_buf_init(&first, 0);
    settings(&first, 100);
    status = pelt_h2_session_feed(f->session, first.data, first.len);
    pelt_buf_deinit(&first);
    for (unsigned i = 0; i < n && status == PELT_OK; i++) {
        status = submit(f, i, request);
    }
    send_all(f);
    for (size_t at = 0; at < bytes->len && status == PELT_OK; at += step) {
        const size_t left = bytes->len - at;
        status = pelt_h2_session_feed(f->session, bytes->data + at, left < step ? left : step);
        send_all(f);
    }
    return status;
}

static const char *told(struct fixture *f)
{
    return f->told.data != NULL ? f->told.data : "";
}

/* ---- answers ---- */

static void a_head_is_told_as_it_was_asked_for(void **state)
{
    static const char *const fields[] = {
        "content-type", "text/plain", "set-cookie", "a=1", "x", "y", NULL};
    static const struct {
        bool head, cookies;
        const char *text;
    } kinds[] = {
        {true, false, "HTTP/2 200\r\ncontent-type: text/plain\r\nset-cookie: a=1\r\nx: y\r\n\r\n"},
        {false, true, "HTTP/2 200\r\nset-cookie: a=1\r\n\r\n"},
        {false, false, ""},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture f;
        struct pelt_buf bytes = {0};
        char expected[400];
        begin(&f, &usual);
        f.stream[0].want_head = kinds[i].head;
        f.stream[0].want_cookies = kinds[i].cookies;
        head(&bytes, 1, 0, fields);
        frame(&bytes, DATA, END_STREAM, 1, "hello", 5);
        assert_int_equal(run(&f, 1, &bytes, bytes.len), PELT_OK);
        snprintf(expected, sizeof expected,
                 "0 sent\n0 head 200 cookie [%s]\n0 done NO_ERROR, 5 bytes\n", kinds[i].text);
        assert_string_equal(told(&f), expected);
        assert_int_equal(f.last[0], 1);
        assert_int_equal(f.came[0], bytes.len);
        pelt_buf_deinit(&bytes);
        finish(&f);
    }
}

static void answers_are_the_same_in_every_split(void **state)
{
    static const char *const early[] = {"link", "</a>", NULL}, *const fields[] = {"x", "y", NULL};
    static const char expected[] = "0 sent\n1 sent\n2 sent\n"
                                   "1 head 200 [HTTP/2 200\r\nx: y\r\n\r\n]\n"
                                   "0 head 200 [HTTP/2 200\r\n\r\n]\n0 done NO_ERROR, 8 bytes\n"
                                   "1 trailer [t: u\r\n]\n1 done NO_ERROR, 3 bytes\n"
                                   "2 head 200 [HTTP/2 200\r\n\r\n]\n2 done NO_ERROR, 0 bytes\n";
    struct pelt_buf bytes = {0};
    char hints[300] = {0x08, 0x03, '1', '0', '3'}, trailer[300];
    frame(&bytes, HEADERS, END_HEADERS, 3, hints, 5 + field(hints + 5, early[0], early[1]));
    head(&bytes, 3, 0, fields);
    head(&bytes, 1, 0, NULL);
    frame(&bytes, DATA, 0, 1, "hello", 5);
    frame(&bytes, DATA, 0, 3, "abc", 3);
    frame(&bytes, DATA, END_STREAM | 8, 1, "\2xyz\0\0", 6); /* with two bytes of padding */
    frame(&bytes, HEADERS, END_HEADERS | END_STREAM, 3, trailer, field(trailer, "t", "u"));
    frame(&bytes, PING, 0, 0, "12345678", 8);
    head(&bytes, 5, END_STREAM, NULL);
    for (size_t step = 1; step <= bytes.len; step++) {
        struct fixture f;
        begin(&f, &usual);
        for (unsigned i = 0; i < 3; i++) {
            f.stream[i].want_head = f.stream[i].want_trailer = true;
        }
        assert_int_equal(run(&f, 3, &bytes, step), PELT_OK);
        assert_string_equal(told(&f), expected);
        assert_int_equal(pelt_h2_session_open(f.session), 0);
        assert_true(memmem(f.sent.data, f.sent.len, "12345678", 8) !=
                    NULL); /* the answer to PING */
        finish(&f);
    }
    pelt_buf_deinit(&bytes);
}

static void an_answer_before_our_body_is_sent_ends_the_exchange(void **state)
{
    struct fixture f;
    struct pelt_buf bytes = {0}, text = {0};
    char *body = calloc(1, 300000);
    begin(&f, &usual);
    pelt_buf_addf(&text, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
    pelt_buf_add(&text, body, 300000);
    settings(&bytes, 100);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    assert_int_equal(
        pelt_h2_session_submit(f.session, &f.stream[0], pelt_span(text.data, text.len), true),
        PELT_OK);
    send_all(&f); /* as much as the server's window lets through */
    assert_in_range(f.sent.len, 65535, 80000);
    pelt_buf_reset(&bytes);
    head(&bytes, 1, END_STREAM, NULL);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    assert_string_equal(told(&f), "0 head 200 []\n0 done NO_ERROR, 0 bytes\n");
    pelt_buf_reset(&f.sent);
    send_all(&f);
    assert_int_equal(f.sent.len, 13);
    assert_int_equal(f.sent.data[3], RST);
    assert_int_equal(pelt_h2_session_open(f.session), 0);
    free(body);
    pelt_buf_deinit(&bytes);
    pelt_buf_deinit(&text);
    finish(&f);
}

/* ---- requests that cannot be sent ---- */

static void a_head_that_is_too_long_is_this_requests_fault_alone(void **state)
{
    struct fixture f;
    struct pelt_buf bytes = {0}, text = {0};
    char *value = malloc(300000);
    memset(value, 'v', 300000);
    begin(&f, &usual);
    settings(&bytes, 100);
    head(&bytes, 3, END_STREAM, NULL);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, 15), PELT_OK);
    for (int i = 0; i < 3; i++) {
        const size_t len = i == 1 ? 262000 : 300000;
        pelt_buf_reset(&text);
        pelt_buf_addf(&text, "GET / HTTP/1.1\r\nHost: h\r\nX: %.*s\r\n\r\n", (int)len, value);
        assert_int_equal(submit(&f, (unsigned)i, text.data), i == 1 ? PELT_OK : PELT_EINVAL);
        assert_true(i == 1 || f.stream[i].id == 0);
    }
    assert_int_equal(submit(&f, 3, "none\r\n\r\n"), PELT_EINVAL);
    assert_int_equal(pelt_h2_session_open(f.session), 1);
    send_all(&f);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data + 15, bytes.len - 15), PELT_OK);
    assert_non_null(strstr(told(&f), "1 done"));
    assert_null(pelt_h2_session_why(f.session));
    free(value);
    pelt_buf_deinit(&text);
    pelt_buf_deinit(&bytes);
    finish(&f);
}

/* ---- streams that end badly ---- */

static void resets_and_goaway_are_told_with_their_codes(void **state)
{
    struct fixture f;
    struct pelt_buf bytes = {0};
    begin(&f, &usual);
    reset(&bytes, 1, 8);
    head(&bytes, 3, 0, NULL);
    frame(&bytes, DATA, 0, 3, "hello", 5);
    reset(&bytes, 3, 77);
    reset(&bytes, 5, 7);
    goaway(&bytes, 5, 11, "too much");
    assert_int_equal(run(&f, 4, &bytes, bytes.len), PELT_OK);
    assert_string_equal(told(&f), "0 sent\n1 sent\n2 sent\n3 sent\n"
                                  "0 reset CANCEL, 0 bytes\n"
                                  "1 head 200 []\n1 reset code 77, 5 bytes\n"
                                  "2 refused REFUSED_STREAM, 0 bytes\n"
                                  "goaway 5 ENHANCE_YOUR_CALM \"too much\"\n"
                                  "3 refused ENHANCE_YOUR_CALM, 0 bytes\n");
    assert_int_equal(submit(&f, 0, request), PELT_ELIMIT); /* no further stream */
    assert_int_equal(f.stream[0].id, 0);
    assert_int_equal(pelt_h2_session_open(f.session), 0);
    pelt_buf_deinit(&bytes);
    finish(&f);
}

static void bad_answers_end_their_own_stream_alone(void **state)
{
    static const char *const length[] = {"content-length", "9", NULL}, *const upper[] = {"X", "y",
                                                                                         NULL};
    static const char *const fine[] = {"x", "y", NULL};
    struct fixture f;
    struct pelt_buf bytes = {0};
    char block[300];
    begin(&f, &usual);
    head(&bytes, 1, 0, length);
    frame(&bytes, DATA, END_STREAM, 1, "hello", 5);
    head(&bytes, 3, END_STREAM, upper);
    frame(&bytes, HEADERS, END_HEADERS | END_STREAM, 5, block, field(block, "no", "status"));
    head(&bytes, 7, END_STREAM, fine);
    frame(&bytes, HEADERS, END_HEADERS, 9,
          "\x08\x03"
          "051",
          5);
    frame(&bytes, DATA, END_STREAM, 9, "hello", 5);
    assert_int_equal(run(&f, 5, &bytes, bytes.len), PELT_OK);
    assert_non_null(strstr(told(&f), "4 bad head PROTOCOL_ERROR, 0 bytes\n"));
    assert_non_null(strstr(told(&f), "0 bad body PROTOCOL_ERROR, 5 bytes\n"));
    assert_non_null(strstr(told(&f), "1 bad head PROTOCOL_ERROR, 0 bytes\n"));
    assert_non_null(strstr(told(&f), "2 bad head PROTOCOL_ERROR, 0 bytes\n"));
    assert_non_null(strstr(told(&f), "3 done NO_ERROR, 0 bytes\n"));
    assert_string_equal(f.words[0], "the body is not as many bytes as Content-Length says");
    assert_string_equal(f.words[3], "");
    assert_string_equal(f.words[4], "status 051");
    assert_null(pelt_h2_session_why(f.session));
    pelt_buf_deinit(&bytes);
    finish(&f);
}

/* ---- what is bounded ---- */

/* `n` fields of 102 bytes in frames that are within the limits. */
static void many_fields(struct pelt_buf *b, uint32_t stream, unsigned n, bool indexed)
{
    char block[16000] = {(char)0x88}, value[91] = {0};
    size_t len = 1;
    unsigned type = HEADERS;
    memset(value, 'v', sizeof value - 1);
    for (unsigned i = 0; i < n; i++) {
        if (indexed && i > 0) {
            block[len++] = (char)0xbe; /* the newest entry of the table */
        } else {
            const size_t at = len;
            len += field(block + len, "name-of-it", value);
            block[at] = indexed ? 0x40 : 0x10;
        }
        if (len > sizeof block - 300 || i == n - 1) {
            frame(b, type, i == n - 1 ? END_HEADERS : 0, stream, block, len);
            type = CONTINUATION;
            len = 0;
        }
    }
}

static void a_head_beyond_a_limit_is_refused_and_the_connection_lives(void **state)
{
    static const struct {
        unsigned fields;
        bool indexed;
        const char *end, *words;
    } kinds[] = {
        {255, false, "done", ""},
        {256, false, "done", ""},
        {257, false, "head too large", "a head of more than 256 fields"},
        {700, false, "head too large", "a head of more than 256 fields"},
        {9000, true, "head too large",
         "a head of more than 256 fields"}, /* 900 KB of fields out of 9 KB */
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture f;
        struct pelt_buf bytes = {0};
        char expected[80];
        begin(&f, &usual);
        f.stream[0].want_head = true;
        many_fields(&bytes, 1, kinds[i].fields, kinds[i].indexed);
        frame(&bytes, DATA, END_STREAM, 1, "", 0);
        head(&bytes, 3, END_STREAM, NULL);
        assert_int_equal(run(&f, 2, &bytes, 1000), PELT_OK);
        snprintf(expected, sizeof expected, "0 %s ", kinds[i].end);
        assert_non_null(strstr(told(&f), expected));
        assert_string_equal(f.words[0], kinds[i].words);
        assert_non_null(strstr(told(&f), "1 done NO_ERROR"));
        pelt_buf_deinit(&bytes);
        finish(&f);
    }
}

static void what_costs_us_too_much_ends_the_connection(void **state)
{
    struct fixture f;
    struct pelt_buf bytes = {0};
    begin(&f, &usual); /* 1.5 MB of fields that are not wanted */
    many_fields(&bytes, 1, 15000, true);
    assert_int_equal(run(&f, 1, &bytes, bytes.len), PELT_EIO);
    assert_non_null(strstr(pelt_h2_session_why(f.session), "header fields"));
    finish(&f);
    pelt_buf_reset(&bytes);
    begin(&f, &usual); /* CONTINUATION without end */
    many_fields(&bytes, 1, 4000, false);
    assert_int_equal(run(&f, 1, &bytes, bytes.len), PELT_EIO);
    assert_non_null(strstr(pelt_h2_session_why(f.session), "CONTINUATION"));
    finish(&f);
    pelt_buf_reset(&bytes);
    begin(&f, &usual); /* PINGs that are not waited for */
    for (int i = 0; i < 2000; i++) {
        frame(&bytes, PING, 0, 0, "12345678", 8);
    }
    assert_int_equal(run(&f, 1, &bytes, bytes.len), PELT_EIO);
    finish(&f);
    pelt_buf_deinit(&bytes);
}

static void a_connection_that_breaks_the_rules_is_of_no_use(void **state)
{
    static const struct {
        unsigned type, flags;
        uint32_t stream;
        const char *payload;
        size_t len;
        const char *why;
        bool blames;
    } kinds[] = {
        {PUSH, END_HEADERS, 1, "\0\0\0\2\x88", 5, "pushes", true},
        {HEADERS, END_HEADERS, 1, "\xff\xff\xff\xff", 4, "COMPRESSION_ERROR", true},
        {DATA, 0, 0, "x", 1, "PROTOCOL_ERROR", false},
        {SETTINGS, 0, 0, "x", 1, "FRAME_SIZE_ERROR", false},
        {WINDOW, 0, 0, "\x7f\xff\xff\xff", 4, "FLOW_CONTROL_ERROR", false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture f;
        struct pelt_buf bytes = {0};
        begin(&f, &usual);
        frame(&bytes, SETTINGS, 1, 0, "", 0); /* ours were read: push is off */
        frame(&bytes, kinds[i].type, kinds[i].flags, kinds[i].stream, kinds[i].payload,
              kinds[i].len);
        assert_int_equal(run(&f, 1, &bytes, bytes.len), PELT_EIO);
        assert_non_null(strstr(pelt_h2_session_why(f.session), kinds[i].why));
        assert_int_equal(pelt_h2_session_blames(f.session, &f.stream[0]), kinds[i].blames);
        assert_int_equal(pelt_h2_session_feed(f.session, "x", 1), PELT_EIO);
        pelt_buf_deinit(&bytes);
        finish(&f);
    }
}

static void a_push_that_crossed_our_settings_is_refused(void **state)
{
    struct fixture f;
    struct pelt_buf bytes = {0};
    begin(&f, &usual);
    /* :method GET, :scheme http, :path /, :authority x */
    frame(&bytes, PUSH, END_HEADERS, 1, "\0\0\0\2\x82\x86\x84\x01\x01x", 10);
    head(&bytes, 2, 0, NULL);
    frame(&bytes, DATA, END_STREAM, 2, "pushed", 6);
    head(&bytes, 1, END_STREAM, NULL);
    assert_int_equal(run(&f, 1, &bytes, 8), PELT_OK);
    assert_string_equal(told(&f), "0 sent\n0 head 200 []\n0 done NO_ERROR, 0 bytes\n");
    assert_true(memmem(f.sent.data, f.sent.len, "\0\0\4\3\0\0\0\0\2", 9) != NULL);
    assert_int_equal(pelt_h2_session_open(f.session), 0);
    pelt_buf_deinit(&bytes);
    finish(&f);
}

static void a_server_of_http1_is_named(void **state)
{
    struct fixture f;
    begin(&f, &usual);
    assert_int_equal(pelt_h2_session_feed(f.session, "HTTP/1.1 400 Bad Request\r\n\r\n", 28),
                     PELT_EIO);
    assert_non_null(strstr(pelt_h2_session_why(f.session), "HTTP/1.1"));
    finish(&f);
}

/* ---- how many, and how much ---- */

static void one_stream_until_settings_then_as_many_as_they_say(void **state)
{
    struct fixture f;
    struct pelt_buf bytes = {0};
    begin(&f, &usual);
    assert_int_equal(pelt_h2_session_limit(f.session), 1);
    assert_false(pelt_h2_session_settled(f.session));
    settings(&bytes, 3);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    assert_int_equal(pelt_h2_session_limit(f.session), 3);
    assert_int_equal(submit(&f, 0, request), PELT_OK);
    assert_int_equal(submit(&f, 1, request), PELT_OK);
    assert_int_equal(pelt_h2_session_open(f.session), 2);
    pelt_h2_session_cancel(f.session, &f.stream[0]);
    assert_int_equal(pelt_h2_session_open(f.session), 2); /* until the reset is sent */
    send_all(&f);
    assert_int_equal(pelt_h2_session_open(f.session), 1);
    pelt_buf_reset(&bytes);
    head(&bytes, 1, END_STREAM, NULL); /* crossed the reset */
    head(&bytes, 3, END_STREAM, NULL);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    assert_string_equal(told(&f), "0 sent\n1 sent\n1 head 200 []\n1 done NO_ERROR, 0 bytes\n");
    pelt_buf_deinit(&bytes);
    finish(&f);
}

/* WINDOW_UPDATE frames for this stream among what was sent. */
static unsigned updates(const struct fixture *f, unsigned stream)
{
    unsigned n = 0;
    size_t at = 0;
    if (f->sent.len > 24 && memcmp(f->sent.data, "PRI", 3) == 0) {
        at = 24;
    }
    while (at + 9 <= f->sent.len) {
        const unsigned char *p = (const unsigned char *)f->sent.data + at;
        n += p[3] == WINDOW && p[8] == stream;
        at += 9 + (((size_t)p[0] << 16) | ((size_t)p[1] << 8) | p[2]);
    }
    return n;
}

static void a_held_stream_gets_no_room_until_it_goes_on(void **state)
{
    static const struct pelt_h2_settings small = {.window = PELT_H2_WINDOW_LEAST};
    static char piece[16384];
    struct fixture f;
    struct pelt_buf bytes = {0};
    begin(&f, &small);
    head(&bytes, 1, 0, NULL);
    head(&bytes, 3, 0, NULL);
    assert_int_equal(run(&f, 2, &bytes, bytes.len), PELT_OK);
    pelt_buf_reset(&f.sent);
    pelt_buf_reset(&bytes);
    f.stream[0].hold = true;
    for (int i = 0; i < 3; i++) {
        frame(&bytes, DATA, 0, 1, piece, sizeof piece);
        frame(&bytes, DATA, 0, 3, piece, sizeof piece);
    }
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    send_all(&f);
    assert_int_equal(updates(&f, 1), 0);
    assert_in_range(updates(&f, 3), 1, 3);
    f.stream[0].hold = false;
    pelt_h2_session_consume(f.session, &f.stream[0]);
    send_all(&f);
    assert_int_equal(updates(&f, 1), 1);
    pelt_buf_deinit(&bytes);
    finish(&f);
}

static void a_held_stream_gets_room_as_it_is_granted(void **state)
{
    static const struct pelt_h2_settings small = {.window = PELT_H2_WINDOW_LEAST};
    static char piece[16384];
    struct fixture f;
    struct pelt_buf bytes = {0};
    begin(&f, &small);
    f.stream[0].hold = true;
    head(&bytes, 1, 0, NULL);
    for (int i = 0; i < 3; i++) {
        frame(&bytes, DATA, 0, 1, piece, sizeof piece);
    }
    assert_int_equal(run(&f, 1, &bytes, bytes.len), PELT_OK);
    pelt_buf_reset(&f.sent);
    assert_int_equal(pelt_h2_session_grant(f.session, &f.stream[0], 100), 100);
    assert_int_equal(pelt_h2_session_grant(f.session, &f.stream[0], 1), 1);
    send_all(&f);
    assert_int_equal(updates(&f, 1), 2); /* however small */
    assert_int_equal(pelt_h2_session_grant(f.session, &f.stream[0], 100000), 3 * 16384 - 101);
    assert_int_equal(pelt_h2_session_grant(f.session, &f.stream[0], 1), 0);
    pelt_buf_reset(&bytes); /* as much again fits */
    for (int i = 0; i < 3; i++) {
        frame(&bytes, DATA, i == 2 ? END_STREAM : 0, 1, piece, sizeof piece);
    }
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    send_all(&f);
    assert_string_equal(told(&f), "0 sent\n0 head 200 []\n0 done NO_ERROR, 98304 bytes\n");
    pelt_buf_deinit(&bytes);
    finish(&f);
}

/* ---- what is sent, as nghttp2's server reads it ---- */

static int on_server_header(nghttp2_session *session, const nghttp2_frame *got, const uint8_t *name,
                            size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                            void *arg)
{
    pelt_buf_addf(arg, "%.*s=%.*s\n", (int)name_len, (const char *)name, (int)value_len,
                  (const char *)value);
    return 0;
}

static int on_server_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                          size_t len, void *arg)
{
    pelt_buf_addf(arg, "[%.*s]\n", (int)len, (const char *)bytes);
    return 0;
}

static void read_as_server(const struct pelt_buf *sent, struct pelt_buf *out)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *server;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_server_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_server_data);
    nghttp2_session_server_new(&server, callbacks, out);
    assert_int_equal(nghttp2_session_mem_recv(server, (const uint8_t *)sent->data, sent->len),
                     sent->len);
    assert_int_equal(nghttp2_session_get_remote_settings(server, NGHTTP2_SETTINGS_ENABLE_PUSH), 0);
    assert_int_equal(
        nghttp2_session_get_remote_settings(server, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
        PELT_H2_WINDOW);
    assert_int_equal(nghttp2_session_get_remote_window_size(server), PELT_H2_WINDOW_ALL);
    nghttp2_session_del(server);
    nghttp2_session_callbacks_del(callbacks);
}

static void a_request_goes_as_its_text_says(void **state)
{
    static const struct {
        const char *text;
        bool https;
        const char *fields;
    } kinds[] = {
        {request, false,
         ":method=GET\n:scheme=http\n:authority=example.test:81\n:path=/a?b=1\n"
         "user-agent=x\nte=trailers\nx-own=v\n"},
        {"POST http://h/p HTTP/1.1\r\nX-A: 1\r\nhost: h\r\nContent-Length: 3\r\n"
         "Transfer-Encoding: chunked\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Connection: x\r\n"
         "HTTP2-Settings: x\r\nTE: gzip\r\n\r\nabc",
         true,
         ":method=POST\n:scheme=https\n:authority=h\n:path=/p\nx-a=1\ncontent-length=3\n[abc]\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", false,
         ":method=OPTIONS\n:scheme=http\n:authority=h\n:path=*\n"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture f;
        struct pelt_buf got = {0};
        begin(&f, &usual);
        assert_int_equal(pelt_h2_session_submit(f.session, &f.stream[0],
                                                pelt_span_of(kinds[i].text), kinds[i].https),
                         PELT_OK);
        send_all(&f);
        read_as_server(&f.sent, &got);
        assert_string_equal(got.data, kinds[i].fields);
        pelt_buf_deinit(&got);
        finish(&f);
    }
}

static void a_held_body_goes_as_it_is_released(void **state)
{
    struct fixture f;
    struct pelt_buf bytes = {0}, read = {0};
    char hints[10] = {0x08, 0x03, '1', '0', '3'}, go_on[10] = {0x08, 0x03, '1', '0', '0'};
    begin(&f, &usual);
    f.stream[0].body_held = SIZE_MAX;
    assert_int_equal(submit(&f, 0, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"),
                     PELT_OK);
    send_all(&f);
    read_as_server(&f.sent, &read);
    assert_null(strchr(read.data, '['));
    settings(&bytes, 100);
    frame(&bytes, HEADERS, END_HEADERS, 1, hints, 5);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    send_all(&f);
    assert_string_equal(told(&f), "");
    pelt_buf_reset(&bytes);
    frame(&bytes, HEADERS, END_HEADERS, 1, go_on, 5);
    assert_int_equal(pelt_h2_session_feed(f.session, bytes.data, bytes.len), PELT_OK);
    send_all(&f); /* two bytes were released by on_go_on() */
    pelt_h2_session_release(f.session, &f.stream[0], 100);
    assert_int_equal(f.stream[0].body_held, 0);
    send_all(&f);
    assert_string_equal(told(&f), "0 go on\n0 sent\n");
    static const char data[] = "\0\0\2\0\0\0\0\0\1he\0\0\3\0\1\0\0\0\1llo";
    assert_in_range(f.sent.len, sizeof data, 1000);
    assert_memory_equal(f.sent.data + f.sent.len - (sizeof data - 1), data, sizeof data - 1);
    pelt_buf_deinit(&bytes);
    pelt_buf_deinit(&read);
    finish(&f);
}

static void what_is_no_request_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "GET",
                                        "GET / HTTP/1.1",
                                        "GET / HTTP/1.1\r\n",
                                        "GET /\r\n\r\n",
                                        "GET / HTTP/1.1\r\nHost\r\n\r\n",
                                        "GET / HTTP/1.1\nHost: h\n\n",
                                        "\r\n\r\n"};
    struct fixture f;
    begin(&f, &usual);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(submit(&f, 0, texts[i]), PELT_EINVAL);
        assert_int_equal(f.stream[0].id, 0);
    }
    assert_int_equal(pelt_h2_session_open(f.session), 0);
    finish(&f);
}

/* ---- memory ---- */

/* False: memory was missing somewhere, and that was said. */
static bool live(const struct pelt_buf *bytes)
{
    struct fixture f = {.session = NULL};
    current = &f;
    enum pelt_status status = pelt_h2_session_new(&f.session, &usual, &ops, &f);
    if (status != PELT_OK) {
        assert_int_equal(status, PELT_ENOMEM);
        return false;
    }
    f.stream[0].want_head = true;
    status = run(&f, 2, bytes, 20);
    const bool whole = status == PELT_OK && pelt_h2_session_open(f.session) == 0;
    failing_malloc_at = failing_malloc_at >= 0 ? failing_malloc_at : -1;
    finish(&f);
    return whole;
}

static void each_allocation_may_fail(void **state)
{
    static const char *const fields[] = {"x", "y", NULL};
    struct pelt_buf bytes = {0};
    head(&bytes, 1, 0, fields);
    frame(&bytes, DATA, END_STREAM, 1, "hello", 5);
    head(&bytes, 3, END_STREAM, fields);
    long n = 0;
    for (bool left = false; !left; n++) {
        failing_malloc_at = n;
        live(&bytes);
        left = failing_malloc_at >= 0; /* more were allowed than were made */
        failing_malloc_at = -1;
    }
    assert_in_range(n, 20, 400);
    assert_true(live(&bytes));
    pelt_buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_told_as_it_was_asked_for),
        cmocka_unit_test(answers_are_the_same_in_every_split),
        cmocka_unit_test(an_answer_before_our_body_is_sent_ends_the_exchange),
        cmocka_unit_test(a_head_that_is_too_long_is_this_requests_fault_alone),
        cmocka_unit_test(resets_and_goaway_are_told_with_their_codes),
        cmocka_unit_test(bad_answers_end_their_own_stream_alone),
        cmocka_unit_test(a_head_beyond_a_limit_is_refused_and_the_connection_lives),
        cmocka_unit_test(what_costs_us_too_much_ends_the_connection),
        cmocka_unit_test(a_connection_that_breaks_the_rules_is_of_no_use),
        cmocka_unit_test(a_push_that_crossed_our_settings_is_refused),
        cmocka_unit_test(a_server_of_http1_is_named),
        cmocka_unit_test(one_stream_until_settings_then_as_many_as_they_say),
        cmocka_unit_test(a_held_stream_gets_no_room_until_it_goes_on),
        cmocka_unit_test(a_held_stream_gets_room_as_it_is_granted),
        cmocka_unit_test(a_request_goes_as_its_text_says),
        cmocka_unit_test(a_held_body_goes_as_it_is_released),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
