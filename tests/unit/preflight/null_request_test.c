/* null_request: where requests end, however their bytes are cut into pieces. */
#include "test.h"

#include <string.h>

#include "null_request.h"

/* How many requests end in `text`, fed in pieces of `step` bytes; `heads`: how many were HEAD. */
static int ends(const char *text, size_t step, int *heads)
{
    struct pelt_null_request r = {.state = PELT_NULL_START};
    const size_t len = strlen(text);
    int n = 0;
    *heads = 0;
    for (size_t at = 0; at < len;) {
        const size_t piece = len - at < step ? len - at : step;
        for (size_t taken = 0; taken < piece;) {
            bool ended;
            taken += pelt_null_request_read(&r, text + at + taken, piece - taken, &ended);
            n += ended;
            *heads += ended && r.head;
        }
        at += piece;
    }
    return n;
}

static void assert_ends(const char *text, int expected, int expected_heads)
{
    for (size_t step = 1; step <= strlen(text); step++) {
        int heads;
        assert_int_equal(ends(text, step, &heads), expected);
        assert_int_equal(heads, expected_heads);
    }
}

static void a_request_without_a_body_ends_with_its_head(void **state)
{
    assert_ends("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1, 0);
    assert_ends("GET / HTTP/1.1\r\nHost: a\r\n", 0, 0);
    assert_ends("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 1, 1);
    assert_ends("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 1, 0);
}

static void a_body_of_known_length_is_passed_over(void **state)
{
    assert_ends("POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1, 0);
    assert_ends("POST / HTTP/1.1\r\ncontent-length:5\r\n\r\nabcd", 0, 0);
}

static void a_chunked_body_is_passed_over(void **state)
{
    assert_ends("PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
                "5\r\n\r\n\r\n \r\nA;x=1\r\n0123456789\r\n0\r\n\r\n",
                1, 0);
    assert_ends("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: 1\r\n\r\n", 1,
                0);
    assert_ends("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", 0, 0);
}

static void requests_follow_each_other(void **state)
{
    assert_ends("HEAD / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok"
                "\r\nGET / HTTP/1.1\r\n\r\n",
                3, 1);
}

static void lines_longer_than_what_is_kept_are_passed_over(void **state)
{
    char text[5000];
    char path[2000];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    snprintf(text, sizeof text, "GET /%s HTTP/1.1\r\nX-Long: %s\r\nContent-Length: 3\r\n\r\nabc",
             path, path);
    int heads;
    assert_int_equal(ends(text, 1, &heads), 1);
    assert_int_equal(ends(text, 100, &heads), 1);
    assert_int_equal(ends(text, sizeof text, &heads), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_a_body_ends_with_its_head),
        cmocka_unit_test(a_body_of_known_length_is_passed_over),
        cmocka_unit_test(a_chunked_body_is_passed_over),
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(lines_longer_than_what_is_kept_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
