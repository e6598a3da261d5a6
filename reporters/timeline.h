/*
 * timeline: how a run went, for those who draw it: columns of a bounded length, whatever the run's
 * length.
 *
 * Up to REPORT_POINTS seconds each has a point of its own. A longer run is cut into pieces of equal
 * length, and each has two points: the smallest and the largest of its seconds, in the order in
 * which they came. Percentiles are neither: those of a window are of all its requests together, and
 * a percentile's window is the shortest that has enough samples for it most of the time.
 *
 * Thread: one at a time. Memory: that of the columns.
 */
#ifndef REPORT_TIMELINE_H
#define REPORT_TIMELINE_H

#include <jansson.h>

#include "pelt/results.h"

#define REPORT_POINTS         3600
#define REPORT_SERVER_COLUMNS 100 /* the limits that came closest to full, and the caches */
#define REPORT_COURSE_POINTS  100 /* of one request, at most */

/* All requests together, and what agents read. NULL: that cannot be read any more, or out of
 * memory. */
json_t *report_timeline_json(const struct pelt_results *r);

/* The seconds of each request, by its id: an array of `requests_len` objects, null where a request
 * did nothing. NULL: as above. */
json_t *report_courses_json(const struct pelt_results *r);

/* Response and service times by percentile, as far as there are samples enough; either may be
 * empty. */
json_t *report_curve_json(const struct pelt_hist *response, const struct pelt_hist *service);

/* Requests of one kind together: the sum of a histogram over all of them, in `pool`. */
void report_all_requests(const struct pelt_results *r, enum pelt_request_hist kind,
                         struct pelt_hist_pool *pool, struct pelt_hist *out);

#endif
