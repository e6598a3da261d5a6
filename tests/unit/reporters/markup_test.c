/* markup: whatever a name holds, it stays text in XML and Markdown; and metrics get names that
 * Prometheus takes. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "markup.h"
#include "pelt/exposition.h"

typedef void (*write_fn)(FILE *out, const char *text);

static void assert_written(write_fn write, const char *text, const char *wanted)
{
    char *told = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&told, &len);
    write(out, text);
    fclose(out);
    assert_string_equal(told, wanted);
    free(told);
}

static void xml_holds_no_character_that_it_cannot(void **state)
{
    assert_written(report_xml, "a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;");
    assert_written(report_xml, "]]>", "]]&gt;");
    assert_written(report_xml, "\t\n", "&#9;&#10;");
    assert_written(report_xml, "\x01\x0b\r\x1b[31m",
                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd[31m");
    assert_written(report_xml, "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");
    assert_written(report_xml, "\xef\xbf\xbe\xef\xbf\xbf",
                   "\xef\xbf\xbd\xef\xbf\xbd"); /* U+FFFE, U+FFFF */
    assert_written(report_xml, "\xed\xa0\x80",
                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    assert_written(report_xml, "\xc3\xa4\xf0\x9f\x98\x80", "\xc3\xa4\xf0\x9f\x98\x80");
}

static void a_code_span_is_fenced_by_more_ticks_than_it_has(void **state)
{
    assert_written(report_markdown_code, "GET /a|b", "`GET /a|b`");
    assert_written(report_markdown_code, "a`b``c", "```a`b``c```");
    assert_written(report_markdown_code, "`", "`` ` ``");
    assert_written(report_markdown_code, "", "`  `");
    assert_written(report_markdown_code, "a\nb",
                   "`a\xef\xbf\xbd"
                   "b`");
}

static void a_bar_does_not_end_the_cell_it_stands_in(void **state)
{
    assert_written(report_markdown_cell, "a|b", "`a\\|b`");
    assert_written(report_markdown_cell, "a\\|b", "`a\xef\xbf\xbd\\|b`");
    assert_written(report_markdown_cell, "c:\\d", "`c:\\d`");
}

static void a_sentence_has_no_markdown(void **state)
{
    assert_written(report_markdown_text, "[a](b) <i> *x*", "\\[a\\]\\(b\\) &#60;i&#62; \\*x\\*");
    assert_written(report_markdown_text, "@all",
                   "@\xe2\x81\xa0"
                   "all");
    assert_written(report_markdown_text, "http://x", "http:\xe2\x81\xa0//x");
    assert_written(report_markdown_text, "a\nb",
                   "a\xef\xbf\xbd"
                   "b");
}

static void a_label_has_its_quotes_escaped(void **state)
{
    assert_written(report_exposition_label, "a\"b\\c\nd\xff", "\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"");
}

/* Two metrics whose names are the same once cleaned, one of times with a tag that means something.
 */
static char *exposition(enum report_exposition_form form)
{
    struct pelt_registry *names = pelt_registry_new();
    struct pelt_metrics *m = pelt_registry_metrics(names);
    struct pelt_frame *frame = pelt_frame_new(NULL);
    const struct pelt_metric metrics[] = {
        {.name = "queue.wait", .type = PELT_METRIC_TREND, .unit = "ms", .decimals = 3},
        {.name = "queue_wait_seconds", .type = PELT_METRIC_COUNTER}};
    uint32_t id[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pelt_metrics_put(m, &metrics[i], &id[i], NULL), PELT_OK);
    }
    const uint32_t series = pelt_metrics_series(m, id[0], "quantile=a", NULL);
    struct pelt_metric_frame *f = pelt_frame_metric(frame, series);
    f->values = 100;
    pelt_hist_record_n(&f->hist, &frame->pool, 2000, 100);
    f = pelt_frame_metric(frame, PELT_METRIC_PLAIN(id[1]));
    f->values = 3;
    f->sum = 7;
    const struct report_exposition e = {.form = form, .names = names, .total = frame};
    char *told = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&told, &len);
    assert_int_equal(report_exposition(out, &e), PELT_OK);
    fclose(out);
    pelt_frame_free(frame);
    pelt_registry_free(names);
    return told;
}

static void metrics_have_names_and_labels_of_their_own_in_seconds(void **state)
{
    char *told = exposition(REPORT_EXPOSITION_FINAL);
    assert_non_null(strstr(told, "# TYPE pelt_metric_queue_wait_seconds summary\n"));
    assert_non_null(strstr(
        told, "pelt_metric_queue_wait_seconds{tag_quantile=\"a\",quantile=\"0.95\"} 0.002\n"));
    assert_non_null(strstr(
        told,
        "# TYPE pelt_metric_queue_wait_seconds_2 gauge\npelt_metric_queue_wait_seconds_2 7\n"));
    free(told);
}

static void counters_are_called_as_the_form_wants(void **state)
{
    char *text = exposition(REPORT_EXPOSITION_TEXT),
         *open = exposition(REPORT_EXPOSITION_OPENMETRICS);
    assert_non_null(strstr(text, "# TYPE pelt_metric_queue_wait_seconds_2_total counter\n"
                                 "pelt_metric_queue_wait_seconds_2_total 7\n"));
    assert_non_null(strstr(open, "# TYPE pelt_metric_queue_wait_seconds_2 counter\n"
                                 "pelt_metric_queue_wait_seconds_2_total 7\n"));
    free(text);
    free(open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_holds_no_character_that_it_cannot),
        cmocka_unit_test(a_code_span_is_fenced_by_more_ticks_than_it_has),
        cmocka_unit_test(a_bar_does_not_end_the_cell_it_stands_in),
        cmocka_unit_test(a_sentence_has_no_markdown),
        cmocka_unit_test(a_label_has_its_quotes_escaped),
        cmocka_unit_test(metrics_have_names_and_labels_of_their_own_in_seconds),
        cmocka_unit_test(counters_are_called_as_the_form_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
