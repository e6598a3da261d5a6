/*
 * The summary a person reads when a run is over. Order of questions: did it pass, can it be
 * believed, what was asked for, what came back, what went wrong, how long it took, was the
 * generator itself in the way, where is the rest.
 *
 * A section that has nothing to say is not printed. Every line fits `width`; names are cut with
 * "..".
 */
#include "pelt/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "findings.h"
#include "pelt/buf.h"
#include "pelt/clock.h"
#include "pelt/units.h"
#include "text.h"

#define REQUESTS_SHOWN                                                                             \
    40 /* requests, checks, errors and events of a table each; JSON and CSV have all */
#define ERRORS_SHOWN    10
#define EVENTS_SHOWN    10
#define METRIC_WIDTH    50   /* columns of the figures of a metric's series */
#define PHASE_SHARE_MIN 0.05 /* of the response time: below that a phase is not worth a line */
#define WIDTH_MIN       60
#define SERVICE_WIDTH                                                                              \
    76 /* columns from which service times have room beside the response times                     \
        */

enum color { PLAIN, BOLD, DIM, GREEN, YELLOW, RED };
static const char *const color_codes[] = {"",         "\033[1m",  "\033[2m",
                                          "\033[32m", "\033[33m", "\033[31m"};

struct page {
    const struct pelt_results *r;
    FILE *out;
    bool color;
    int width;
};

/* ---- words ---- */

static void begin_color(struct page *p, enum color color)
{
    fputs(p->color ? color_codes[color] : "", p->out);
}

static void end_color(struct page *p, enum color color)
{
    fputs(p->color && color != PLAIN ? "\033[0m" : "", p->out);
}

static void say(struct page *p, enum color color, const char *fmt, ...) PELT_PRINTF(3, 4);
static void say(struct page *p, enum color color, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    begin_color(p, color);
    vfprintf(p->out, fmt, args);
    end_color(p, color);
    va_end(args);
}

static void heading(struct page *p, const char *words)
{
    fputc('\n', p->out);
    say(p, BOLD, "%s", words);
}

/* "  label     text", the text cut to the line. */
static void labelled(struct page *p, const char *label, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        fprintf(p->out, "  %-10s", label);
        report_text_print(p->out, text, p->width - 12, 0);
        fputc('\n', p->out);
    }
}

/* The same, wrapped at blanks: nothing is cut. */
static void labelled_whole(struct page *p, const char *label, const char *text)
{
    if (text[0] != '\0') {
        fprintf(p->out, "  %-10s", label);
        report_text_hanging(p->out, text, p->width, 12);
    }
}

/* A sentence of any length, wrapped at blanks, each line behind `indent` blanks. */
static void sentence(struct page *p, int indent, const char *text)
{
    report_text_sentence(p->out, text, p->width, indent);
}

static const char *request_name(struct page *p, uint32_t id)
{
    return pelt_registry_name(p->r->names, PELT_NAME_REQUEST, id);
}

static void more_in(struct page *p, size_t all, size_t shown, const char *what, const char *where)
{
    if (all > shown) {
        fprintf(p->out, "  ... and %zu more %s; %s has all\n", all - shown, what, where);
    }
}

static void more(struct page *p, size_t all, size_t shown, const char *what)
{
    more_in(p, all, shown, what, "--out json=PATH or csv=FOLDER");
}

/* ---- verdict and thresholds ---- */

static const char *result_word(const struct pelt_results *r)
{
    switch (r->exit_code) {
    case 0:
        return "PASSED";
    case 3:
        return "MISSED";
    case 130:
    case 143:
        return "INTERRUPTED";
    default:
        return r->finished ? "FAILED" : r->running ? "RUNNING" : "KILLED";
    }
}

static void reasons(struct page *p, char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        sentence(p, 2, *list);
    }
}

static void verdict(struct page *p)
{
    const struct pelt_results *r = p->r;
    const char *name = pelt_results_meta(r, "scenario");
    enum color of_verdict = r->verdict == PELT_VALID     ? GREEN
                            : r->verdict == PELT_SUSPECT ? YELLOW
                                                         : RED;
    say(p, r->exit_code == 0 ? GREEN : RED, "%s", result_word(r));
    fputs("  ", p->out);
    report_text_print(p->out, name && *name ? name : "run", p->width - 40, 0);
    fputs("  measurement ", p->out);
    say(p, of_verdict, "%s", pelt_verdict_name(r->verdict));
    fprintf(p->out, "  exit %d\n", r->exit_code);
    reasons(p, r->verdict_reasons);
    reasons(p, r->exit_reasons);
}

