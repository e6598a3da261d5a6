/*
 * outside: what setup and teardown did, which is in none of the other figures.
 */
#include "sections.h"

#include "figures.h"
#include "pelt/buf.h"
#include "text.h"

static void outside_metrics(struct report_page *p, struct pelt_buf *line)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    size_t len = report_metrics(p->r, p->r->outside, series);
    if (len > 0) {
        pelt_buf_addf(line, "; %zu series of metrics", len);
    }
}

/* "3 exchanges: 2 ok, 1 http_status; 2 checks, 1 failed; 1 series of metrics" */
static void outside_line(struct report_page *p)
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
        report_page_sentence(p, 2, line.data);
    }
    pelt_buf_deinit(&line);
}

/* "  http_status  GET /login: status 500" */
static void outside_failure(struct report_page *p, const char *what, const char *name,
                            const char *sample)
{
    char line[PELT_NAME_MAX + 320];
    snprintf(line, sizeof line, "%s  %s%s%s", what, name, sample[0] ? ": " : "", sample);
    fputs("  ", p->out);
    report_page_begin_color(p, REPORT_RED);
    report_text_print(p->out, line, p->width - 2, 0);
    report_page_end_color(p, REPORT_RED);
    fputc('\n', p->out);
}

/* One line, and one more for each kind of what failed. */
void report_section_outside(struct report_page *p)
{
    const struct pelt_frame *f = p->r->outside;
    size_t failures = 0;
    if (!report_any(f)) {
        return;
    }
    report_page_heading(p, "setup and teardown, in none of the other figures\n");
    outside_line(p);
    REPORT_EACH_ERROR(f, id, outcome)
    {
        const struct pelt_error_frame *kept = pelt_frame_find_error(f, id, outcome);
        if (failures++ < REPORT_ERRORS_SHOWN) {
            outside_failure(p, pelt_outcome_name(outcome), report_page_request_name(p, id),
                            kept != NULL ? kept->sample : "");
        }
    }
    REPORT_EACH_CHECK(f, id, check)
    {
        if (check->failed > 0 && failures++ < REPORT_ERRORS_SHOWN) {
            outside_failure(p, "check failed", pelt_registry_name(p->r->names, PELT_NAME_CHECK, id),
                            "");
        }
    }
    report_page_more(p, failures, REPORT_ERRORS_SHOWN, "failures");
}
