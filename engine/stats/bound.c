/*
 * bound: see the header.
 */
#include "bound.h"

#include <assert.h>
#include <math.h>

#include "pelt/clock.h"
#include "pelt/server_metric.h"
#include "pelt/units.h"

#define US_PER_MS 1000.0
#define MIB       1048576.0
#define COUNT_MAX (UINT64_C(1) << 53) /* a double holds it exactly */

const char *pelt_unit_name(enum pelt_unit unit)
{
    static const char *const NAMES[] = {"ms", "count", "share", "per_second", "bytes", "number"};
    assert(unit <= PELT_UNIT_NUMBER);
    return NAMES[unit];
}

/* "10m/s": bytes a second. */
static enum pelt_status parse_byte_rate(const char *text, double *out, struct pelt_error *err)
{
    char size[PELT_BOUND_TEXT];
    const char *slash = strstr(text, "/s");
    if (slash == NULL || slash[2] != '\0' || (size_t)(slash - text) >= sizeof size) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no rate of bytes; try 500k/s or 10m/s", text);
    }
    uint64_t bytes = 0;
    snprintf(size, sizeof size, "%.*s", (int)(slash - text), text);
    enum pelt_status status = pelt_parse_size(size, &bytes, err);
    *out = (double)bytes;
    return status;
}

/* Digits with an optional sign and decimal point, in any locale. */
static enum pelt_status parse_number(const char *text, double *out, struct pelt_error *err)
{
    bool negative = text[0] == '-', point = false, any = false;
    double digits = 0, divisor = 1;
    for (const char *c = text + negative; *c != '\0'; c++) {
        if (*c >= '0' && *c <= '9') {
            digits = digits * 10 + (*c - '0');
            divisor *= point ? 10 : 1;
            any = true;
        } else if (*c == '.' && !point) {
            point = true;
        } else {
            any = false;
            break;
        }
    }
    if (!any) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no number; try 500 or 0.25", text);
    }
    *out = (negative ? -digits : digits) / divisor;
    return PELT_OK;
}

/* "512m": a number that may be one of bytes. */
static enum pelt_status parse_sized(const char *text, double *out, struct pelt_error *err)
{
    uint64_t bytes = 0;
    if (pelt_parse_size(text, &bytes, NULL) != PELT_OK) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no number; try 500, 0.25 or 512m", text);
    }
    *out = (double)bytes;
    return PELT_OK;
}

/* "-10%" or "-0.1": of a change. */
static enum pelt_status parse_change(const char *text, double *out, struct pelt_error *err)
{
    char number[PELT_BOUND_TEXT];
    size_t len = strlen(text);
    bool percent = len > 0 && text[len - 1] == '%';
    double value = 0;
    snprintf(number, sizeof number, "%.*s", (int)(len < sizeof number ? len - percent : 0), text);
    if (parse_number(number, &value, NULL) != PELT_OK || (!percent && fabs(value) > 1)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no change; write 10%% or -5%%", text);
    }
    *out = percent ? value / 100 : value;
    return PELT_OK;
}

enum pelt_status pelt_bound_parse(enum pelt_unit unit, bool bytes, bool is_signed, const char *text,
                                  double *out, struct pelt_error *err)
{
    uint64_t whole = 0;
    enum pelt_status status;
    switch (unit) {
    case PELT_UNIT_MS:
        status = pelt_parse_duration(text, &whole, err);
        *out = (double)whole / (double)PELT_NS_PER_MS;
        return status;
    case PELT_UNIT_SHARE:
        return is_signed ? parse_change(text, out, err) : pelt_parse_share(text, out, err);
    case PELT_UNIT_PER_S:
        return bytes ? parse_byte_rate(text, out, err) : pelt_parse_rate(text, out, err);
    case PELT_UNIT_BYTES:
        status = pelt_parse_size(text, &whole, err);
        *out = (double)whole;
        return status;
    case PELT_UNIT_NUMBER:
        return parse_number(text, out, bytes ? NULL : err) == PELT_OK ? PELT_OK
               : bytes                                                ? parse_sized(text, out, err)
                                                                      : PELT_EINVAL;
    case PELT_UNIT_COUNT:
        if (bytes && pelt_parse_size(text, &whole, NULL) == PELT_OK) {
            *out = (double)whole;
            return PELT_OK;
        }
        break;
    }
    status = pelt_parse_count("the bound", text, 0, COUNT_MAX, &whole, err);
    *out = (double)whole;
    return status;
}

/* In the unit in which it is a number that people would write: 10/m, not 0.1666666667/s. */
static void format_rate(double per_s, char *out, size_t size)
{
    static const struct {
        double seconds;
        char unit;
    } UNITS[] = {{1, 's'}, {60, 'm'}, {3600, 'h'}};
    int best = 0;
    for (int i = 2; i > 0 && per_s > 0 && per_s < 1; i--) {
        double value = per_s * UNITS[i].seconds;
        best = fabs(value - round(value)) < 1e-9 * value ? i : best;
    }
    snprintf(out, size, "%.10g/%c", per_s * UNITS[best].seconds, UNITS[best].unit);
}

static void format_bytes_exactly(double bytes, const char *suffix, char *out, size_t size)
{
    static const char UNITS[] = {'k', 'm', 'g'};
    int unit = -1;
    while (unit < 2 && bytes >= 1024 && fmod(bytes, 1024) == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, size, "%.15g%.*s%s", bytes, unit < 0 ? 0 : 1, UNITS + (unit < 0 ? 0 : unit),
             suffix);
}

void pelt_bound_format_ms(double ms, char *out, size_t size)
{
    if (ms >= 1000) {
        snprintf(out, size, "%.10gs", ms / 1000);
    } else if (ms < 1 && ms > 0) {
        snprintf(out, size, "%.10gus", ms * US_PER_MS);
    } else {
        snprintf(out, size, "%.10gms", ms);
    }
}

void pelt_bound_format(const struct pelt_threshold *t, double value, char *out, size_t size)
{
    bool bytes = strncmp(t->metric, "bytes_", 6) == 0;
    switch (t->unit) {
    case PELT_UNIT_MS:
        pelt_bound_format_ms(value, out, size);
        return;
    case PELT_UNIT_SHARE:
        snprintf(out, size, "%.10g%%", value * 100);
        return;
    case PELT_UNIT_PER_S:
        if (bytes) {
            format_bytes_exactly(round(value), "/s", out, size);
        } else {
            format_rate(value, out, size);
        }
        return;
    case PELT_UNIT_BYTES:
        format_bytes_exactly(value, "", out, size);
        return;
    case PELT_UNIT_NUMBER:
        if (pelt_server_metric_is_meant(t->metric) && value >= MIB && fmod(value, MIB) == 0) {
            format_bytes_exactly(value, "", out, size); /* as it was written: 512m */
            return;
        }
        snprintf(out, size, "%.15g", value);
        return;
    case PELT_UNIT_COUNT:
        snprintf(out, size, "%.15g", value);
        return;
    }
}