static void format_value(const struct pelt_threshold *t, double value, char out[REPORT_TEXT_MAX])
{
    switch (t->unit) {
    case PELT_UNIT_MS:
        report_text_time_ms(value, out);
        break;
    case PELT_UNIT_SHARE:
        report_text_share(value, out);
        break;
    case PELT_UNIT_PER_S:
        report_text_rate(value, out);
        break;
    case PELT_UNIT_BYTES:
        pelt_format_bytes((uint64_t)fmax(value, 0), out, REPORT_TEXT_MAX);
        break;
    case PELT_UNIT_COUNT:
        report_text_count((uint64_t)fmax(value, 0), out);
        break;
    case PELT_UNIT_NUMBER:
        report_text_number(value, out);
        break;
    }
}

static void threshold_value(const struct pelt_threshold_row *row, char out[2 * REPORT_TEXT_MAX])
{
    char number[REPORT_TEXT_MAX];
    if (row->judged && row->line.needs > 0) {
        report_text_count(row->line.needs, number);
        snprintf(out, 2 * REPORT_TEXT_MAX, "n/a (needs %s)", number);
    } else if (row->judged && row->line.has_value) {
        format_value(&row->threshold, row->line.value, out);
    } else {
        snprintf(out, 2 * REPORT_TEXT_MAX, "n/a");
    }
}

/* Of a threshold that does not look at seconds: a stress load has judged it by its steps. */
static bool is_of_steps(const struct pelt_threshold_row *row)
{
    return row->judged && row->line.to_s > 0 && !row->line.aborted &&
           !pelt_threshold_is_of_seconds(&row->threshold);
}

static void thresholds(struct page *p)
{
    if (p->r->thresholds_len == 0) {
        return;
    }
    bool of_steps = false;
    heading(p, "thresholds\n");
    for (size_t i = 0; i < p->r->thresholds_len; i++) {
        const struct pelt_threshold_row *row = &p->r->thresholds[i];
        enum pelt_level level = row->judged ? row->line.level : PELT_LEVEL_UNJUDGED;
        char bounds[512], value[2 * REPORT_TEXT_MAX];
        pelt_threshold_format(&row->threshold, bounds, sizeof bounds);
        threshold_value(row, value);
        fputs("  ", p->out);
        say(p, level <= PELT_LEVEL_CRITICAL ? GREEN : RED, "%-9s", pelt_level_name(level));
        report_text_print(p->out, bounds, p->width - 11 - 19, 1);
        fprintf(p->out, "%19s\n", value);
        if (level >= PELT_LEVEL_MISSED && row->line.needs == 0 && row->line.why[0] != '\0') {
            sentence(p, 11, row->line.why);
        }
        of_steps = of_steps || is_of_steps(row);
    }
    if (of_steps) {
        sentence(p, 2, "The values are of the steps that verified the level, the worst of them.");
    }
}

/* ---- what was asked for ---- */

/* A line for each of several loads side by side, else one. */
static void plan_lines(struct page *p, const char *plan, const char *loop)
{
    char line[1100]; /* a run file's plan has at most 1,023 bytes */
    if (strstr(plan, "; ") == NULL) {
        snprintf(line, sizeof line, "%s%s%s%s", plan,
                 plan[0] != '\0' && loop[0] != '\0' ? ", " : "", loop,
                 loop[0] != '\0' ? " loop" : "");
        labelled_whole(p, "plan", line);
        return;
    }
    for (const char *label = "plan"; plan != NULL; label = "") {
        const char *end = strstr(plan, "; ");
        size_t len = end != NULL ? (size_t)(end - plan) : strlen(plan);
        snprintf(line, sizeof line, "%.*s", (int)len, plan);
        labelled_whole(p, label, line);
        plan = end != NULL ? end + 2 : NULL;
    }
}

