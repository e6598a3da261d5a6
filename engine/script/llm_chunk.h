/*
 * llm_chunk: what one event of an OpenAI-shaped answer says: a chunk of a streamed chat (`delta`)
 * or completion (`text`), or the whole answer in one piece (`message`).
 *
 * Content is text that is not empty, of the answer or of its reasoning (`reasoning_content` as
 * vLLM and DeepSeek write it, or `reasoning`), a tool call or a refusal, of any choice; the text is
 * that of the first choice.
 *
 * Pure: bytes in, values out. Thread: any.
 */
#ifndef PELT_LLM_CHUNK_H
#define PELT_LLM_CHUNK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"

#define PELT_LLM_TOKENS_MAX 1000000000 /* of an answer; a larger count is none */

struct pelt_llm_chunk {
    json_t *document; /* NULL: there was no need for one, or `data` was no JSON object */
    struct pelt_span text, reasoning; /* of choice 0; len 0: none */
    bool output, thought;             /* has content of the answer, of its reasoning */
    struct pelt_span finish_reason;   /* ptr NULL: none; the last choice's that has one */
    struct pelt_span error;           /* ptr NULL: none; what the server says went wrong */
    const json_t *usage;              /* NULL: none */
    bool counts_output, counts_prompt, counts_cached; /* which of the following `usage` has */
    uint64_t output_tokens, prompt_tokens, cached_tokens;
    char room[512]; /* of texts that were written with escapes */
};

/* Reads `data`, which is borrowed until deinit. False: no JSON object, or memory is out. Either way
 * deinit. */
bool pelt_llm_chunk_read(struct pelt_llm_chunk *chunk, struct pelt_span data);
/* The same, always by the JSON library. */
bool pelt_llm_chunk_parse(struct pelt_llm_chunk *chunk, struct pelt_span data);
void pelt_llm_chunk_deinit(struct pelt_llm_chunk *chunk);

#endif
