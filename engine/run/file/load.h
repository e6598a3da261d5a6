/*
 * load: reads a run file's tables into struct pelt_results. What a file says is not trusted: ids,
 * texts and payloads are checked, and a row that cannot be true is PELT_EPARSE naming its table.
 */
#ifndef PELT_LOAD_H
#define PELT_LOAD_H

#include "database.h"
#include "pelt/results.h"
#include "slots.h"

#define PELT_WHOLE_RUN (-1) /* series of histograms that belong to no single request */
/* Kind of the response times of all requests together, one row a second and in no sum: not
 * "http_response", so that who adds up that kind does not count twice. */
#define PELT_ALL_RESPONSES "http_response_all"

/* Keys of meta that the end of a run leaves for lists of runs (brief.c): of the load, all requests
 * together. */
#define PELT_META_STARTED "total_started"
#define PELT_META_ENDED   "total_ended"
#define PELT_META_ERRORS  "total_errors"
#define PELT_META_COUNT   "response_count"
#define PELT_META_P95     "response_p95_us"
#define PELT_META_P99     "response_p99_us"
#define PELT_META_FIGURES 6
/* Kind of the histograms of a script's trends, whose series are those of metric_series. */
#define PELT_TREND "trend"

/* How the run file calls a kind of name: "request", "check". */
const char *pelt_name_kind_name(enum pelt_name_kind kind);

/* Adds a histogram row, whose columns count, min_us, max_us, clamped, lost, payload begin at
 * `column`, to `h`. PELT_EPARSE: the payload is damaged or does not hold `count` samples. */
PELT_MUST_USE enum pelt_status pelt_load_hist(sqlite3_stmt *row, int column, struct pelt_hist *h,
                                              struct pelt_hist_pool *pool, struct pelt_error *err);

/* All there is, in one read transaction; `writing`: this process writes it. A temporary database is
 * held by the results. */
PELT_MUST_USE enum pelt_status pelt_load_results(struct pelt_database *d, bool writing,
                                                 struct pelt_results **out, struct pelt_error *err);

/* The database of `r`, opened or held; to be released. */
PELT_MUST_USE enum pelt_status
pelt_results_reopen(const struct pelt_results *r, struct pelt_database **d, struct pelt_error *err);

/* Reads the seconds of `r`, which was loaded of `d`, into the rules. load_rules.c */
struct pelt_rulebook;
PELT_MUST_USE enum pelt_status pelt_load_feed(struct pelt_database *d, struct pelt_results *r,
                                              struct pelt_rulebook *rules, struct pelt_error *err);

#endif
