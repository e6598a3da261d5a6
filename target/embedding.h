/*
 * embedding: a text as a vector, so that texts that say nearly the same are near each other.
 *
 * Its words and the groups of three characters within them are hashed into a fixed number of
 * dimensions, each with a sign that the hash gives, too, so that what falls together by chance
 * cancels out on average. No model, no meaning: "car" and "automobile" are as far apart as any two.
 * Letters are taken without case, blanks and punctuation only divide words.
 *
 * Pure functions. Storage: the caller's, no heap.   Thread: any.
 */
#ifndef TARGET_EMBEDDING_H
#define TARGET_EMBEDDING_H

#include <stddef.h>

#define TARGET_EMBEDDING_DIMENSIONS 256

struct target_embedding { /* of length 1; all zero: the text has no word */
    float at[TARGET_EMBEDDING_DIMENSIONS];
};

/* `text` may be any bytes. */
void target_embedding_make(struct target_embedding *embedding, const char *text, size_t bytes);

/* From -1 to 1; 1: the same words in any order. */
double target_embedding_cosine(const struct target_embedding *a, const struct target_embedding *b);

#endif
