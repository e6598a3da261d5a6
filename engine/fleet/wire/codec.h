/*
 * codec: the few forms of which messages are made; pelt/wire.h says which.
 *
 * A reader stops at the first thing that is wrong and keeps why; what is read after that is 0 or
 * empty, so that who reads looks once, at the end. A number has one form: one with zeros at its end
 * that it does not need is wrong.
 */
#ifndef PELT_WIRE_CODEC_H
#define PELT_WIRE_CODEC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "pelt/buf.h"

/* ---- writing: into a buffer that keeps its own failure ---- */

#define PELT_WIRE_NUMBER_MAX 10 /* bytes of a number */

static inline unsigned char *pelt_wire_number_at(unsigned char *p, uint64_t value)
{
    while (value > 0x7f) {
        *p++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *p++ = (unsigned char)value;
    return p;
}
static inline uint64_t pelt_wire_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}
static inline int64_t pelt_wire_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

void pelt_wire_put_byte(struct pelt_buf *b, unsigned byte);
void pelt_wire_put_number(struct pelt_buf *b, uint64_t value);
void pelt_wire_put_signed(struct pelt_buf *b, int64_t value);
void pelt_wire_put_double(struct pelt_buf *b, double value);
void pelt_wire_put_word(struct pelt_buf *b, uint64_t value); /* 8 bytes */
void pelt_wire_put_text(struct pelt_buf *b, struct pelt_span text);
void pelt_wire_put_bytes(struct pelt_buf *b, const void *bytes, size_t len); /* no length */

/* ---- reading ---- */

struct pelt_wire_reader {
    const unsigned char *p, *end;
    const char *why; /* NULL: nothing is wrong so far; static */
};

static inline struct pelt_wire_reader pelt_wire_read(struct pelt_span bytes)
{
    const unsigned char *p = (const unsigned char *)(bytes.ptr != NULL ? bytes.ptr : "");
    return (struct pelt_wire_reader){p, p + bytes.len, NULL};
}
static inline void pelt_wire_bad(struct pelt_wire_reader *r, const char *why)
{
    r->why = r->why != NULL ? r->why : why;
    r->p = r->end;
}
static inline unsigned pelt_wire_get_byte(struct pelt_wire_reader *r)
{
    if (r->p == r->end) {
        pelt_wire_bad(r, "cut short");
        return 0;
    }
    return *r->p++;
}
uint64_t pelt_wire_get_number_slow(struct pelt_wire_reader *r);
static inline uint64_t pelt_wire_get_number(struct pelt_wire_reader *r)
{
    if (__builtin_expect(r->p < r->end && *r->p < 0x80, 1)) {
        return *r->p++;
    }
    return pelt_wire_get_number_slow(r);
}
/* At most `most`; more is wrong. */
static inline uint64_t pelt_wire_get_most(struct pelt_wire_reader *r, uint64_t most,
                                          const char *why)
{
    uint64_t value = pelt_wire_get_number(r);
    if (__builtin_expect(value > most, 0)) {
        pelt_wire_bad(r, why);
        return 0;
    }
    return value;
}
int64_t pelt_wire_get_signed(struct pelt_wire_reader *r);
double pelt_wire_get_double(struct pelt_wire_reader *r); /* finite; anything else is wrong */
uint64_t pelt_wire_get_word(struct pelt_wire_reader *r);
bool pelt_wire_get_bool(struct pelt_wire_reader *r); /* 0 or 1 */
/* Borrowed of the message. */
struct pelt_span pelt_wire_get_text(struct pelt_wire_reader *r, size_t most);
struct pelt_span pelt_wire_get_bytes(struct pelt_wire_reader *r, size_t len);
/* A text as people may see it, into `out`. */
void pelt_wire_get_clean(struct pelt_wire_reader *r, char *out, size_t size, bool lines);
/* All was read, and nothing was wrong; else the message's `what` is refused. */
PELT_MUST_USE enum pelt_status pelt_wire_done(const struct pelt_wire_reader *r, const char *what,
                                              struct pelt_error *err);

/* Clean UTF-8 of `text` in `out` of `size` bytes, cut at a character's end: control characters (but
 * line feed and tab if `lines`) and what is no UTF-8 become '?'. Returns its length. */
size_t pelt_wire_clean(struct pelt_span text, char *out, size_t size, bool lines);

#endif