static void load(struct page *p)
{
    const struct pelt_results *r = p->r;
    const char *start_ns = pelt_results_meta(r, "start_wall_ns"),
               *threads = pelt_results_meta(r, "threads");
    const char *seed = pelt_results_meta(r, "seed"), *loop = pelt_results_meta(r, "loop");
    const char *plan = pelt_results_meta(r, "plan");
    char start[32] = "", length[32], line[512];
    if (start_ns != NULL) {
        pelt_clock_rfc3339(strtoull(start_ns, NULL, 10), start);
        start[10] = ' ';
    }
    pelt_format_duration((uint64_t)(r->duration_s * (double)PELT_NS_PER_S), length, sizeof length);
    heading(p, "load\n");
    labelled(p, "target", pelt_results_meta(r, "target"));
    plan_lines(p, plan ? plan : "", loop ? loop : "");
    snprintf(line, sizeof line, "%.19s UTC for %s, %s thread%s, seed %s", start, length,
             threads ? threads : "?", threads && strcmp(threads, "1") == 0 ? "" : "s",
             seed ? seed : "?");
    labelled(p, "run", line);
}

/* ---- what came back ---- */

static void count_line(struct page *p, const char *label, uint64_t count, const char *beside,
                       enum color color)
{
    char number[REPORT_TEXT_MAX];
    report_text_count(count, number);
    fprintf(p->out, "  %-12s%14s   ", label, number);
    say(p, color, "%s\n", beside);
}

static void bytes_line(struct page *p, const char *label, uint64_t bytes)
{
    char all[32], rate[32];
    pelt_format_bytes(bytes, all, sizeof all);
    pelt_format_bytes((uint64_t)report_per_s(bytes, p->r->duration_s), rate, sizeof rate);
    fprintf(p->out, "  %-12s%14s   %s/s\n", label, all, rate);
}

static void totals(struct page *p)
{
    const struct report_totals t = report_totals(p->r->total);
    const struct pelt_frame *total = p->r->total;
    char beside[2 * REPORT_TEXT_MAX], share[REPORT_TEXT_MAX];
    heading(p, "totals\n");
    report_text_rate(report_per_s(t.started, p->r->duration_s), beside);
    count_line(p, "started", t.started, beside, PLAIN);
    report_text_rate(report_per_s(t.outcomes[PELT_OUTCOME_OK], p->r->duration_s), beside);
    count_line(p, "ok", t.outcomes[PELT_OUTCOME_OK], beside, PLAIN);
    report_text_share(report_share(t.errors, t.ended), share);
    count_line(p, "errors", t.errors, share, t.errors > 0 ? RED : PLAIN);
    if (t.started > t.ended) { /* an orderly end leaves none */
        count_line(p, "in flight", t.started - t.ended, "in the last second written", YELLOW);
    }
    if (total->dropped > 0) {
        count_line(p, "dropped", total->dropped, "arrivals that found too many waiting", RED);
    }
    if (total->iterations > 0) {
        report_text_rate(report_per_s(total->iterations, p->r->duration_s), beside);
        count_line(p, "iterations", total->iterations, beside, PLAIN);
    }
    if (total->script_errors > 0) {
        count_line(p, "script errors", total->script_errors,
                   "iterations, user_init or user_exit ended by a Lua error", RED);
    }
    bytes_line(p, "sent", t.bytes_sent);
    bytes_line(p, "received", t.bytes_received);
}

static void errors(struct page *p)
{
    const struct pelt_results *r = p->r;
    if (r->errors_len == 0) {
        return;
    }
    heading(p, "errors");
    fprintf(p->out, "%*s\n", p->width - 6, "count     from       to");
    for (size_t i = 0; i < r->errors_len && i < ERRORS_SHOWN; i++) {
        const struct pelt_error_row *e = &r->errors[i];
        char count[REPORT_TEXT_MAX], label[PELT_NAME_MAX + 64];
        snprintf(label, sizeof label, "%s  %s", pelt_outcome_name(e->outcome),
                 request_name(p, e->series));
        report_text_count(e->e.count, count);
        fputs("  ", p->out);
        report_text_print(p->out, label, p->width - 2 - 32, 1);
        fprintf(p->out, "%14s%8.1fs%8.1fs\n", count, (double)e->e.first_ns / 1e9,
                (double)e->e.last_ns / 1e9);
        if (e->e.sample[0] != '\0') {
            fputs("    ", p->out);
            report_text_print(p->out, e->e.sample, p->width - 4, 0);
            fputc('\n', p->out);
        }
    }
    more(p, r->errors_len, ERRORS_SHOWN, "kinds");
}

/* ---- setup and teardown ---- */

