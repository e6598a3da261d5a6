/*
 * rng: seeded random numbers that split into independent streams. xoshiro256++ seeded by
 * splitmix64 (Blackman and Vigna, 2019); same seed and stream, same integers and uniforms on every
 * machine (the other distributions go through libm's log, exp and pow, which may differ in the last
 * bit). Storage: the caller's, no heap. Thread: the owner. Not for secrets.
 */
#ifndef PELT_RNG_H
#define PELT_RNG_H

#include <stdint.h>

struct pelt_rng {
    uint64_t s[4];
};

/* Next output of splitmix64, and the state moved on; also a good mixer of a single number. */
uint64_t pelt_rng_splitmix64(uint64_t *state);
/* Stream `stream` of `seed`: e.g. a user's id, or a named plan stream. Different streams of one
 * seed start at different states. */
void pelt_rng_init(struct pelt_rng *r, uint64_t seed, uint64_t stream);
uint64_t pelt_rng_u64(struct pelt_rng *r);
uint64_t pelt_rng_below(struct pelt_rng *r, uint64_t n);            /* 0..n-1 without bias; n > 0 */
double pelt_rng_uniform(struct pelt_rng *r);                        /* [0, 1), 53 bits */
double pelt_rng_exponential(struct pelt_rng *r, double mean);       /* by inversion, one draw */
double pelt_rng_normal(struct pelt_rng *r, double mean, double sd); /* polar method */
double pelt_rng_gamma(struct pelt_rng *r, double shape,
                      double scale); /* Marsaglia-Tsang; shape > 0 */
/* 1..n with P(k) proportional to k^-s by rejection inversion (Hoermann, Derflinger 1996);
 * n >= 1, s > 0; no tables, O(1). */
uint64_t pelt_rng_zipf(struct pelt_rng *r, uint64_t n, double s);

#endif
