/* encode: see the header. */
#include "pelt/encode.h"

#include <string.h>

void pelt_encode_base64(struct pelt_buf *out, struct pelt_span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        unsigned b = left > 1 ? in[i + 1] : 0, c = left > 2 ? in[i + 2] : 0;
        unsigned word = (unsigned)in[i] << 16 | b << 8 | c;
        char four[4] = {digits[word >> 18], digits[word >> 12 & 63],
                        left > 1 ? digits[word >> 6 & 63] : '=',
                        left > 2 ? digits[word & 63] : '='};
        pelt_buf_add(out, four, sizeof four);
    }
}

static void add_percent(struct pelt_buf *out, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char byte = (unsigned char)c;
    char three[3] = {'%', digits[byte >> 4], digits[byte & 15]};
    pelt_buf_add(out, three, sizeof three);
}

static bool is_plain(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("*-._", c) != NULL);
}

void pelt_encode_form(struct pelt_buf *out, struct pelt_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (is_plain(c)) {
            pelt_buf_add(out, &c, 1);
        } else if (c == ' ') {
            pelt_buf_add(out, "+", 1);
        } else {
            add_percent(out, c);
        }
    }
}

void pelt_encode_part_name(struct pelt_buf *out, struct pelt_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (c == '"' || c == '\r' || c == '\n') {
            add_percent(out, c);
        } else {
            pelt_buf_add(out, &c, 1);
        }
    }
}
