/*
 * agent_redis_fuzz: any bytes as redis' answer. The first byte says how long the pieces are.
 */
#include "agent_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct samples whole, pieces;

    if (size < 2) {
        return 0;
    }
    size_t step = 1 + data[0] % 64;
    enum cache_answer a = read_answer(cache_redis_new(2), data + 1, size - 1, size - 1, &whole);
    enum cache_answer b = read_answer(cache_redis_new(2), data + 1, size - 1, step, &pieces);
    if (is_complete(a) && is_complete(b)) {
        assert(whole.count == pieces.count && whole.sum == pieces.sum);
    }
    return 0;
}
