/* quantity: see the header. strtod also reads hex, "inf" and leading blanks: a first digit and a
 * range keep these out. */
#include "quantity.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>

struct unit {
    const char *name;
    double scale;
};

static const struct unit time_units[] = {{"us", 1e3}, {"ms", 1e6},   {"s", 1e9},
                                         {"m", 60e9}, {"h", 3600e9}, {NULL, 0}};
static const struct unit size_units[] = {{"", 1},           {"k", 1024},    {"K", 1024},
                                         {"m", 1048576},    {"M", 1048576}, {"g", 1073741824},
                                         {"G", 1073741824}, {NULL, 0}};
static const struct unit share_units[] = {{"", 1}, {"%", 0.01}, {NULL, 0}};

static const struct {
    const char *name;
    uint64_t per_ns;
} rate_units[] = {{"/s", UINT64_C(1000000000)},
                  {"", UINT64_C(1000000000)},
                  {"/m", UINT64_C(60000000000)},
                  {"/h", UINT64_C(3600000000000)}};

static bool plain_number(const char *text, double *number, const char **rest)
{
    char *end;

    if (!isdigit((unsigned char)text[0]) || strncasecmp(text, "0x", 2) == 0) {
        return false;
    }
    *number = strtod(text, &end);
    *rest = end;
    return isfinite(*number);
}

/* A number followed by one of `units`, its scaled value at most `max`. */
static bool scaled(const char *text, const struct unit *units, double max, double *value)
{
    double number;
    const char *rest;

    if (!plain_number(text, &number, &rest)) {
        return false;
    }
    for (; units->name; units++) {
        if (strcmp(units->name, rest) == 0 && number * units->scale <= max) {
            *value = number * units->scale;
            return true;
        }
    }
    return false;
}

bool target_quantity_duration(const char *text, uint64_t *ns)
{
    double value = 0;

    if (strcmp(text, "0") != 0 && !scaled(text, time_units, (double)TARGET_DURATION_MAX, &value)) {
        return false;
    }
    *ns = (uint64_t)llround(value);
    return true;
}

bool target_quantity_size(const char *text, uint64_t *bytes)
{
    double value;

    if (!scaled(text, size_units, (double)TARGET_SIZE_MAX, &value) || value != floor(value)) {
        return false;
    }
    *bytes = (uint64_t)value;
    return true;
}

bool target_quantity_share(const char *text, double max, double *share)
{
    return scaled(text, share_units, max, share);
}

bool target_quantity_count(const char *text, uint64_t max, uint64_t *count)
{
    unsigned long long value;
    char *end;

    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    errno = 0;
    value = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0 || value > max) {
        return false;
    }
    *count = value;
    return true;
}

bool target_quantity_rate(const char *text, uint64_t count_max, struct target_rate *rate)
{
    const char *slash = strchr(text, '/');
    char count[24];

    if (!slash) {
        slash = text + strlen(text);
    }
    if ((size_t)(slash - text) >= sizeof count) {
        return false;
    }
    snprintf(count, sizeof count, "%.*s", (int)(slash - text), text);
    for (size_t i = 0; i < sizeof rate_units / sizeof rate_units[0]; i++) {
        uint64_t n;

        if (strcmp(slash, rate_units[i].name) == 0 && target_quantity_count(count, count_max, &n)) {
            *rate = (struct target_rate){.count = n, .per_ns = rate_units[i].per_ns};
            return true;
        }
    }
    return false;
}

bool target_quantity_number(const char *text, double min, double max, double *number)
{
    double value;
    const char *rest;

    if (!plain_number(text, &value, &rest) || *rest != '\0' || value < min || value > max) {
        return false;
    }
    *number = value;
    return true;
}

void target_quantity_print_duration(uint64_t ns, char *text, size_t bytes)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"h", UINT64_C(3600000000000)},
                 {"m", UINT64_C(60000000000)},
                 {"s", 1000000000},
                 {"ms", 1000000},
                 {"us", 1000}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ns > 0 && ns % units[i].ns == 0) {
            snprintf(text, bytes, "%" PRIu64 "%s", ns / units[i].ns, units[i].name);
            return;
        }
    }
    if (ns == 0) {
        snprintf(text, bytes, "0");
    } else {
        snprintf(text, bytes, "%" PRIu64 ".%03uus", ns / 1000, (unsigned)(ns % 1000));
    }
}

void target_quantity_print_size(uint64_t n, char *text, size_t bytes)
{
    static const char *const units[] = {"", "k", "m", "g"};
    size_t unit = 0;

    while (n > 0 && n % 1024 == 0 && unit < sizeof units / sizeof units[0] - 1) {
        n /= 1024;
        unit++;
    }
    snprintf(text, bytes, "%" PRIu64 "%s", n, units[unit]);
}

void target_quantity_print_rate(const struct target_rate *rate, char *text, size_t bytes)
{
    size_t i = 0;

    while (rate->count > 0 && rate_units[i].per_ns != rate->per_ns) {
        i++;
    }
    snprintf(text, bytes, "%" PRIu64 "%s", rate->count, rate->count > 0 ? rate_units[i].name : "");
}
