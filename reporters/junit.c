/*
 * junit: the run as CI systems take tests, in the form that Jenkins, GitLab, GitHub's actions and
 * pytest agree on: testsuites, testsuite, testcase; a failure is what the server did not hold, an
 * error what kept it from being judged.
 *
 *   suite       case                  not passed
 *   run         end                   error: it was interrupted, or failed
 *   run         verdict               error: INVALID, or SUSPECT with --strict; skipped: INVALID,
 *                                     and allowed
 *   thresholds  each                  failure: missed; error: unjudged; skipped: met, but the run
 *                                     is INVALID
 *   checks      each                  failure: it failed at least once
 *
 * The time of the run is that of the case `end`; the others take none of their own.
 */
#include "formats.h"

#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "judged.h"
#include "markup.h"
#include "pelt/clock.h"
#include "pelt/buf.h"

enum result { RESULT_PASSED, RESULT_FAILURE, RESULT_ERROR, RESULT_SKIPPED, RESULTS };

struct test {
    char *name; /* unique in its suite */
    double time_s;
    enum result result;
    const char *type; /* of a failure or an error */
    char *message;    /* one line; NULL: none */
    char *more;       /* system-out, lines; NULL: none */
};

struct suite {
    const char *name;
    struct test *tests;
    size_t len;
    bool failed; /* out of memory */
};

/* ---- making ---- */

static char *copy(struct suite *s, const char *text)
{
    char *text_copy = text != NULL ? strdup(text) : NULL;
    s->failed = s->failed || (text != NULL && text_copy == NULL);
    return text_copy;
}

static bool is_taken(const struct suite *s, const char *name)
{
    size_t i = 0;
    while (i < s->len && (s->tests[i].name == NULL || strcmp(s->tests[i].name, name) != 0)) {
        i++;
    }
    return i < s->len;
}

/* A test that passed; NULL: out of memory. */
static struct test *add(struct suite *s, const char *name)
{
    char unique[1100];
    struct test *longer = realloc(s->tests, (s->len + 1) * sizeof *longer);
    if (longer == NULL) {
        s->failed = true;
        return NULL;
    }
    s->tests = longer;
    snprintf(unique, sizeof unique, "%.1000s", name);
    for (unsigned n = 2; is_taken(s, unique); n++) {
        snprintf(unique, sizeof unique, "%.1000s (%u)", name, n);
    }
    struct test *t = &s->tests[s->len++];
    *t = (struct test){.name = copy(s, unique)};
    return t;
}

static void set(struct suite *s, struct test *t, enum result result, const char *type,
                const char *message)
{
    t->result = result;
    t->type = type;
    t->message = copy(s, message);
}

/* All of a list, a line each; NULL: there are none. */
static char *lines(struct suite *s, char *const *list)
{
    struct pelt_buf text;
    pelt_buf_init(&text, 0);
    for (; list != NULL && *list != NULL; list++) {
        pelt_buf_addf(&text, "%s%s", text.len > 0 ? "\n" : "", *list);
    }
    char *all = text.len > 0 && !text.failed ? copy(s, text.data) : NULL;
    s->failed = s->failed || text.failed;
    pelt_buf_deinit(&text);
    return all;
}

/* The verdict is why the exit code is what it is, whatever else is. */
static bool verdict_counts(const struct pelt_results *r)
{
    for (char *const *reason = r->exit_reasons; reason != NULL && *reason != NULL; reason++) {
        if (strncmp(*reason, "the run is ", 11) == 0) {
            return true;
        }
    }
    return r->exit_code == 4;
}

static bool is_invalid(const struct pelt_results *r)
{
    return r->verdict == PELT_INVALID && verdict_counts(r);
}

static const char *first_of(char *const *list, const char *without)
{
    return list != NULL && *list != NULL ? *list : without;
}

static void make_run(struct suite *s, const struct pelt_results *r)
{
    const bool ended = r->exit_code == 0 || r->exit_code == 3 || r->exit_code == 4;
    struct test *t = add(s, "end");
    if (t != NULL) {
        t->time_s = r->duration_s;
        t->more = lines(s, r->exit_reasons);
        if (!r->finished || !ended) {
            char type[32];
            snprintf(type, sizeof type, "exit %d", r->exit_code);
            set(s, t, RESULT_ERROR, r->finished ? "exit" : "unfinished",
                first_of(r->exit_reasons, r->finished ? type : "the run did not end in order"));
        }
    }
    t = add(s, "verdict");
    if (t == NULL) {
        return;
    }
    const char *word = pelt_verdict_name(r->verdict);
    t->more = lines(s, r->verdict_reasons);
    if (r->verdict != PELT_VALID && verdict_counts(r)) {
        set(s, t, RESULT_ERROR, word, first_of(r->verdict_reasons, word));
    } else if (r->verdict == PELT_INVALID) {
        set(s, t, RESULT_SKIPPED, NULL, "the run is INVALID, which was allowed");
    }
}

static void make_threshold(struct suite *s, const struct pelt_results *r,
                           const struct pelt_threshold_row *row)
{
    char bounds[512], value[REPORT_JUDGED_MAX], more[REPORT_JUDGED_MAX + 32];
    char reason[PELT_THRESHOLD_REASON];
    const enum pelt_level level = report_judged_level(row);
    pelt_threshold_format(&row->threshold, bounds, sizeof bounds);
    report_judged_value(row, value);
    struct test *t = add(s, bounds);
    if (t == NULL) {
        return;
    }
    snprintf(more, sizeof more, "%s: %s", pelt_level_name(level), value);
    t->more = copy(s, more);
    if (level == PELT_LEVEL_MISSED || (level == PELT_LEVEL_UNJUDGED && row->judged)) {
        pelt_threshold_reason(&row->threshold, &row->line, reason);
    } else {
        snprintf(reason, sizeof reason, "it was not judged");
    }
    if (level == PELT_LEVEL_MISSED) {
        set(s, t, RESULT_FAILURE, "missed", reason);
    } else if (level == PELT_LEVEL_UNJUDGED) {
        set(s, t, RESULT_ERROR, "unjudged", reason);
    } else if (is_invalid(r)) {
        set(s, t, RESULT_SKIPPED, NULL, "met, but the run is INVALID");
    }
}

