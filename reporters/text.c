/* Pure formatting. */
#include "text.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

void report_text_count(uint64_t value, char out[REPORT_TEXT_MAX])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

void report_text_rate(double per_s, char out[REPORT_TEXT_MAX])
{
    uint64_t tenths = (uint64_t)llround(fmin(fmax(per_s, 0), 1e15) * 10);
    char whole[REPORT_TEXT_MAX];
    if (tenths >= 100000) {
        report_text_count((tenths + 5) / 10, whole);
        snprintf(out, REPORT_TEXT_MAX, "%.28s/s", whole);
        return;
    }
    report_text_count(tenths / 10, whole);
    snprintf(out, REPORT_TEXT_MAX, "%.20s.%u/s", whole, (unsigned)(tenths % 10));
}

void report_text_share(double share, char out[REPORT_TEXT_MAX])
{
    double percent = share * 100;
    if (percent <= 0 || percent >= 100) {
        snprintf(out, REPORT_TEXT_MAX, "%.0f%%", percent);
    } else if (percent < 0.01) {
        snprintf(out, REPORT_TEXT_MAX, "<0.01%%");
    } else {
        snprintf(out, REPORT_TEXT_MAX, "%.2f%%", fmin(percent, 99.99));
    }
}

void report_text_number(double value, char out[REPORT_TEXT_MAX])
{
    double size = fabs(value);
    if (size >= 1e12 || (size > 0 && size < 1e-3)) {
        snprintf(out, REPORT_TEXT_MAX, "%.4g", value);
        return;
    }
    char whole[REPORT_TEXT_MAX], part[REPORT_TEXT_MAX] = "";
    uint64_t thousandths = (uint64_t)llround(size >= 1e6 ? round(size) * 1000 : size * 1000);
    unsigned rest = (unsigned)(thousandths % 1000);
    report_text_count(thousandths / 1000, whole);
    if (rest > 0) {
        snprintf(part, sizeof part, ".%03u", rest);
        for (size_t len = strlen(part); part[len - 1] == '0'; len--) {
            part[len - 1] = '\0';
        }
    }
    snprintf(out, REPORT_TEXT_MAX, "%s%.24s%.4s", value < 0 ? "-" : "", whole, part);
}

/* Three significant digits of a value below 1000. */
static int decimals(double value)
{
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

void report_text_time_ms(double ms, char out[REPORT_TEXT_MAX])
{
    if (ms < 0.9995) {
        snprintf(out, REPORT_TEXT_MAX, "%.0fus", ms * 1000);
    } else if (ms < 999.5) {
        snprintf(out, REPORT_TEXT_MAX, "%.*fms", decimals(ms), ms);
    } else {
        snprintf(out, REPORT_TEXT_MAX, "%.*fs", decimals(ms / 1000), ms / 1000);
    }
}

/* Bytes of the printable character at `s`; 0: to be shown as "?". Overlong forms are left to the
 * terminal. */
static size_t printable_bytes(const unsigned char *s)
{
    size_t len = s[0] < 0x80                   ? 1
                 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                 : s[0] >= 0xe0                ? 3
                 : s[0] >= 0xc2                ? 2
                                               : 0;
    if (len == 0 || s[0] < 0x20 || s[0] == 0x7f || s[0] >= 0xf5 || (s[0] == 0xc2 && s[1] < 0xa0)) {
        return 0; /* C0, DEL, C1 or no first byte */
    }
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

size_t report_text_utf8(const unsigned char *s)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, len;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (s[0] < forms[f].first_min || s[0] > forms[f].first_max) {
            continue;
        }
        if (forms[f].len > 1 && (s[1] < forms[f].second_min || s[1] > forms[f].second_max)) {
            return 0;
        }
        for (size_t i = 2; i < forms[f].len; i++) {
            if ((s[i] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[f].len;
    }
    return 0;
}

static int columns(const char *text)
{
    int n = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s; n++) {
        size_t len = printable_bytes(s);
        s += len ? len : 1;
    }
    return n;
}

int report_text_print(FILE *out, const char *text, int width, int pad)
{
    const int all = columns(text);
    const bool cut = all > width;
    const int shown = cut ? (width > 2 ? width - 2 : 0) : all;
    const unsigned char *s = (const unsigned char *)text;
    int n = 0;
    for (; n < shown; n++) {
        size_t len = printable_bytes(s);
        fwrite(len ? (const char *)s : "?", 1, len ? len : 1, out);
        s += len ? len : 1;
    }
    for (; n < width && cut; n++) {
        fputc('.', out);
    }
    for (; n < width && pad; n++) {
        fputc(' ', out);
    }
    return n;
}

/* The last blank that leaves at most `room` bytes before it; none: `room`, but no character is cut
 * in two. */
static size_t break_at(const char *text, size_t room)
{
    size_t take = room;
    while (take > 0 && text[take] != ' ') {
        take--;
    }
    if (take == 0) {
        for (take = room; take > 1 && ((unsigned char)text[take] & 0xC0) == 0x80; take--) {
        }
    }
    return take;
}

const char *report_text_line(const char *text, int columns, char *line, size_t size)
{
    const size_t room = (size_t)columns < size ? (size_t)columns : size - 1, len = strlen(text);
    const size_t take = len > room ? break_at(text, room) : len;
    snprintf(line, size, "%.*s", (int)take, text);
    text += take;
    return text + strspn(text, " ");
}

void report_text_hanging(FILE *out, const char *text, int width, int indent)
{
    int before = 0;
    char line[512];
    while (*text) {
        fprintf(out, "%*s", before, "");
        text = report_text_line(text, width - indent, line, sizeof line);
        report_text_print(out, line, width - indent, 0);
        fputc('\n', out);
        before = indent;
    }
}

void report_text_sentence(FILE *out, const char *text, int width, int indent)
{
    fprintf(out, "%*s", *text ? indent : 0, "");
    report_text_hanging(out, text, width, indent);
}

void report_text_name(FILE *out, const char *name, int width, int line)
{
    const bool fits = columns(name) <= width;
    fputs("  ", out);
    if (!fits) {
        report_text_hanging(out, name, line, 2);
        fputs("  ", out);
    }
    report_text_print(out, fits ? name : "", width, 1);
}
