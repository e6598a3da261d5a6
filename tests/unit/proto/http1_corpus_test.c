/*
 * http1_corpus: llhttp's own response vectors, judged by outcome: status, fields, body, complete or
 * not, what the end of the connection makes of it, refused with which class and error; whole, byte
 * by byte and split at every offset. The vectors are of a newer llhttp than some systems have, and
 * some ask for its lenient modes, which pelt does not use; those whose outcome is another one here
 * are listed with the reason, and docs/HTTP1.md has that list.
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

#define NOT_CHUNKED "refused bad_response Transfer-Encoding does not end with chunked, once"
#define FORBIDDEN   "refused bad_response A body is announced where a 1xx or 204 has none"
#define TOKEN       "refused bad_response HPE_INVALID_HEADER_TOKEN"
#define LENGTH      "refused bad_response HPE_INVALID_CONTENT_LENGTH"
#define NO_CR       "refused bad_response HPE_CR_EXPECTED"
#define VERSION     "refused bad_response HPE_INVALID_VERSION"
#define NOT_1       "refused bad_response The answer is not of HTTP/1.0 or HTTP/1.1"
#define STATUS      "refused bad_response The status is below 100"

enum { LLHTTP_8, LLHTTP_9_2, LLHTTP_9_3, LLHTTPS };
static const int llhttp = LLHTTP_VERSION_MAJOR < 9                                ? LLHTTP_8
                          : LLHTTP_VERSION_MAJOR == 9 && LLHTTP_VERSION_MINOR < 3 ? LLHTTP_9_2
                                                                                  : LLHTTP_9_3;

/* Each is a row of docs/HTTP1.md, too. */
static const struct difference {
    const char *name;          /* the vector's whole name */
    const char *ours[LLHTTPS]; /* the outcome's last line here; NULL: as the vector has it */
    const char *why;
} differences[] = {
    {"Tabs in `Content-Length` (surrounding)",
     {LENGTH, LENGTH, NULL},
     "these know no tabs behind a length; refusing a valid head is the safe side"},
    {"Invalid space after start line / Extra space between HTTP version and status code",
     {STATUS, NULL, NULL},
     "refused by both, under another name"},
    {"No carriage ret", {TOKEN, NULL, NULL}, "refused by both, under another name"},
    {"Invalid space after start line / Only LFs present and no body (lenient)",
     {TOKEN, NO_CR, NO_CR},
     "lenient: a line needs its CR"},
    {"No carriage ret (lenient)", {TOKEN, NO_CR, NO_CR}, "lenient: a line needs its CR"},
    {"Invalid OBS fold after chunked value",
     {NOT_CHUNKED, TOKEN, TOKEN},
     "lenient: a fold that undoes the framing"},
    {"Invalid HTTP version (lenient)",
     {VERSION, VERSION, VERSION},
     "lenient: there is no HTTP/5.6"},
    {"HTTP version 0.9",
     {NOT_1, NOT_1, NOT_1},
     "HTTP/0.9 has no status line; HTTP/1.0 and 1.1 are read"},
    {"HTTP 101 response with Upgrade and Content-Length header",
     {FORBIDDEN, FORBIDDEN, FORBIDDEN},
     "RFC 9110 section 8.6 forbids a length in a 1xx or 204"},
    {"`chunked` before other transfer-encoding",
     {NOT_CHUNKED, NOT_CHUNKED, NOT_CHUNKED},
     "a last coding that no client asked for"},
    {"`chunkedchunked` transfer-encoding does not enable chunked enconding",
     {NOT_CHUNKED, NOT_CHUNKED, NOT_CHUNKED},
     "a last coding that nobody knows"},
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
    int status;        /* of the message whose body comes; 0: none */
    bool begun;        /* a message, which is not complete */
    bool delimited;    /* its body, by a length or chunks */
    const char *error; /* NULL: it is not refused */
    bool in_body;      /* the refusal came there */
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

static void find_hex(const char *line, const char *key, size_t *number)
{
    const char *at = strstr(line, key);
    *number = at != NULL ? strtoul(at + strlen(key), NULL, 16) : 0;
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
        size_t flags = 0;
        e->status = (int)number;
        find_hex(line, "flags=", &flags);
        e->delimited = (flags & (F_CONTENT_LENGTH | F_TRANSFER_ENCODING)) != 0;
    } else if (strstr(line, "message begin") != NULL) {
        e->begun = true;
    } else if (strstr(line, "message complete") != NULL) {
        e->begun = false;
        end_message(e, true);
    } else if (find_number(line, "error code=", &number)) {
        /* Not refusals: data after "Connection: close", and the stop at another protocol. */
        bool refused = number != HPE_CLOSED_CONNECTION && number != HPE_PAUSED_UPGRADE;
        e->error = refused ? llhttp_errno_name((llhttp_errno_t)number) : NULL;
        e->in_body = e->status != 0;
    }
}

