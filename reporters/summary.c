/*
 * The summary a person reads when a run is over. Order of questions: did it pass, can it be
 * believed, what was asked for, what came back, what went wrong, how long it took, was the
 * generator itself in the way, what did the server come close to, where is the rest. Each has a
 * section (summary/sections.h).
 */
#include "pelt/report.h"
#include "summary/sections.h"

#define WIDTH_MIN 60

void report_summary(const struct pelt_results *r, FILE *out, bool color, int width)
{
    struct report_page p = {
        .r = r, .out = out, .color = color, .width = width < WIDTH_MIN ? WIDTH_MIN : width};
    report_section_verdict(&p);
    report_section_thresholds(&p);
    report_section_alerts(&p);
    report_section_load(&p);
    report_section_totals(&p);
    report_section_errors(&p);
    report_section_outside(&p);
    report_section_requests(&p);
    report_section_slowest(&p);
    report_section_served(&p);
    report_section_checks(&p);
    report_section_metrics(&p);
    report_section_findings(&p);
    report_section_generator(&p);
    report_section_workers(&p);
    report_section_events(&p);
    report_section_servers(&p);
    report_section_files(&p);
}