static void outside_metrics(struct page *p, struct pelt_buf *line)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    size_t len = report_metrics(p->r, p->r->outside, series);
    if (len > 0) {
        pelt_buf_addf(line, "; %zu series of metrics", len);
    }
}

/* "3 exchanges: 2 ok, 1 http_status; 2 checks, 1 failed; 1 series of metrics" */
static void outside_line(struct page *p)
{
    const struct report_totals t = report_totals(p->r->outside);
    const struct report_checks c = report_checks(p->r->outside);
    struct pelt_buf line;
    char number[REPORT_TEXT_MAX];
    pelt_buf_init(&line, 0);
    report_text_count(t.started, number);
    pelt_buf_addf(&line, "%s exchange%s", number, t.started == 1 ? "" : "s");
    for (int o = 0, shown = 0; o < PELT_OUTCOME_COUNT; o++) {
        if (t.outcomes[o] > 0) {
            report_text_count(t.outcomes[o], number);
            pelt_buf_addf(&line, "%s %s %s", shown++ ? "," : ":", number, pelt_outcome_name(o));
        }
    }
    if (c.passed + c.failed > 0) {
        report_text_count(c.passed + c.failed, number);
        pelt_buf_addf(&line, "; %s check%s", number, c.passed + c.failed == 1 ? "" : "s");
        report_text_count(c.failed, number);
        pelt_buf_addf(&line, ", %s failed", number);
    }
    outside_metrics(p, &line);
    if (!line.failed) {
        sentence(p, 2, line.data);
    }
    pelt_buf_deinit(&line);
}

/* "  http_status  GET /login: status 500" */
static void outside_failure(struct page *p, const char *what, const char *name, const char *sample)
{
    char line[PELT_NAME_MAX + 320];
    snprintf(line, sizeof line, "%s  %s%s%s", what, name, sample[0] ? ": " : "", sample);
    fputs("  ", p->out);
    begin_color(p, RED);
    report_text_print(p->out, line, p->width - 2, 0);
    end_color(p, RED);
    fputc('\n', p->out);
}

/* One line, and one more for each kind of what failed. */
static void outside(struct page *p)
{
    const struct pelt_frame *f = p->r->outside;
    size_t failures = 0;
    if (!report_any(f)) {
        return;
    }
    heading(p, "setup and teardown, in none of the other figures\n");
    outside_line(p);
    REPORT_EACH_ERROR(f, id, outcome)
    {
        const struct pelt_error_frame *kept = pelt_frame_find_error(f, id, outcome);
        if (failures++ < ERRORS_SHOWN) {
            outside_failure(p, pelt_outcome_name(outcome), request_name(p, id),
                            kept != NULL ? kept->sample : "");
        }
    }
    REPORT_EACH_CHECK(f, id, check)
    {
        if (check->failed > 0 && failures++ < ERRORS_SHOWN) {
            outside_failure(p, "check failed", pelt_registry_name(p->r->names, PELT_NAME_CHECK, id),
                            "");
        }
    }
    more(p, failures, ERRORS_SHOWN, "failures");
}

/* ---- requests ---- */

static size_t requests_len(const struct pelt_results *r)
{
    size_t len = 0;
    REPORT_EACH_REQUEST(r->total, id, frame)
    {
        (void)id;
        len++;
    }
    return len;
}

static void request_counts(struct page *p)
{
    const int name_width = p->width - 2 - 44;
    size_t shown = 0;
    heading(p, "requests");
    fprintf(p->out, "%*s%12s%12s%8s%12s\n", name_width - 6, "", "started", "errors", "share", "ok");
    REPORT_EACH_REQUEST(p->r->total, id, frame)
    {
        char started[REPORT_TEXT_MAX], failed[REPORT_TEXT_MAX], share[REPORT_TEXT_MAX],
            rate[REPORT_TEXT_MAX];
        if (shown++ >= REQUESTS_SHOWN) {
            continue;
        }
        report_text_count(frame->started, started);
        report_text_count(report_errors(frame), failed);
        report_text_share(report_share(report_errors(frame), report_ended(frame)), share);
        report_text_rate(report_per_s(frame->outcomes[PELT_OUTCOME_OK], p->r->duration_s), rate);
        fputs("  ", p->out);
        report_text_print(p->out, request_name(p, id), name_width, 1);
        fprintf(p->out, "%12s", started);
        say(p, report_errors(frame) > 0 ? RED : PLAIN, "%12s%8s", failed, share);
        fprintf(p->out, "%12s\n", rate);
    }
    more(p, shown, REQUESTS_SHOWN, "requests");
}

