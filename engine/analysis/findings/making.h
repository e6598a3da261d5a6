/*
 * making: how the kinds make their findings: the list, its figures, numbers as words, the
 * parameters of the load.
 *
 * Want of memory is remembered (`failed`) and asked once at the end, so that the kinds read
 * straight.
 */
#ifndef PELT_MAKING_H
#define PELT_MAKING_H

#include <jansson.h>

#include "pelt/findings.h"
#include "track.h"

struct pelt_making {
    const struct pelt_track *track;
    json_t *params;               /* of the load; never NULL, may be empty */
    const struct pelt_results *r; /* NULL: there is no run file (tests) */
    struct pelt_findings *findings;
    struct pelt_finding scrap; /* taken where memory is out */
    bool failed;
    struct pelt_error *err;
};

/* A new finding, valid until the next one; never NULL. */
struct pelt_finding *pelt_making_add(struct pelt_making *m, const char *kind, const char *about_fmt,
                                     ...) PELT_PRINTF(3, 4);
void pelt_finding_number(struct pelt_finding *f, const char *name, double value);
void pelt_finding_count(struct pelt_finding *f, const char *name, double value);
void pelt_finding_flag(struct pelt_finding *f, const char *name, bool value);
void pelt_finding_say(struct pelt_finding *f, const char *fmt, ...) PELT_PRINTF(2, 3);
/* One more line of `lines`, which are the evidence or the advice of a finding. */
void pelt_making_line(struct pelt_making *m, struct pelt_lines *lines, const char *fmt, ...)
    PELT_PRINTF(3, 4);

/* A parameter of the load; absent, or no number: `otherwise`. */
double pelt_making_param(const struct pelt_making *m, const char *key, double otherwise);

/* Numbers as words. `out` is returned. */
#define PELT_WORDS 40
const char *pelt_words_us(double us, char out[PELT_WORDS]);        /* "12.3ms" */
const char *pelt_words_s(double s, char out[PELT_WORDS]);          /* "2.4s", "12min", "20h" */
const char *pelt_words_share(double share, char out[PELT_WORDS]);  /* "1.5%" */
const char *pelt_words_change(double share, char out[PELT_WORDS]); /* "+1.5%" */
const char *pelt_words_rate(double per_s, char out[PELT_WORDS]);   /* "195/s" */
const char *pelt_words_count(double count, char out[PELT_WORDS]);  /* "12,345" */
const char *pelt_words_level(const struct pelt_track *t, double level,
                             char out[PELT_WORDS]); /* "20 users", "195/s" */

/* The kinds. They fail only for what pelt_findings_make() names. */
enum pelt_status pelt_find_sustained(struct pelt_making *m);
enum pelt_status pelt_find_burst(struct pelt_making *m);
enum pelt_status pelt_find_stress(struct pelt_making *m);
enum pelt_status pelt_find_benchmark(struct pelt_making *m);
/* Of any run with agents, whatever its kind. */
enum pelt_status pelt_find_bottleneck(struct pelt_making *m);

/* Of a run of any kind, once its own findings are there; nothing where `r` is NULL. */
enum pelt_status pelt_find_caches(struct pelt_making *m);    /* caching.c */
enum pelt_status pelt_find_forecasts(struct pelt_making *m); /* forecasts.c */
enum pelt_status pelt_find_costs(struct pelt_making *m);     /* costs.c */

/* All of a kind from a track alone, as pelt_findings_make(); `params`: JSON, "": none; `r` may be
 * NULL. */
PELT_MUST_USE enum pelt_status pelt_findings_of(const struct pelt_track *t, const char *kind,
                                                const char *params, const struct pelt_results *r,
                                                struct pelt_findings **out, struct pelt_error *err);

#endif
