/*
 * longrun: the long-run variance of a series of residuals: n times the variance of the mean of n of
 * them. sigma^2 if they are independent, (1 + phi) / (1 - phi) times that if each keeps phi of the
 * one before.
 *
 * It is the mean square of their first PELT_LONGRUN_WAVES cosine coefficients, which are the slow
 * movements themselves, so that no model of the correlation is needed (Mueller and Watson,
 * "Low-frequency econometrics", 2015). As few coefficients are averaged, what is divided by its
 * root has Student's t distribution with PELT_LONGRUN_DF degrees of freedom (one coefficient goes
 * to what was fitted): an interval made so is honest about how little a run says of slow movements.
 *
 * The spectrum of such residuals falls with frequency: each coefficient is raised to what it would
 * be at frequency 0, by the phi that neighbours show.
 */
#ifndef PELT_ANALYSIS_LONGRUN_H
#define PELT_ANALYSIS_LONGRUN_H

#include <stddef.h>

#define PELT_LONGRUN_WAVES 12
#define PELT_LONGRUN_DF    (PELT_LONGRUN_WAVES - 1)

/* Of `n` > 2 * PELT_LONGRUN_WAVES residuals of a fit of two parameters. */
double pelt_longrun_variance(const double *residuals, size_t n);

#endif
