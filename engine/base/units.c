/*
 * units: see the header. Numbers are read by hand: strtod also takes "0x10", "nan" and "1e9", and
 * listens to the locale.
 */
#include "pelt/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pelt/clock.h"

#define DURATION_NS_MAX (10.0 * 365 * 86400 * 1e9)
#define SIZE_BYTES_MAX  0x1p60
#define RATE_PER_S_MAX  1e12
#define DIGITS_MAX      18 /* a uint64_t holds them all */
#define WORD_CHARS_MAX  64

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Reads digits with an optional decimal point at *text and moves behind them. Digits and the power
 * of ten are exact, so their quotient is the double nearest to what was typed (to 15 digits).
 * False: no number there, or one of more than 18 digits.
 */
static bool take_number(const char **text, double *value)
{
    const char *p = *text;
    uint64_t mantissa = 0;
    double divisor = 1.0;
    int digits = 0;
    bool point = false;
    for (; digit(*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        divisor *= point ? 10.0 : 1.0;
        if (++digits > DIGITS_MAX) {
            return false;
        }
    }
    if (digits == 0) {
        return false;
    }
    *value = (double)mantissa / divisor;
    *text = p;
    return true;
}

/* Reads a whole text that is just a number. */
static bool whole_number(const char *text, double *value)
{
    return take_number(&text, value) && *text == '\0';
}

static bool take_word(const char **text, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*text, word, len) != 0) {
        return false;
    }
    *text += len;
    return true;
}

static bool take_time_unit(const char **text, double *unit_ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6},   {"s", 1e9},
                 {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}; /* "ms" before "m" */
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (take_word(text, units[i].name)) {
            *unit_ns = units[i].ns;
            return true;
        }
    }
    return false;
}

enum pelt_status pelt_parse_duration(const char *text, uint64_t *ns, struct pelt_error *err)
{
    double bare;
    if (whole_number(text, &bare)) {
        if (bare > 0) {
            return pelt_fail(err, PELT_EINVAL, "duration \"%s\" has no unit: %ss, or %sms?", text,
                             text, text);
        }
        *ns = 0;
        return PELT_OK;
    }
    double total_ns = 0;
    const char *p = text;
    do {
        double number, unit_ns;
        if (!take_number(&p, &number) || !take_time_unit(&p, &unit_ns)) {
            return pelt_fail(err, PELT_EINVAL,
                             "\"%s\" is not a duration: write 500ms, 10s, 5m, 1h or 1m30s", text);
        }
        total_ns += number * unit_ns;
    } while (*p != '\0');
    if (total_ns > DURATION_NS_MAX) {
        return pelt_fail(err, PELT_EINVAL, "duration \"%s\" is longer than 10 years", text);
    }
    *ns = (uint64_t)llround(total_ns);
    return PELT_OK;
}

static bool take_size_unit(const char **text, double *factor)
{
    static const char letters[] = "kmg";
    const char *at = **text == '\0' ? NULL : strchr(letters, **text | 0x20);
    *factor = 1.0;
    if (at != NULL) {
        *factor = ldexp(1.0, 10 * (int)(at - letters + 1));
        *text += 1;
    }
    return **text == '\0';
}

enum pelt_status pelt_parse_size(const char *text, uint64_t *bytes, struct pelt_error *err)
{
    double number, factor;
    const char *p = text;
    if (!take_number(&p, &number) || !take_size_unit(&p, &factor)) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\" is not a size: write 512, 64k, 10m or 1g (bytes)", text);
    }
    if (number * factor > SIZE_BYTES_MAX) {
        return pelt_fail(err, PELT_EINVAL, "size \"%s\" is larger than 2^60 bytes", text);
    }
    *bytes = (uint64_t)llround(number * factor);
    return PELT_OK;
}

static bool rate_unit(const char *text, double *per_s)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"/s", 1}, {"/m", 60}, {"/h", 3600}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i].name) == 0) {
            *per_s = units[i].seconds;
            return true;
        }
    }
    return false;
}

enum pelt_status pelt_parse_rate(const char *text, double *per_s, struct pelt_error *err)
{
    double number, seconds;
    const char *p = text;
    if (whole_number(text, &number)) {
        return pelt_fail(err, PELT_EINVAL, "rate \"%s\" has no unit: %s/s, or %s/m?", text, text,
                         text);
    }
    if (!take_number(&p, &number) || !rate_unit(p, &seconds)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is not a rate: write 200/s, 60/m or 5000/h",
                         text);
    }
    if (number / seconds > RATE_PER_S_MAX) {
        return pelt_fail(err, PELT_EINVAL, "rate \"%s\" is above %.0e/s", text, RATE_PER_S_MAX);
    }
    *per_s = number / seconds;
    return PELT_OK;
}