/* What a cell of 7 columns shows: the percentile, or "n/a" (the smallest count of all is told
 * below). */
static void percentile_cell(struct page *p, const struct pelt_hist *h, double q, uint64_t *needs)
{
    char text[REPORT_TEXT_MAX] = "n/a";
    double ms;
    if (h->count == 0) {
        snprintf(text, sizeof text, "-");
    } else if (report_percentile_ms(h, q, &ms)) {
        report_text_time_ms(ms, text);
    } else {
        *needs = pelt_hist_samples_needed(q);
    }
    fprintf(p->out, "%7s", text);
}

static void max_cell(struct page *p, const struct pelt_hist *h)
{
    char text[REPORT_TEXT_MAX] = "-";
    if (h->count > 0) {
        report_text_time_ms((double)h->max_us / 1000, text);
    }
    fprintf(p->out, "%7s", text);
}

#define RESPONSE_COLUMNS 5 /* p50 to p99.9 of report_percentiles */

static void times_row(struct page *p, uint32_t id, const struct pelt_request_frame *frame,
                      int name_width, uint64_t needs[RESPONSE_COLUMNS])
{
    const struct pelt_hist *response = &frame->hist[PELT_HIST_RESPONSE],
                           *service = &frame->hist[PELT_HIST_SERVICE];
    fputs("  ", p->out);
    report_text_print(p->out, request_name(p, id), name_width, 1);
    for (int i = 0; i < RESPONSE_COLUMNS; i++) {
        percentile_cell(p, response, report_percentiles[i].q, &needs[i]);
    }
    max_cell(p, response);
    if (p->width >= SERVICE_WIDTH) {
        fputs("  ", p->out);
        percentile_cell(p, service, 50, &needs[0]);
        percentile_cell(p, service, 99, &needs[3]);
    }
    fputc('\n', p->out);
}

/* How many samples each "n/a" above lacks; as many to a line as fit. */
static void needs_line(struct page *p, const uint64_t needs[RESPONSE_COLUMNS])
{
    int at = 0;
    for (int i = 0; i < RESPONSE_COLUMNS; i++) {
        char number[REPORT_TEXT_MAX], item[2 * REPORT_TEXT_MAX];
        if (needs[i] == 0) {
            continue;
        }
        report_text_count(needs[i], number);
        int len =
            snprintf(item, sizeof item, "  %s n/a (needs %s)", report_percentiles[i].name, number);
        if (at > 0 && at + len > p->width) {
            fputc('\n', p->out);
            at = 0;
        }
        fputs(item, p->out);
        at += len;
    }
    fputs(at > 0 ? "\n" : "", p->out);
}

static void request_times(struct page *p)
{
    const bool with_service = p->width >= SERVICE_WIDTH;
    const int name_width = p->width - 2 - 42 - (with_service ? 16 : 0);
    uint64_t needs[RESPONSE_COLUMNS] = {0};
    size_t shown = 0;
    heading(p, "times");
    fprintf(p->out, "%*s%42s%s\n", name_width + 2 - 5, "", "response, due to done",
            with_service ? "         service" : "");
    fprintf(p->out, "%*s%7s%7s%7s%7s%7s%7s%s\n", name_width + 2, "", "p50", "p90", "p95", "p99",
            "p99.9", "max", with_service ? "      p50    p99" : "");
    REPORT_EACH_REQUEST(p->r->total, id, frame)
    {
        if (shown++ < REQUESTS_SHOWN) {
            times_row(p, id, frame, name_width, needs);
        }
    }
    needs_line(p, needs);
}

/* Sum of the samples in microseconds. */
static double sum_us(const struct pelt_hist *h)
{
    return pelt_hist_mean_us(h) * (double)h->count;
}

/* Where one request's response time went, if any of it worth telling went anywhere but into waiting
 * for the server. */
