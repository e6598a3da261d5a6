/*
 * sections: the parts of the summary, a file each, in the order in which they are printed. One that
 * has nothing to say prints nothing, not even its heading.
 */
#ifndef REPORT_SECTIONS_H
#define REPORT_SECTIONS_H

#include "page.h"

void report_section_verdict(struct report_page *p);
void report_section_thresholds(struct report_page *p);
void report_section_alerts(struct report_page *p);
void report_section_load(struct report_page *p);
void report_section_totals(struct report_page *p);
void report_section_errors(struct report_page *p);
void report_section_outside(struct report_page *p);
void report_section_requests(struct report_page *p);
void report_section_slowest(struct report_page *p);
void report_section_served(struct report_page *p);
void report_section_checks(struct report_page *p);
void report_section_metrics(struct report_page *p);
void report_section_findings(struct report_page *p);
void report_section_generator(struct report_page *p);
void report_section_workers(struct report_page *p);
void report_section_events(struct report_page *p);
void report_section_servers(struct report_page *p);
void report_section_files(struct report_page *p);

#endif
