/* bench: the bytes of the one request, and what is refused before anything is sent. */
#include "bench.h"

#include "station.h"
#include "test.h"

struct fixture {
    struct pelt_station station;
    struct pelt_registry *registry;
    struct pelt_bench bench;
    struct pelt_bench_load *load;
    struct pelt_error err;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    struct pelt_station_options options = {.seed = 0};
    assert_int_equal(pelt_station_init(&f->station, &options, NULL), PELT_OK);
    f->registry = pelt_registry_new();
    f->bench = (struct pelt_bench){.method = "GET", .url = "http://example.test/a?b=1"};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_bench_free(f->load);
    pelt_registry_free(f->registry);
    pelt_station_deinit(&f->station);
    test_free(f);
    return 0;
}

static enum pelt_status make(struct fixture *f, const char *const *headers)
{
    return pelt_bench_new(&f->bench, 1, headers, f->station.client, f->registry, &f->load, &f->err);
}

static void assert_sends(struct fixture *f, const char *const *headers, const char *expected)
{
    assert_int_equal(make(f, headers), PELT_OK);
    assert_int_equal(f->load->request.len, strlen(expected));
    assert_memory_equal(f->load->request.bytes, expected, strlen(expected));
}

static void assert_refuses(struct fixture *f, const char *const *headers, const char *part)
{
    assert_int_equal(make(f, headers), PELT_EINVAL);
    assert_non_null(strstr(f->err.text, part));
    assert_null(f->load);
}

static void pipelining_needs_a_connection_that_stays(void **state)
{
    struct fixture *f = *state;
    static const char *const headers[] = {"Connection: close", NULL};
    assert_int_equal(
        pelt_bench_new(&f->bench, 4, headers, f->station.client, f->registry, &f->load, &f->err),
        PELT_EINVAL);
    assert_non_null(strstr(f->err.text, "--pipeline 4"));
    assert_int_equal(
        pelt_bench_new(&f->bench, 4, NULL, f->station.client, f->registry, &f->load, &f->err),
        PELT_OK);
    assert_int_equal(f->load->train.bytes.len, 4 * f->load->request.len);
}

static void request_is_the_plain_one(void **state)
{
    struct fixture *f = *state;
    assert_sends(f, NULL, "GET /a?b=1 HTTP/1.1\r\nHost: example.test\r\n\r\n");
    assert_string_equal(pelt_registry_name(f->registry, PELT_NAME_REQUEST, f->load->request.series),
                        "GET /a");
    assert_false(f->load->request.head);
    assert_false(f->load->request.keep);
}

static void port_that_is_not_80_is_in_the_host(void **state)
{
    struct fixture *f = *state;
    f->bench.url = "http://[::1]:8080";
    assert_sends(f, NULL, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n");
}

static void headers_are_added_in_their_order(void **state)
{
    struct fixture *f = *state;
    const char *const headers[] = {"A: 1", "B:  two ", NULL};
    assert_sends(f, headers, "GET /a?b=1 HTTP/1.1\r\nHost: example.test\r\nA: 1\r\nB: two\r\n\r\n");
}

static void host_header_replaces_the_origins(void **state)
{
    struct fixture *f = *state;
    const char *const headers[] = {"A: 1", "host: other.test", NULL};
    assert_sends(f, headers, "GET /a?b=1 HTTP/1.1\r\nHost: other.test\r\nA: 1\r\n\r\n");
}

static void body_comes_with_its_length(void **state)
{
    struct fixture *f = *state;
    f->bench.method = "POST";
    f->bench.body = "x\0y";
    f->bench.body_len = 3;
    static const char expected[] = "POST /a?b=1 HTTP/1.1\r\nHost: example.test\r\n"
                                   "Content-Length: 3\r\n\r\nx\0y";
    assert_int_equal(make(f, NULL), PELT_OK);
    assert_int_equal(f->load->request.len, sizeof(expected) - 1);
    assert_memory_equal(f->load->request.bytes, expected, sizeof(expected) - 1);
}

static void head_expects_no_body(void **state)
{
    struct fixture *f = *state;
    f->bench.method = "HEAD";
    assert_sends(f, NULL, "HEAD /a?b=1 HTTP/1.1\r\nHost: example.test\r\n\r\n");
    assert_true(f->load->request.head);
}

static void connection_close_is_not_kept(void **state)
{
    struct fixture *f = *state;
    const char *const headers[] = {"connection: Close", NULL};
    assert_int_equal(make(f, headers), PELT_OK);
    assert_true(f->load->request.close);
}

static void bad_headers_are_refused_by_name(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[][2] = {
        {"no colon", "no colon"},
        {"Bad Name: x", "Bad Name"},
        {"A: x\r\nB: y", "A"},
        {": x", ""},
        {"Content-Length: 3", "Content-Length"},
        {"Host: a\r\nB: y", ""},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *const headers[] = {bad[i][0], NULL};
        assert_refuses(f, headers, bad[i][1]);
    }
}

static void bad_urls_and_methods_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"example.test", "ftp://x/",   "http://", "http://x:0/",
                                      "http://x/a b", "https://x/", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        f->bench.url = bad[i];
        assert_refuses(f, NULL, "");
    }
    f->bench.url = "http://x/";
    f->bench.method = "G ET";
    assert_refuses(f, NULL, "G ET");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_is_the_plain_one),
        TEST(port_that_is_not_80_is_in_the_host),
        TEST(pipelining_needs_a_connection_that_stays),
        TEST(port_that_is_not_80_is_in_the_host),
        TEST(headers_are_added_in_their_order),
        TEST(host_header_replaces_the_origins),
        TEST(body_comes_with_its_length),
        TEST(head_expects_no_body),
        TEST(connection_close_is_not_kept),
        TEST(bad_headers_are_refused_by_name),
        TEST(bad_urls_and_methods_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
