/*
 * wsbox: see the header. Each message is a head and its bytes, padded so that the next head is
 * aligned.
 */
#include "wsbox.h"

#include <assert.h>
#include <string.h>

struct head {
    uint64_t came_ns;
    uint64_t len : 62;
    uint64_t binary : 1;
    uint64_t taken : 1;
};

static size_t size_of(size_t len)
{
    return sizeof(struct head) + (len + 7) / 8 * 8;
}

static struct head *head_at(const struct pelt_wsbox *box, size_t at)
{
    assert(at + sizeof(struct head) <= box->buf.len);
    return (struct head *)(void *)(box->buf.data + at);
}

void pelt_wsbox_deinit(struct pelt_wsbox *box)
{
    pelt_buf_deinit(&box->buf);
    *box = (struct pelt_wsbox){.first = 0};
}

/* What was taken before the oldest message makes room. */
static void make_room(struct pelt_wsbox *box)
{
    if (box->count == 0) {
        box->first = box->buf.len = 0;
        if (box->buf.cap > PELT_WSBOX_KEPT_BYTES) {
            pelt_buf_deinit(&box->buf);
        }
    } else if (box->first > box->buf.len / 2) {
        memmove(box->buf.data, box->buf.data + box->first, box->buf.len - box->first);
        box->buf.len -= box->first;
        box->first = 0;
    }
}

bool pelt_wsbox_add(struct pelt_wsbox *box, struct pelt_span data, bool binary, uint64_t came_ns)
{
    const size_t size = size_of(data.len);
    make_room(box);
    if (pelt_buf_reserve(&box->buf, size) != PELT_OK) {
        box->buf.failed = false;
        return false;
    }
    struct head *head = (struct head *)(void *)(box->buf.data + box->buf.len);
    *head = (struct head){.came_ns = came_ns, .len = data.len, .binary = binary};
    if (data.len > 0) {
        memcpy(head + 1, data.ptr, data.len);
    }
    box->buf.len += size;
    box->bytes += size;
    box->count++;
    return true;
}

bool pelt_wsbox_peek(const struct pelt_wsbox *box, size_t *at, struct pelt_wsbox_message *out)
{
    size_t i = *at < box->first ? box->first : *at;
    while (i < box->buf.len && head_at(box, i)->taken) {
        i = pelt_wsbox_behind(box, i);
    }
    *at = i;
    if (i >= box->buf.len) {
        return false;
    }
    const struct head *head = head_at(box, i);
    *out = (struct pelt_wsbox_message){.data = pelt_span((const char *)(head + 1), head->len),
                                       .came_ns = head->came_ns,
                                       .binary = head->binary};
    return true;
}

size_t pelt_wsbox_behind(const struct pelt_wsbox *box, size_t at)
{
    return at + size_of(head_at(box, at)->len);
}

void pelt_wsbox_take(struct pelt_wsbox *box, size_t at)
{
    struct head *head = head_at(box, at);
    assert(!head->taken);
    head->taken = true;
    box->count--;
    box->bytes -= size_of(head->len);
    while (box->first < box->buf.len && head_at(box, box->first)->taken) {
        box->first = pelt_wsbox_behind(box, box->first);
    }
}
