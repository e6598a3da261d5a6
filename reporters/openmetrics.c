/*
 * openmetrics: a finished run as OpenMetrics text (pelt/exposition.h), with what only its end says:
 * verdict, exit code, thresholds.
 */
#include "formats.h"

#include <math.h>

#include "judged.h"
#include "pelt/exposition.h"

static void write_verdict(const struct pelt_results *r, FILE *out)
{
    report_exposition_gauge(out, "pelt_verdict", NULL, "1 at what the verdict is.");
    for (int v = PELT_VALID; v <= PELT_INVALID; v++) {
        fprintf(out, "pelt_verdict{status=\"%s\"} %d\n", pelt_verdict_name(v),
                r->verdict == (enum pelt_verdict)v);
    }
    report_exposition_gauge(out, "pelt_exit_code", NULL, "Exit code of the run.");
    fprintf(out, "pelt_exit_code %d\n", r->exit_code);
}

static void write_label(const struct pelt_threshold *t, size_t i, FILE *out)
{
    char text[512];
    pelt_threshold_format(t, text, sizeof text);
    fprintf(out, "{number=\"%zu\",threshold=", i + 1);
    report_exposition_label(out, text);
    fputc('}', out);
}

static void write_thresholds(const struct pelt_results *r, FILE *out)
{
    report_exposition_gauge(out, "pelt_threshold_met", NULL,
                            "1: met; 0: missed, or it could not be judged.");
    for (size_t i = 0; i < r->thresholds_len; i++) {
        fputs("pelt_threshold_met", out);
        write_label(&r->thresholds[i].threshold, i, out);
        fprintf(out, " %d\n", report_judged_level(&r->thresholds[i]) < PELT_LEVEL_MISSED);
    }
    report_exposition_gauge(out, "pelt_threshold_value", NULL,
                            "What was judged; times in seconds.");
    for (size_t i = 0; i < r->thresholds_len; i++) {
        const struct pelt_threshold_row *row = &r->thresholds[i];
        if (row->judged && row->line.has_value && isfinite(row->line.value)) {
            fputs("pelt_threshold_value", out);
            write_label(&row->threshold, i, out);
            fprintf(out, " %.15g\n",
                    row->threshold.unit == PELT_UNIT_MS ? row->line.value / 1000 : row->line.value);
        }
    }
}

enum pelt_status report_openmetrics(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    const struct report_exposition e = {
        .form = REPORT_EXPOSITION_FINAL,
        .names = r->names,
        .total = r->total,
        .run_id = pelt_results_meta(r, "run_id"),
        .scenario = pelt_results_meta(r, "scenario"),
        .version = pelt_results_meta(r, "version"),
        .elapsed_s = r->duration_s,
    };
    enum pelt_status status = report_exposition(out, &e);
    write_verdict(r, out);
    write_thresholds(r, out);
    report_exposition_end(out);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "out of memory");
}
