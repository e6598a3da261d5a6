/*
 * served: what servers and caches said of their answers.
 */
#include "served.h"

#include "sections.h"

void report_section_served(struct report_page *p)
{
    struct report_series series[PELT_METRIC_SERIES_MAX];
    const size_t len = report_metrics(p->r, p->r->total, series);
    (void)report_served_times(series, len, REPORT_ROWS_SHOWN, p->out, p->width);
    (void)report_served_caches(series, len, REPORT_ROWS_SHOWN, p->out, p->width);
}
