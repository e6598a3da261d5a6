/*
 * student: quantiles and tail probabilities of the normal and of Student's t distribution.
 *
 * Normal quantile: Acklam's rational approximation (2003) and one step of Halley's method on erfc,
 * which makes it exact to about 1e-15. Student's t: the regularised incomplete beta function as a
 * continued fraction (Lentz; Press et al., Numerical Recipes, 6.4), the quantile by bisection of
 * it: relative error below 1e-10. Pure functions.
 */
#ifndef PELT_STUDENT_H
#define PELT_STUDENT_H

/* x such that a standard normal value is at or below x with probability `p`, 0 < p < 1. */
double pelt_normal_quantile(double p);

/* The same of Student's t with `df` > 0 degrees of freedom (no whole number needed). */
double pelt_student_quantile(double p, double df);

/* Probability that |t| of `df` degrees of freedom is at least |`t`|: a two-sided p value. */
double pelt_student_p(double t, double df);

#endif
