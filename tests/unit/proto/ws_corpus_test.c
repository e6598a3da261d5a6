/*
 * ws_corpus: the Autobahn suite's cases for clients, replayed: the server's bytes, whole entries or
 * byte by byte, to a client that echoes messages, answers pings and closes. Judged as the suite
 * does: by what the client answered (exactly one of `expected`, whose name is the verdict), who
 * closed, with which code, and whether both closed properly. The client is a stand-in around reader
 * and writer, which echoes at once; tests/integration/test_autobahn.py has the real one.
 */
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pelt/ws_reader.h"
#include "pelt/ws_writer.h"
#include "ws_outcome.h"

#define CORPUS_MAX     (16 << 20)
#define MESSAGE_MAX    (16 << 20)
#define ANSWERS_MAX    64
#define NON_STRICT_MAX 0.04

static json_t *load(void)
{
    const char *corpora = getenv("PELT_CORPORA");
    char path[1024], *text = malloc(CORPUS_MAX);
    snprintf(path, sizeof path, "%s/autobahn/client-cases.json.gz",
             corpora != NULL ? corpora : "../shared/corpora");
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        free(text);
        print_message("skipped: no corpus at %s (PELT_CORPORA names its folder)\n", path);
        skip();
    }
    int len = gzread(file, text, CORPUS_MAX);
    gzclose(file);
    assert_in_range(len, 1, CORPUS_MAX - 1);
    json_error_t error;
    json_t *root = json_loadb(text, (size_t)len, JSON_ALLOW_NUL, &error);
    free(text);
    if (root == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return root;
}

/* ---- the client ---- */

struct answer {       /* what the suite's server would note */
    const char *what; /* message, pong, timeout */
    struct pelt_buf data;
    bool binary;
};

struct client {
    struct pelt_ws_pool *pool;
    struct pelt_rng rng;
    struct pelt_ws_reader reader;
    struct pelt_ws_writer writer;
    struct pelt_buf out;
    struct answer answers[ANSWERS_MAX];
    size_t answered;
    unsigned close_code; /* that it sent; 0: none, or no code in it */
    unsigned frames;     /* that it sent */
    bool has_closed, is_clean;
};

static void start(struct client *c)
{
    static const struct pelt_ws_deflate_terms none = {.deflate = false};
    memset(c, 0, sizeof *c);
    assert_int_equal(pelt_ws_pool_new(&c->pool), PELT_OK);
    pelt_rng_init(&c->rng, 1, 1);
    pelt_ws_reader_init(&c->reader, c->pool, MESSAGE_MAX, &none);
    pelt_ws_writer_init(&c->writer, c->pool, &c->rng, &none);
}

static void stop(struct client *c)
{
    for (size_t i = 0; i < c->answered; i++) {
        pelt_buf_deinit(&c->answers[i].data);
    }
    pelt_ws_reader_deinit(&c->reader);
    pelt_ws_writer_deinit(&c->writer);
    pelt_ws_pool_free(c->pool);
    pelt_buf_deinit(&c->out);
}

static void note(struct client *c, const char *what, struct pelt_span data, bool binary)
{
    assert_true(c->answered < ANSWERS_MAX);
    struct answer *a = &c->answers[c->answered++];
    a->what = what;
    a->binary = binary;
    pelt_buf_add(&a->data, data.ptr, data.len);
}

static void respond(struct client *c, enum pelt_ws_kind kind, const struct pelt_ws_event *event)
{
    enum pelt_status status = PELT_OK;
    switch (kind) {
    case PELT_WS_TEXT:
        status = pelt_ws_write_text(&c->writer, &c->out, event->data);
        note(c, "message", event->data, false);
        break;
    case PELT_WS_BINARY:
        status = pelt_ws_write_binary(&c->writer, &c->out, event->data);
        note(c, "message", event->data, true);
        break;
    case PELT_WS_PING:
        status = pelt_ws_write_pong(&c->writer, &c->out, event->data);
        note(c, "pong", event->data, false);
        break;
    case PELT_WS_CLOSE:
        c->is_clean = true;
        /* fall through */
    case PELT_WS_FAILED:
        status = pelt_ws_write_close(&c->writer, &c->out, event->code, pelt_span("", 0));
        c->has_closed = true;
        c->close_code = event->code != PELT_WS_CODE_NONE ? event->code : 0;
        break;
    default:
        return;
    }
    assert_int_equal(status, PELT_OK);
    pelt_buf_reset(&c->out);
    c->frames++;
}

static void feed(struct client *c, struct pelt_span bytes, bool singly)
{
    for (size_t at = 0; at < bytes.len;) {
        size_t n = singly ? 1 : bytes.len;
        struct pelt_span in = pelt_span(bytes.ptr + at, n);
        struct pelt_ws_event event;
        enum pelt_ws_kind kind;
        while ((kind = pelt_ws_reader_next(&c->reader, &in, &event)) != PELT_WS_MORE) {
            respond(c, kind, &event);
        }
        at += n;
    }
}

/* ---- the judgement ---- */

static bool is_text(const struct pelt_buf *data, const char *text, size_t len, bool is_whole)
{
    return (is_whole ? data->len == len : data->len >= len) &&
           (len == 0 || memcmp(data->data, text, len) == 0);
}

