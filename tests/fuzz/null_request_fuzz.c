/* Requests as the null server reads them: where they end is the same however the bytes are cut, and
 * each read takes some. */
#include <stdint.h>
#include <stdlib.h>

#include "null_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ends(const char *bytes, size_t len, size_t step)
{
    struct pelt_null_request r = {.state = PELT_NULL_START};
    unsigned n = 0;
    for (size_t at = 0; at < len;) {
        const size_t piece = len - at < step ? len - at : step;
        bool ended;
        const size_t taken = pelt_null_request_read(&r, bytes + at, piece, &ended);
        if (taken == 0 || taken > piece || (taken < piece && !ended)) {
            abort();
        }
        n += ended;
        at += taken;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const unsigned whole = ends(bytes, size, size);
    if (ends(bytes, size, 1) != whole || ends(bytes, size, 7) != whole) {
        abort();
    }
    return 0;
}