enum pelt_status pelt_parse_share(const char *text, double *share, struct pelt_error *err)
{
    double number;
    const char *p = text;
    bool parsed = take_number(&p, &number);
    bool percent = parsed && take_word(&p, "%");
    if (!parsed || *p != '\0') {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is not a share: write 1%% or 0.01", text);
    }
    if (percent ? number > 100 : number > 1) {
        return pelt_fail(err, PELT_EINVAL,
                         "share \"%s\" is above the whole: write 0%% to 100%%, or 0 to 1", text);
    }
    *share = percent ? number / 100 : number;
    return PELT_OK;
}

/* Whole text as an unsigned number. False: something else, or above 2^64 - 1. */
static bool whole_count(const char *text, uint64_t *value)
{
    *value = 0;
    const char *p = text;
    for (; digit(*p); p++) {
        uint64_t d = (uint64_t)(*p - '0');
        if (*value > (UINT64_MAX - d) / 10) {
            return false;
        }
        *value = *value * 10 + d;
    }
    return p > text && *p == '\0';
}

enum pelt_status pelt_parse_count(const char *what, const char *text, uint64_t min, uint64_t max,
                                  uint64_t *out, struct pelt_error *err)
{
    uint64_t value;
    if (!whole_count(text, &value) || value < min || value > max) {
        if (max == UINT64_MAX) {
            return pelt_fail(err, PELT_EINVAL, "%s \"%s\": expected a whole number from %" PRIu64,
                             what, text, min);
        }
        return pelt_fail(err, PELT_EINVAL,
                         "%s \"%s\": expected a whole number from %" PRIu64 " to %" PRIu64, what,
                         text, min, max);
    }
    *out = value;
    return PELT_OK;
}

/* Whole seconds as days, hours, minutes and seconds, zero parts left out. */
static void format_long(uint64_t seconds, char *out, size_t size)
{
    static const struct {
        char name;
        uint64_t seconds;
    } parts[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    size_t len = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && len < size; i++) {
        uint64_t n = seconds / parts[i].seconds;
        seconds %= parts[i].seconds;
        if (n > 0) {
            len += (size_t)snprintf(out + len, size - len, "%" PRIu64 "%c", n, parts[i].name);
        }
    }
}

/* Three significant digits without trailing zeros: "12.3", "850", "1.2". */
static void format_three(double value, const char *unit, char *out, size_t size)
{
    char number[32];
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    int len = snprintf(number, sizeof(number), "%.*f", decimals, value);
    while (decimals > 0 && number[len - 1] == '0') {
        len--;
        decimals--;
    }
    if (number[len - 1] == '.') {
        len--;
    }
    snprintf(out, size, "%.*s%s", len, number, unit);
}

void pelt_format_duration(uint64_t ns, char *out, size_t size)
{
    double x = (double)ns;
    if (ns < 1000) {
        snprintf(out, size, "%" PRIu64 "%s", ns, ns == 0 ? "s" : "ns");
    } else if (x < 999.5e3) {
        format_three(x / 1e3, "us", out, size);
    } else if (x < 999.5e6) {
        format_three(x / 1e6, "ms", out, size);
    } else if (x < 59.95e9) {
        format_three(x / 1e9, "s", out, size);
    } else {
        format_long(ns / PELT_NS_PER_S + (ns % PELT_NS_PER_S >= PELT_NS_PER_S / 2), out, size);
    }
}

void pelt_format_bytes(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(out, size, "%" PRIu64 " B", bytes);
        return;
    }
    double value = (double)bytes / 1024;
    size_t i = 0;
    while (value >= 1023.95 && i + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        i++;
    }
    snprintf(out, size, "%.1f %s", value, units[i]);
}

/* Copies `word` in lower case without - and _; its length, or 0 if it is empty or too long. */
static size_t fold(const char *word, char out[WORD_CHARS_MAX])
{
    size_t len = 0;
    for (; *word != '\0'; word++) {
        if (*word == '-' || *word == '_') {
            continue;
        }
        if (len == WORD_CHARS_MAX) {
            return 0;
        }
        out[len++] = (char)(*word >= 'A' && *word <= 'Z' ? *word + ('a' - 'A') : *word);
    }
    return len;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits that turn a into b: insert, delete, replace, swap of neighbours ("optimal string
 * alignment"). Three rows of the table are alive at a time. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_CHARS_MAX + 1];
    size_t *above2 = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *oldest = above2;
        above2 = above;
        above = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least_of(replaced, 1 + least_of(above[j], row[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least_of(row[j], above2[j - 2] + 1);
            }
        }
    }
    return row[b_len];
}

const char *pelt_nearest(const char *word, const char *const *candidates)
{
    char a[WORD_CHARS_MAX], b[WORD_CHARS_MAX];
    size_t a_len = fold(word, a);
    const char *nearest = NULL;
    size_t least = a_len / 3 + 1; /* one more than the most allowed */
    for (; a_len > 0 && *candidates != NULL; candidates++) {
        size_t b_len = fold(*candidates, b);
        size_t distance = b_len > 0 ? edit_distance(a, a_len, b, b_len) : least;
        if (distance < least) {
            least = distance;
            nearest = *candidates;
        }
    }
    return nearest;
}
