/*
 * markdown: a run on the page of a CI job: what a reader of a failed job looks for first. Names and
 * what servers said stand in code spans (markup.h).
 */
#include "formats.h"

#include <string.h>

#include "figures.h"
#include "findings.h"
#include "judged.h"
#include "markup.h"
#include "pelt/units.h"
#include "workers.h"

#define ROWS_SHOWN   40 /* of requests, checks; JSON and CSV have all */
#define ERRORS_SHOWN 10

static void more(FILE *out, size_t all, size_t shown)
{
    if (all > shown) {
        fprintf(out, "\n%zu more are in JSON and CSV.\n", all - shown);
    }
}

static void list(FILE *out, char *const *reasons)
{
    if (reasons == NULL || *reasons == NULL) {
        return;
    }
    for (; *reasons != NULL; reasons++) {
        fputs("- ", out);
        report_markdown_text(out, *reasons);
        fputc('\n', out);
    }
    fputc('\n', out);
}

static void labelled(FILE *out, const char *label, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        fprintf(out, "| %s | ", label);
        report_markdown_cell(out, value);
        fputs(" |\n", out);
    }
}

static void write_head(const struct pelt_results *r, FILE *out)
{
    const char *scenario = pelt_results_meta(r, "scenario");
    fputs("## pelt: ", out);
    report_markdown_code(out, scenario != NULL && scenario[0] != '\0' ? scenario : "run");
    fprintf(out, " %s\n\n**%s**, exit %d, measurement **%s**\n\n",
            r->exit_code == 0 ? "\xe2\x9c\x85" : "\xe2\x9d\x8c", /* check mark, cross */
            r->exit_code == 0   ? "passed"
            : r->exit_code == 3 ? "thresholds missed"
                                : "failed",
            r->exit_code, pelt_verdict_name(r->verdict));
    list(out, r->exit_reasons);
    list(out, r->verdict_reasons);
}

static void write_thresholds(const struct pelt_results *r, FILE *out)
{
    if (r->thresholds_len == 0) {
        return;
    }
    fputs("### Thresholds\n\n| | threshold | value | level |\n|---|---|---:|---|\n", out);
    for (size_t i = 0; i < r->thresholds_len; i++) {
        const struct pelt_threshold_row *row = &r->thresholds[i];
        const enum pelt_level level = report_judged_level(row);
        char bounds[512], value[REPORT_JUDGED_MAX];
        pelt_threshold_format(&row->threshold, bounds, sizeof bounds);
        report_judged_value(row, value);
        fprintf(out, "| %s | ", level < PELT_LEVEL_MISSED ? "\xe2\x9c\x85" : "\xe2\x9d\x8c");
        report_markdown_cell(out, bounds);
        fprintf(out, " | %s | %s |\n", value, pelt_level_name(level));
    }
    fputc('\n', out);
}

static void write_totals(const struct pelt_results *r, FILE *out)
{
    const struct report_totals t = report_totals(r->total), late = report_totals(r->after);
    char started[REPORT_TEXT_MAX], rate[REPORT_TEXT_MAX], errors[REPORT_TEXT_MAX],
        share[REPORT_TEXT_MAX], text[160], length[32];
    pelt_format_duration((uint64_t)(r->duration_s * 1e9), length, sizeof length);
    report_text_count(t.started, started);
    report_text_rate(pelt_results_per_s(r, t.started, late.started), rate);
    report_text_count(t.errors, errors);
    report_text_share(report_share(t.errors, t.ended), share);
    fputs("### Totals\n\n| | |\n|---|---|\n", out);
    labelled(out, "target", pelt_results_meta(r, "target"));
    labelled(out, "plan", pelt_results_meta(r, "plan"));
    if (r->warmup.length_s > 0) {
        char warmed[REPORT_TEXT_MAX];
        report_text_count(r->warmup.started, warmed);
        snprintf(text, sizeof text, "%d s with %s requests, not counted", (int)r->warmup.length_s,
                 warmed);
        labelled(out, "warm-up", text);
    }
    if (r->has_part) {
        snprintf(text, sizeof text, "from %d s to %d s of the run", r->part.from_s, r->part.to_s);
        labelled(out, "part", text);
    }
    labelled(out, "length", length);
    snprintf(text, sizeof text, "%s (%s)", started, rate);
    labelled(out, "started", text);
    snprintf(text, sizeof text, "%s (%s)", errors, share);
    labelled(out, "errors", text);
    fputc('\n', out);
}

static void percentile(FILE *out, const struct pelt_hist *h, double q)
{
    double ms;
    char text[REPORT_TEXT_MAX] = "n/a";
    if (report_percentile_ms(h, q, &ms)) {
        report_text_time_ms(ms, text);
    }
    fprintf(out, " %s |", text);
}

