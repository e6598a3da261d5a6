/*
 * samples: see the header. What a block says is not trusted: every number is checked before it is
 * used, and nothing is made larger than the block's bytes can fill.
 */
#include "pelt/samples.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FORMAT      1
#define LENGTH      4          /* bytes before the zlib stream */
#define RAW_MAX     (8u << 20) /* bytes of an inflated block */
#define INFLATE_MAX 1032       /* times; zlib's own limit */

void pelt_samples_deinit(struct pelt_samples *s)
{
    free(s->list);
    *s = (struct pelt_samples){.ticks = 0};
}

void pelt_samples_reset(struct pelt_samples *s)
{
    s->ticks = s->len = 0;
}

enum pelt_status pelt_samples_tick(struct pelt_samples *s, int64_t at_ns)
{
    if (s->ticks == PELT_SAMPLES_TICKS) {
        return PELT_ELIMIT;
    }
    s->at_ns[s->ticks++] = at_ns;
    return PELT_OK;
}

/* NULL: out of memory. */
static struct pelt_server_sample *append(struct pelt_samples *s)
{
    if (s->len == s->room) {
        const size_t room = s->room > 0 ? 2 * s->room : 64;
        struct pelt_server_sample *list = realloc(s->list, room * sizeof *list);
        if (list == NULL) {
            return NULL;
        }
        s->list = list;
        s->room = room;
    }
    return &s->list[s->len++];
}

enum pelt_status pelt_samples_add(struct pelt_samples *s, uint32_t figure, unsigned cells,
                                  const double *cell)
{
    assert(s->ticks > 0 && figure < PELT_SAMPLES_FIGURES && cells > 0 &&
           cells <= PELT_SAMPLE_CELLS);
    struct pelt_server_sample *sample = append(s);
    if (sample == NULL) {
        return PELT_ENOMEM;
    }
    *sample = (struct pelt_server_sample){
        .figure = figure, .tick = (uint8_t)(s->ticks - 1), .cells = (uint8_t)cells};
    memcpy(sample->cell, cell, cells * sizeof *cell);
    return PELT_OK;
}

/* ---- encoding ---- */

static void put_varint(struct pelt_buf *out, uint64_t value)
{
    char bytes[10];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[len++] = (char)(value | 0x80);
    }
    bytes[len++] = (char)value;
    pelt_buf_add(out, bytes, len);
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static void put_u64(struct pelt_buf *out, uint64_t value)
{
    char bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (char)(value >> (8 * i));
    }
    pelt_buf_add(out, bytes, 8);
}

static int by_figure(const void *a, const void *b)
{
    const struct pelt_server_sample *x = a, *y = b;
    return x->figure != y->figure ? (x->figure > y->figure) - (x->figure < y->figure)
                                  : (x->tick > y->tick) - (x->tick < y->tick);
}

/* Of a sorted list: of several values of a figure at one tick one stays. */
static void drop_doubles(struct pelt_samples *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (kept == 0 || by_figure(&s->list[kept - 1], &s->list[i]) != 0) {
            s->list[kept++] = s->list[i];
        }
    }
    s->len = kept;
}

static size_t end_of_figure(const struct pelt_samples *s, size_t from)
{
    size_t end = from;
    while (end < s->len && s->list[end].figure == s->list[from].figure) {
        end++;
    }
    return end;
}

static void put_heads(struct pelt_samples *s, struct pelt_buf *out)
{
    uint64_t figures = 0, before = 0;
    int64_t at_ns = 0;
    put_varint(out, FORMAT);
    put_varint(out, s->ticks);
    for (size_t i = 0; i < s->ticks; i++) {
        put_varint(out, zigzag((int64_t)((uint64_t)s->at_ns[i] - (uint64_t)at_ns)));
        at_ns = s->at_ns[i];
    }
    for (size_t i = 0; i < s->len; i = end_of_figure(s, i)) {
        figures++;
    }
    put_varint(out, figures);
    for (size_t i = 0, end; i < s->len; i = end) {
        uint64_t ticks = 0;
        end = end_of_figure(s, i);
        for (size_t k = i; k < end; k++) {
            ticks |= UINT64_C(1) << s->list[k].tick;
            s->list[k].cells = s->list[i].cells;
        }
        put_varint(out, s->list[i].figure - before);
        put_varint(out, s->list[i].cells);
        put_varint(out, ticks);
        before = s->list[i].figure;
    }
}

