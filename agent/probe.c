/* probe: see the header. */
#include "probe.h"

#include <math.h>
#include <string.h>

#include "pelt/units.h"

#define VALUE_SIZE 96

struct widths {
    int name, target, value;
};

static void format_number(const struct figure *f, double value, char *out, size_t size)
{
    if (strcmp(f->unit, "bytes") == 0 && value >= 0 && value < 1e18) {
        pelt_format_bytes((uint64_t)value, out, size);
    } else if (value == floor(value) && fabs(value) < 1e15) {
        snprintf(out, size, "%.0f", value);
    } else {
        snprintf(out, size, "%.3g", value);
    }
}

static const char *unit_of(const struct figure *f)
{
    return strcmp(f->unit, "bytes") == 0 ? "" : f->unit;
}

static void format_limit(const struct figure *f, char *out, size_t size)
{
    const char *unit = unit_of(f), *blank = unit[0] ? " " : "";
    char used[32], max[32];

    format_number(f, f->cells[PELT_CELL_USED], used, sizeof used);
    if (isnan(f->cells[PELT_CELL_MAX])) {
        snprintf(out, size, "%s%s%s, no limit", used, blank, unit);
        return;
    }
    format_number(f, f->cells[PELT_CELL_MAX], max, sizeof max);
    snprintf(out, size, "%s of %s%s%s", used, max, blank, unit);
}

static void format_value(const struct figure *f, char *out, size_t size)
{
    char number[32];

    switch (f->kind) {
    case PELT_SERVER_LIMIT:
        format_limit(f, out, size);
        return;
    case PELT_SERVER_GAUGE:
        format_number(f, f->cells[0], number, sizeof number);
        snprintf(out, size, "%s %s", number, unit_of(f));
        return;
    case PELT_SERVER_COUNTER:
        snprintf(out, size, "counts %s", f->unit);
        return;
    case PELT_SERVER_CACHE:
        snprintf(out, size, "counts hits and misses%s",
                 isnan(f->cells[PELT_CELL_EVICTIONS]) ? "" : ", evictions");
        return;
    case PELT_SERVER_KINDS:
        break;
    }
}

static int wider(int width, size_t len)
{
    return (int)len > width ? (int)len : width;
}

static struct widths measure(const struct catalogue *figures)
{
    struct widths w = {6, 6, 3};

    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);
        char value[VALUE_SIZE] = "";

        w.name = wider(w.name, strlen(f->name));
        w.target = wider(w.target, strlen(f->target));
        if (!f->why[0]) {
            format_value(f, value, sizeof value);
            w.value = wider(w.value, strlen(value));
        }
    }
    return w;
}

static size_t print_readable(FILE *out, const struct catalogue *figures, struct widths w)
{
    size_t readable = 0;

    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);
        char value[VALUE_SIZE] = "";

        if (!f->why[0]) {
            format_value(f, value, sizeof value);
            fprintf(out, "%-*s  %-*s  %-*s  %s\n", w.name, f->name, w.target, f->target, w.value,
                    value, f->source);
            readable++;
        }
    }
    return readable;
}

static bool is_pending(const struct figure *f)
{
    return strcmp(f->why, FIGURE_NOT_READ) == 0;
}

static size_t count_pending(const struct catalogue *figures)
{
    size_t pending = 0;

    for (size_t i = 0; i < catalogue_len(figures); i++) {
        pending += is_pending(catalogue_at(figures, i));
    }
    return pending;
}

bool probe_is_pending(const struct catalogue *figures)
{
    return count_pending(figures) > 0;
}

static void print_counts(FILE *out, size_t readable, size_t pending, size_t all)
{
    fprintf(out, "\n%zu can be read, %zu cannot", readable, all - readable - pending);
    if (pending > 0) {
        fprintf(out, ", %zu take longer to read", pending);
    }
    fprintf(out, "%s\n", readable < all ? ":" : ".");
}

bool probe_print(FILE *out, const struct catalogue *figures)
{
    struct widths w = measure(figures);

    fprintf(out, "%-*s  %-*s  %-*s  %s\n", w.name, "FIGURE", w.target, "TARGET", w.value, "NOW",
            "SOURCE");
    print_counts(out, print_readable(out, figures, w), count_pending(figures),
                 catalogue_len(figures));
    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);

        if (f->why[0]) {
            fprintf(out, "%-*s  %-*s  %s (%s)\n", w.name, f->name, w.target, f->target,
                    is_pending(f) ? "takes longer than this: a running agent has it" : f->why,
                    f->source);
        }
    }
    return fflush(out) == 0 && !ferror(out);
}