static void phases_row(struct page *p, uint32_t id, const struct pelt_request_frame *frame,
                       bool *begun)
{
    const double whole = sum_us(&frame->hist[PELT_HIST_RESPONSE]);
    char line[256] = "";
    bool elsewhere = false;
    for (int k = PELT_HIST_BLOCKED; k <= PELT_HIST_RECEIVE; k++) {
        double share = whole > 0 ? sum_us(&frame->hist[k]) / whole : 0;
        if (share >= PHASE_SHARE_MIN) {
            size_t used = strlen(line);
            snprintf(line + used, sizeof line - used, "%s%s %.0f%%", used ? "  " : "",
                     pelt_request_hist_name(k) + strlen("http_"), fmin(share, 1) * 100);
            elsewhere = elsewhere || k != PELT_HIST_WAIT;
        }
    }
    if (!elsewhere) {
        return;
    }
    if (!*begun) {
        heading(p, "where the response time went\n");
        *begun = true;
    }
    const int name_width = p->width / 3;
    fputs("  ", p->out);
    report_text_print(p->out, request_name(p, id), name_width, 1);
    fputs("  ", p->out);
    report_text_print(p->out, line, p->width - name_width - 4, 0);
    fputc('\n', p->out);
}

static void requests(struct page *p)
{
    bool begun = false;
    size_t shown = 0;
    if (requests_len(p->r) == 0) {
        return;
    }
    request_counts(p);
    request_times(p);
    REPORT_EACH_REQUEST(p->r->total, id, frame)
    {
        if (shown++ < REQUESTS_SHOWN) {
            phases_row(p, id, frame, &begun);
        }
    }
}

/* ---- the rest ---- */

static void checks(struct page *p)
{
    const int name_width = p->width - 2 - 36;
    if (p->r->checks_len == 0) {
        return;
    }
    heading(p, "checks");
    fprintf(p->out, "%*s%12s%12s%12s\n", name_width - 4, "", "passed", "failed", "share");
    for (size_t i = 0; i < p->r->checks_len && i < REQUESTS_SHOWN; i++) {
        const struct pelt_check_row *c = &p->r->checks[i];
        char passed[REPORT_TEXT_MAX], failed[REPORT_TEXT_MAX], share[REPORT_TEXT_MAX];
        report_text_count(c->passed, passed);
        report_text_count(c->failed, failed);
        report_text_share(report_share(c->passed, c->passed + c->failed), share);
        fputs("  ", p->out);
        report_text_print(p->out, pelt_registry_name(p->r->names, PELT_NAME_CHECK, c->check),
                          name_width, 1);
        fprintf(p->out, "%12s", passed);
        say(p, c->failed > 0 ? RED : PLAIN, "%12s", failed);
        fprintf(p->out, "%12s\n", share);
    }
    more(p, p->r->checks_len, REQUESTS_SHOWN, "checks");
}

/* A value of a trend: a time, or a number. */
static void trend_value(const struct pelt_metric *m, double value, char out[REPORT_TEXT_MAX])
{
    (pelt_metric_is_time(m) ? report_text_time_ms : report_text_number)(value, out);
}

/* "p50 1.2ms  p95 3ms  p99 n/a  max 4ms  of 1,000" */
static void trend_text(const struct pelt_metric *m, const struct pelt_hist *h, char *out,
                       size_t size)
{
    static const int SHOWN[] = {0, 2, 3}; /* of report_percentiles */
    const double scale = pelt_metric_scale(m);
    char value[REPORT_TEXT_MAX], count[REPORT_TEXT_MAX];
    size_t at = 0;
    for (size_t i = 0; i < sizeof SHOWN / sizeof *SHOWN; i++) {
        const struct report_percentile *p = &report_percentiles[SHOWN[i]];
        double q;
        snprintf(value, sizeof value, "n/a");
        if (report_percentile(h, p->q, scale, &q)) {
            trend_value(m, q, value);
        }
        at += (size_t)snprintf(out + at, size - at, "%s %s  ", p->name, value);
    }
    trend_value(m, (double)h->max_us / scale, value);
    report_text_count(h->count, count);
    snprintf(out + at, size - at, "max %s  of %s", h->count > 0 ? value : "-", count);
}

