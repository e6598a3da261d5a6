/*
 * verdict: whether a run's figures can be believed, and why not: VALID, SUSPECT or INVALID, with
 * each reason. About the generator and its host, not about the server. Pure.
 */
#ifndef PELT_VERDICT_H
#define PELT_VERDICT_H

#include "judge.h"

/* Sets the verdict and its reasons; those of INVALID come first. */
void pelt_verdict_make(const struct pelt_results *r, const struct pelt_judge_options *options,
                       struct pelt_judgement *out);

#endif
