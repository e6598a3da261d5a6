/* codec: see the header. */
#include "codec.h"

#include <endian.h>
#include <math.h>

/* ---- writing ---- */

void pelt_wire_put_byte(struct pelt_buf *b, unsigned byte)
{
    const unsigned char one = (unsigned char)byte;
    pelt_buf_add(b, &one, 1);
}

void pelt_wire_put_number(struct pelt_buf *b, uint64_t value)
{
    unsigned char bytes[PELT_WIRE_NUMBER_MAX];
    pelt_buf_add(b, bytes, (size_t)(pelt_wire_number_at(bytes, value) - bytes));
}

void pelt_wire_put_signed(struct pelt_buf *b, int64_t value)
{
    pelt_wire_put_number(b, pelt_wire_zigzag(value));
}

void pelt_wire_put_word(struct pelt_buf *b, uint64_t value)
{
    const uint64_t little = htole64(value);
    pelt_buf_add(b, &little, sizeof little);
}

void pelt_wire_put_double(struct pelt_buf *b, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    pelt_wire_put_word(b, bits);
}

void pelt_wire_put_text(struct pelt_buf *b, struct pelt_span text)
{
    pelt_wire_put_number(b, text.len);
    pelt_wire_put_bytes(b, text.ptr, text.len);
}

void pelt_wire_put_bytes(struct pelt_buf *b, const void *bytes, size_t len)
{
    if (len > 0) {
        pelt_buf_add(b, bytes, len);
    }
}

/* ---- reading ---- */

uint64_t pelt_wire_get_number_slow(struct pelt_wire_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const unsigned byte = pelt_wire_get_byte(r);
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift > 0) {
                pelt_wire_bad(r, "a number with needless bytes");
            }
            return r->why == NULL ? value : 0;
        }
    }
    pelt_wire_bad(r, "a number beyond 64 bits");
    return 0;
}

int64_t pelt_wire_get_signed(struct pelt_wire_reader *r)
{
    return pelt_wire_unzigzag(pelt_wire_get_number(r));
}

struct pelt_span pelt_wire_get_bytes(struct pelt_wire_reader *r, size_t len)
{
    if ((size_t)(r->end - r->p) < len) {
        pelt_wire_bad(r, "cut short");
        return pelt_span("", 0);
    }
    struct pelt_span bytes = pelt_span((const char *)r->p, len);
    r->p += len;
    return bytes;
}

uint64_t pelt_wire_get_word(struct pelt_wire_reader *r)
{
    uint64_t little = 0;
    struct pelt_span bytes = pelt_wire_get_bytes(r, sizeof little);
    memcpy(&little, bytes.ptr, bytes.len);
    return le64toh(little);
}

double pelt_wire_get_double(struct pelt_wire_reader *r)
{
    const uint64_t bits = pelt_wire_get_word(r);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) {
        pelt_wire_bad(r, "a number that is not finite");
        return 0;
    }
    return value;
}

bool pelt_wire_get_bool(struct pelt_wire_reader *r)
{
    return pelt_wire_get_most(r, 1, "neither yes nor no") == 1;
}

struct pelt_span pelt_wire_get_text(struct pelt_wire_reader *r, size_t most)
{
    return pelt_wire_get_bytes(r, pelt_wire_get_most(r, most, "a text that is too long"));
}

void pelt_wire_get_clean(struct pelt_wire_reader *r, char *out, size_t size, bool lines)
{
    pelt_wire_clean(pelt_wire_get_text(r, size - 1), out, size, lines);
}

enum pelt_status pelt_wire_done(const struct pelt_wire_reader *r, const char *what,
                                struct pelt_error *err)
{
    if (r->why != NULL) {
        return pelt_fail(err, PELT_EPARSE, "%s: %s", what, r->why);
    }
    if (r->p != r->end) {
        return pelt_fail(err, PELT_EPARSE, "%s: %zu bytes behind its end", what,
                         (size_t)(r->end - r->p));
    }
    return PELT_OK;
}

/* ---- texts ---- */

/* Bytes of the UTF-8 character at `s` (RFC 3629); 0: none. */
static size_t character(const unsigned char *s, size_t len)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000}; /* no overlong forms */
    if (s[0] < 0x80) {
        return 1;
    }
    const size_t need = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || need > len) {
        return 0;
    }
    uint32_t code = s[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (s[i] & 0x3f);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= LEAST[need] && code <= 0x10ffff && !surrogate ? need : 0;
}

static bool is_control(unsigned char c, bool lines)
{
    return (c < ' ' || c == 0x7f) && !(lines && (c == '\n' || c == '\t'));
}

size_t pelt_wire_clean(struct pelt_span text, char *out, size_t size, bool lines)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        const unsigned char *s = (const unsigned char *)text.ptr + i;
        size_t bytes = is_control(*s, lines) ? 0 : character(s, text.len - i);
        const void *from = bytes > 0 ? (const void *)s : "?";
        bytes = bytes > 0 ? bytes : 1;
        if (len + bytes >= size) {
            break;
        }
        memcpy(out + len, from, bytes);
        len += bytes;
        i += bytes;
    }
    out[len] = '\0';
    return len;
}