static void metric_text(struct page *p, const struct pelt_metric *m,
                        const struct pelt_metric_frame *f, char *out, size_t size)
{
    char a[REPORT_TEXT_MAX], b[REPORT_TEXT_MAX], c[REPORT_TEXT_MAX];
    switch (m->type) {
    case PELT_METRIC_COUNTER:
        report_text_count(f->sum, a);
        report_text_rate(report_per_s(f->sum, p->r->duration_s), b);
        snprintf(out, size, "%s  %s", a, b);
        return;
    case PELT_METRIC_GAUGE:
        report_text_number(f->last, a);
        report_text_number(f->min, b);
        report_text_number(f->max, c);
        snprintf(out, size, "last %s  min %s  max %s", a, b, c);
        return;
    case PELT_METRIC_SHARE:
        report_text_share(report_share(f->sum, f->values), a);
        report_text_count(f->values, b);
        snprintf(out, size, "%s  of %s", a, b);
        return;
    case PELT_METRIC_TREND:
        trend_text(m, &f->hist, out, size);
        return;
    case PELT_METRIC_TYPES:
        return;
    }
}

/* "  orders{route=a}   1,234  61.7/s" */
static void metric_row(struct page *p, const struct report_series *s)
{
    const int wanted = p->width - 4 - METRIC_WIDTH, name_width = wanted > 16 ? wanted : 16;
    char name[PELT_METRIC_TEXT + PELT_METRIC_UNIT_MAX + 4], line[8 * REPORT_TEXT_MAX];
    pelt_metrics_format(pelt_registry_metrics(p->r->names), s->id, name, PELT_METRIC_TEXT);
    if (s->metric->type == PELT_METRIC_TREND && !pelt_metric_is_time(s->metric)) {
        size_t used = strlen(name);
        snprintf(name + used, sizeof name - used, " (%s)", s->metric->unit);
    }
    metric_text(p, s->metric, s->frame, line, sizeof line);
    fputs("  ", p->out);
    report_text_print(p->out, name, name_width, 1);
    fputs("  ", p->out);
    report_text_print(p->out, line, p->width - name_width - 4, 0);
    fputc('\n', p->out);
}

static bool is_of_websockets(const struct report_series *s)
{
    return strncmp(s->metric->name, "ws_", 3) == 0;
}

/* Those of the series that are, or are not, of WebSockets. */
static void metric_rows(struct page *p, const char *title, const struct report_series *series,
                        size_t len, bool of_websockets)
{
    size_t shown = 0;
    for (size_t i = 0; i < len; i++) {
        if (is_of_websockets(&series[i]) != of_websockets) {
            continue;
        }
        if (shown == 0) {
            heading(p, title);
        }
        if (shown++ < REQUESTS_SHOWN) {
            metric_row(p, &series[i]);
        }
    }
    more(p, shown, REQUESTS_SHOWN, "series of metrics");
}

static void metrics(struct page *p)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics(p->r, p->r->total, series);
    metric_rows(p, "websockets\n", series, len, true);
    metric_rows(p, "metrics\n", series, len, false);
}

static void lag_line(struct page *p, const char *label, const struct pelt_hist *h)
{
    char p99[REPORT_TEXT_MAX] = "n/a", max[REPORT_TEXT_MAX], needed[REPORT_TEXT_MAX],
         line[4 * REPORT_TEXT_MAX];
    double ms;
    if (h->count == 0) {
        return;
    }
    report_text_count(pelt_hist_samples_needed(99), needed);
    if (report_percentile_ms(h, 99, &ms)) {
        report_text_time_ms(ms, p99);
    } else {
        snprintf(p99, sizeof p99, "n/a (needs %.10s)", needed);
    }
    report_text_time_ms((double)h->max_us / 1000, max);
    snprintf(line, sizeof line, "p99 %s, max %s", p99, max);
    labelled(p, label, line);
}

/* "thread 1 waited 12.3% of the time for a CPU" */
static void run_wait_line(struct page *p)
{
    const struct pelt_results *r = p->r;
    char line[4 * REPORT_TEXT_MAX], text[REPORT_TEXT_MAX];
    double most = 0, share;
    uint32_t thread = 0;
    size_t unread = 0;
    for (size_t i = 0; i < r->threads_len; i++) {
        unread += !pelt_results_run_wait_share(r, &r->threads[i], &share);
        if (share > most) {
            most = share;
            thread = r->threads[i].thread;
        }
    }
    if (r->threads_len == 0) {
        return;
    }
    report_text_share(most, text);
    snprintf(line, sizeof line, "thread %u waited for its CPU %s of the time", thread, text);
    labelled(p, "run queue", unread > 0 ? "unreadable: no /proc/self/schedstat" : line);
}

