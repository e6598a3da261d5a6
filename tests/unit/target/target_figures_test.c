/* figures: one shape for every limit and cache, in Prometheus text and in JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "figures.h"

static void fill(struct target_figures *figures)
{
    *figures = (struct target_figures){.limits = 0};
    target_figures_add_limit(
        figures, &(struct target_limit_figure){
                     .name = "workers", .used = 3, .limit = 4, .waiters = 2, .events = 7});
    target_figures_add_limit(figures,
                             &(struct target_limit_figure){.name = "queue", .limit = UINT64_MAX});
    target_figures_add_cache(
        figures, &(struct target_cache_figure){
                     .name = "models", .hits = 1, .misses = 2, .evictions = 3, .bytes = 4});
    target_figures_add_event(figures, "workers", "scale_up", 5);
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is not in\n%s", part, text);
    }
}

static void each_metric_has_all_its_lines_together(void **state)
{
    struct target_figures figures;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    fill(&figures);
    target_figures_print(&figures, out);
    fclose(out);
    assert_contains(text, "# TYPE pelt_target_limit_used gauge\n"
                          "pelt_target_limit_used{limit=\"workers\"} 3\n"
                          "pelt_target_limit_used{limit=\"queue\"} 0\n");
    assert_contains(text, "\npelt_target_limit_limit{limit=\"queue\"} +Inf\n");
    assert_contains(text, "\npelt_target_limit_waiters{limit=\"workers\"} 2\n");
    assert_contains(text, "# TYPE pelt_target_limit_events_total counter\n"
                          "pelt_target_limit_events_total{limit=\"workers\"} 7\n");
    assert_contains(text, "\npelt_target_cache_hits_total{cache=\"models\"} 1\n");
    assert_contains(text, "\npelt_target_cache_misses_total{cache=\"models\"} 2\n");
    assert_contains(text, "\npelt_target_cache_evictions_total{cache=\"models\"} 3\n");
    assert_contains(text, "\npelt_target_cache_bytes{cache=\"models\"} 4\n");
    assert_contains(text, "\npelt_target_events_total{system=\"workers\",event=\"scale_up\"} 5\n");
    free(text);
}

static void no_figures_print_nothing(void **state)
{
    struct target_figures figures = {.limits = 0};
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    target_figures_print(&figures, out);
    fclose(out);
    assert_string_equal(text, "");
    free(text);
}

static void series_stand_together_by_name(void **state)
{
    struct target_figures figures = {.limits = 0};
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    json_t *json;

    for (int i = 0; i < 4; i++) {
        target_figures_add_series(
            &figures, &(struct target_series_figure){.name = i % 2 ? "up" : "seconds_total",
                                                     .label = "backend",
                                                     .help = "x",
                                                     .of = {(char)('a' + i / 2), '\0'},
                                                     .value = i + 0.5,
                                                     .is_counter = i % 2 == 0});
    }
    target_figures_print(&figures, out);
    fclose(out);
    assert_string_equal(text, "# HELP pelt_target_seconds_total x\n"
                              "# TYPE pelt_target_seconds_total counter\n"
                              "pelt_target_seconds_total{backend=\"a\"} 0.5\n"
                              "pelt_target_seconds_total{backend=\"b\"} 2.5\n"
                              "# HELP pelt_target_up x\n"
                              "# TYPE pelt_target_up gauge\n"
                              "pelt_target_up{backend=\"a\"} 1.5\n"
                              "pelt_target_up{backend=\"b\"} 3.5\n");
    free(text);
    json = target_figures_json(&figures);
    assert_true(json_real_value(json_object_get(
                    json_object_get(json_object_get(json, "series"), "up"), "b")) == 3.5);
    json_decref(json);
}

static void json_has_the_same_figures(void **state)
{
    struct target_figures figures;
    json_t *json;
    char *text;

    fill(&figures);
    json = target_figures_json(&figures);
    text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(
        text, "{\"limits\":{\"workers\":{\"used\":3,\"limit\":4,\"waiters\":2,\"events\":7},"
              "\"queue\":{\"used\":0,\"limit\":\"unlimited\",\"waiters\":0,\"events\":0}},"
              "\"caches\":{\"models\":{\"hits\":1,\"misses\":2,\"evictions\":3,\"bytes\":4}},"
              "\"events\":{\"workers\":{\"scale_up\":5}}}");
    free(text);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_metric_has_all_its_lines_together),
        cmocka_unit_test(no_figures_print_nothing),
        cmocka_unit_test(series_stand_together_by_name),
        cmocka_unit_test(json_has_the_same_figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