static void make_check(struct suite *s, const struct pelt_results *r,
                       const struct pelt_check_row *row)
{
    struct test *t = add(s, pelt_registry_name(r->names, PELT_NAME_CHECK, row->check));
    char text[160], failed[REPORT_TEXT_MAX], all[REPORT_TEXT_MAX];
    report_text_count(row->failed, failed);
    report_text_count(row->passed + row->failed, all);
    if (t != NULL && row->failed > 0) {
        snprintf(text, sizeof text, "failed %s of %s times, first in second %d", failed, all,
                 row->first_failed_t);
        set(s, t, RESULT_FAILURE, "check", text);
    } else if (t != NULL) {
        snprintf(text, sizeof text, "passed %s times", all);
        t->more = copy(s, text);
    }
}

/* ---- writing ---- */

static void count_results(const struct suite *s, size_t n[RESULTS])
{
    memset(n, 0, RESULTS * sizeof *n);
    for (size_t i = 0; i < s->len; i++) {
        n[s->tests[i].result]++;
    }
}

static void attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    report_xml(out, value);
    fputc('"', out);
}

static void write_counts(FILE *out, size_t tests, const size_t n[RESULTS], double time_s)
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
            tests, n[RESULT_FAILURE], n[RESULT_ERROR], n[RESULT_SKIPPED], time_s);
}

static void write_test(FILE *out, const char *scenario, const struct suite *s, const struct test *t)
{
    static const char *const elements[RESULTS] = {NULL, "failure", "error", "skipped"};
    fputs("    <testcase", out);
    fputs(" classname=\"", out);
    report_xml(out, scenario);
    fprintf(out, ".%s\"", s->name);
    attribute(out, "name", t->name != NULL ? t->name : "");
    fprintf(out, " time=\"%.3f\">", t->time_s);
    if (elements[t->result] != NULL) {
        fprintf(out, "\n      <%s", elements[t->result]);
        if (t->type != NULL) {
            attribute(out, "type", t->type);
        }
        attribute(out, "message", t->message != NULL ? t->message : "");
        fputs("/>", out);
    }
    if (t->more != NULL) {
        fputs("\n      <system-out>", out);
        report_xml(out, t->more);
        fputs("</system-out>", out);
    }
    fputs(t->more != NULL || elements[t->result] != NULL ? "\n    </testcase>\n" : "</testcase>\n",
          out);
}

static void write_suite(FILE *out, const char *scenario, const char *start, const struct suite *s)
{
    size_t n[RESULTS];
    double time_s = 0;
    for (size_t i = 0; i < s->len; i++) {
        time_s += s->tests[i].time_s;
    }
    count_results(s, n);
    fprintf(out, "  <testsuite name=\"%s\"", s->name);
    write_counts(out, s->len, n, time_s);
    attribute(out, "timestamp", start);
    fputs(">\n", out);
    for (size_t i = 0; i < s->len; i++) {
        write_test(out, scenario, s, &s->tests[i]);
    }
    fputs("  </testsuite>\n", out);
}

static void suite_deinit(struct suite *s)
{
    for (size_t i = 0; i < s->len; i++) {
        free(s->tests[i].name);
        free(s->tests[i].message);
        free(s->tests[i].more);
    }
    free(s->tests);
}

enum pelt_status report_junit(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    struct suite suites[] = {{.name = "run"}, {.name = "thresholds"}, {.name = "checks"}};
    const size_t len = sizeof suites / sizeof *suites;
    const char *scenario = pelt_results_meta(r, "scenario");
    const char *start_ns = pelt_results_meta(r, "start_wall_ns");
    char start[32];
    size_t tests = 0, sum[RESULTS] = {0}, n[RESULTS];
    bool failed = false;
    pelt_clock_rfc3339(start_ns != NULL ? strtoull(start_ns, NULL, 10) : 0, start);
    start[19] = '\0'; /* ISO 8601 without a zone, UTC: the form of the schemas */
    scenario = scenario != NULL && scenario[0] != '\0' ? scenario : "run";
    make_run(&suites[0], r);
    for (size_t i = 0; i < r->thresholds_len; i++) {
        make_threshold(&suites[1], r, &r->thresholds[i]);
    }
    for (size_t i = 0; i < r->checks_len; i++) {
        make_check(&suites[2], r, &r->checks[i]);
    }
    for (size_t i = 0; i < len; i++) {
        failed = failed || suites[i].failed;
        tests += suites[i].len;
        count_results(&suites[i], n);
        for (int k = 0; k < RESULTS; k++) {
            sum[k] += n[k];
        }
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", out);
    attribute(out, "name", scenario);
    write_counts(out, tests, sum, r->duration_s);
    fputs(">\n", out);
    for (size_t i = 0; i < len; i++) {
        if (suites[i].len > 0) {
            write_suite(out, scenario, start, &suites[i]);
        }
        suite_deinit(&suites[i]);
    }
    fputs("</testsuites>\n", out);
    return failed ? pelt_fail(err, PELT_ENOMEM, "out of memory") : PELT_OK;
}
