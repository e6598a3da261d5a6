/*
 * trace_context: see the header. Each half of a trace's id is a mix of all three numbers of its
 * own, so that no two of a run share their halves by chance only.
 */
#include "pelt/trace_context.h"

#include <stddef.h>

#include "pelt/rng.h"

static uint64_t mix(uint64_t n)
{
    return pelt_rng_splitmix64(&n);
}

static uint64_t mix_all(uint64_t salt, uint64_t seed, uint64_t stream, uint64_t number)
{
    const uint64_t mixed = mix(mix(mix(seed ^ salt) ^ stream) ^ number);
    return mixed != 0 ? mixed : 1; /* an id of zeros is none */
}

static void write_hex(char *out, uint64_t n)
{
    for (size_t i = 16; i > 0; i--, n >>= 4) {
        out[i - 1] = "0123456789abcdef"[n & 15];
    }
}

void pelt_trace_context_draw(struct pelt_trace_context *out, uint64_t seed, uint64_t stream,
                             uint64_t number)
{
    const uint64_t high = mix_all(UINT64_C(0x7472616365686967), seed, stream, number);
    const uint64_t low = mix_all(UINT64_C(0x74726163656c6f77), seed, stream, number);
    write_hex(out->trace_id, high);
    write_hex(out->trace_id + 16, low);
    write_hex(out->span_id, mix(high ^ low) | 1);
}
