/*
 * errors: each class of each request, with its first sample.
 */
#include "sections.h"

#include "text.h"

void report_section_errors(struct report_page *p)
{
    const struct pelt_results *r = p->r;
    if (r->errors_len == 0) {
        return;
    }
    report_page_heading(p, "errors");
    fprintf(p->out, "%*s\n", p->width - 6, "count     from       to");
    for (size_t i = 0; i < r->errors_len && i < REPORT_ERRORS_SHOWN; i++) {
        const struct pelt_error_row *e = &r->errors[i];
        char count[REPORT_TEXT_MAX], label[PELT_NAME_MAX + 64];
        snprintf(label, sizeof label, "%s  %s", pelt_outcome_name(e->outcome),
                 report_page_request_name(p, e->series));
        report_text_count(e->e.count, count);
        report_text_name(p->out, label, p->width - 2 - 32, p->width);
        fprintf(p->out, "%14s%8.1fs%8.1fs\n", count, (double)e->e.first_ns / 1e9,
                (double)e->e.last_ns / 1e9);
        if (e->e.sample[0] != '\0') {
            report_page_sentence(p, 4, e->e.sample);
        }
    }
    report_page_more(p, r->errors_len, REPORT_ERRORS_SHOWN, "kinds");
}