/* "text", "text ...", "0xfe00", "0xfe ...": all, or how it begins. */
static bool is_shown_as(const struct pelt_buf *data, const json_t *string)
{
    const char *shown = json_string_value(string);
    size_t len = json_string_length(string); /* a NUL may be in it */
    bool is_whole = len < 4 || strcmp(shown + len - 4, " ...") != 0;
    len -= is_whole ? 0 : 4;
    if (is_text(data, shown, len, is_whole)) {
        return true;
    }
    if (strncmp(shown, "0x", 2) != 0) {
        return false;
    }
    char *hex = strndup(shown + 2, (len - 2) / 2 * 2);
    struct pelt_buf bytes = ws_bytes_of(hex);
    bool same = is_text(data, bytes.data, bytes.len, is_whole);
    pelt_buf_deinit(&bytes);
    free(hex);
    return same;
}

static bool is_answer(const struct answer *a, const json_t *event)
{
    const char *what = json_string_value(json_array_get(event, 0));
    return strcmp(a->what, what) == 0 && is_shown_as(&a->data, json_array_get(event, 1)) &&
           (strcmp(what, "message") != 0 || json_is_true(json_array_get(event, 2)) == a->binary);
}

/* The verdict whose list of events is just what happened; "FAILED": none's. */
static const char *verdict_of(const struct client *c, const json_t *item)
{
    static const char *const verdicts[] = {"OK", "NON-STRICT"};
    const json_t *expected = json_object_get(item, "expected");
    const char *by_suite = json_string_value(json_object_get(item, "reference_behavior"));
    for (size_t i = 0; i < 2; i++) {
        const json_t *events = json_object_get(expected, verdicts[i]);
        bool same = events != NULL && json_array_size(events) == c->answered;
        for (size_t k = 0; same && k < c->answered; k++) {
            same = is_answer(&c->answers[k], json_array_get(events, k));
        }
        if (same) {
            return verdicts[i];
        }
    }
    /* To the suite itself anything goes there: 7.1.6 sends two messages and lists one. */
    return strcmp(by_suite, "INFORMATIONAL") == 0 ? by_suite : "FAILED";
}

static bool is_code(const json_t *codes, unsigned code)
{
    size_t i;
    json_t *allowed;
    json_array_foreach(codes, i, allowed)
    {
        if (json_integer_value(allowed) == code) {
            return true;
        }
    }
    return false;
}

/* `last`: the server had sent all it sent when the client closed. */
static bool closed_well(const struct client *c, const json_t *expected, bool last)
{
    bool server_first = json_is_true(json_object_get(expected, "closedByMe"));
    return c->has_closed && last == server_first &&
           (c->is_clean || !json_is_true(json_object_get(expected, "requireClean"))) &&
           (c->close_code == 0 || is_code(json_object_get(expected, "closeCode"), c->close_code));
}

static bool is_kind(const json_t *event, const char *kind)
{
    return strcmp(json_string_value(json_array_get(event, 0)), kind) == 0;
}

static size_t last_of_server(const json_t *events)
{
    size_t last = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        last = is_kind(json_array_get(events, i), "s") ? i : last;
    }
    return last;
}

/* "OK", "NON-STRICT", "INFORMATIONAL" or "FAILED". */
static const char *replay(const json_t *item, bool singly)
{
    static const char *const stages[] = {"A", "B"};
    const json_t *events = json_object_get(item, "events");
    const json_t *expected = json_object_get(item, "expected");
    /* Cases 6.4: the server notes how many of its pieces the client let it send. */
    const json_t *first = json_array_get(json_object_get(expected, "OK"), 0);
    bool is_staged = first != NULL && is_kind(first, "timeout"), waits = false;
    size_t closed_at = 0, pieces = 0, awaited = 0;
    struct client c;
    start(&c);
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        bool had_closed = c.has_closed;
        if (is_kind(event, "s")) {
            if (is_staged && !c.has_closed && pieces > 0 && pieces <= 2) {
                note(&c, "timeout", pelt_span_of(stages[pieces - 1]), false);
            }
            pieces++;
            struct pelt_buf bytes = ws_bytes_of(json_string_value(json_array_get(event, 1)));
            feed(&c, pelt_span(bytes.data, bytes.len), singly);
            pelt_buf_deinit(&bytes);
        } else if (is_kind(event, "c")) {
            waits |= c.frames <= awaited++; /* the server would, for ever */
        }
        closed_at = c.has_closed && !had_closed ? i : closed_at;
    }
    const char *verdict = verdict_of(&c, item);
    bool well = closed_well(&c, json_object_get(item, "expectedClose"),
                            closed_at == last_of_server(events));
    stop(&c);
    return well && !waits ? verdict : "FAILED";
}

static void judge_all(bool singly)
{
    json_t *root = load(), *item;
    size_t i, failed = 0, lax = 0, count = 0;
    json_array_foreach(json_object_get(root, "cases"), i, item)
    {
        const char *verdict = replay(item, singly);
        count++;
        failed += strcmp(verdict, "FAILED") == 0;
        lax += strcmp(verdict, "NON-STRICT") == 0;
        if (strcmp(verdict, "OK") != 0) {
            print_error("%s %s: %s\n", json_string_value(json_object_get(item, "case")), verdict,
                        json_string_value(json_object_get(item, "description")));
        }
    }
    json_decref(root);
    print_message("%zu cases: %zu FAILED, %zu NON-STRICT\n", count, failed, lax);
    assert_true(count > 0);
    assert_int_equal(failed, 0);
    assert_true((double)lax <= NON_STRICT_MAX * (double)count);
}

static void cases_pass_as_they_came(void **state)
{
    judge_all(false);
}

static void cases_pass_byte_by_byte(void **state)
{
    judge_all(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_pass_as_they_came),
        cmocka_unit_test(cases_pass_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
