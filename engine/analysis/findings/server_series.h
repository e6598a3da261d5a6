/*
 * server_series: what of a run's servers may drift: memory and file descriptors of processes, hit
 * rates of caches, each by the second.
 *
 * Reads the run file (samples of agents). Thread: one at a time.
 */
#ifndef PELT_SERVER_SERIES_H
#define PELT_SERVER_SERIES_H

#include "track.h"

#define PELT_SERVER_SERIES 12 /* at most; what comes beyond is left out */

enum pelt_server_what { PELT_SERVER_BYTES, PELT_SERVER_FDS, PELT_SERVER_HITS };

struct pelt_server_series {
    char name[64]; /* "nofile port 8080", of several agents "api-1 nofile port 8080" */
    enum pelt_server_what what;
    double *y; /* a second of the span each; NAN: not read, or too few lookups. Owned */
};

/* Those of the seconds of `span`; *len is how many, 0 without agents. PELT_EIO, PELT_EPARSE: the
 * run file; PELT_ENOMEM. After a failure there are none. */
PELT_MUST_USE enum pelt_status pelt_server_series_read(const struct pelt_results *r,
                                                       struct pelt_span_s span,
                                                       struct pelt_server_series *out, size_t *len,
                                                       struct pelt_error *err);
/* "nofile port 8080", of several agents "api-1 nofile port 8080". */
void pelt_server_series_name(const struct pelt_results *r, const struct pelt_server_figure_row *f,
                             char out[64]);
void pelt_server_series_free(struct pelt_server_series *s, size_t len);

#endif