static void put_values(const struct pelt_samples *s, struct pelt_buf *out)
{
    for (size_t i = 0, end; i < s->len; i = end) {
        end = end_of_figure(s, i);
        for (unsigned c = 0; c < s->list[i].cells; c++) {
            uint64_t bits, before = 0;
            for (size_t k = i; k < end; k++, before = bits) {
                memcpy(&bits, &s->list[k].cell[c], sizeof bits);
                put_u64(out, bits ^ before);
            }
        }
    }
}

enum pelt_status pelt_samples_encode(struct pelt_samples *s, struct pelt_buf *out)
{
    struct pelt_buf raw;
    pelt_buf_init(&raw, RAW_MAX);
    if (s->len > 1) {
        qsort(s->list, s->len, sizeof *s->list, by_figure);
    }
    drop_doubles(s);
    put_heads(s, &raw);
    put_values(s, &raw);
    uLongf len = compressBound(raw.len);
    const bool room = !raw.failed && pelt_buf_reserve(out, LENGTH + len) == PELT_OK;
    if (room) {
        unsigned char *at = (unsigned char *)out->data + out->len;
        for (unsigned i = 0; i < LENGTH; i++) {
            at[i] = (unsigned char)(raw.len >> (8 * i));
        }
        const int z = compress2(at + LENGTH, &len, (const unsigned char *)raw.data, raw.len, 6);
        assert(z == Z_OK || z == Z_MEM_ERROR);
        out->failed = out->failed || z != Z_OK;
        out->len += z == Z_OK ? LENGTH + len : 0;
    }
    pelt_buf_deinit(&raw);
    return room && !out->failed ? PELT_OK : PELT_ENOMEM;
}

/* ---- decoding ---- */

struct reading {
    const unsigned char *at, *end;
    const char *wrong; /* NULL: nothing so far */
};

static void refuse(struct reading *in, const char *why)
{
    in->wrong = in->wrong != NULL ? in->wrong : why;
}

/* 0 once something is wrong. */
static uint64_t get_varint(struct reading *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->wrong != NULL || in->at == in->end) {
            break;
        }
        const unsigned char byte = *in->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    refuse(in, "a number is cut short");
    return 0;
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

static uint64_t get_u64(struct reading *in)
{
    uint64_t value = 0;
    if (in->end - in->at < 8) {
        refuse(in, "values are missing");
        return 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)*in->at++ << (8 * i);
    }
    return value;
}

static void get_ticks(struct reading *in, struct pelt_samples *s)
{
    uint64_t at_ns = 0;
    if (get_varint(in) != FORMAT) {
        refuse(in, "of an unknown format");
    }
    const uint64_t ticks = get_varint(in);
    if (ticks > PELT_SAMPLES_TICKS) {
        refuse(in, "more ticks than can be");
    }
    for (uint64_t i = 0; i < ticks && in->wrong == NULL; i++) {
        at_ns += (uint64_t)unzigzag(get_varint(in)); /* wraps where the block lies */
        s->at_ns[s->ticks++] = (int64_t)at_ns;
    }
}

