/*
 * draw: a counter hashed by the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast Splittable
 * Pseudorandom Number Generators", OOPSLA 2014), applied to seed, lane and index in turn.
 */
#include "draw.h"

static uint64_t mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double target_draw(uint64_t seed, uint64_t index, enum target_lane lane)
{
    uint64_t bits = mix(mix(mix(seed) ^ (uint64_t)lane) ^ index);

    /* The half keeps 0 out, so that logarithms are finite. */
    return ((double)(bits >> 11) + 0.5) * 0x1p-53;
}
