/*
 * units: no text crashes a parser, a parsed value lies in its range, and what is printed can be
 * read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static void check_duration(const char *text)
{
    uint64_t ns, again;
    if (pelt_parse_duration(text, &ns, NULL) != PELT_OK) {
        return;
    }
    char printed[32];
    pelt_format_duration(ns, printed, sizeof(printed));
    require(pelt_parse_duration(printed, &again, NULL) == PELT_OK);
    /* Three digits, or whole seconds from a minute on. */
    uint64_t off = again > ns ? again - ns : ns - again;
    require(off <= ns / 100);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"users", "first_byte", "duration", NULL};
    char text[256];
    struct pelt_error err;
    uint64_t n;
    double x;
    size = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    check_duration(text);
    require(pelt_parse_size(text, &n, &err) != PELT_OK || n <= UINT64_C(1) << 60);
    require(pelt_parse_rate(text, &x, &err) != PELT_OK || (x >= 0 && x <= 1e12));
    require(pelt_parse_share(text, &x, &err) != PELT_OK || (x >= 0 && x <= 1));
    require(pelt_parse_count("n", text, 3, 99, &n, &err) != PELT_OK || (n >= 3 && n <= 99));
    pelt_nearest(text, words);
    return 0;
}