/* What others did with the CPUs; quiet where nothing was taken from the generator. */
static void host_line(struct page *p)
{
    const struct pelt_host_row *h = &p->r->host;
    char line[160];
    if (h->throttled == PELT_UNREAD) {
        labelled(p, "throttled", "unreadable: no cpu.stat of pelt's cgroup");
    } else if (h->throttled > 0) {
        snprintf(line, sizeof line, "%llu times, %.3g s in all, by the CPU quota of pelt's cgroup",
                 (unsigned long long)h->throttled, (double)h->throttled_ns / 1e9);
        labelled(p, "throttled", line);
    }
    const char *same_host = pelt_results_meta(p->r, "same_host");
    if (same_host != NULL && strcmp(same_host, "yes") == 0) {
        labelled(p, "host", "the target runs on this host: both share its CPUs");
    }
}

/* "p99 = 212 ms (31% of the tail tainted; 148 ms without)" */
static void taint_line(struct page *p)
{
    char line[200], p99[REPORT_TEXT_MAX], clean[REPORT_TEXT_MAX] = "n/a", share[REPORT_TEXT_MAX];
    struct pelt_taint t;
    if (!pelt_results_taint(p->r, &t) || t.tail_tainted == 0) {
        return;
    }
    report_text_time_ms((double)t.p99_us / 1000, p99);
    report_text_share((double)t.tail_tainted / (double)t.tail, share);
    if (t.clean_p99_us > 0) {
        report_text_time_ms((double)t.clean_p99_us / 1000, clean);
    }
    snprintf(line, sizeof line, "p99 = %s (%s of the tail tainted; %s without)", p99, share, clean);
    labelled(p, "stalls", line);
}

static void generator(struct page *p)
{
    const struct pelt_results *r = p->r;
    double busiest = 0;
    char line[4 * REPORT_TEXT_MAX];
    for (size_t i = 0; i < r->threads_len; i++) {
        busiest = fmax(busiest, pelt_results_cpu_share(r, &r->threads[i]));
    }
    heading(p, "generator\n");
    if (r->threads_len > 0) {
        snprintf(line, sizeof line, "%zu thread%s, the busiest used %.0f%% of a core",
                 r->threads_len, r->threads_len == 1 ? "" : "s", busiest * 100);
        labelled(p, "cpu", line);
    }
    lag_line(p, "send lag", &r->total->hist[PELT_RUNHIST_SEND_LAG]);
    lag_line(p, "loop lag", &r->total->hist[PELT_RUNHIST_LOOP_LAG]);
    run_wait_line(p);
    host_line(p);
    taint_line(p);
}

static void findings(struct page *p)
{
    struct pelt_findings *f = report_findings_of(p->r);
    if (f != NULL && f->len > 0) {
        heading(p, "findings\n");
        report_findings_print(f, p->out, p->width);
    }
    pelt_findings_free(f);
}

static void events(struct page *p)
{
    if (p->r->events_len == 0) {
        return;
    }
    heading(p, "events\n");
    for (size_t i = 0; i < p->r->events_len && i < EVENTS_SHOWN; i++) {
        const struct pelt_event_row *e = &p->r->events[i];
        char line[512];
        snprintf(line, sizeof line, "%s: %s", e->kind, e->text);
        fprintf(p->out, "  %9.1fs  ", e->t_s);
        if (strcmp(e->kind, "capacity") == 0) { /* what the run was for */
            report_text_hanging(p->out, line, p->width, 14);
        } else {
            report_text_print(p->out, line, p->width - 14, 0);
            fputc('\n', p->out);
        }
    }
    more_in(p, p->r->events_len, EVENTS_SHOWN, "events", "the run file (table event)");
}

/* The path is what people copy, so it is never cut. */
static void files(struct page *p)
{
    if (p->r->path != NULL) {
        heading(p, "run file");
        fprintf(p->out, "  %s\n", p->r->path);
    }
}

void report_summary(const struct pelt_results *r, FILE *out, bool color, int width)
{
    struct page p = {
        .r = r, .out = out, .color = color, .width = width < WIDTH_MIN ? WIDTH_MIN : width};
    verdict(&p);
    thresholds(&p);
    load(&p);
    totals(&p);
    errors(&p);
    outside(&p);
    requests(&p);
    checks(&p);
    metrics(&p);
    findings(&p);
    generator(&p);
    events(&p);
    files(&p);
}
