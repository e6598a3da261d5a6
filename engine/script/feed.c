/*
 * Random numbers are hashes (splitmix64's mixer) of what they depend on. A shuffled pass is a
 * permutation computed row by row, so that it takes no memory: a Feistel network over the next even
 * number of bits, walked on until it lands among the rows (Black and Rogaway, "Ciphers with
 * arbitrary finite domains", 2002); less than 4 steps on average.
 */
#include "feed.h"

#include <assert.h>

#include "pelt/rng.h"

#define SALT_RANDOM  UINT64_C(0x726f7772616e646f)
#define SALT_KEY     UINT64_C(0x6b6579206f662074)
#define SALT_SHUFFLE UINT64_C(0x726f777368756666)
#define ROUNDS       8

static uint64_t mix(uint64_t so_far, uint64_t more)
{
    uint64_t mixed = pelt_rng_splitmix64(&so_far) ^ more;
    return pelt_rng_splitmix64(&mixed);
}

static uint64_t of_turn(uint64_t h, const struct pelt_turn *t)
{
    return mix(mix(mix(h, t->who), t->iteration), t->draw);
}

uint64_t pelt_feed_mix(uint64_t key, uint64_t more)
{
    return mix(key, more);
}

uint64_t pelt_feed_common(uint64_t seed, uint64_t number)
{
    return mix(mix(seed, SALT_KEY), number);
}

uint64_t pelt_feed_key(uint64_t seed, uint64_t number, const struct pelt_turn *turn)
{
    return of_turn(mix(pelt_feed_common(seed, number), SALT_RANDOM), turn);
}

static uint64_t random_row(const struct pelt_feed *feed, const struct pelt_turn *t)
{
    uint64_t h = of_turn(mix(mix(feed->seed, SALT_RANDOM), feed->number), t);
    return (uint64_t)((unsigned __int128)h * feed->rows >> 64);
}

static uint64_t permute(uint64_t key, unsigned half_bits, uint64_t value)
{
    const uint64_t mask = (UINT64_C(1) << half_bits) - 1;
    uint64_t left = value >> half_bits, right = value & mask;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t next = left ^ (mix(mix(key, round), right) >> (64 - half_bits));
        left = right;
        right = next;
    }
    return left << half_bits | right;
}

static uint64_t shuffled_row(const struct pelt_feed *feed, uint64_t pass, uint64_t place)
{
    uint64_t key = mix(mix(mix(feed->seed, SALT_SHUFFLE), feed->number), pass);
    unsigned half_bits = 1;
    while (half_bits < 31 && feed->rows > UINT64_C(1) << (2 * half_bits)) {
        half_bits++;
    }
    do {
        place = permute(key, half_bits, place);
    } while (place >= feed->rows);
    return place;
}

bool pelt_feed_row(const struct pelt_feed *feed, const struct pelt_turn *t, uint64_t *row)
{
    assert(feed->rows > 0 && t->of > 0);
    unsigned __int128 place = (unsigned __int128)t->turn * t->of + t->who;
    switch (feed->order) {
    case PELT_ORDER_SEQUENTIAL:
        *row = (uint64_t)(place % feed->rows);
        return true;
    case PELT_ORDER_RANDOM:
        *row = random_row(feed, t);
        return true;
    case PELT_ORDER_SHUFFLE:
        *row = shuffled_row(feed, (uint64_t)(place / feed->rows), (uint64_t)(place % feed->rows));
        return true;
    case PELT_ORDER_UNIQUE:
        break;
    }
    *row = (uint64_t)place;
    return place < feed->rows;
}
