/*
 * compare_words: how figures, changes and verdicts of comparisons are said, in all their texts.
 */
#ifndef REPORT_COMPARE_WORDS_H
#define REPORT_COMPARE_WORDS_H

#include "pelt/compare_report.h"
#include "text.h"

#define COMPARE_WORDS 320 /* bytes that a text below needs at most */

/* "12.3ms", "0.10%", "199.9/s"; "n/a" for what is not to be had. */
void compare_words_value(double value, const char *unit, char out[REPORT_TEXT_MAX]);
/* "+9.5%", of shares "+0.12pp". */
void compare_words_change(double change, enum pelt_change_unit unit, char out[REPORT_TEXT_MAX]);
/* "-1.2% to +2.8%"; "" where there is none. */
void compare_words_interval(const struct pelt_compared *f, char out[COMPARE_WORDS]);
/* What an inconclusive figure needs, and why a same one seems not to be: "needs 12min a side"; "":
 * nothing is to be said. */
void compare_words_needs(const struct pelt_comparison *c, const struct pelt_compared *f,
                         char out[COMPARE_WORDS]);
/* What all figures come to: worse if any is, else better if any is, the same if all are. */
enum pelt_comparison_verdict compare_words_verdict(const struct pelt_comparison *c);
/* "WORSE: of 14 figures 3 worse, 1 better, 8 same, 2 inconclusive" */
void compare_words_head(const struct pelt_comparison *c, char out[COMPARE_WORDS]);
/* "chat", "all requests", "llm_ttft{chat}", "cache api-1 response", "capacity". */
void compare_words_series(enum pelt_digest_kind kind, const char *name, char out[COMPARE_WORDS]);
/* "2026-11-21 08:15:00 UTC" */
void compare_words_start(const struct pelt_digest *d, char out[REPORT_TEXT_MAX]);
/* "VALID, 60 s from second 5" */
void compare_words_run(const struct pelt_digest *d, char out[COMPARE_WORDS]);
/* What the shift is told in one line: "KS 0.08 at 12.3ms; deciles +0.1% ... +8.9%". */
void compare_words_shift(const struct pelt_compared_series *s, char out[2 * COMPARE_WORDS]);
/* Of what is compared and how: "smallest change that counts: 5% and 1ms; ..." */
void compare_words_method(const struct pelt_comparison *c, char out[2 * COMPARE_WORDS]);

#endif
