/* frame: what an agent may send, and what it must not. */
#include "../test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "failing_malloc.h"
#include "frame.h"

#define INFO_HEAD                                                                                  \
    "{\"schema\":\"pelt-agent/1\",\"version\":\"0.1.0\",\"name\":\"api-1\",\"boot\":\"c0ffee\","   \
    "\"host\":{\"hostname\":\"api-1.test\",\"kernel\":\"6.1\",\"cpus\":4,\"boot_id\":\"b-1\"},"
#define TARGETS "\"targets\":[{\"name\":\"port 80\",\"by\":\"port\",\"pid\":12,\"restarts\":0}],"
#define TICK    "\"tick_ns_least\":100000000,"
#define FIGURES                                                                                    \
    "\"figures\":[{\"i\":0,\"name\":\"nofile\",\"target\":\"port 80\",\"kind\":\"limit\","         \
    "\"unit\":\"fds\",\"tier\":\"medium\",\"source\":\"/proc/PID/limits\",\"unreadable\":null},"   \
    "{\"i\":1,\"name\":\"tcp_retransmits\",\"target\":\"\",\"kind\":\"counter\",\"unit\":"         \
    "\"segments\",\"tier\":\"fast\",\"source\":\"/proc/net/snmp\",\"unreadable\":\"EACCES\"},"     \
    "{\"i\":2,\"name\":\"run_queue_wait\",\"target\":\"port 80\",\"kind\":\"gauge\",\"unit\":"     \
    "\"share\",\"tier\":\"fast\",\"source\":\"schedstat\"},"                                       \
    "{\"i\":3,\"name\":\"response\",\"target\":\"\",\"kind\":\"cache\",\"unit\":\"bytes\","        \
    "\"tier\":\"medium\",\"source\":\"INFO\",\"unreadable\":null}]}"

static const char whole_info[] = INFO_HEAD TARGETS TICK FIGURES;

static enum pelt_status read_info(const char *text, struct pelt_watch_info *info,
                                  struct pelt_error *err)
{
    return pelt_watch_info_read(info, pelt_span(text, strlen(text)), err);
}

static void an_info_is_read(void **state)
{
    struct pelt_watch_info info;
    struct pelt_error err;
    assert_int_equal(read_info(whole_info, &info, &err), PELT_OK);
    assert_string_equal(info.name, "api-1");
    assert_string_equal(info.boot, "c0ffee");
    assert_string_equal(info.hostname, "api-1.test");
    assert_string_equal(info.boot_id, "b-1");
    assert_int_equal(info.cpus, 4);
    assert_int_equal(info.tick_ns_least, 100000000);
    assert_int_equal(info.targets_len, 1);
    assert_string_equal(info.targets[0].name, "port 80");
    assert_int_equal(info.targets[0].pid, 12);
    assert_int_equal(info.figures_len, 4);
    assert_int_equal(info.figures[0].kind, PELT_SERVER_LIMIT);
    assert_string_equal(info.figures[0].target, "port 80");
    assert_null(info.figures[0].unreadable);
    assert_string_equal(info.figures[1].unreadable, "EACCES");
    assert_null(info.figures[2].unreadable);
    assert_int_equal(info.figures[3].kind, PELT_SERVER_CACHE);
    pelt_watch_info_deinit(&info);
}

static void names_that_would_break_a_metrics_are_made_fit(void **state)
{
    static const char text[] = "{\"schema\":\"pelt-agent/1\",\"name\":\"api.1 \\u001b[2J\","
                               "\"boot\":\"x\",\"figures\":[{\"i\":0,\"name\":\"no file\","
                               "\"kind\":\"gauge\",\"target\":\"a\\nb\"}]}";
    struct pelt_watch_info info;
    struct pelt_error err;
    assert_int_equal(read_info(text, &info, &err), PELT_OK);
    assert_string_equal(info.name, "api_1___2J");
    assert_string_equal(info.figures[0].name, "no_file");
    assert_string_equal(info.figures[0].target, "a?b");
    assert_string_equal(info.figures[0].unit, "");
    pelt_watch_info_deinit(&info);
}

