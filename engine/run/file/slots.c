/*
 * slots: see the header.
 */
#include "slots.h"

static void put_u32(unsigned char *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint32_t get_u32(const unsigned char *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void pelt_slots_encode(const struct pelt_slot slots[PELT_FRAME_SLOTS],
                       unsigned char out[PELT_SLOTS_BYTES])
{
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++, out += 12) {
        put_u32(out, slots[i].started);
        put_u32(out + 4, slots[i].ended);
        put_u32(out + 8, (uint32_t)slots[i].waiting);
    }
}

bool pelt_slots_decode(const void *bytes, size_t len, struct pelt_slot out[PELT_FRAME_SLOTS])
{
    memset(out, 0, PELT_FRAME_SLOTS * sizeof *out);
    if (bytes == NULL || len != PELT_SLOTS_BYTES) {
        return false;
    }
    const unsigned char *in = bytes;
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++, in += 12) {
        out[i].started = get_u32(in);
        out[i].ended = get_u32(in + 4);
        out[i].waiting = (int32_t)get_u32(in + 8);
    }
    return true;
}
