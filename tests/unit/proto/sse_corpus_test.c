/*
 * sse_corpus: the event streams of web-platform-tests, whole, byte by byte and split at every
 * place.
 */
#include "test.h"

#include <jansson.h>

#include "sse_events.h"

static json_t *load(void)
{
    const char *corpora = getenv("PELT_CORPORA");
    char path[1024];
    snprintf(path, sizeof(path), "%s/sse/wpt-vectors.json",
             corpora != NULL ? corpora : "../shared/corpora");
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
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

static struct pelt_span text(const json_t *event, size_t i)
{
    const json_t *value = json_array_get(event, i);
    return pelt_span(json_string_value(value), json_string_length(value));
}

static bool check_case(const json_t *vector)
{
    const char *name = json_string_value(json_object_get(vector, "name"));
    struct pelt_buf bytes = bytes_of(json_string_value(json_object_get(vector, "input_hex")));
    struct pelt_buf expected = {0}, got = {0};
    const json_t *event;
    size_t i;
    json_array_foreach(json_object_get(vector, "events"), i, event)
    {
        add_event(&expected, text(event, 0), text(event, 1), text(event, 2));
    }
    bool same;
    enum pelt_status status = read_every_split(pelt_span(bytes.data, bytes.len), &got, &same);
    bool right = status == PELT_OK && same && same_text(&got, &expected);
    if (!right) {
        print_error("%s\nexpected:\n%sgot%s:\n%s\n", name, expected.len > 0 ? expected.data : "",
                    same ? "" : ", and other events in other splits", got.len > 0 ? got.data : "");
    }
    pelt_buf_deinit(&bytes);
    pelt_buf_deinit(&expected);
    pelt_buf_deinit(&got);
    return right;
}

static void vectors_have_their_events_in_every_split(void **state)
{
    json_t *root = load(), *vector;
    size_t i, wrong = 0, count = 0;
    json_array_foreach(json_object_get(root, "cases"), i, vector)
    {
        count++;
        wrong += check_case(vector) ? 0 : 1;
    }
    json_decref(root);
    print_message("%zu vectors\n", count);
    assert_true(count > 0);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_have_their_events_in_every_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