static void what_is_no_agents_info_is_refused_with_what_to_try(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"<!DOCTYPE html><html><body>hello</body></html>", "an HTML page"},
        {"  \r\n<html>", "an HTML page"},
        {"", "no JSON object"},
        {"{\"schema\":", "no JSON object"},
        {"[1,2]", "no JSON object"},
        {"{\"status\":\"ok\"}", "JSON of something else"},
        {"{\"schema\":\"pelt-report/1\"}", "JSON of something else"},
        {"{\"schema\":\"pelt-agent/2\",\"name\":\"a\"}", "speaks pelt-agent/2"},
        {"{\"schema\":\"pelt-agent/1\",\"name\":\"a\"}", "\"boot\""},
        {"{\"schema\":\"pelt-agent/1\",\"boot\":\"a\"}", "\"name\""},
        {"{\"schema\":\"pelt-agent/1\",\"boot\":\"a\",\"name\":\"a\"}", "\"figures\""},
        {"{\"schema\":\"pelt-agent/1\",\"boot\":\"a\",\"name\":\"a\",\"figures\":{}}",
         "\"figures\""},
        {"{\"schema\":\"pelt-agent/1\",\"boot\":\"a\",\"name\":\"a\",\"figures\":[7]}", "\"i\""},
        {"{\"schema\":\"pelt-agent/1\",\"boot\":\"a\",\"name\":\"a\",\"targets\":1,"
         "\"figures\":[]}",
         "\"targets\""},
        {INFO_HEAD "\"figures\":[{\"i\":1,\"name\":\"a\",\"kind\":\"gauge\"}]}", "\"i\""},
        {INFO_HEAD "\"figures\":[{\"i\":0,\"name\":\"a\",\"kind\":\"meter\"}]}", "\"kind\""},
        {INFO_HEAD "\"figures\":[{\"i\":0,\"name\":\"\",\"kind\":\"gauge\"}]}", "\"name\""},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pelt_watch_info info;
        struct pelt_error err = {""};
        assert_int_equal(read_info(bad[i].text, &info, &err), PELT_EPARSE);
        if (strstr(err.text, bad[i].says) == NULL || strchr(err.text, '\n') != NULL) {
            fail_msg("of %s: %s", bad[i].text, err.text);
        }
        assert_null(info.texts);
    }
}

static void sizes_are_bounded(void **state)
{
    struct pelt_buf b;
    struct pelt_watch_info info;
    struct pelt_error err;
    pelt_buf_init(&b, 0);
    pelt_buf_add_str(&b, INFO_HEAD "\"figures\":[");
    for (int i = 0; i <= PELT_WATCH_CATALOGUE_MAX; i++) {
        pelt_buf_addf(&b, "%s{\"i\":%d,\"name\":\"a\",\"kind\":\"gauge\"}", i > 0 ? "," : "", i);
    }
    pelt_buf_add_str(&b, "]}");
    assert_int_equal(read_info(b.data, &info, &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "\"figures\" that is too long"));
    pelt_buf_reset(&b);
    while (b.len <= PELT_WATCH_INFO_MAX) {
        pelt_buf_add_str(&b, "                                                                ");
    }
    assert_int_equal(read_info(b.data, &info, &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "more than 2097152 bytes"));
    pelt_buf_deinit(&b);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    struct pelt_buf b;
    struct pelt_watch_info info;
    struct pelt_error err;
    pelt_buf_init(&b, 0);
    pelt_buf_add_str(&b, INFO_HEAD "\"figures\":[{\"i\":0,\"name\":\"a\",\"kind\":\"gauge\","
                                   "\"source\":\"");
    for (int i = 0; i < 200; i++) {
        pelt_buf_add_str(&b, "\xc3\xa4");
    }
    pelt_buf_add_str(&b, "\"}]}");
    assert_int_equal(read_info(b.data, &info, &err), PELT_OK);
    assert_int_equal(strlen(info.figures[0].source), 254);
    pelt_watch_info_deinit(&info);
    pelt_buf_deinit(&b);
}

/* ---- clock, errors ---- */

static void a_clock_is_read(void **state)
{
    static const char text[] = "{\"t2_ns\":5123456789012345678,\"t3_ns\":5123456789012345679}";
    int64_t t2_ns, t3_ns;
    struct pelt_error err;
    assert_int_equal(pelt_watch_clock_read(pelt_span_of(text), &t2_ns, &t3_ns, &err), PELT_OK);
    assert_true(t2_ns == INT64_C(5123456789012345678) && t3_ns == t2_ns + 1);
    static const char *const bad[] = {"{}",
                                      "{\"t2_ns\":1}",
                                      "{\"t2_ns\":1.5,\"t3_ns\":2}",
                                      "{\"t2_ns\":-1,\"t3_ns\":2}",
                                      "<html>",
                                      "nonsense",
                                      "{\"t2_ns\":99999999999999999999,\"t3_ns\":2}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(pelt_watch_clock_read(pelt_span_of(bad[i]), &t2_ns, &t3_ns, &err),
                         PELT_EPARSE);
    }
}

