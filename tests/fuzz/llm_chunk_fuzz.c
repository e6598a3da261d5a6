/* llm_chunk: whatever JSON a server sends is read without a fault, and by the scanner, where that
 * is sure of it, as by the library; what has a text has content, and counts are there only where
 * `usage` is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "llm_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static int same(struct pelt_span a, struct pelt_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_llm_chunk a, b;
    const struct pelt_span text = pelt_span((const char *)data, size);
    int read = pelt_llm_chunk_read(&a, text);
    require(pelt_llm_chunk_parse(&b, text) == read && (b.document != NULL) == read);
    require(a.output == b.output && a.thought == b.thought);
    require((a.usage != NULL) == (b.usage != NULL));
    require(same(a.text, b.text) && same(a.reasoning, b.reasoning) && same(a.error, b.error) &&
            same(a.finish_reason, b.finish_reason) &&
            (a.error.ptr == NULL) == (b.error.ptr == NULL) &&
            (a.finish_reason.ptr == NULL) == (b.finish_reason.ptr == NULL));
    require(a.text.len == 0 || a.output);
    require(a.reasoning.len == 0 || a.thought);
    require(a.usage != NULL || !(a.counts_output || a.counts_prompt || a.counts_cached));
    pelt_llm_chunk_deinit(&a);
    pelt_llm_chunk_deinit(&b);
    return 0;
}
