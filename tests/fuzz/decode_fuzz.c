/* Compressed bodies: the first byte chooses the coding. What comes out is at most what was allowed.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/decode.h"

#define MOST 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        struct pelt_buf out;
        pelt_buf_init(&out, 0);
        struct pelt_span in = pelt_span((const char *)data + 1, size - 1);
        enum pelt_status status =
            pelt_decode((enum pelt_coding)(PELT_CODING_GZIP + data[0] % 3), in, MOST, &out);
        assert(status != PELT_OK || out.len <= MOST);
        assert(out.cap <= 2 * MOST);
        pelt_buf_deinit(&out);
    }
    return 0;
}
