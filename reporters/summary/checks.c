/*
 * checks: how often each held.
 */
#include "sections.h"

#include "figures.h"
#include "text.h"

void report_section_checks(struct report_page *p)
{
    const int name_width = p->width - 2 - 36;
    if (p->r->checks_len == 0) {
        return;
    }
    report_page_heading(p, "checks");
    fprintf(p->out, "%*s%12s%12s%12s\n", name_width - 4, "", "passed", "failed", "share");
    for (size_t i = 0; i < p->r->checks_len && i < REPORT_ROWS_SHOWN; i++) {
        const struct pelt_check_row *c = &p->r->checks[i];
        char passed[REPORT_TEXT_MAX], failed[REPORT_TEXT_MAX], share[REPORT_TEXT_MAX];
        report_text_count(c->passed, passed);
        report_text_count(c->failed, failed);
        report_text_share(report_share(c->passed, c->passed + c->failed), share);
        report_text_name(p->out, pelt_registry_name(p->r->names, PELT_NAME_CHECK, c->check),
                         name_width, p->width);
        fprintf(p->out, "%12s", passed);
        report_page_say(p, c->failed > 0 ? REPORT_RED : REPORT_PLAIN, "%12s", failed);
        fprintf(p->out, "%12s\n", share);
    }
    report_page_more(p, p->r->checks_len, REPORT_ROWS_SHOWN, "checks");
}
