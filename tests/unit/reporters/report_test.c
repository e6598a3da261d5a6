/*
 * Reports of a run that tests know: seeded data, written by the real writer into a temporary run
 * file.
 */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csv.h"
#include "pelt/clock.h"
#include "pelt/own_metric.h"
#include "findings/queue_run.h"
#include "pelt/report.h"
#include "runfile/synthetic.h"
#include "text.h"

static const struct synthetic data = {
    .seed = 5, .series = 2, .per_second = 300, .error_share = 0.01};

/* Setup: two exchanges of one request, of which one failed, and two checks, of which one failed. */
static void write_setup(struct pelt_runfile *f, struct pelt_registry *names)
{
    struct pelt_frame *setup = pelt_frame_new(NULL);
    setup->second = -1;
    uint32_t login = pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of("POST /login"));
    struct pelt_request_frame *request = pelt_frame_request(setup, login);
    request->started = 2;
    request->outcomes[PELT_OUTCOME_OK] = request->outcomes[PELT_OUTCOME_HTTP_STATUS] = 1;
    request->bytes_sent = 240;
    request->bytes_received = 900;
    pelt_hist_record_n(&request->hist[PELT_HIST_RESPONSE], &setup->pool, 7654321, 2);
    pelt_frame_error(setup, login, PELT_OUTCOME_HTTP_STATUS, 5, "status 500");
    *pelt_frame_check(setup, 1) = (struct pelt_check_frame){.passed = 1};
    *pelt_frame_check(setup, 2) = (struct pelt_check_frame){.failed = 1};
    assert_int_equal(pelt_runfile_second(f, setup, NULL, 0, names), PELT_OK);
    pelt_frame_free(setup);
}

/* A run of 20 s that missed one threshold of three, with a name nobody would choose. */
static struct pelt_results *make_results(void)
{
    static const char *const why[] = {"errors share <= 0.50% missed", NULL};
    struct pelt_threshold t[3];
    struct pelt_verdict_line lines[3] = {
        {.level = PELT_LEVEL_TARGET, .has_value = true, .value = 16.207},
        {.level = PELT_LEVEL_MISSED,
         .has_value = true,
         .value = 0.0104,
         .why = "1.04% is above 0.50%"},
        {.level = PELT_LEVEL_UNJUDGED, .needs = 36888, .why = "too few samples"}};
    assert_int_equal(pelt_threshold_parse("http_response p95 < 200ms", &t[0], NULL), PELT_OK);
    assert_int_equal(pelt_threshold_parse("errors share < 0.5%", &t[1], NULL), PELT_OK);
    assert_int_equal(pelt_threshold_parse("http_response p99.99 < 1s", &t[2], NULL), PELT_OK);
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    struct pelt_registry *names = synthetic_names(&data);
    pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of("odd, \"name\""));
    struct pelt_frame *odd = pelt_frame_new(NULL);
    struct pelt_request_frame *request = pelt_frame_request(odd, 3);
    request->started = request->outcomes[PELT_OUTCOME_OK] = 4;
    pelt_hist_record_n(&request->hist[PELT_HIST_RESPONSE], &odd->pool, 1234567, 4);
    pelt_hist_record_n(&request->hist[PELT_HIST_BLOCKED], &odd->pool, 1000000, 4);
    pelt_hist_record_n(&request->hist[PELT_HIST_WAIT], &odd->pool, 234567, 4);
    synthetic_meta(f, 20);
    assert_int_equal(pelt_runfile_meta(f, "scenario", "syn\xff\xc3\xa4\033[31m"), PELT_OK);
    assert_int_equal(pelt_runfile_thresholds(f, t, 3), PELT_OK);
    write_setup(f, names);
    synthetic_write(&data, f, names, 0, 20);
    odd->second = 20;
    assert_int_equal(pelt_runfile_second(f, odd, NULL, 0, names), PELT_OK);
    assert_int_equal(pelt_runfile_event(f, 3.25, "series_cap", "a text"), PELT_OK);
    assert_int_equal(pelt_runfile_finish(f, lines, 3, PELT_VALID, NULL, 3, why), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
    pelt_frame_free(odd);
    return r;
}

/* A run that ended before anything happened. */
static struct pelt_results *make_empty_results(void)
{
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    return r;
}

static char *summary(const struct pelt_results *r, bool color, int width)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    report_summary(r, out, color, width);
    fclose(out);
    return text;
}

static char *read_all(const char *path)
{
    struct pelt_buf text;
    char chunk[4096];
    size_t n;
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        fail_msg("%s: cannot be read", path);
    }
    pelt_buf_init(&text, 0);
    pelt_buf_add_str(&text, "");
    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0) {
        pelt_buf_add(&text, chunk, n);
    }
    fclose(in);
    return text.data ? pelt_buf_take(&text) : strdup("");
}

/* ---- summary ---- */

/* Byte by byte what the golden file of this name has. Where PELT_GOLDEN is "renew" the file is
 * written instead: look at the difference before you keep it. */
static void assert_golden(const char *name, const char *got)
{
    char path[512];
    snprintf(path, sizeof path, "%s/golden/%s", TESTS_GOLDEN_DIR, name);
    const char *renew = getenv("PELT_GOLDEN");
    if (renew != NULL && strcmp(renew, "renew") == 0) {
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        assert_true(fputs(got, out) >= 0 && fclose(out) == 0);
    }
    char *want = read_all(path);
    if (strcmp(got, want) != 0) {
        size_t at = 0, line = 1;
        for (; got[at] == want[at]; at++) {
            line += got[at] == '\n';
        }
        while (at > 0 && got[at - 1] != '\n') {
            at--;
        }
        fail_msg("%s, line %zu is \"%.*s\", not \"%.*s\"; wanted? PELT_GOLDEN=renew", path, line,
                 (int)strcspn(got + at, "\n"), got + at, (int)strcspn(want + at, "\n"), want + at);
    }
    free(want);
}