static void an_error_is_read_and_made_one_line(void **state)
{
    char said[PELT_WATCH_TEXT_MAX + 1];
    pelt_watch_error_read(pelt_span_of("{\"error\":\"no\\nsuch \\u001b path\"}"), said);
    assert_string_equal(said, "no?such ? path");
    pelt_watch_error_read(pelt_span_of("{\"error\":\"\\u009b2J \\u00e9\\u0085\"}"), said);
    assert_string_equal(said, "?2J \xc3\xa9?"); /* a terminal would obey U+009B */
    pelt_watch_error_read(pelt_span_of("<html>404</html>"), said);
    assert_string_equal(said, "");
    pelt_watch_error_read(pelt_span_of("{\"error\":5}"), said);
    assert_string_equal(said, "");
}

/* ---- frames ---- */

static const char whole_frame[] =
    "{\"k\":412,\"due_ns\":41200000000,\"at_ns\":41200031000,\"late\":true,"
    "\"v\":[[0,873,1024,null],[2,0.42],[1,7],[3,812,190,9,1048576,null]],"
    "\"unreadable\":[[1,\"EPERM: run it as root\"]],"
    "\"events\":[{\"at_ns\":41100000000,\"kind\":\"target_restarted\",\"text\":\"port 80\"}],"
    "\"self\":{\"cpu_ns\":123,\"rss_bytes\":4096,\"overruns\":1,\"worst_ns\":99,"
    "\"tick_ns\":100000000,\"degraded\":true,\"lost\":3}}";

static enum pelt_status read_frame(struct pelt_watch_frame *f, const struct pelt_watch_info *info,
                                   const char *text, struct pelt_error *err)
{
    return pelt_watch_frame_read(f, info->figures, info->figures_len, pelt_span(text, strlen(text)),
                                 err);
}

static void a_frame_is_read(void **state)
{
    struct pelt_watch_info info;
    struct pelt_watch_frame f = {0};
    struct pelt_error err = {""};
    assert_int_equal(read_info(whole_info, &info, &err), PELT_OK);
    assert_int_equal(read_frame(&f, &info, whole_frame, &err), PELT_OK);
    assert_true(f.has_k && f.late);
    assert_int_equal(f.k, 412);
    assert_int_equal(f.due_ns, 41200000000);
    assert_int_equal(f.at_ns, 41200031000);
    assert_int_equal(f.values, 4);
    assert_true(f.value[0].cell[0] == 873 && f.value[0].cell[1] == 1024);
    assert_true(isnan(f.value[0].cell[2]));
    assert_true(f.value[1].figure == 2 && f.value[1].cell[0] == 0.42);
    assert_true(f.value[3].cell[0] == 812 && f.value[3].cell[3] == 1048576);
    assert_int_equal(f.unreadables, 1);
    assert_int_equal(f.unreadable[0].figure, 1);
    assert_string_equal(f.unreadable[0].why, "EPERM: run it as root");
    assert_int_equal(f.events, 1);
    assert_string_equal(f.event[0].kind, "target_restarted");
    assert_int_equal(f.self.cpu_ns, 123);
    assert_int_equal(f.self.lost, 3);
    assert_true(f.self.degraded);
    /* The next one leaves nothing of it. */
    assert_int_equal(read_frame(&f, &info, "{\"at_ns\":5}", &err), PELT_OK);
    assert_true(!f.has_k && !f.late && f.values == 0 && f.unreadables == 0 && f.events == 0);
    assert_int_equal(f.due_ns, 5);
    assert_int_equal(f.self.cpu_ns, 0);
    pelt_watch_frame_deinit(&f);
    pelt_watch_info_deinit(&info);
}

