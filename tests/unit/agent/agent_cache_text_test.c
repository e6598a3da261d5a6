/* Samples from lines, good and bad, of each format. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "cache_samples.h"
#include "cache_text.h"

static void expect(cache_text_fn format, const char *line, bool is_good, const char *samples)
{
    struct pelt_buf got = {0};

    assert_int_equal(format(pelt_span_of(line), write_sample, &got), is_good);
    assert_string_equal(got.data ? got.data : "", samples);
    pelt_buf_deinit(&got);
}

static void numbers_fill_their_text(void **state)
{
    double n;

    assert_true(cache_number(pelt_span_of("12"), &n) && n == 12);
    assert_true(cache_number(pelt_span_of("-1.5e+09"), &n) && n == -1.5e9);
    assert_true(cache_number(pelt_span_of("+Inf"), &n) && isinf(n));
    assert_true(cache_number(pelt_span_of("NaN"), &n) && isnan(n));
    assert_false(cache_number(pelt_span_of(""), &n));
    assert_false(cache_number(pelt_span_of(" 1"), &n));
    assert_false(cache_number(pelt_span_of("1 "), &n));
    assert_false(cache_number(pelt_span_of("12k"), &n));
    assert_false(cache_number(pelt_span("1\0002", 3), &n));
}

static void prometheus_lines(void **state)
{
    expect(cache_text_prometheus, "hits_total 12", true, "hits_total 12;");
    expect(cache_text_prometheus, "  vllm:hits{a=\"x\",b=\"}\\\"{\"} 1.5e+3 1763790000", true,
           "vllm:hits{a=\"x\",b=\"}\\\"{\"} 1.5e+3;");
    expect(cache_text_prometheus, "hits {a=\"x\"}\t3 # {trace_id=\"1\"} 0.5", true,
           "hits{a=\"x\"} 3;");
    expect(cache_text_prometheus, "", true, "");
    expect(cache_text_prometheus, "# HELP hits Number of hits", true, "");
    expect(cache_text_prometheus, "# TYPE hits counter", true, "hits?;");
    expect(cache_text_prometheus, "# TYPE used gauge", true, "");
    expect(cache_text_prometheus, "# EOF", true, "");
    expect(cache_text_prometheus, "<html>", false, "");
    expect(cache_text_prometheus, "hits", false, "");
    expect(cache_text_prometheus, "hits{a=\"x\" 3", false, "");
    expect(cache_text_prometheus, "hits{a=\"x} 3", false, "");
    expect(cache_text_prometheus, "{\"hits\",a=\"x\"} 3", false, "");
}

static void labels_are_walked_and_compared(void **state)
{
    struct pelt_span labels = pelt_span_of(" a = \"1\", b=\"x\\\"\\\\\\ny\",c=\"\"");
    struct pelt_span name, value;
    size_t pos = 0;

    assert_true(cache_text_label(labels, &pos, &name, &value));
    assert_true(pelt_span_eq(name, "a") && cache_text_label_is(value, pelt_span_of("1")));
    assert_true(cache_text_label(labels, &pos, &name, &value));
    assert_true(pelt_span_eq(name, "b"));
    assert_true(cache_text_label_is(value, pelt_span_of("x\"\\\ny")));
    assert_false(cache_text_label_is(value, pelt_span_of("x\"\\\n")));
    assert_false(cache_text_label_is(value, pelt_span_of("x\"\\\nyz")));
    assert_true(cache_text_label(labels, &pos, &name, &value));
    assert_true(pelt_span_eq(name, "c") && cache_text_label_is(value, pelt_span_of("")));
    assert_false(cache_text_label(labels, &pos, &name, &value));
}

static void lines_of_redis_memcached_and_squid(void **state)
{
    expect(cache_text_redis, "keyspace_hits:812", true, "keyspace_hits 812;");
    expect(cache_text_redis, "db0:keys=1,expires=0", true, "db0 keys=1,expires=0;");
    expect(cache_text_redis, "# Stats", true, "");
    expect(cache_text_redis, "hello", false, "");
    expect(cache_text_memcached, "STAT get_hits 7", true, "get_hits 7;");
    expect(cache_text_memcached, "STAT version 1.6.18", true, "version 1.6.18;");
    expect(cache_text_memcached, "STAT x", false, "");
    expect(cache_text_memcached, "ERROR", false, "");
    expect(cache_text_squid, "client_http.hits = 92", true, "client_http.hits 92;");
    expect(cache_text_squid, "sample_time = 1.5 (Sat)", true, "sample_time 1.5 (Sat);");
    expect(cache_text_squid, "nothing", false, "");
}

static void statsd_lines(void **state)
{
    expect(cache_text_statsd, "cache.hit:1|c", true, "cache.hit +1;");
    expect(cache_text_statsd, "cache.hit:3|c|@0.1", true, "cache.hit +30;");
    expect(cache_text_statsd, "cache.hit:3|c|@0.5|#env:prod,x", true, "cache.hit +6;");
    expect(cache_text_statsd, "lookup:12.5|ms|@0.25", true, "lookup +4;");
    expect(cache_text_statsd, "size:12|h", true, "size +1;");
    expect(cache_text_statsd, "pool:7|g", true, "pool =7;");
    expect(cache_text_statsd, "pool:-2|g", true, "pool +-2;");
    expect(cache_text_statsd, "pool:+2|g", true, "pool +2;");
    expect(cache_text_statsd, "users:ann|s", true, "");
    expect(cache_text_statsd, "cache.hit:-1|c", false, "");
    expect(cache_text_statsd, "cache.hit:0x10|c", false, "");
    expect(cache_text_statsd, "cache.hit:0X1p4|ms", false, "");
    expect(cache_text_statsd, "cache.hit:inf|c", false, "");
    expect(cache_text_statsd, "cache.hit:1|c|@0", false, "");
    expect(cache_text_statsd, "cache.hit:1|c|@2", false, "");
    expect(cache_text_statsd, "cache.hit:1|x", false, "");
    expect(cache_text_statsd, "cache.hit:x|c", false, "");
    expect(cache_text_statsd, "cache.hit", false, "");
    expect(cache_text_statsd, ":1|c", false, "");
}

static void nginx_line(const char *line, int field, bool is_good, const char *samples)
{
    struct pelt_buf got = {0};

    assert_int_equal(cache_text_nginx(pelt_span_of(line), field, write_sample, &got), is_good);
    assert_string_equal(got.data ? got.data : "", samples);
    pelt_buf_deinit(&got);
}

static void nginx_lines(void **state)
{
    const char *combined =
        "127.0.0.1 - - [22/Nov/2026:03:00:00 +0000] \"GET /MISS HTTP/1.1\" 200 5 "
        "\"-\" \"curl HIT\" HIT";

    nginx_line(combined, -1, true, "HIT +1;");
    nginx_line(combined, 10, true, "HIT +1;");
    nginx_line(combined, 9, true, "HIT +1;"); /* the agent's word: the wrong field was given */
    nginx_line(combined, 6, false, "");
    nginx_line(combined, 11, false, "");
    nginx_line(combined, -11, false, "");
    nginx_line("a b \"MISS\"", -1, true, "MISS +1;");
    nginx_line("a cache=EXPIRED b", 2, true, "EXPIRED +1;");
    nginx_line("a cache=EXPIRED b", -2, true, "EXPIRED +1;");
    nginx_line("{\"status\":200,\"cache\":\"STALE\"}", -1, true, "STALE +1;");
    nginx_line("a -", -1, true, "");
    nginx_line("a \"-\"", -1, true, "");
    nginx_line("a 200", -1, false, "");
    nginx_line("a OTHER", -1, false, "");
    nginx_line("", -1, false, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_fill_their_text),
        cmocka_unit_test(prometheus_lines),
        cmocka_unit_test(labels_are_walked_and_compared),
        cmocka_unit_test(lines_of_redis_memcached_and_squid),
        cmocka_unit_test(statsd_lines),
        cmocka_unit_test(nginx_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
