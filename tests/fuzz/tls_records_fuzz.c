/*
 * tls_records: any bytes, handed on in pieces of any length, leave what they leave when handed on
 * at once; and what is known of a record never exceeds a record.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tls_backend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_tls_records whole, pieces;
    if (size == 0) {
        return 0;
    }
    size_t step = data[0] + 1u;
    data++;
    size--;
    pelt_tls_records_init(&whole);
    pelt_tls_records_init(&pieces);
    pelt_tls_records_pass(&whole, data, size);
    for (size_t at = 0; at < size; at += step) {
        pelt_tls_records_pass(&pieces, data + at, size - at < step ? size - at : step);
        assert(pieces.partial < 5 + 65536);
    }
    assert(memcmp(&whole, &pieces, sizeof(whole)) == 0);
    return 0;
}
