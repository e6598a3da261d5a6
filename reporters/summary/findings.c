/*
 * findings: what the analysis of the load's kind found.
 */
#include "sections.h"

#include "findings.h"

void report_section_findings(struct report_page *p)
{
    struct pelt_findings *f = report_findings_of(p->r);
    if (f != NULL && f->len > 0) {
        report_page_heading(p, "findings\n");
        report_findings_print(f, p->out, p->width);
    }
    pelt_findings_free(f);
}
