/*
 * totals: what came back in all.
 */
#include "sections.h"

#include "figures.h"
#include "pelt/units.h"
#include "text.h"

#define AFTER_SHOWN 0.02 /* of all that started, or ended */

static void count_line(struct report_page *p, const char *label, uint64_t count, const char *beside,
                       enum report_color color)
{
    char number[REPORT_TEXT_MAX];
    report_text_count(count, number);
    fprintf(p->out, "  %-12s%14s   ", label, number);
    report_page_say(p, color, "%s\n", beside);
}

static void bytes_line(struct report_page *p, const char *label, uint64_t bytes, uint64_t late)
{
    char all[32], rate[32];
    pelt_format_bytes(bytes, all, sizeof all);
    pelt_format_bytes((uint64_t)pelt_results_per_s(p->r, bytes, late), rate, sizeof rate);
    fprintf(p->out, "  %-12s%14s   %s/s\n", label, all, rate);
}

/* Where what came behind the load's whole seconds would change the rates. */
static void after_line(struct report_page *p, const struct report_totals *t,
                       const struct report_totals *late)
{
    const int32_t whole_s = pelt_results_whole_s(p->r);
    char started[REPORT_TEXT_MAX], ended[REPORT_TEXT_MAX];
    if (report_share(late->started, t->started) < AFTER_SHOWN &&
        report_share(late->ended, t->ended) < AFTER_SHOWN) {
        return;
    }
    report_text_count(late->started, started);
    report_text_count(late->ended, ended);
    report_page_say(p, REPORT_YELLOW,
                    "  of these, %s started and %s ended after %d s, and are in no rate\n", started,
                    ended, whole_s);
}

void report_section_totals(struct report_page *p)
{
    const struct report_totals t = report_totals(p->r->total), late = report_totals(p->r->after);
    const struct pelt_frame *total = p->r->total;
    char beside[2 * REPORT_TEXT_MAX], share[REPORT_TEXT_MAX];
    report_page_heading(p, "totals\n");
    report_text_rate(pelt_results_per_s(p->r, t.started, late.started), beside);
    count_line(p, "started", t.started, beside, REPORT_PLAIN);
    report_text_rate(
        pelt_results_per_s(p->r, t.outcomes[PELT_OUTCOME_OK], late.outcomes[PELT_OUTCOME_OK]),
        beside);
    count_line(p, "ok", t.outcomes[PELT_OUTCOME_OK], beside, REPORT_PLAIN);
    report_text_share(report_share(t.errors, t.ended), share);
    count_line(p, "errors", t.errors, share, t.errors > 0 ? REPORT_RED : REPORT_PLAIN);
    if (t.outcomes[PELT_OUTCOME_ABANDONED] > 0) {
        count_line(p, "abandoned", t.outcomes[PELT_OUTCOME_ABANDONED],
                   "left by the script before their end", REPORT_PLAIN);
    }
    if (t.started > t.ended) { /* an orderly end leaves none */
        count_line(p, "in flight", t.started - t.ended, "in the last second written",
                   REPORT_YELLOW);
    }
    if (total->dropped > 0) {
        count_line(p, "dropped", total->dropped, "arrivals that found too many waiting",
                   REPORT_RED);
    }
    if (total->iterations > 0) {
        report_text_rate(pelt_results_per_s(p->r, total->iterations, p->r->after->iterations),
                         beside);
        count_line(p, "iterations", total->iterations, beside, REPORT_PLAIN);
    }
    if (total->script_errors > 0) {
        count_line(p, "script errors", total->script_errors,
                   "iterations, user_init or user_exit ended by a Lua error", REPORT_RED);
    }
    bytes_line(p, "sent", t.bytes_sent, late.bytes_sent);
    bytes_line(p, "received", t.bytes_received, late.bytes_received);
    after_line(p, &t, &late);
}
