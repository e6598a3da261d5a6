/*
 * convert curl: no text crashes it, and what is made is one scenario whose notes are lines of
 * printable text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_converted made;
    struct pelt_error err = {{0}};
    enum pelt_status status = pelt_convert_curl(pelt_span((const char *)data, size), &made, &err);
    require((status == PELT_OK) == (err.text[0] == '\0'));
    require(status != PELT_OK ||
            (made.requests > 0 && strncmp(made.lua.data, "-- Made by", 10) == 0));
    for (size_t i = 0; i < made.notes.len; i++) {
        require((unsigned char)made.notes.data[i] >= ' ' || made.notes.data[i] == '\n');
    }
    pelt_converted_deinit(&made);
    return 0;
}
