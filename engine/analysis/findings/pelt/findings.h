/*
 * findings: what a finished run says about what it was made for: drift and leaks of a sustained
 * load, the spikes of a burst, the capacity that a stress test found, the intervals of a benchmark.
 * A run of no kind has none.
 *
 * A finding is figures with names and one sentence that says the same. Names of figures end in
 * their unit as in the JSON report; a share is 0 to 1. What each means: docs/REPORTS.md.
 *
 * Reads the run file (seconds and stages); the same run gives the same findings, at any time and on
 * any host. Memory: about 200 bytes a second of the run, and at most 2,000 histograms at a time.
 */
#ifndef PELT_FINDINGS_H
#define PELT_FINDINGS_H

#include "pelt/results.h"

#define PELT_FIGURES_MAX 20 /* of one finding */
#define PELT_LINE_TEXT   240

enum pelt_figure_type { PELT_FIGURE_NUMBER, PELT_FIGURE_COUNT, PELT_FIGURE_FLAG };

struct pelt_figure {
    const char *name; /* static */
    enum pelt_figure_type type;
    double value; /* NaN: not to be had; a flag's is 0 or 1 */
};

/* Lines of text, of which each stands alone. */
struct pelt_lines {
    char (*line)[PELT_LINE_TEXT]; /* owned by the finding; NULL: none */
    size_t len;
};

struct pelt_finding {
    char kind[16];   /* "drift", "leak", "spike", "step", "capacity" ...; docs/REPORTS.md has all */
    char about[128]; /* the figure, or the number of the spike, step or trial; of a bottleneck the
                        limit, "unknown" or "none"; "": the run */
    char part[16];   /* of a step: climb, search, verify or down; else "" */
    char reason[192];    /* why, where something broke; else "" */
    char runner_up[128]; /* of a bottleneck: the limit that comes second; else "" */
    struct pelt_figure figures[PELT_FIGURES_MAX];
    size_t figures_len;
    bool row;       /* one of several alike (spikes, steps, trials): stands in a table of them */
    char text[320]; /* one sentence, for people */
    struct pelt_lines evidence; /* what it stands on, with figures and times */
    struct pelt_lines advice;   /* what to look at next */
};

struct pelt_findings {
    char load_kind[16]; /* "sustained", "burst", "stress", "benchmark"; "": none */
    struct pelt_finding *list;
    size_t len;
};

/* PELT_EIO, PELT_EPARSE: the run file went away or is damaged; PELT_ENOMEM. `*out` is NULL then. */
PELT_MUST_USE enum pelt_status pelt_findings_make(const struct pelt_results *r,
                                                  struct pelt_findings **out,
                                                  struct pelt_error *err);
void pelt_findings_free(struct pelt_findings *f); /* accepts NULL */

/* The figure's value; NaN: there is none of this name. */
double pelt_finding_value(const struct pelt_finding *f, const char *name);

/*
 * Whether several runs say the same of the bottleneck, by what their findings of that kind are
 * about
 * ("": a run has none; a limit, "unknown", "none" or "generator"): at least two of three of all do.
 * `*best` is a run that says what most say, `*times` how many these are; 0: none says anything.
 */
bool pelt_bottlenecks_agree(const char *const *about, size_t runs, size_t *best, size_t *times);

#endif
