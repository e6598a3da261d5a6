/*
 * Texts that the agent does not choose: the header Accept of a request; names, which come back as
 * JSON strings that a parser takes and as labels without a line break.
 */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1), *bytes = malloc(6 * size + 2);
    struct page page = {.bytes = bytes, .size = 6 * size + 2};
    json_t *read;

    memcpy(text, data, size);
    (void)exposition_wanted(text);
    page_json(&page, text);
    assert(!page.full);
    read = json_loadb(page.bytes, page.len, JSON_DECODE_ANY, NULL);
    assert(read);
    json_decref(read);
    page.len = 0;
    page_label(&page, text);
    assert(!page.full && !memchr(page.bytes, '\n', page.len));
    free(bytes);
    free(text);
    return 0;
}
