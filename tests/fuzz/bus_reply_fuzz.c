/* bus_reply: any bytes as what Redis answers, in two pieces. Trees are whole, and bounded. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct pelt_bus_reply *r)
{
    size_t n = 1;
    if (r->kind == PELT_BUS_TEXT || r->kind == PELT_BUS_ERROR) {
        assert(r->text.ptr[r->text.len] == '\0');
    }
    for (size_t i = 0; r->kind == PELT_BUS_LIST && i < r->len; i++) {
        n += walk(r->item[i]);
    }
    return n;
}

static enum pelt_status take(struct pelt_replies *r)
{
    struct pelt_bus_reply *reply;
    enum pelt_status status;
    while ((status = pelt_replies_next(r, &reply)) == PELT_OK) {
        assert(walk(reply) > 0);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_replies r = {0};
    if (size < 1) {
        return 0;
    }
    const size_t split = data[0] < size ? data[0] : size - 1;
    enum pelt_status status = pelt_replies_feed(&r, (const char *)data + 1, split);
    if (status == PELT_OK && take(&r) == PELT_AGAIN) {
        status = pelt_replies_feed(&r, (const char *)data + 1 + split, size - 1 - split);
        if (status == PELT_OK) {
            (void)take(&r);
        }
    }
    assert(r.used <= PELT_BUS_REPLY_MAX);
    pelt_replies_deinit(&r);
    return 0;
}
