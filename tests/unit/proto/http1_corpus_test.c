/*
 * http1_corpus: llhttp's own response vectors, judged by outcome: status, fields, body, complete or
 * not, refused or not; whole, byte by byte and split at every offset. The vectors are of a newer
 * llhttp than some systems have, and some ask for its lenient modes, which pelt does not use; those
 * whose outcome is another one here are listed with the reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "http1_outcome.h"

static const struct difference {
    const char *name; /* the vector's last part */
    bool refused;     /* here; the outcome is not compared further */
    const char *why;
} differences[] = {
#if LLHTTP_VERSION_MAJOR < 9 || (LLHTTP_VERSION_MAJOR == 9 && LLHTTP_VERSION_MINOR < 3)
    {"Tabs in `Content-Length` (surrounding)", true,
     "before 9.3 llhttp knows only spaces behind a length; refusing a valid head is the safe side"},
#endif
    {"Only LFs present and no body (lenient)", true, "lenient: a field line needs its CR"},
    {"No carriage ret (lenient)", true, "lenient: a field line needs its CR"},
    {"Invalid HTTP version (lenient)", true, "lenient: there is no HTTP/5.6"},
    {"HTTP version 0.9", true, "HTTP/0.9 has no status line; only HTTP/1.x is read"},
    {"Invalid OBS fold after chunked value", true, "lenient: a fold that undoes the framing"},
    {"`chunked` before other transfer-encoding", true, "a last coding that no client asked for"},
    {"`chunkedchunked` transfer-encoding", true, "a last coding that nobody knows"},
};

static json_t *load(void)
{
    const char *corpora = getenv("PELT_CORPORA");
    char path[1024];
    snprintf(path, sizeof(path), "%s/llhttp/vectors.json",
             corpora != NULL ? corpora : "../shared/corpora");
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        print_message("skipped: no corpus at %s (PELT_CORPORA names its folder)\n", path);
        skip();
    }
    return root;
}

static struct pelt_buf bytes_of(const char *hex)
{
    struct pelt_buf bytes = {0};
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'}, byte = (char)strtoul(digits, NULL, 16);
        pelt_buf_add(&bytes, &byte, 1);
    }
    return bytes;
}

/* What a log of llhttp's callbacks says, as text of http1_outcome. */
struct expectation {
    struct pelt_span bytes;
    struct pelt_buf text, fields, body;
    struct pelt_span name, value;
    int status; /* of the message whose body comes; 0: none */
    bool refused;
};

static void end_field(struct expectation *e)
{
    if (e->name.len > 0) {
        outcome_add_field(&e->fields, e->name, pelt_span_trim(e->value));
    }
    e->name = e->value = pelt_span(NULL, 0);
}

static void end_message(struct expectation *e, bool complete)
{
    if (e->status >= 200 || e->status == 101) {
        pelt_buf_addf(&e->text, "%d %s", e->status, e->fields.len > 0 ? e->fields.data : "");
        outcome_add_body(&e->text, pelt_span(e->body.data, e->body.len), complete);
    }
    e->status = 0;
    pelt_buf_reset(&e->fields);
    pelt_buf_reset(&e->body);
}

static bool find_number(const char *line, const char *key, size_t *number)
{
    const char *at = strstr(line, key);
    if (at != NULL) {
        *number = strtoul(at + strlen(key), NULL, 10);
    }
    return at != NULL;
}

static void read_span(struct expectation *e, const char *line, size_t offset, size_t len)
{
    struct pelt_span span = pelt_span(e->bytes.ptr + offset, len);
    if (strstr(line, "span[header_field]") != NULL && e->status == 0) {
        e->name = span;
    } else if (strstr(line, "span[header_value]") != NULL && e->status == 0) {
        /* A folded value comes in two spans; what lies between belongs to it. */
        const char *begin = e->value.ptr != NULL ? e->value.ptr : span.ptr;
        e->value = pelt_span(begin, (size_t)(span.ptr + span.len - begin));
    } else if (strstr(line, "span[body]") != NULL) {
        pelt_buf_add(&e->body, span.ptr, span.len);
    }
}

static void read_line(struct expectation *e, const char *line)
{
    size_t offset = 0, number = 0;
    find_number(line, "off=", &offset);
    if (find_number(line, " len=", &number) && strstr(line, "span[") != NULL) {
        read_span(e, line, offset, number);
    } else if (strstr(line, "header_value complete") != NULL) {
        if (e->status == 0) {
            end_field(e);
        }
    } else if (strstr(line, "headers complete") != NULL && find_number(line, "status=", &number)) {
        e->status = (int)number;
    } else if (strstr(line, "message complete") != NULL) {
        end_message(e, true);
    } else if (find_number(line, "error code=", &number)) {
        /* Not refusals: 5 is data after "Connection: close", 22 the stop at another protocol. */
        e->refused = number != 5 && number != 22;
    }
}

static struct pelt_buf expected_of(const json_t *log, struct pelt_span bytes, bool *refused)
{
    struct expectation e = {.bytes = bytes};
    size_t i;
    json_t *line;
    json_array_foreach(log, i, line)
    {
        read_line(&e, json_string_value(line));
    }
    if (e.status != 0) {
        end_message(&e, false);
    }
    if (e.refused) {
        pelt_buf_add_str(&e.text, "refused\n");
    }
    *refused = e.refused;
    pelt_buf_deinit(&e.fields);
    pelt_buf_deinit(&e.body);
    return e.text;
}

static const struct difference *difference_of(const char *name)
{
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        if (strstr(name, differences[i].name) != NULL) {
            return &differences[i];
        }
    }
    return NULL;
}

static bool check_case(const json_t *vector)
{
    const char *name = json_string_value(json_object_get(vector, "name"));
    const json_t *meta = json_object_get(vector, "meta");
    bool head_request = json_is_true(json_object_get(meta, "skipBody")), refused = false;
    struct pelt_buf bytes = bytes_of(json_string_value(json_object_get(vector, "hex")));
    struct pelt_span span = pelt_span(bytes.data, bytes.len);
    struct pelt_buf expected = expected_of(json_object_get(vector, "log"), span, &refused),
                    got = {0};
    const struct difference *difference = difference_of(name);
    enum pelt_http1_answer answer = outcome_of_every_split(span, head_request, &got);
    bool was_refused = answer != PELT_HTTP1_MORE && answer != PELT_HTTP1_DONE;
    bool same =
        got.len == expected.len && (got.len == 0 || memcmp(got.data, expected.data, got.len) == 0);
    bool right = difference != NULL ? was_refused == difference->refused && !same : same;
    if (!right) {
        print_error("%s%s\nexpected:\n%sgot:\n%s\n", name,
                    difference != NULL ? " (listed as different)" : "",
                    expected.len > 0 ? expected.data : "", got.len > 0 ? got.data : "");
    }
    pelt_buf_deinit(&bytes);
    pelt_buf_deinit(&expected);
    pelt_buf_deinit(&got);
    return right;
}

static void vectors_have_their_outcome_in_every_split(void **state)
{
    json_t *root = load(), *vector;
    size_t i, wrong = 0, count = 0;
    json_array_foreach(json_object_get(root, "cases"), i, vector)
    {
        const char *type =
            json_string_value(json_object_get(json_object_get(vector, "meta"), "type"));
        if (strncmp(type, "response", strlen("response")) == 0) {
            count++;
            wrong += check_case(vector) ? 0 : 1;
        }
    }
    json_decref(root);
    print_message("%zu vectors\n", count);
    assert_true(count > 0);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_have_their_outcome_in_every_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