static struct pelt_buf expected_of(const json_t *log, struct pelt_span bytes)
{
    struct expectation e = {.bytes = bytes};
    size_t i;
    json_t *line;
    json_array_foreach(log, i, line)
    {
        read_line(&e, json_string_value(line));
    }
    bool open = e.status != 0;
    if (open) {
        end_message(&e, false);
    }
    if (e.error != NULL) {
        pelt_buf_addf(&e.text, "refused %s %s\n", e.in_body ? "bad_body" : "bad_response", e.error);
    } else if (open) {
        pelt_buf_add_str(&e.text, e.delimited ? "cut off: bad_body\n"
                                              : "complete by the end of the connection\n");
    } else if (e.begun) {
        pelt_buf_add_str(&e.text, "cut off: bad_response\n");
    }
    pelt_buf_deinit(&e.fields);
    pelt_buf_deinit(&e.body);
    return e.text;
}

#define DIFFERENCES (sizeof(differences) / sizeof(differences[0]))
static bool met[DIFFERENCES];

static const struct difference *difference_of(const char *name)
{
    for (size_t i = 0; i < DIFFERENCES; i++) {
        if (strcmp(name, differences[i].name) == 0) {
            met[i] = true;
            return &differences[i];
        }
    }
    return NULL;
}

/* The outcome's last line, without its end. */
static struct pelt_span last_line(const struct pelt_buf *text)
{
    size_t end = text->len > 0 ? text->len - 1 : 0, begin = end;
    while (begin > 0 && text->data[begin - 1] != '\n') {
        begin--;
    }
    return pelt_span(text->data + begin, end - begin);
}

static bool check_case(const json_t *vector)
{
    const char *name = json_string_value(json_object_get(vector, "name"));
    const json_t *meta = json_object_get(vector, "meta");
    bool head_request = json_is_true(json_object_get(meta, "skipBody"));
    struct pelt_buf bytes = bytes_of(json_string_value(json_object_get(vector, "hex")));
    struct pelt_span span = pelt_span(bytes.data, bytes.len);
    struct pelt_buf expected = expected_of(json_object_get(vector, "log"), span), got = {0};
    const struct difference *difference = difference_of(name);
    const char *ours = difference != NULL ? difference->ours[llhttp] : NULL;
    outcome_of_every_split_and_end(span, head_request, &got);
    bool same =
        got.len == expected.len && (got.len == 0 || memcmp(got.data, expected.data, got.len) == 0);
    bool right = ours != NULL ? !same && pelt_span_eq(last_line(&got), ours) : same;
    if (!right) {
        print_error("%s%s\nexpected:\n%sgot:\n%s\n", name,
                    ours != NULL ? " (listed as different)" : "",
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
    for (i = 0; i < DIFFERENCES; i++) {
        if (!met[i]) {
            fail_msg("no vector is called \"%s\"", differences[i].name);
        }
    }
}

static void the_differences_are_documented(void **state)
{
    struct pelt_buf text = {0};
    char bytes[4096];
    FILE *doc = fopen("docs/HTTP1.md", "r");
    assert_non_null(doc);
    for (size_t n; (n = fread(bytes, 1, sizeof(bytes), doc)) > 0;) {
        assert_int_equal(pelt_buf_add(&text, bytes, n), PELT_OK);
    }
    fclose(doc);
    for (size_t i = 0; i < DIFFERENCES; i++) {
        char row[512];
        const struct difference *d = &differences[i];
        size_t len = (size_t)snprintf(row, sizeof(row), "| %s |", d->name);
        for (int version = 0; version < LLHTTPS; version++) {
            len += (size_t)snprintf(row + len, sizeof(row) - len, " %s |",
                                    d->ours[version] != NULL ? d->ours[version] : "-");
        }
        snprintf(row + len, sizeof(row) - len, " %s |\n", d->why);
        if (strstr(text.data, row) == NULL) {
            fail_msg("docs/HTTP1.md lacks the row\n%s", row);
        }
    }
    pelt_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_have_their_outcome_in_every_split),
        cmocka_unit_test(the_differences_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
