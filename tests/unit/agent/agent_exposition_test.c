/* The exposition: byte by byte in both formats, and which of them a client wants. */
#include "test.h"

#include <math.h>

#include "exposition.h"
#include "written.h"

static const struct exposition_about about = {
    .name = "api-1",
    .streams = 2,
    .self =
        {.cpu_ns = 1500000000, .rss_bytes = 4096, .overruns = 3, .worst_ns = 2500000, .lost = 7},
};

static struct catalogue *make(void)
{
    struct catalogue *c = catalogue_new();
    struct figure *f;

    f = catalogue_add(
        c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_FAST, "nofile", "a\"\n", "fds", "x"});
    figure_limit(f, 873, 1024, 0);
    f = catalogue_add(c,
                      &(struct figure_about){PELT_SERVER_CACHE, FIGURE_FAST, "pages", "", "", "x"});
    figure_cache(f, 1, 2, NAN, 10, NAN);
    figure_cache(f, 5, 3, NAN, 11, NAN);
    f = catalogue_add(c,
                      &(struct figure_about){PELT_SERVER_GAUGE, FIGURE_FAST, "wait", "", "s", "x"});
    f = catalogue_add(
        c, &(struct figure_about){PELT_SERVER_COUNTER, FIGURE_FAST, "drops", "", "packets", "x"});
    figure_counter(f, 1);
    figure_counter(f, 9);
    return c;
}

static void openmetrics_is_this(void **state)
{
    static const char expected[] =
        "# HELP pelt_agent Which agent this is.\n"
        "# TYPE pelt_agent info\n"
        "pelt_agent_info{name=\"api-1\",version=\"" PELT_VERSION "\"} 1\n"
        "# HELP pelt_agent_limit_used How much of a limit is in use now.\n"
        "# TYPE pelt_agent_limit_used gauge\n"
        "pelt_agent_limit_used{limit=\"nofile\",target=\"a\\\"\\n\",unit=\"fds\"} 873\n"
        "# HELP pelt_agent_limit_max The limit itself.\n"
        "# TYPE pelt_agent_limit_max gauge\n"
        "pelt_agent_limit_max{limit=\"nofile\",target=\"a\\\"\\n\",unit=\"fds\"} 1024\n"
        "# HELP pelt_agent_limit_events How often a limit was met since the agent's start.\n"
        "# TYPE pelt_agent_limit_events counter\n"
        "pelt_agent_limit_events_total{limit=\"nofile\",target=\"a\\\"\\n\",unit=\"fds\"} 0\n"
        "# HELP pelt_agent_counted What happened since the agent's start.\n"
        "# TYPE pelt_agent_counted counter\n"
        "pelt_agent_counted_total{name=\"drops\",unit=\"packets\"} 8\n"
        "# HELP pelt_agent_cache_hits Hits since the agent's start.\n"
        "# TYPE pelt_agent_cache_hits counter\n"
        "pelt_agent_cache_hits_total{cache=\"pages\",unit=\"\"} 4\n"
        "# HELP pelt_agent_cache_misses Misses since the agent's start.\n"
        "# TYPE pelt_agent_cache_misses counter\n"
        "pelt_agent_cache_misses_total{cache=\"pages\",unit=\"\"} 1\n"
        "# HELP pelt_agent_cache_used How much of a cache is in use now.\n"
        "# TYPE pelt_agent_cache_used gauge\n"
        "pelt_agent_cache_used{cache=\"pages\",unit=\"\"} 11\n"
        "# HELP pelt_agent_readable 1: the figure can be read; 0: it cannot.\n"
        "# TYPE pelt_agent_readable gauge\n"
        "pelt_agent_readable{name=\"nofile\",target=\"a\\\"\\n\"} 1\n"
        "pelt_agent_readable{name=\"pages\"} 1\n"
        "pelt_agent_readable{name=\"wait\"} 0\n"
        "pelt_agent_readable{name=\"drops\"} 1\n"
        "# HELP pelt_agent_cpu_seconds CPU time of the agent itself.\n"
        "# TYPE pelt_agent_cpu_seconds counter\n"
        "pelt_agent_cpu_seconds_total 1.5\n";
    struct catalogue *c = make();
    PAGE(p);

    exposition_write(&p, EXPOSITION_OPENMETRICS, &about, c);
    p.len = sizeof expected - 1; /* the rest is as the last three lines are */
    assert_string_equal(written(&p), expected);
    catalogue_free(c);
}

static void the_older_text_has_the_suffix_in_names_of_families(void **state)
{
    static const char *const lines[] = {
        "# TYPE pelt_agent_info gauge\npelt_agent_info{",
        "# HELP pelt_agent_counted_total What happened since the agent's start.\n"
        "# TYPE pelt_agent_counted_total counter\npelt_agent_counted_total{",
        "# TYPE pelt_agent_limit_used gauge\npelt_agent_limit_used{",
    };
    struct catalogue *c = make();
    PAGE(p);

    exposition_write(&p, EXPOSITION_TEXT, &about, c);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!strstr(written(&p), lines[i])) {
            fail_msg("no %s", lines[i]);
        }
    }
    catalogue_free(c);
}

static void ends_with(enum exposition format, const char *expected)
{
    PAGE(p);
    struct catalogue *c = make();

    exposition_write(&p, format, &about, c);
    assert_string_equal(written(&p) + p.len - strlen(expected), expected);
    catalogue_free(c);
}

static void only_openmetrics_has_an_end(void **state)
{
    ends_with(EXPOSITION_OPENMETRICS, "pelt_agent_degraded 0\n# EOF\n");
    ends_with(EXPOSITION_TEXT, "pelt_agent_degraded 0\n");
}

static void the_client_chooses_by_accept(void **state)
{
    static const struct {
        const char *accept;
        enum exposition format;
    } cases[] = {
        {NULL, EXPOSITION_TEXT},
        {"", EXPOSITION_TEXT},
        {"*/*", EXPOSITION_TEXT},
        {"text/plain", EXPOSITION_TEXT},
        {"application/openmetrics-text", EXPOSITION_OPENMETRICS},
        {"Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", EXPOSITION_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/"
         "*;q=0.1",
         EXPOSITION_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;q=0.2, text/plain; q=0.3", EXPOSITION_TEXT},
        {"text/plain, application/openmetrics-text", EXPOSITION_OPENMETRICS}, /* both alike */
        {"application/openmetrics-text;q=0", EXPOSITION_TEXT},
        {"application/openmetrics-text;q", EXPOSITION_OPENMETRICS},
        {"application/openmetrics-textual", EXPOSITION_TEXT},
        {";;;q=,,,", EXPOSITION_TEXT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (exposition_wanted(cases[i].accept) != cases[i].format) {
            fail_msg("Accept: %s", cases[i].accept ? cases[i].accept : "(none)");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openmetrics_is_this),
        cmocka_unit_test(the_older_text_has_the_suffix_in_names_of_families),
        cmocka_unit_test(only_openmetrics_has_an_end),
        cmocka_unit_test(the_client_chooses_by_accept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