static void write_requests(const struct pelt_results *r, FILE *out)
{
    size_t shown = 0;
    fputs("### Requests\n\n| request | started | errors | p50 | p95 | p99 | max |\n"
          "|---|---:|---:|---:|---:|---:|---:|\n",
          out);
    REPORT_EACH_REQUEST(r->total, id, frame)
    {
        const struct pelt_hist *h = &frame->hist[PELT_HIST_RESPONSE];
        char started[REPORT_TEXT_MAX], errors[REPORT_TEXT_MAX], max[REPORT_TEXT_MAX] = "n/a";
        if (shown++ >= ROWS_SHOWN) {
            continue;
        }
        report_text_count(frame->started, started);
        report_text_count(report_errors(frame), errors);
        fputs("| ", out);
        report_markdown_cell(out, pelt_registry_name(r->names, PELT_NAME_REQUEST, id));
        fprintf(out, " | %s | %s |", started, errors);
        percentile(out, h, 50);
        percentile(out, h, 95);
        percentile(out, h, 99);
        if (h->count > 0) {
            report_text_time_ms((double)h->max_us / 1000, max);
        }
        fprintf(out, " %s |\n", max);
    }
    more(out, shown, ROWS_SHOWN);
    fputc('\n', out);
}

static void write_checks(const struct pelt_results *r, FILE *out)
{
    if (r->checks_len == 0) {
        return;
    }
    fputs("### Checks\n\n| | check | passed | failed |\n|---|---|---:|---:|\n", out);
    for (size_t i = 0; i < r->checks_len && i < ROWS_SHOWN; i++) {
        const struct pelt_check_row *c = &r->checks[i];
        fprintf(out, "| %s | ", c->failed == 0 ? "\xe2\x9c\x85" : "\xe2\x9d\x8c");
        report_markdown_cell(out, pelt_registry_name(r->names, PELT_NAME_CHECK, c->check));
        fprintf(out, " | %llu | %llu |\n", (unsigned long long)c->passed,
                (unsigned long long)c->failed);
    }
    more(out, r->checks_len, ROWS_SHOWN);
    fputc('\n', out);
}

static void write_errors(const struct pelt_results *r, FILE *out)
{
    if (r->errors_len == 0) {
        return;
    }
    fputs("### Errors\n\n| class | request | count | first | last | sample |\n"
          "|---|---|---:|---:|---:|---|\n",
          out);
    for (size_t i = 0; i < r->errors_len && i < ERRORS_SHOWN; i++) {
        const struct pelt_error_row *e = &r->errors[i];
        fprintf(out, "| %s | ", pelt_outcome_name(e->outcome));
        report_markdown_cell(out, pelt_registry_name(r->names, PELT_NAME_REQUEST, e->series));
        fprintf(out, " | %llu | %.1f s | %.1f s | ", (unsigned long long)e->e.count,
                (double)e->e.first_ns / 1e9, (double)e->e.last_ns / 1e9);
        report_markdown_cell(out, e->e.sample);
        fputs(" |\n", out);
    }
    more(out, r->errors_len, ERRORS_SHOWN);
    fputc('\n', out);
}

static void write_lines(const struct pelt_lines *lines, const char *before, FILE *out)
{
    for (size_t i = 0; i < lines->len; i++) {
        fprintf(out, "  - %s", before);
        report_markdown_text(out, lines->line[i]);
        fputc('\n', out);
    }
}

static void write_findings(const struct pelt_results *r, FILE *out)
{
    struct pelt_findings *f = report_findings_of(r);
    bool any = false;
    for (size_t i = 0; f != NULL && i < f->len; i++) {
        if (!f->list[i].row && f->list[i].text[0] != '\0') {
            fputs(any ? "- " : "### Findings\n\n- ", out);
            report_markdown_text(out, f->list[i].text);
            fputc('\n', out);
            write_lines(&f->list[i].evidence, "", out);
            write_lines(&f->list[i].advice, "next: ", out);
            any = true;
        }
    }
    fputs(any ? "\n" : "", out);
    pelt_findings_free(f);
}

static void write_workers(const struct pelt_results *r, FILE *out)
{
    char absence[REPORT_WORKER_TEXT];
    if (r->workers_len == 0) {
        return;
    }
    fputs("### Workers\n\n| worker | host | requests | share | clock | verdict | remarks |\n"
          "|---:|---|---:|---:|---:|---|---|\n",
          out);
    for (size_t i = 0; i < r->workers_len && i < ROWS_SHOWN; i++) {
        const struct pelt_worker_row *w = &r->workers[i];
        report_worker_absence(w, absence);
        fprintf(out, "| %u | ", w->slot);
        report_markdown_cell(out, w->host);
        fprintf(out, " | %llu | %.1f%% | %.3f ms | ", (unsigned long long)w->started,
                100 * report_worker_share(r, w), (double)w->bound_ns / 1e6);
        report_markdown_cell(out, w->verdict[0] != '\0' ? w->verdict : "-");
        fputs(" | ", out);
        report_markdown_cell(out, absence[0] != '\0' ? absence : w->reason);
        fputs(" |\n", out);
    }
    more(out, r->workers_len, ROWS_SHOWN);
    fputc('\n', out);
}

enum pelt_status report_markdown(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    const char *command = pelt_results_meta(r, "command");
    write_head(r, out);
    write_thresholds(r, out);
    write_totals(r, out);
    write_requests(r, out);
    write_checks(r, out);
    write_errors(r, out);
    write_workers(r, out);
    write_findings(r, out);
    if (command != NULL && command[0] != '\0') {
        fputs("Again: ", out);
        report_markdown_code(out, command);
        fputc('\n', out);
    }
    return PELT_OK;
}