/* A sample for each tick of the figure, still without values. */
static enum pelt_status get_figure(struct reading *in, struct pelt_samples *s, uint64_t *figure,
                                   bool first)
{
    const uint64_t step = get_varint(in), cells = get_varint(in), ticks = get_varint(in);
    const bool rises = first || step > 0;
    if (!rises || step >= PELT_SAMPLES_FIGURES || *figure + step >= PELT_SAMPLES_FIGURES ||
        cells == 0 || cells > PELT_SAMPLE_CELLS || ticks == 0 ||
        (s->ticks < 64 && ticks >> s->ticks != 0)) {
        refuse(in, "a figure that cannot be");
        return PELT_OK;
    }
    *figure += step;
    for (unsigned tick = 0; tick < s->ticks; tick++) {
        if ((ticks >> tick & 1) == 0) {
            continue;
        }
        struct pelt_server_sample *sample = append(s);
        if (sample == NULL) {
            return PELT_ENOMEM;
        }
        *sample = (struct pelt_server_sample){
            .figure = (uint32_t)*figure, .tick = (uint8_t)tick, .cells = (uint8_t)cells};
    }
    return PELT_OK;
}

static enum pelt_status get_heads(struct reading *in, struct pelt_samples *s)
{
    uint64_t figure = 0;
    enum pelt_status status = PELT_OK;
    get_ticks(in, s);
    const uint64_t figures = get_varint(in);
    if (figures > PELT_SAMPLES_FIGURES) {
        refuse(in, "more figures than can be");
    }
    for (uint64_t i = 0; i < figures && in->wrong == NULL && status == PELT_OK; i++) {
        status = get_figure(in, s, &figure, i == 0);
    }
    return status;
}

static void get_values(struct reading *in, struct pelt_samples *s)
{
    for (size_t i = 0, end; i < s->len && in->wrong == NULL; i = end) {
        end = end_of_figure(s, i);
        for (unsigned c = 0; c < s->list[i].cells; c++) {
            uint64_t bits = 0;
            for (size_t k = i; k < end && in->wrong == NULL; k++) {
                bits ^= get_u64(in);
                memcpy(&s->list[k].cell[c], &bits, sizeof bits);
            }
        }
    }
    if (in->at != in->end) {
        refuse(in, "bytes behind its values");
    }
}

static enum pelt_status inflate_block(struct pelt_span block, struct pelt_buf *raw,
                                      struct pelt_error *err)
{
    const unsigned char *bytes = (const unsigned char *)block.ptr;
    uLongf len = 0;
    for (unsigned i = 0; block.len > LENGTH && i < LENGTH; i++) {
        len |= (uLongf)bytes[i] << (8 * i);
    }
    if (len == 0 || len > RAW_MAX || len > (block.len - LENGTH) * INFLATE_MAX) {
        return pelt_fail(err, PELT_EPARSE, "a block of samples has an impossible length");
    }
    if (pelt_buf_reserve(raw, len) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    raw->len = len;
    const int z = uncompress((unsigned char *)raw->data, &len, bytes + LENGTH, block.len - LENGTH);
    if (z == Z_MEM_ERROR) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return z == Z_OK && len == raw->len
               ? PELT_OK
               : pelt_fail(err, PELT_EPARSE, "a block of samples cannot be inflated");
}

enum pelt_status pelt_samples_decode(struct pelt_samples *s, struct pelt_span block,
                                     struct pelt_error *err)
{
    struct pelt_buf raw;
    pelt_buf_init(&raw, 0);
    pelt_samples_reset(s);
    enum pelt_status status = inflate_block(block, &raw, err);
    if (status == PELT_OK) {
        const unsigned char *bytes = (const unsigned char *)raw.data;
        struct reading in = {.at = bytes, .end = bytes + raw.len};
        status = get_heads(&in, s);
        if (status == PELT_OK) {
            get_values(&in, s);
        }
        if (status == PELT_OK && in.wrong != NULL) {
            status = pelt_fail(err, PELT_EPARSE, "a block of samples: %s", in.wrong);
        } else if (status != PELT_OK) {
            status = pelt_fail(err, status, "out of memory");
        }
    }
    if (status != PELT_OK) {
        pelt_samples_reset(s);
    }
    pelt_buf_deinit(&raw);
    return status;
}
