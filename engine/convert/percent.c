/* percent: see the header. */
#include "percent.h"

#include <stdbool.h>
#include <string.h>

int convert_hex(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

void convert_percent_add(struct pelt_buf *out, const char *text, const char *plain)
{
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool stays = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                           (c >= 'a' && c <= 'z') || strchr(plain, c) != NULL;
        pelt_buf_addf(out, stays ? "%c" : "%%%02X", stays && c == ' ' ? '+' : c);
    }
}
