/* Each kind reads a page of its server (fixtures/caches) to the planted numbers. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cache_gather.h"
#include "cache_lines.h"
#include "cache_rule.h"
#include "cache_text.h"
#include "cache_wish.h"

struct page {
    cache_text_fn format;
    struct cache_gather *gather;
};

static void on_line(void *arg, struct pelt_span line)
{
    struct page *p = arg;

    p->format(line, cache_gather_take, p->gather);
}

static void read_fixture(const char *kind, struct page *p)
{
    static struct cache_lines lines;
    char path[512], bytes[1000];
    size_t n;

    lines = (struct cache_lines){.on_line = on_line, .arg = p};
    snprintf(path, sizeof path, FIXTURES "/%s.txt", kind);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    cache_gather_begin(p->gather);
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) {
        cache_lines_feed(&lines, bytes, n);
    }
    cache_lines_end(&lines);
    fclose(f);
}

static void want(struct page *p, struct cache_rule *rule, const char *const *roles, bool must)
{
    for (int i = 0; i < CACHE_ROLES; i++) {
        if (roles[i]) {
            assert_int_equal(
                cache_rule_want(rule, p->gather, (enum cache_role)i, roles[i], must, NULL),
                PELT_OK);
        }
    }
}

static cache_text_fn format_of(enum cache_protocol protocol)
{
    return protocol == CACHE_REDIS       ? cache_text_redis
           : protocol == CACHE_MEMCACHED ? cache_text_memcached
           : protocol == CACHE_SQUID     ? cache_text_squid
                                         : cache_text_prometheus;
}

static void expect_cell(const char *kind, const char *what, double got, double wanted)
{
    if (isnan(wanted) ? !isnan(got) : !(fabs(got - wanted) < 1e-9 * (1 + fabs(wanted)))) {
        fail_msg("%s: %s is %.17g, not %.17g", kind, what, got, wanted);
    }
}

struct extra_value {
    const char *name;
    double cells[3];
};

struct expected {
    const char *kind, *address;
    double cells[PELT_SERVER_CELLS_MAX]; /* hits, misses, evictions, used, max */
    struct extra_value extras[CACHE_EXTRAS_MAX];
};

static const struct expected all[] = {
    {"redis",
     "h",
     {812000, 190000, 9210, 104857600, 134217728},
     {{"cache_connections", {31, 10000, 4}}}},
    {"memcached",
     "h",
     {812, 188, 4096, 60817408, 67108864},
     {{"cache_connections", {12, 1024, 3}}}},
    {"vllm",
     "http://h",
     {105024, 44976, NAN, 0.8125, 1},
     {{"requests_running", {13}}, {"requests_waiting", {3}}, {"preemptions", {2}}}},
    {"sglang",
     "http://h",
     {6028902, 2100000, NAN, 0.28, 1},
     {{"requests_running", {162}}, {"requests_waiting", {2826}}}},
    {"llamacpp",
     "http://h",
     {615171, 201641, NAN, NAN, NAN},
     {{"requests_running", {4}}, {"requests_waiting", {11}}}},
    {"tensorrt-llm",
     "http://h",
     {0, 40960, NAN, 0.4375, 1},
     {{"requests_running", {16}}, {"requests_waiting", {6}}, {"cache_hit_rate", {0}}}},
    {"triton", "http://h", {8500, 1550, NAN, NAN, NAN}, {{"requests_waiting", {8}}}},
    {"haproxy",
     "http://h",
     {796, 204, NAN, NAN, NAN},
     {{"cache_connections", {31, 2000, NAN}}, {"requests_waiting", {5}}}},
    {"squid", "http://h", {9210, 8000, NAN, NAN, NAN}, {{0}}},
    {"varnish-exporter",
     "http://h",
     {45210, 5790, 321, 201000000, 269435456},
     {{"sessions_dropped", {3}}, {"threads_limited", {2}}}},
    {"postgres-exporter",
     "http://h",
     {2000000, 50000, NAN, NAN, NAN},
     {{"cache_connections", {42, 100, NAN}}}},
};

static void check_extras(const struct expected *e, const struct cache_kind *kind, struct page *p,
                         const struct cache_rule *rules)
{
    for (size_t i = 0; i < CACHE_EXTRAS_MAX && kind->extras[i].name; i++) {
        struct cache_reading r;
        cache_rule_apply(&rules[i], p->gather, &r);
        assert_non_null(e->extras[i].name);
        assert_string_equal(kind->extras[i].name, e->extras[i].name);
        if (r.state != CACHE_READ) {
            fail_msg("%s: %s: %s", e->kind, e->extras[i].name, r.why);
        }
        for (size_t c = 0; c < pelt_server_cells(kind->extras[i].kind); c++) {
            expect_cell(e->kind, e->extras[i].name, r.cells[c], e->extras[i].cells[c]);
        }
    }
}

static void check_kind(const struct expected *e)
{
    static const char *const cells[] = {"hits", "misses", "evictions", "used", "max"};
    char text[100];
    struct cache_wish w;
    struct cache_rule rule = {.kind = PELT_SERVER_CACHE}, extras[CACHE_EXTRAS_MAX] = {0};
    struct cache_reading r;

    snprintf(text, sizeof text, "%s=%s", e->kind, e->address);
    assert_int_equal(cache_wish_read(text, false, &w, NULL), PELT_OK);
    struct page p = {format_of(w.kind->protocol), cache_gather_new()};
    want(&p, &rule, w.roles, false);
    rule.must[CACHE_HIT] = rule.must[CACHE_MISS] = rule.must[CACHE_LOOKUPS] = true;
    for (size_t i = 0; i < CACHE_EXTRAS_MAX && w.kind->extras[i].name; i++) {
        const struct cache_extra *x = &w.kind->extras[i];
        extras[i].kind = x->kind;
        want(&p, &extras[i],
             (const char *const[CACHE_ROLES]){
                 [CACHE_USED] = x->used, [CACHE_MOST] = x->most, [CACHE_EVENTS] = x->events},
             false);
        extras[i].must[CACHE_USED] = true;
    }
    read_fixture(e->kind, &p);
    cache_rule_apply(&rule, p.gather, &r);
    if (r.state != CACHE_READ) {
        fail_msg("%s: %s", e->kind, r.why);
    }
    for (size_t i = 0; i < PELT_SERVER_CELLS_MAX; i++) {
        expect_cell(e->kind, cells[i], r.cells[i], e->cells[i]);
    }
    check_extras(e, w.kind, &p, extras);
    cache_gather_free(p.gather);
    cache_wish_deinit(&w);
}

static void each_kind_reads_its_page(void **state)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        check_kind(&all[i]);
    }
}

/* All kinds that read what a server says; nginx and statsd have no page. */
static void no_kind_is_left_out(void **state)
{
    const char *const *names = cache_kind_names();
    size_t n = 0;

    while (names[n]) {
        n++;
    }
    assert_int_equal(n, sizeof all / sizeof all[0] + 3); /* prometheus, nginx, statsd */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_reads_its_page),
        cmocka_unit_test(no_kind_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
