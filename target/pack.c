/* pack: see the header. */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define MAGIC       "PLT1"
#define MAGIC_BYTES 4
#define HEAD_BYTES  26
#define STATUS_GOOD 200 /* nothing else is kept */
#define LEVEL       1   /* of compression: most of the gain for a third of the time */

static void put(unsigned char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static void put_head(unsigned char *head, const struct target_pack *pack, size_t tags_bytes)
{
    memcpy(head, MAGIC, MAGIC_BYTES);
    put(head + 4, tags_bytes, 2);
    put(head + 6, pack->bytes, 4);
    put(head + 10, pack->expires_wall_ns, 8);
    put(head + 18, pack->service_ns, 8);
}

/* Tags and text behind each other; NULL: no memory. */
static unsigned char *join(const struct target_pack *pack, size_t tags_bytes)
{
    unsigned char *plain = malloc(tags_bytes + pack->bytes + 1);

    if (plain) {
        memcpy(plain, pack->tags, tags_bytes);
        memcpy(plain + tags_bytes, pack->text, pack->bytes);
    }
    return plain;
}

unsigned char *target_pack_make(const struct target_pack *pack, size_t *bytes)
{
    size_t tags_bytes = strlen(pack->tags), plain_bytes = tags_bytes + pack->bytes;
    unsigned char *plain, *packed;
    uLongf room = compressBound(plain_bytes);

    if (pack->bytes > TARGET_PACK_TEXT_MAX || tags_bytes >= TARGET_PACK_TAGS_MAX) {
        return NULL;
    }
    plain = join(pack, tags_bytes);
    packed = malloc(HEAD_BYTES + room);
    if (!plain || !packed || compress2(packed + HEAD_BYTES, &room, plain, plain_bytes, LEVEL)) {
        free(packed);
        packed = NULL;
    } else {
        put_head(packed, pack, tags_bytes);
        *bytes = HEAD_BYTES + room;
    }
    free(plain);
    return packed;
}

/* Tags and text, with a 0 behind them; NULL: damaged, or no memory. */
static char *inflate_all(const unsigned char *packed, size_t count, size_t plain_bytes)
{
    char *plain = malloc(plain_bytes + 1);
    uLongf length = plain_bytes;

    if (!plain) {
        return NULL;
    }
    if (uncompress((unsigned char *)plain, &length, packed + HEAD_BYTES, count - HEAD_BYTES) ||
        length != plain_bytes || memchr(plain, '\0', plain_bytes)) {
        free(plain);
        return NULL;
    }
    plain[plain_bytes] = '\0';
    return plain;
}

bool target_pack_read(struct target_unpacked *unpacked, const void *bytes, size_t count)
{
    const unsigned char *packed = bytes;
    size_t tags_bytes, text_bytes;
    char *plain;

    if (count <= HEAD_BYTES || memcmp(packed, MAGIC, MAGIC_BYTES) != 0) {
        return false;
    }
    tags_bytes = get(packed + 4, 2);
    text_bytes = get(packed + 6, 4);
    if (tags_bytes >= TARGET_PACK_TAGS_MAX || text_bytes > TARGET_PACK_TEXT_MAX) {
        return false;
    }
    plain = inflate_all(packed, count, tags_bytes + text_bytes);
    if (!plain) {
        return false;
    }
    memcpy(unpacked->tags, plain, tags_bytes);
    unpacked->tags[tags_bytes] = '\0';
    memmove(plain, plain + tags_bytes, text_bytes + 1);
    unpacked->expires_wall_ns = get(packed + 10, 8);
    unpacked->service_ns = get(packed + 18, 8);
    unpacked->body = target_body_new(STATUS_GOOD, plain);
    return unpacked->body != NULL;
}