static char *json_text(const struct pelt_results *r)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(report_json(r, out, NULL), PELT_OK);
    fclose(out);
    return text;
}

/* All tables, each below its file's name. */
static char *csv_text(const struct pelt_results *r)
{
    struct pelt_error err = {""};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (int i = 0; i < REPORT_CSV_FILES; i++) {
        fprintf(out, "%s== %s ==\n", i > 0 ? "\n" : "", report_csv_files[i].name);
        assert_int_equal(report_csv_files[i].write(r, out, &err), PELT_OK);
    }
    fclose(out);
    return text;
}

static void assert_golden_reports(const char *name, const struct pelt_results *r)
{
    static const struct {
        const char *ending;
        char *(*make)(const struct pelt_results *);
    } kinds[] = {{"summary", NULL}, {"json", json_text}, {"csv", csv_text}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char file[64];
        char *got = kinds[i].make != NULL ? kinds[i].make(r) : summary(r, false, 80);
        snprintf(file, sizeof file, "%s.%s", name, kinds[i].ending);
        assert_golden(file, got);
        free(got);
    }
}

static void reports_of_a_run_look_as_agreed(void **state)
{
    struct pelt_results *r = make_results();
    assert_golden_reports("run", r);
    pelt_results_free(r);
}

/* The same with agents; response headers tell of their cache, too, and see more hits. */
static struct pelt_results *make_agents_results(void)
{
    static const struct pelt_stage_row stages[] = {
        {.from_s = 0, .to_s = 4, .from = 0, .to = 100, .span = 1, .part = "ramp"},
        {.from_s = 4, .to_s = 20, .from = 100, .to = 100, .span = 1, .part = "steady"}};
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_frame *seen = pelt_frame_new(NULL);
    const uint32_t series =
        pelt_own_metric_series(pelt_registry_metrics(names), PELT_OWN_CACHE_HIT_SHARE, "name=chat");
    *pelt_frame_metric(seen, series) = (struct pelt_metric_frame){.values = 1000, .sum = 900};
    seen->second = 19;
    synthetic_meta(f, 20);
    assert_int_equal(pelt_runfile_meta(f, "load_kind", "sustained"), PELT_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pelt_runfile_stage(f, &stages[i]), PELT_OK);
    }
    synthetic_write(&data, f, names, 0, 20);
    assert_int_equal(pelt_runfile_second(f, seen, NULL, 0, names), PELT_OK);
    synthetic_agents(f, 20);
    assert_int_equal(pelt_runfile_finish(f, NULL, 0, PELT_VALID, NULL, 0, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
    pelt_frame_free(seen);
    return r;
}

static void reports_of_what_agents_read_look_as_agreed(void **state)
{
    struct pelt_results *r = make_agents_results();
    assert_golden_reports("agents", r);
    pelt_results_free(r);
}

static void reports_of_each_kind_of_load_look_as_agreed(void **state)
{
    static const struct {
        const char *name;
        void (*make)(struct queue_run *q);
    } kinds[] = {{"sustained", queue_run_sustained},
                 {"burst", queue_run_burst},
                 {"stress", queue_run_stress},
                 {"benchmark", queue_run_benchmark}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        static struct queue_run q;
        kinds[i].make(&q);
        struct pelt_results *r = queue_run_results(&q);
        assert_golden_reports(kinds[i].name, r);
        pelt_results_free(r);
    }
}

static void a_benchmark_of_p50_has_one_column_of_it(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    q.params = "{\"percentile\": 50}";
    struct pelt_results *r = queue_run_results(&q);
    char *text = summary(r, false, 80);
    assert_non_null(strstr(text, "  trial           from         ok      p50   errors\n"));
    assert_null(strstr(text, "      p50      p50"));
    free(text);
    pelt_results_free(r);
}

/* Of the line at `text`: bytes that do not continue a UTF-8 sequence. */
static int columns(const char *text)
{
    int n = 0;
    for (; *text && *text != '\n'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static void assert_lines_fit(const struct pelt_results *r)
{
    static const int widths[] = {60, 80, 100, 200};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        char *text = summary(r, false, widths[i]);
        for (char *line = text; *line; line = strchr(line, '\n') + 1) {
            if (columns(line) > widths[i]) {
                fail_msg("wider than %d: %.*s", widths[i], (int)strcspn(line, "\n"), line);
            }
        }
        free(text);
    }
}

static void no_line_of_the_summary_is_wider_than_asked(void **state)
{
    static struct queue_run q;
    struct pelt_results *r = make_results();
    assert_lines_fit(r);
    pelt_results_free(r);
    queue_run_stress(&q);
    r = queue_run_results(&q);
    assert_lines_fit(r);
    pelt_results_free(r);
    r = make_agents_results();
    assert_lines_fit(r);
    pelt_results_free(r);
}

/* A plan, and what was found, are read whole: only names are cut. */
static void a_long_plan_and_a_capacity_are_wrapped(void **state)
{
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_meta(f, "plan",
                                       "0 -> 100/s over 10s, then 100/s for 10s, then 20/s for 5s, "
                                       "then 20 -> 0/s over 5s, gamma 0.5"),
                     PELT_OK);
    assert_int_equal(pelt_runfile_meta(f, "loop", "open"), PELT_OK);
    assert_int_equal(pelt_runfile_event(f, 3, "capacity",
                                        "holds 150/s of http_response p95 < 500ms, breaks at "
                                        "160/s by errors share <= 1%"),
                     PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    char *text = summary(r, false, 60);
    assert_non_null(strstr(text, "  plan      0 -> 100/s over 10s, then 100/s for 10s, then\n"
                                 "            20/s for 5s, then 20 -> 0/s over 5s, gamma 0.5,\n"
                                 "            open loop\n"));
    assert_non_null(strstr(text, "        3.0s  capacity: holds 150/s of http_response p95 <\n"
                                 "              500ms, breaks at 160/s by errors share <= 1%\n"));
    free(text);
    assert_lines_fit(r);
    pelt_results_free(r);
}

static void colour_is_there_only_when_asked_for(void **state)
{
    struct pelt_results *r = make_results();
    char *plain = summary(r, false, 80), *colored = summary(r, true, 80);
    assert_null(strchr(plain, '\033')); /* not even from a name */
    assert_non_null(strstr(colored, "\033[31mMISSED\033[0m"));
    free(plain);
    free(colored);
    pelt_results_free(r);
}

static void setup_is_told_only_if_there_was_any(void **state)
{
    struct pelt_results *with = make_results(), *without = make_empty_results();
    char *told = summary(with, true, 80), *silent = summary(without, true, 80);
    assert_non_null(strstr(told, "  2 exchanges: 1 ok, 1 http_status; 2 checks, 1 failed\n"));
    assert_non_null(strstr(told, "\033[31mhttp_status  POST /login: status 500\033[0m\n"));
    assert_non_null(strstr(told, "\033[31mcheck failed  is short\033[0m\n"));
    assert_null(strstr(silent, "setup"));
    free(told);
    free(silent);
    pelt_results_free(with);
    pelt_results_free(without);
}

static void a_run_without_anything_is_told_without_nonsense(void **state)
{
    struct pelt_results *r = make_empty_results();
    char *text = summary(r, false, 80);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_non_null(strstr(text, "no second was completed"));
    free(text);
    pelt_results_free(r);
}

static void numbers_are_short_and_right(void **state)
{
    char out[REPORT_TEXT_MAX];
    static const struct {
        double ms;
        const char *text;
    } times[] = {{0, "0us"},          {0.85, "850us"},   {0.9996, "1.00ms"}, {9.994, "9.99ms"},
                 {9.996, "10.0ms"},   {99.96, "100ms"},  {999.4, "999ms"},   {999.6, "1.00s"},
                 {1234.567, "1.23s"}, {3600000, "3600s"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        report_text_time_ms(times[i].ms, out);
        assert_string_equal(out, times[i].text);
    }
    report_text_count(1234567, out);
    assert_string_equal(out, "1,234,567");
    report_text_count(999, out);
    assert_string_equal(out, "999");
    report_text_rate(1999.95, out);
    assert_string_equal(out, "2,000.0/s");
    report_text_rate(12345.6, out);
    assert_string_equal(out, "12,346/s");
    report_text_share(0.99999, out);
    assert_string_equal(out, "99.99%");
    report_text_share(0.00001, out);
    assert_string_equal(out, "<0.01%");
    report_text_share(1, out);
    assert_string_equal(out, "100%");
}

/* ---- JSON ---- */

static json_t *parse_json(const struct pelt_results *r, char **text)
{
    size_t len;
    json_error_t why;
    FILE *out = open_memstream(text, &len);
    assert_int_equal(report_json(r, out, NULL), PELT_OK);
    fclose(out);
    json_t *doc = json_loads(*text, JSON_REJECT_DUPLICATES, &why);
    if (doc == NULL) {
        fail_msg("line %d: %s", why.line, why.text);
    }
    return doc;
}

static json_t *at(json_t *o, const char *key)
{
    json_t *value = json_object_get(o, key);
    if (value == NULL) {
        fail_msg("no member %s", key);
    }
    return value;
}

static void assert_named(const char *name, int width, int line, const char *want)
{
    char *got = NULL;
    size_t len;
    FILE *out = open_memstream(&got, &len);
    assert_non_null(out);
    report_text_name(out, name, width, line);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(got, want);
    free(got);
}

static void a_name_without_room_in_its_column_stands_above_its_row(void **state)
{
    (void)state;
    assert_named("GET /a", 8, 40, "  GET /a  ");
    assert_named("GET /abc", 8, 40, "  GET /abc");
    assert_named("GET /abc/d", 8, 40, "  GET /abc/d\n          ");
    assert_named("/abcdefghijk", 8, 11, "  /abcdefgh\n  ijk\n          ");
    assert_named("GET /abc/d", 8, 11, "  GET\n  /abc/d\n          ");
}

static void assert_three_decimals(json_t *number, double want)
{
    assert_true(json_is_real(number));
    assert_true(fabs(json_real_value(number) - want) < 0.0005000001);
}

static void json_has_the_figures_of_the_histograms(void **state)
{
    char *text = NULL;
    struct pelt_results *r = make_results();
    json_t *doc = parse_json(r, &text);
    const struct pelt_hist *h = &r->total->requests[1]->hist[PELT_HIST_RESPONSE];
    json_t *request = json_array_get(at(doc, "requests"), 0), *ms = at(request, "response_ms");
    assert_string_equal(json_string_value(at(request, "name")), "GET /items/1");
    assert_int_equal(json_integer_value(at(ms, "count")), h->count);
    assert_three_decimals(at(ms, "min"), (double)h->min_us / 1000);
    assert_three_decimals(at(ms, "p50"), (double)pelt_hist_percentile_us(h, 50) / 1000);
    assert_three_decimals(at(ms, "p99.9"), (double)pelt_hist_percentile_us(h, 99.9) / 1000);
    assert_three_decimals(at(ms, "max"), (double)h->max_us / 1000);
    assert_true(json_is_null(at(ms, "p99.99")));
    assert_int_equal(json_integer_value(at(at(doc, "totals"), "started")), 2 * 300 * 20 + 4);
    assert_int_equal(json_integer_value(at(at(doc, "result"), "exit_code")), 3);
    assert_int_equal(json_array_size(at(doc, "seconds")), 21);
    json_decref(doc);
    free(text);
    pelt_results_free(r);
}

static void json_has_setup_and_teardown_in_one_place_only(void **state)
{
    char *text = NULL;
    struct pelt_results *r = make_results();
    json_t *doc = parse_json(r, &text), *apart = at(doc, "setup_teardown");
    assert_int_equal(json_integer_value(at(apart, "started")), 2);
    assert_int_equal(json_integer_value(at(at(apart, "outcomes"), "ok")), 1);
    assert_int_equal(json_integer_value(at(at(apart, "outcomes"), "http_status")), 1);
    assert_int_equal(json_integer_value(at(at(apart, "sent"), "yes")), 2);
    assert_int_equal(json_integer_value(at(apart, "bytes_received")), 900);
    assert_int_equal(json_array_size(at(apart, "checks")), 2);
    assert_int_equal(json_integer_value(at(json_array_get(at(apart, "checks"), 1), "failed")), 1);
    json_t *error = json_array_get(at(apart, "errors"), 0);
    assert_string_equal(json_string_value(at(error, "class")), "http_status");
    assert_string_equal(json_string_value(at(error, "name")), "POST /login");
    assert_int_equal(json_integer_value(at(error, "count")), 1);
    assert_string_equal(json_string_value(at(error, "sample")), "status 500");
    const char *named = strstr(text, "POST /login");
    assert_null(strstr(named + 1, "POST /login"));
    assert_null(strstr(text, "7654"));
    json_decref(doc);
    free(text);
    pelt_results_free(r);
}

static void the_short_summary_has_a_key_for_each_name(void **state)
{
    static const char *const names[] = {"GET /a/{}", "GET a", "chat", "/"};
    static const char *const keys[] = {"GET_a_latency_avg_ms", "GET_a_2_latency_p95_ms",
                                       "chat_latency_p99_ms", "_latency_avg_ms"};
    struct pelt_registry *registry = pelt_registry_new();
    struct pelt_frame *frame = pelt_frame_new(NULL);
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    char *text = NULL;
    for (size_t i = 0; i < 4; i++) {
        uint32_t id = pelt_registry_intern(registry, PELT_NAME_REQUEST, pelt_span_of(names[i]));
        struct pelt_request_frame *request = pelt_frame_request(frame, id);
        request->started = 1000;
        request->outcomes[i == 2 ? PELT_OUTCOME_TIMEOUT : PELT_OUTCOME_OK] = 1000;
        pelt_hist_record_n(&request->hist[PELT_HIST_RESPONSE], &frame->pool, 1000, 1000);
    }
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_second(f, frame, &frame, 1, registry), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    json_t *doc = parse_json(r, &text), *short_one = at(doc, "summary");
    for (size_t i = 0; i < 4; i++) {
        assert_three_decimals(at(short_one, keys[i]), 1);
    }
    assert_int_equal(json_object_size(short_one), 4 * 3 + 3);
    assert_true(json_is_null(at(short_one, "ws_connect_avg_ms")));
    assert_int_equal(json_integer_value(at(short_one, "total_errors")), 1000);
    assert_int_equal(json_integer_value(at(at(short_one, "error_types"), "timeout")), 1000);
    json_decref(doc);
    free(text);
    pelt_results_free(r);
    pelt_frame_free(frame);
    pelt_registry_free(registry);
}

/* The rest of a report does not depend on what findings still have to read. */
static void findings_that_cannot_be_made_are_told_and_nothing_else_is_lost(void **state)
{
    const struct pelt_stage_row stage = {.from_s = 2, .to_s = 4, .span = 1, .part = "spike"};
    char folder[] = "/tmp/pelt-report-XXXXXX", path[64], *text = NULL;
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run.pelt", folder);
    assert_int_equal(pelt_runfile_create(path, &f, NULL), PELT_OK);
    synthetic_meta(f, 6);
    assert_int_equal(pelt_runfile_meta(f, "load_kind", "burst"), PELT_OK);
    assert_int_equal(pelt_runfile_stage(f, &stage), PELT_OK);
    synthetic_write(&data, f, names, 0, 6);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    assert_int_equal(pelt_results_load(path, &r, NULL), PELT_OK);
    assert_int_equal(unlink(path), 0);
    json_t *doc = parse_json(r, &text), *list = at(doc, "findings");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(at(json_array_get(list, 0), "kind")), "unavailable");
    assert_non_null(strstr(json_string_value(at(json_array_get(list, 0), "text")), path));
    assert_int_equal(json_array_size(at(doc, "seconds")), 6);
    json_decref(doc);
    free(text);
    pelt_results_free(r);
    pelt_registry_free(names);
    rmdir(folder);
}

static void json_numbers_are_as_short_as_they_can_be(void **state)
{
    char *text = NULL;
    struct pelt_results *r = make_results();
    json_t *doc = parse_json(r, &text);
    assert_non_null(strstr(text, "\"max\": 1234.567}"));
    assert_null(strstr(text, "0000001"));
    assert_null(strstr(text, "9999999"));
    assert_null(strstr(text, "NaN"));
    json_decref(doc);
    free(text);
    pelt_results_free(r);
}

static void json_keeps_names_and_replaces_what_is_no_utf8(void **state)
{
    char *text = NULL;
    struct pelt_results *r = make_results();
    json_t *doc = parse_json(r, &text);
    assert_string_equal(json_string_value(at(json_array_get(at(doc, "requests"), 2), "name")),
                        "odd, \"name\"");
    assert_string_equal(json_string_value(at(at(doc, "run"), "scenario")),
                        "syn\xef\xbf\xbd\xc3\xa4\033[31m");
    json_decref(doc);
    free(text);
    pelt_results_free(r);
}

static void json_of_an_empty_run_has_every_member(void **state)
{
    static const char *const members[] = {
        "schema",   "pelt",        "run",        "result",         "verdict",   "totals", "summary",
        "requests", "metrics",     "checks",     "errors",         "generator", "agents", "caches",
        "findings", "seconds",     "thresholds", "setup_teardown", "plan",      "phases", "events",
        "timeline", "environment", "slowest",    "alerts",         "workers"};
    char *text = NULL;
    struct pelt_results *r = make_empty_results();
    json_t *doc = parse_json(r, &text);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        at(doc, members[i]);
    }
    assert_int_equal(json_object_size(doc), sizeof members / sizeof *members);
    assert_string_equal(json_string_value(at(at(doc, "verdict"), "status")), "SUSPECT");
    assert_true(json_is_null(at(at(at(doc, "generator"), "send_lag_ms"), "p50")));
    json_decref(doc);
    free(text);
    pelt_results_free(r);
}

/* One error in 2,000 under a bound of 0.04%, and a time bound finer than three decimals. */
static struct pelt_results *make_close_results(void)
{
    struct pelt_threshold t[2];
    struct pelt_verdict_line lines[2] = {
        {.level = PELT_LEVEL_MISSED, .has_value = true, .value = 0.0005},
        {.level = PELT_LEVEL_MISSED, .has_value = true, .value = 1.23456}};
    assert_int_equal(pelt_threshold_parse("errors share < 0.04%", &t[0], NULL), PELT_OK);
    assert_int_equal(pelt_threshold_parse("http_response p95 < 1ms", &t[1], NULL), PELT_OK);
    t[1].critical = 0.0004;
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_thresholds(f, t, 2), PELT_OK);
    assert_int_equal(pelt_runfile_finish(f, lines, 2, PELT_VALID, NULL, 3, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    return r;
}

/* A run of a kind of load with one threshold, which was judged by its first second. */
static struct pelt_results *make_judged(const char *load_kind, const char *threshold)
{
    struct pelt_threshold t;
    const struct pelt_verdict_line line = {
        .level = PELT_LEVEL_MISSED, .has_value = true, .value = 1.5, .to_s = 1, .why = "no"};
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    assert_int_equal(pelt_threshold_parse(threshold, &t, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_meta(f, "load_kind", load_kind), PELT_OK);
    assert_int_equal(pelt_runfile_thresholds(f, &t, 1), PELT_OK);
    assert_int_equal(pelt_runfile_finish(f, &line, 1, PELT_VALID, NULL, 3, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    return r;
}

static void only_a_stress_load_has_values_of_steps(void **state)
{
    static const char *const kinds[] = {"stress", "", "sustained", "mix"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct pelt_results *r = make_judged(kinds[i], "http_response p95 < 1ms abort");
        char *text = summary(r, false, 100);
        assert_int_equal(strstr(text, "the steps that verified the level") != NULL, i == 0);
        free(text);
        pelt_results_free(r);
    }
}

static void a_long_threshold_is_wrapped_and_never_cut(void **state)
{
    struct pelt_results *r = make_judged(
        "", "http_response{a name of some length} p95 < 200ms over 10s for 30s abort delay 20s");
    char *text = summary(r, false, 76);
    assert_non_null(strstr(
        text, "\n  missed   http_response{a name of some length} p95 <=                1.50ms\n"
              "           200ms over 10s for 30s abort delay 20s\n           no\n"));
    free(text);
    pelt_results_free(r);
}

static void thresholds_can_be_judged_again_from_the_json(void **state)
{
    char *text = NULL;
    struct pelt_results *r = make_close_results();
    json_t *doc = parse_json(r, &text), *rows = at(doc, "thresholds");
    json_t *share = json_array_get(rows, 0), *ms = json_array_get(rows, 1);
    assert_true(json_real_value(at(share, "value")) == 0.0005);
    assert_true(json_real_value(at(at(share, "bounds"), "max")) == 0.0004);
    assert_true(json_real_value(at(ms, "value")) == 1.235);
    assert_true(json_real_value(at(at(ms, "bounds"), "max")) == 0.0004);
    json_decref(doc);
    free(text);
    pelt_results_free(r);
}

/* One table of a run; to be freed. */
static char *table(const struct pelt_results *r, const char *name)
{
    struct pelt_error err = {""};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (int i = 0; i < REPORT_CSV_FILES; i++) {
        if (strcmp(report_csv_files[i].name, name) == 0) {
            assert_int_equal(report_csv_files[i].write(r, out, &err), PELT_OK);
        }
    }
    fclose(out);
    return text;
}

static void thresholds_can_be_judged_again_from_the_csv(void **state)
{
    struct pelt_results *r = make_close_results();
    char *text = table(r, "thresholds.csv");
    assert_non_null(strstr(text, "errors,,share,share,0.0005,missed,,,,0.0004,,"));
    assert_non_null(strstr(text, "http_response,,p95,ms,1.235,missed,,,,0.0004,,"));
    free(text);
    pelt_results_free(r);
}

static void setup_and_teardown_have_a_table_of_their_own(void **state)
{
    static const char *const others[] = {"stats.csv", "stats_history.csv", "failures.csv"};
    struct pelt_results *r = make_results();
    char *text = table(r, "setup_teardown.csv");
    assert_string_equal(text, "kind,name,outcome,sent,count,bytes_sent,bytes_received,sample\n"
                              "request,POST /login,all,,2,240,900,\n"
                              "request,POST /login,ok,yes,1,,,\n"
                              "request,POST /login,http_status,yes,1,,,status 500\n"
                              "check,answered,passed,,1,,,\n"
                              "check,answered,failed,,0,,,\n"
                              "check,is short,passed,,0,,,\n"
                              "check,is short,failed,,1,,,\n");
    free(text);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        text = table(r, others[i]);
        assert_null(strstr(text, "/login"));
        free(text);
    }
    pelt_results_free(r);
}

/* ---- --out ---- */

static void assert_out_refused(const char *spec, const char *says)
{
    struct pelt_error err = {""};
    assert_int_equal(report_check(spec, &err), PELT_EINVAL);
    if (strstr(err.text, says) == NULL) {
        fail_msg("%s: wanted \"%s\", got \"%s\"", spec, says, err.text);
    }
}

/* A run of 2 s with a value of each type, tags in an order that is not theirs, and one in setup. */
static struct pelt_results *make_metrics_results(void)
{
    static const struct pelt_metric METRICS[] = {{"orders", PELT_METRIC_COUNTER, "count", 0},
                                                 {"depth", PELT_METRIC_GAUGE, "m", 0},
                                                 {"hits", PELT_METRIC_SHARE, "share", 0},
                                                 {"tokens", PELT_METRIC_TREND, "tokens", 1}};
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    struct pelt_registry *names = pelt_registry_new();
    struct pelt_metrics *m = pelt_registry_metrics(names);
    struct pelt_frame *load = pelt_frame_new(NULL), *setup = pelt_frame_new(NULL);
    uint32_t id;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pelt_metrics_declare(m, &METRICS[i], &id, NULL), PELT_OK);
    }
    uint32_t b = pelt_metrics_series(m, 0, "route=b\\,c", NULL),
             a = pelt_metrics_series(m, 0, "route=a", NULL);
    setup->second = -1;
    *pelt_frame_metric(setup, a) = (struct pelt_metric_frame){.values = 1, .sum = 77};
    *pelt_frame_metric(load, PELT_METRIC_OTHER(0)) =
        (struct pelt_metric_frame){.values = 1, .sum = 1};
    *pelt_frame_metric(load, b) = (struct pelt_metric_frame){.values = 2, .sum = 1234};
    *pelt_frame_metric(load, a) = (struct pelt_metric_frame){.values = 1, .sum = 5};
    *pelt_frame_metric(load, PELT_METRIC_PLAIN(1)) =
        (struct pelt_metric_frame){.values = 2, .last = -0.25, .min = -0.25, .max = 1234567.5};
    *pelt_frame_metric(load, PELT_METRIC_PLAIN(2)) =
        (struct pelt_metric_frame){.values = 8, .sum = 6};
    struct pelt_metric_frame *tokens = pelt_frame_metric(load, PELT_METRIC_PLAIN(3));
    tokens->values = 100;
    pelt_hist_record_n(&tokens->hist, &load->pool, 125, 100);
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    synthetic_meta(f, 2);
    assert_int_equal(pelt_runfile_second(f, setup, NULL, 0, names), PELT_OK);
    assert_int_equal(pelt_runfile_second(f, load, NULL, 0, names), PELT_OK);
    load->second = 1;
    pelt_frame_reset(load);
    load->second = 1;
    assert_int_equal(pelt_runfile_second(f, load, NULL, 0, names), PELT_OK);
    assert_int_equal(pelt_runfile_finish(f, NULL, 0, PELT_VALID, NULL, 0, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
    pelt_frame_free(load);
    pelt_frame_free(setup);
    return r;
}

static void metrics_are_told_by_name_and_tags(void **state)
{
    struct pelt_results *r = make_metrics_results();
    char *csv = table(r, "metrics.csv"), *apart = table(r, "setup_teardown.csv");
    assert_string_equal(csv, "name,type,tags,unit,per_second,last,share,count,min,mean,p50,p90,"
                             "p95,p99,p99.9,p99.99,max\n"
                             "orders,counter,route=a,count,2.500,,,5,,,,,,,,,\n"
                             "orders,counter,\"route=b\\,c\",count,617.000,,,1234,,,,,,,,,\n"
                             "orders,counter,_other,count,0.500,,,1,,,,,,,,,\n"
                             "depth,gauge,,m,,-0.25,,,-0.25,,,,,,,,1234567.5\n"
                             "hits,share,,share,,,0.750000,8,,,,,,,,,\n"
                             "tokens,trend,,tokens,50.000,,,100,12.500,12.500,12.500,12.500,"
                             "12.500,,,,12.500\n");
    assert_non_null(strstr(apart, "metric,orders{route=a},,,77,,,\n"));
    free(csv);
    free(apart);
    csv = summary(r, false, 100);
    assert_non_null(strstr(csv, "\nmetrics\n  orders{route=a} "));
    assert_non_null(strstr(csv, "5  2.5/s\n"));
    assert_non_null(strstr(csv, "1,234  617.0/s\n"));
    assert_non_null(strstr(csv, "last -0.25  min -0.25  max 1,234,568\n"));
    assert_non_null(strstr(csv, "75.00%  of 8\n"));
    assert_non_null(strstr(csv, "  tokens (tokens) "));
    assert_non_null(strstr(csv, "p50 12.5  p95 12.5  p99 n/a  max 12.5  of 100\n"));
    assert_non_null(strstr(csv, "0 exchanges; 1 series of metrics\n"));
    free(csv);
    pelt_results_free(r);
}

static void json_has_metrics_with_their_tags(void **state)
{
    char *text = NULL;
    struct pelt_results *r = make_metrics_results();
    json_t *doc = parse_json(r, &text), *metrics = at(doc, "metrics");
    assert_int_equal(json_array_size(metrics), 6);
    json_t *b = json_array_get(metrics, 1), *tokens = json_array_get(metrics, 5);
    assert_string_equal(json_string_value(at(at(b, "tags"), "route")), "b,c");
    assert_int_equal(json_integer_value(at(at(b, "stats"), "count")), 1234);
    assert_string_equal(json_string_value(at(at(json_array_get(metrics, 2), "tags"), "_other")),
                        "true");
    assert_true(json_real_value(at(at(json_array_get(metrics, 3), "stats"), "last")) == -0.25);
    assert_string_equal(json_string_value(at(tokens, "unit")), "tokens");
    assert_three_decimals(at(at(tokens, "stats"), "p95"), 12.5);
    assert_true(json_is_null(at(at(tokens, "stats"), "p99")));
    json_t *apart = json_array_get(at(at(doc, "setup_teardown"), "metrics"), 0);
    assert_int_equal(json_integer_value(at(at(apart, "stats"), "count")), 77);
    json_decref(doc);
    free(text);
    pelt_results_free(r);
}

static void a_bad_out_is_told_before_the_run(void **state)
{
    assert_out_refused("jsno=x.json", "did you mean json?");
    assert_out_refused("json", "a path is missing");
    assert_out_refused("csv=-", "name a folder");
    assert_out_refused("json=/no/such/folder/x.json", "/no/such/folder/");
    assert_out_refused("json=/tmp", "is a folder");
    assert_out_refused("csv=/dev/null", "not a folder");
    assert_int_equal(report_check("json=-", NULL), PELT_OK);
    assert_int_equal(report_check("json=/dev/null", NULL), PELT_OK);
    assert_int_equal(report_check("csv=/tmp/a-new-folder/", NULL), PELT_OK);
}

static void reports_replace_their_file_whole_and_leave_nothing_else(void **state)
{
    char folder[] = "/tmp/pelt-report-XXXXXX", spec[80], path[80];
    struct pelt_results *r = make_results();
    struct pelt_error err = {""};
    assert_non_null(mkdtemp(folder));
    snprintf(spec, sizeof spec, "json=%s/r.json", folder);
    assert_int_equal(report_write(r, spec, &err), PELT_OK);
    assert_int_equal(report_write(r, spec, &err), PELT_OK);
    char *text = read_all(strchr(spec, '=') + 1);
    json_t *doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    json_decref(doc);
    free(text);
    assert_int_equal(unlink(strchr(spec, '=') + 1), 0);
    snprintf(spec, sizeof spec, "csv=%s/tables", folder);
    assert_int_equal(report_write(r, spec, &err), PELT_OK);
    static const char *const files[] = {"stats.csv",      "stats_history.csv", "server_history.csv",
                                        "failures.csv",   "checks.csv",        "metrics.csv",
                                        "thresholds.csv", "setup_teardown.csv"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/tables/%s", folder, files[i]);
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof path, "%s/tables", folder);
    assert_int_equal(rmdir(path), 0); /* empty: no temporary file is left */
    assert_int_equal(rmdir(folder), 0);
    pelt_results_free(r);
}

static void a_report_that_cannot_be_written_says_so(void **state)
{
    struct pelt_results *r = make_results();
    struct pelt_error err = {""};
    assert_int_equal(report_write(r, "json=/dev/full", &err), PELT_EIO);
    assert_non_null(strstr(err.text, "No space left on device"));
    assert_int_equal(report_write(r, "json=/no/such/folder/x.json", &err), PELT_EIO);
    assert_non_null(strstr(err.text, "/no/such/folder/x.json"));
    pelt_results_free(r);
}

static char *runs_line(const struct pelt_brief *b, const char *path, bool color)
{
    char *bytes = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&bytes, &len);
    report_runs_head(out, color, 80);
    report_runs_line(b, path, out, color, 80);
    fclose(out);
    char *text = strdup(bytes); /* open_memstream's own is `bytes` by address */
    free(bytes);
    return text;
}

static void a_run_takes_a_line_under_the_head(void **state)
{
    const struct pelt_brief b = {.scenario = "chat",
                                 .planned_ns = 20 * PELT_NS_PER_S,
                                 .duration_s = 20,
                                 .open = true,
                                 .peak = 12000,
                                 .finished = true,
                                 .verdict = PELT_SUSPECT,
                                 .exit_code = 143,
                                 .started = 200000,
                                 .ended = 200000,
                                 .errors = 4600,
                                 .count = 100,
                                 .p95_us = 15600,
                                 .p99_us = 206000};
    char *text = runs_line(&b, "pelt-runs/20261121-081500-chat.pelt", false);
    assert_string_equal(text,
                        "run                        load        verdict exit start/s    p95    "
                        "p99 errors\n"
                        "20261121-081500-chat       12000/s 20s SUSPECT  143  10,000 15.6ms    "
                        "n/a  2.30%\n");
    free(text);
}

static void a_run_under_another_name_says_when_and_what_it_was(void **state)
{
    const struct pelt_brief b = {.scenario = "chat\033[31m",
                                 .plan = "odd",
                                 .start_wall_ns = 1763712900 * PELT_NS_PER_S,
                                 .running = true};
    char *text = runs_line(&b, "nightly/base.pelt", false);
    const char *line = strchr(text, '\n') + 1;
    assert_string_equal(line, "base                       odd         running    -     0.0    "
                              "n/a    n/a    n/a\n"
                              "  started 2025-11-21 08:15:00 UTC, chat?[31m\n");
    free(text);
    text = runs_line(&b, "nightly/base.pelt", true);
    assert_non_null(strstr(text, "\033[33mrunning"));
    free(text);
}

/* A run whose only exchange is a slow one, with an id or without. */
static struct pelt_results *make_slow_results(const char *id)
{
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    struct pelt_frame *frame = pelt_frame_new(NULL);
    struct pelt_kept k = {.series = 1, .outcome = PELT_OUTCOME_OK, .status = 200, .answered = true};
    struct pelt_registry *names = synthetic_names(&data);
    k.done_ns = k.response_ns = 123456 * UINT64_C(1000000);
    snprintf(k.id, sizeof k.id, "%s", id);
    frame->second = 123;
    assert_int_equal(pelt_frame_slow(frame, &k), PELT_OK);
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    synthetic_meta(f, 200);
    assert_int_equal(pelt_runfile_second(f, frame, NULL, 0, names), PELT_OK);
    assert_int_equal(pelt_runfile_finish(f, NULL, 0, PELT_VALID, NULL, 0, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
    pelt_frame_free(frame);
    return r;
}

static void the_slowest_are_shown_where_they_have_ids_and_fit_the_page(void **state)
{
    static const char id[] = "9ccc1cd11cfd5f4bb1a4e0e2ab0fb1a7";
    for (int width = 60; width <= 100; width += 10) {
        struct pelt_results *r = make_slow_results(id);
        char *text = summary(r, false, width), *line = strstr(text, "9ccc1cd11cfd");
        assert_non_null(line);
        assert_int_equal(strncmp(line, id, width < 80 ? 18 : 32), 0);
        while (line > text && line[-1] != '\n') {
            line--;
        }
        assert_in_range(strcspn(line, "\n"), 40, width);
        free(text);
        pelt_results_free(r);
    }
    struct pelt_results *r = make_slow_results("");
    char *text = summary(r, false, 100);
    assert_null(strstr(text, "slowest"));
    free(text);
    pelt_results_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_takes_a_line_under_the_head),
        cmocka_unit_test(a_run_under_another_name_says_when_and_what_it_was),
        cmocka_unit_test(reports_of_a_run_look_as_agreed),
        cmocka_unit_test(reports_of_what_agents_read_look_as_agreed),
        cmocka_unit_test(reports_of_each_kind_of_load_look_as_agreed),
        cmocka_unit_test(a_benchmark_of_p50_has_one_column_of_it),
        cmocka_unit_test(no_line_of_the_summary_is_wider_than_asked),
        cmocka_unit_test(a_long_plan_and_a_capacity_are_wrapped),
        cmocka_unit_test(colour_is_there_only_when_asked_for),
        cmocka_unit_test(setup_is_told_only_if_there_was_any),
        cmocka_unit_test(a_run_without_anything_is_told_without_nonsense),
        cmocka_unit_test(numbers_are_short_and_right),
        cmocka_unit_test(a_name_without_room_in_its_column_stands_above_its_row),
        cmocka_unit_test(json_has_the_figures_of_the_histograms),
        cmocka_unit_test(json_has_setup_and_teardown_in_one_place_only),
        cmocka_unit_test(the_short_summary_has_a_key_for_each_name),
        cmocka_unit_test(findings_that_cannot_be_made_are_told_and_nothing_else_is_lost),
        cmocka_unit_test(json_numbers_are_as_short_as_they_can_be),
        cmocka_unit_test(json_keeps_names_and_replaces_what_is_no_utf8),
        cmocka_unit_test(json_of_an_empty_run_has_every_member),
        cmocka_unit_test(the_slowest_are_shown_where_they_have_ids_and_fit_the_page),
        cmocka_unit_test(only_a_stress_load_has_values_of_steps),
        cmocka_unit_test(a_long_threshold_is_wrapped_and_never_cut),
        cmocka_unit_test(thresholds_can_be_judged_again_from_the_json),
        cmocka_unit_test(thresholds_can_be_judged_again_from_the_csv),
        cmocka_unit_test(setup_and_teardown_have_a_table_of_their_own),
        cmocka_unit_test(metrics_are_told_by_name_and_tags),
        cmocka_unit_test(json_has_metrics_with_their_tags),
        cmocka_unit_test(a_bad_out_is_told_before_the_run),
        cmocka_unit_test(reports_replace_their_file_whole_and_leave_nothing_else),
        cmocka_unit_test(a_report_that_cannot_be_written_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
