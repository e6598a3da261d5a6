/* --cache and --pool as they are written, and what is said of those that cannot be. */
#include "test.h"

#include <string.h>

#include "cache_wish.h"

static struct cache_wish read_good(const char *text, bool is_pool)
{
    struct cache_wish w;
    struct pelt_error err = {""};

    if (cache_wish_read(text, is_pool, &w, &err) != PELT_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return w;
}

static void addresses_have_names_kinds_and_ports(void **state)
{
    struct cache_wish w = read_good("redis=127.0.0.1:6390", false);
    assert_string_equal(w.name, "redis");
    assert_string_equal(w.kind->name, "redis");
    assert_string_equal(w.host, "127.0.0.1");
    assert_int_equal(w.port, 6390);
    assert_string_equal(w.roles[CACHE_HIT], "keyspace_hits");
    cache_wish_deinit(&w);

    w = read_good("sessions=redis=redis://[::1]", false);
    assert_string_equal(w.name, "sessions");
    assert_string_equal(w.host, "::1");
    assert_int_equal(w.port, 6379);
    cache_wish_deinit(&w);

    w = read_good("redis=redis://cache.local:6380/0", false); /* as libraries write it */
    assert_string_equal(w.host, "cache.local");
    assert_int_equal(w.port, 6380);
    cache_wish_deinit(&w);

    w = read_good("memcached=cache.local", false);
    assert_int_equal(w.port, 11211);
    cache_wish_deinit(&w);

    w = read_good("tensorrt-llm=http://127.0.0.1:8000", false);
    assert_string_equal(w.path, "/prometheus/metrics");
    cache_wish_deinit(&w);

    w = read_good("llm=vllm=http://h:8000/v2/metrics?x=1", false);
    assert_string_equal(w.name, "llm");
    assert_string_equal(w.path, "/v2/metrics?x=1");
    assert_int_equal(w.port, 8000);
    cache_wish_deinit(&w);

    w = read_good("nginx=file:///var/log/nginx/a.log#field=10", false);
    assert_string_equal(w.path, "/var/log/nginx/a.log");
    assert_int_equal(w.field, 10);
    cache_wish_deinit(&w);

    w = read_good("app=statsd=localhost#hit=a,miss=b", false);
    assert_int_equal(w.port, 8125);
    assert_int_equal(w.field, -1);
    cache_wish_deinit(&w);
}

static void names_of_metrics_may_have_labels(void **state)
{
    struct cache_wish w =
        read_good("p=prometheus=http://h/m#hit=a{x=\"1,2\",y=\"}\"},lookups=b,used=c", false);

    assert_string_equal(w.roles[CACHE_HIT], "a{x=\"1,2\",y=\"}\"}");
    assert_string_equal(w.roles[CACHE_LOOKUPS], "b");
    assert_string_equal(w.roles[CACHE_USED], "c");
    assert_null(w.roles[CACHE_MISS]);
    cache_wish_deinit(&w);

    /* Given halves replace those of the kind. */
    w = read_good("redis=h#hit=a,lookups=b", false);
    assert_string_equal(w.roles[CACHE_HIT], "a");
    assert_string_equal(w.roles[CACHE_LOOKUPS], "b");
    assert_null(w.roles[CACHE_MISS]);
    assert_string_equal(w.roles[CACHE_EVICTED], "evicted_keys");
    cache_wish_deinit(&w);
}

static void logs_have_a_folder(void **state)
{
    char folder[64];

    assert_true(cache_wish_log_folder("a=nginx=/var/log/nginx/a.log#field=3", folder, 64));
    assert_string_equal(folder, "/var/log/nginx");
    assert_true(cache_wish_log_folder("nginx=/a.log", folder, 64));
    assert_string_equal(folder, "/");
    assert_false(cache_wish_log_folder("redis=h", folder, 64));
    assert_false(cache_wish_log_folder("nonsense", folder, 64));
}

static void pools_have_used_and_limit(void **state)
{
    struct cache_wish w =
        read_good("db=http://127.0.0.1:80/metrics#used=a,limit=20,waiters=c,timeouts=d", true);

    assert_string_equal(w.name, "db");
    assert_string_equal(w.roles[CACHE_USED], "a");
    assert_string_equal(w.roles[CACHE_MOST], "20");
    assert_string_equal(w.roles[CACHE_EVENTS], "d");
    assert_string_equal(w.waiters, "c");
    cache_wish_deinit(&w);
}

static void what_cannot_be_is_said_in_one_line(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "no kind"},
        {"redis", "no kind"},
        {"redsi=127.0.0.1:1", "no kind 'redsi': did you mean redis?"},
        {"a=rediss=h:1", "no kind 'rediss'"},
        {"A=redis=h", "'A': a name has"},
        {"redis=", "write --cache [NAME=]KIND=ADDRESS"},
        {"redis=rediss://h:1", "TLS is not spoken"},
        {"redis=http://h:1", "give HOST:PORT"},
        {"redis=h:1/x", "an address has no path"},
        {"memcached=h:1/2", "an address has no path"},
        {"redis=user:pw@h", "a password does not belong into an address"},
        {"redis=h:99999", "--cache 'h:99999': "},
        {"redis=h#user=x", "user needs password-file"},
        {"memcached=h#password-file=/x", "memcached has no password"},
        {"vllm=127.0.0.1:8000", "no scheme"},
        {"vllm=https://h", "https is not read"},
        {"vllm=http://h#hits=x", "no key 'hits'"},
        {"vllm=http://h#hit", "no key 'hit'"},
        {"vllm=http://h#hit=", "hit has no value"},
        {"prometheus=http://h", "needs a pair of counters"},
        {"prometheus=http://h#hit=a", "needs a pair of counters"},
        {"prometheus=http://h#hit=a,miss=b,lookups=c", "exclude each other"},
        {"prometheus=http://h#hit=a,lookups=a", "the same counter"},
        {"prometheus=http://h#hit=c_misses,miss=c_hits", "hit=c_misses is a count of misses"},
        {"prometheus=http://h#hit=c,miss=c_hits", "miss=c_hits is a count of hits"},
        {"prometheus=http://h#hit=c_lookups,lookups=c_hits", "swap them"},
        {"nginx=access.log", "absolute path"},
        {"nginx=/a#field=0", "field '0'"},
        {"nginx=/a#field=x", "field 'x'"},
        {"statsd=0.0.0.0:8125#hit=a,miss=b", "loopback only"},
        {"statsd=192.0.2.1#hit=a,miss=b", "loopback only"},
        {"statsd=127.0.0.1", "needs a pair"},
    };
    static const struct {
        const char *text, *says;
    } bad_pools[] = {
        {"http://h/m#used=a,limit=b", "no name"},
        {"db=http://h/m", "used or limit is missing"},
        {"db=http://h/m#used=a,limit=b,hit=c", "no key 'hit': give used, limit, waiters, timeouts"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0] + sizeof bad_pools / sizeof bad_pools[0];
         i++) {
        size_t n = sizeof bad / sizeof bad[0];
        const char *text = i < n ? bad[i].text : bad_pools[i - n].text;
        const char *says = i < n ? bad[i].says : bad_pools[i - n].says;
        struct cache_wish w;
        struct pelt_error err = {""};
        assert_int_equal(cache_wish_read(text, i >= n, &w, &err), PELT_EINVAL);
        if (!strstr(err.text, says)) {
            fail_msg("%s: '%s' does not say '%s'", text, err.text, says);
        }
        cache_wish_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_names_kinds_and_ports),
        cmocka_unit_test(names_of_metrics_may_have_labels),
        cmocka_unit_test(logs_have_a_folder),
        cmocka_unit_test(pools_have_used_and_limit),
        cmocka_unit_test(what_cannot_be_is_said_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
