/* embedding: see the header. A word counts WORD_WEIGHT, each of its groups of three 1; the ends of
 * a word are characters, too, so that short words have groups. */
#include "embedding.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define WORD_WEIGHT 2.0F
#define LANES       8 /* of additions; divides the dimensions */
#define GROUP       3
#define FNV_BASIS   UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME   UINT64_C(0x100000001b3)

static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 128;
}

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static uint64_t add_byte(uint64_t hash, unsigned char c)
{
    return (hash ^ c) * FNV_PRIME;
}

static void add(struct target_embedding *embedding, uint64_t hash, float weight)
{
    hash ^= hash >> 32; /* FNV's low bits alone are poor */
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    embedding->at[(hash >> 32) % TARGET_EMBEDDING_DIMENSIONS] += hash >> 63 ? -weight : weight;
}

/* The word's character `i`, the ends included: ^ before it, $ behind. */
static unsigned char character(const char *word, size_t bytes, size_t i)
{
    return i == 0 ? '^' : i > bytes ? '$' : lower((unsigned char)word[i - 1]);
}

static void add_word(struct target_embedding *embedding, const char *word, size_t bytes)
{
    uint64_t whole = FNV_BASIS;

    for (size_t i = 0; i < bytes; i++) {
        whole = add_byte(whole, lower((unsigned char)word[i]));
    }
    add(embedding, whole, WORD_WEIGHT);
    for (size_t i = 0; i + GROUP <= bytes + 2; i++) {
        uint64_t group = FNV_BASIS;

        for (size_t k = i; k < i + GROUP; k++) {
            group = add_byte(group, character(word, bytes, k));
        }
        add(embedding, add_byte(group, GROUP), 1);
    }
}

static void shorten(struct target_embedding *embedding)
{
    double sum = 0;

    for (size_t i = 0; i < TARGET_EMBEDDING_DIMENSIONS; i++) {
        sum += (double)embedding->at[i] * (double)embedding->at[i];
    }
    if (sum > 0) {
        for (size_t i = 0; i < TARGET_EMBEDDING_DIMENSIONS; i++) {
            embedding->at[i] = (float)(embedding->at[i] / sqrt(sum));
        }
    }
}

void target_embedding_make(struct target_embedding *embedding, const char *text, size_t bytes)
{
    size_t begin = 0;

    *embedding = (struct target_embedding){.at = {0}};
    for (size_t i = 0; i <= bytes; i++) {
        if (i < bytes && is_word((unsigned char)text[i])) {
            continue;
        }
        if (i > begin) {
            add_word(embedding, text + begin, i - begin);
        }
        begin = i + 1;
    }
    shorten(embedding);
}

double target_embedding_cosine(const struct target_embedding *a, const struct target_embedding *b)
{
    float sum[LANES] = {0}; /* added side by side: one chain of additions would take four times */
    double all = 0;

    for (size_t i = 0; i < TARGET_EMBEDDING_DIMENSIONS; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            sum[k] += a->at[i + k] * b->at[i + k];
        }
    }
    for (size_t k = 0; k < LANES; k++) {
        all += (double)sum[k];
    }
    return all;
}
