/*
 * holm: which of several tests to believe, so that among all of them the probability of one false
 * alarm or more is at most `family`, whatever depends on what (Holm, 1979, step-down): the i-th
 * smallest p value (from 0) is held against family / (n - i), up to the first that fails.
 */
#ifndef PELT_HOLM_H
#define PELT_HOLM_H

#include <stdbool.h>
#include <stddef.h>

/* `rejected[i]`: p[i] is too small for chance. A NaN is no test: never rejected, not counted in n.
 */
void pelt_holm(const double *p, size_t n, double family, bool *rejected);

/* The same of values that lie `stride` bytes apart, a member of each of several structs. */
void pelt_holm_strided(const double *p, size_t stride, size_t n, double family, bool *rejected);

#endif