static void a_frame_that_does_not_fit_its_catalogue_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"{\"at_ns\":5,\"v\":[[4,1]]}", "\"v\""},     /* no such place */
        {"{\"at_ns\":5,\"v\":[[-1,1]]}", "\"v\""},    /* nor this */
        {"{\"at_ns\":5,\"v\":[[0.5,1]]}", "\"v\""},   /* nor this */
        {"{\"at_ns\":5,\"v\":[[0,1]]}", "\"v\""},     /* a limit has three cells */
        {"{\"at_ns\":5,\"v\":[[2,1,2]]}", "\"v\""},   /* a gauge one */
        {"{\"at_ns\":5,\"v\":[[2,\"1\"]]}", "\"v\""}, /* a number */
        {"{\"at_ns\":5,\"v\":[7]}", "\"v\""},
        {"{\"at_ns\":5,\"v\":{}}", "\"v\""},
        {"{\"at_ns\":5,\"unreadable\":[[9,\"x\"]]}", "\"unreadable\""},
        {"{\"at_ns\":5,\"events\":[{\"kind\":\"x\"}]}", "\"at_ns\""},
        {"{\"v\":[]}", "\"at_ns\""},
        {"{\"at_ns\":5,\"k\":-1,\"due_ns\":5}", "\"k\""},
        {"{\"at_ns\":5,\"k\":1}", "\"due_ns\""},
        {"{\"at_ns\":5", "no JSON"},
        {"{\"at_ns\":5} x", "no JSON"},
        {"{\"at_ns\":5,\"v\":[[2,1e999]]}", "no JSON"},
    };
    struct pelt_watch_info info;
    struct pelt_watch_frame f = {0};
    struct pelt_error err;
    assert_int_equal(read_info(whole_info, &info, &err), PELT_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_frame(&f, &info, bad[i].text, &err), PELT_EPARSE);
        if (strstr(err.text, bad[i].says) == NULL) {
            fail_msg("of %s: %s", bad[i].text, err.text);
        }
    }
    pelt_watch_frame_deinit(&f);
    pelt_watch_info_deinit(&info);
}

static void a_frame_of_too_many_entries_is_refused(void **state)
{
    struct pelt_watch_info info;
    struct pelt_watch_frame f = {0};
    struct pelt_error err;
    struct pelt_buf b;
    static const char *const lists[] = {"v", "unreadable", "events"};
    static const char *const entries[] = {"[2,1]", "[2,\"x\"]", "{\"at_ns\":1}"};
    assert_int_equal(read_info(whole_info, &info, &err), PELT_OK);
    for (int list = 0; list < 3; list++) {
        pelt_buf_init(&b, 0);
        pelt_buf_addf(&b, "{\"at_ns\":5,\"%s\":[%s", lists[list], entries[list]);
        for (int i = 0; i < 1000; i++) {
            pelt_buf_addf(&b, ",%s", entries[list]);
        }
        pelt_buf_add_str(&b, "]}");
        assert_int_equal(read_frame(&f, &info, b.data, &err), PELT_EPARSE);
        assert_non_null(strstr(err.text, "too long"));
        pelt_buf_deinit(&b);
    }
    pelt_watch_frame_deinit(&f);
    pelt_watch_info_deinit(&info);
}

static void want_of_memory_is_told(void **state)
{
    for (long n = 0;; n++) {
        struct pelt_watch_info info;
        struct pelt_watch_frame f = {0};
        struct pelt_error err;
        failing_malloc_at = n;
        enum pelt_status status = read_info(whole_info, &info, &err);
        if (status == PELT_OK) {
            status = read_frame(&f, &info, whole_frame, &err);
            pelt_watch_info_deinit(&info);
        }
        bool reached = failing_malloc_at < 0;
        failing_malloc_at = -1;
        pelt_watch_frame_deinit(&f);
        if (!reached) {
            assert_int_equal(status, PELT_OK);
            assert_true(n > 3);
            return;
        }
        assert_int_equal(status, PELT_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_info_is_read),
        cmocka_unit_test(names_that_would_break_a_metrics_are_made_fit),
        cmocka_unit_test(what_is_no_agents_info_is_refused_with_what_to_try),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_clock_is_read),
        cmocka_unit_test(an_error_is_read_and_made_one_line),
        cmocka_unit_test(a_frame_is_read),
        cmocka_unit_test(a_frame_that_does_not_fit_its_catalogue_is_refused),
        cmocka_unit_test(a_frame_of_too_many_entries_is_refused),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
