/*
 * llm_scan: the chunk that nearly all events of a streamed answer are, read without a JSON library:
 * one choice with a piece of text, of the answer or of its reasoning, no end, no usage and no
 * error. With the library a chunk of 330 bytes costs a thread 53,000 instructions, by this one
 * 9,000, all that pelt does for it included. It says no to everything else, and to all that it
 * would have to think about twice (a key twice, a surrogate pair, depth); then the library reads
 * it, which comes to the same: a fuzz target holds the two against each other.
 *
 * Pure: no heap. Thread: any.
 */
#ifndef PELT_LLM_SCAN_H
#define PELT_LLM_SCAN_H

#include "llm_chunk.h"

/* False: not such a chunk, which may still be one; *chunk is then undefined. True: it is filled,
 * has no document and borrows `data`. */
bool pelt_llm_scan(struct pelt_llm_chunk *chunk, struct pelt_span data);

#endif
