/*
 * requests: each name's counts, its times, and where these went.
 */
#include "sections.h"

#include <math.h>
#include <string.h>

#include "figures.h"
#include "text.h"

#define PHASE_SHARE_MIN 0.05 /* of the response time: below that a phase is not worth a line */
#define SERVICE_WIDTH   76   /* columns from which service times have room beside response times */

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

static void request_counts(struct report_page *p)
{
    const int name_width = p->width - 2 - 44;
    size_t shown = 0;
    report_page_heading(p, "requests");
    fprintf(p->out, "%*s%12s%12s%8s%12s\n", name_width - 6, "", "started", "errors", "share", "ok");
    REPORT_EACH_REQUEST(p->r->total, id, frame)
    {
        char started[REPORT_TEXT_MAX], failed[REPORT_TEXT_MAX], share[REPORT_TEXT_MAX],
            rate[REPORT_TEXT_MAX];
        if (shown++ >= REPORT_ROWS_SHOWN) {
            continue;
        }
        report_text_count(frame->started, started);
        report_text_count(report_errors(frame), failed);
        report_text_share(report_share(report_errors(frame), report_ended(frame)), share);
        report_text_rate(
            pelt_results_per_s(p->r, frame->outcomes[PELT_OUTCOME_OK],
                               pelt_results_after_request(p->r, id)->outcomes[PELT_OUTCOME_OK]),
            rate);
        report_text_name(p->out, report_page_request_name(p, id), name_width, p->width);
        fprintf(p->out, "%12s", started);
        report_page_say(p, report_errors(frame) > 0 ? REPORT_RED : REPORT_PLAIN, "%12s%8s", failed,
                        share);
        fprintf(p->out, "%12s\n", rate);
    }
    report_page_more(p, shown, REPORT_ROWS_SHOWN, "requests");
}

/* What a cell of 7 columns shows: the percentile, or "n/a" (the smallest count of all is told
 * below). */
static void percentile_cell(struct report_page *p, const struct pelt_hist *h, double q,
                            uint64_t *needs)
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

static void max_cell(struct report_page *p, const struct pelt_hist *h)
{
    char text[REPORT_TEXT_MAX] = "-";
    if (h->count > 0) {
        report_text_time_ms((double)h->max_us / 1000, text);
    }
    fprintf(p->out, "%7s", text);
}

#define RESPONSE_COLUMNS 5 /* p50 to p99.9 of report_percentiles */

static void times_row(struct report_page *p, uint32_t id, const struct pelt_request_frame *frame,
                      int name_width, uint64_t needs[RESPONSE_COLUMNS])
{
    const struct pelt_hist *response = &frame->hist[PELT_HIST_RESPONSE],
                           *service = &frame->hist[PELT_HIST_SERVICE];
    report_text_name(p->out, report_page_request_name(p, id), name_width, p->width);
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
static void needs_line(struct report_page *p, const uint64_t needs[RESPONSE_COLUMNS])
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

static void request_times(struct report_page *p)
{
    const bool with_service = p->width >= SERVICE_WIDTH;
    const int name_width = p->width - 2 - 42 - (with_service ? 16 : 0);
    uint64_t needs[RESPONSE_COLUMNS] = {0};
    size_t shown = 0;
    report_page_heading(p, "times");
    fprintf(p->out, "%*s%42s%s\n", name_width + 2 - 5, "", "response, due to done",
            with_service ? "         service" : "");
    fprintf(p->out, "%*s%7s%7s%7s%7s%7s%7s%s\n", name_width + 2, "", "p50", "p90", "p95", "p99",
            "p99.9", "max", with_service ? "      p50    p99" : "");
    REPORT_EACH_REQUEST(p->r->total, id, frame)
    {
        if (shown++ < REPORT_ROWS_SHOWN) {
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
static void phases_row(struct report_page *p, uint32_t id, const struct pelt_request_frame *frame,
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
        report_page_heading(p, "where the response time went\n");
        *begun = true;
    }
    const int name_width = p->width / 3;
    report_text_name(p->out, report_page_request_name(p, id), name_width, p->width);
    fputs("  ", p->out);
    report_text_print(p->out, line, p->width - name_width - 4, 0);
    fputc('\n', p->out);
}

void report_section_requests(struct report_page *p)
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
        if (shown++ < REPORT_ROWS_SHOWN) {
            phases_row(p, id, frame, &begun);
        }
    }
}
