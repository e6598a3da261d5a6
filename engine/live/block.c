/*
 * block: see the header. A line is made of parts that are added as long as they fit, so that
 * nothing ever wraps.
 */
#include "block.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "pelt/units.h"

#define NARROW        60 /* below: short labels, single blanks */
#define LABEL_COLUMNS 10
#define NAME_COLUMNS  24 /* most of the name in the first line */
#define BAR_COLUMNS   30 /* most of the bar */
#define BAR_LEAST     6

#define RED   "\033[31m"
#define PLAIN "\033[0m"

struct writer {
    struct live_block *block;
    int width;
    bool color;
};

static int room(const struct writer *w)
{
    return w->width - w->block->columns[w->block->lines];
}

/* Adds the text if it fits, all or nothing. */
static bool add(struct writer *w, const char *fmt, ...) PELT_PRINTF(2, 3);
static bool add(struct writer *w, const char *fmt, ...)
{
    char part[256];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(part, sizeof part, fmt, args);
    va_end(args);
    char *line = w->block->line[w->block->lines];
    size_t used = strlen(line);
    if (len > room(w) || len >= (int)sizeof part || used + (size_t)len >= LIVE_LINE_MAX) {
        return false;
    }
    memcpy(line + used, part, (size_t)len + 1);
    w->block->columns[w->block->lines] += len;
    return true;
}

/* Escape codes take no column. */
static void add_color(struct writer *w, const char *code)
{
    char *line = w->block->line[w->block->lines];
    size_t used = strlen(line);
    if (w->color && used + strlen(code) < LIVE_LINE_MAX) {
        memcpy(line + used, code, strlen(code) + 1);
    }
}

static void end_line(struct writer *w)
{
    w->block->lines++;
}

static bool narrow(const struct writer *w)
{
    return w->width < NARROW;
}

static const char *gap(const struct writer *w)
{
    return narrow(w) ? " " : "  ";
}

static void add_label(struct writer *w, const char *wide, const char *brief)
{
    if (narrow(w)) {
        add(w, "%s", brief);
    } else {
        add(w, "%-*s", LABEL_COLUMNS - 2, wide);
    }
}

/* "1,234,567" */
static void format_count(uint64_t n, char *out, size_t size)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    size_t used = 0;
    for (int i = 0; i < len && used + 2 < size; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[used++] = ',';
        }
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

/* Whole seconds: "1m30s". */
static void format_seconds(double s, char *out, size_t size)
{
    pelt_format_duration((uint64_t)(s + 0.5) * 1000000000, out, size);
}

static void format_share(double share, char *out, size_t size)
{
    snprintf(out, size, share > 0 && share < 0.0001 ? "<0.01%%" : "%.2f%%", share * 100);
}

/*
 * The name cut to `columns`, which are counted from above: 2 for each character beyond ASCII,
 * because it may be a wide one. Control characters become '?'. Returns the columns.
 */
static int clean_name(const char *name, int columns, char *out, size_t size)
{
    int used = 0;
    size_t len = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0' && len + 1 < size; c++) {
        bool follows = (*c & 0xC0) == 0x80; /* a UTF-8 sequence's second and later bytes */
        int takes = follows ? 0 : *c >= 0x80 ? 2 : 1;
        if (used + takes > columns) {
            break;
        }
        used += takes;
        out[len++] = *c < 0x20 || *c == 0x7F ? '?' : (char)*c;
    }
    out[len] = '\0';
    return used;
}

static void add_name(struct writer *w, const char *name)
{
    char clean[4 * NAME_COLUMNS + 1];
    int third = w->width / 3;
    int columns =
        clean_name(name, third < NAME_COLUMNS ? third : NAME_COLUMNS, clean, sizeof clean);
    int before = w->block->columns[w->block->lines];
    if (add(w, "%s", clean)) {
        w->block->columns[w->block->lines] = before + columns;
    }
}

static void add_bar(struct writer *w, double done, int columns)
{
    char bar[BAR_COLUMNS + 1];
    int inside = (columns < BAR_COLUMNS ? columns : BAR_COLUMNS) - 2;
    int filled = (int)(done * inside + 0.5);
    if (inside < BAR_LEAST) {
        return;
    }
    for (int i = 0; i < inside; i++) {
        bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
    }
    bar[inside] = '\0';
    add(w, " [%s]", bar);
}

static void phase_text(const struct live_figures *f, bool brief, char *out, size_t size)
{
    char elapsed[32], left[32];
    format_seconds(f->elapsed_s, elapsed, sizeof elapsed);
    format_seconds(isnan(f->left_s) ? 0 : f->left_s, left, sizeof left);
    switch (f->phase) {
    case PELT_PHASE_SETUP:
        snprintf(out, size, "setup");
        return;
    case PELT_PHASE_GRACE:
        snprintf(out, size, brief ? "finishing" : "finishing what is in flight");
        return;
    case PELT_PHASE_TEARDOWN:
        snprintf(out, size, "teardown");
        return;
    case PELT_PHASE_LOAD:
        if (f->iterations_most > 0) {
            snprintf(out, size, "%s, %" PRIu64 "%s%" PRIu64 "%s", elapsed, f->iterations,
                     brief ? "/" : " of ", f->iterations_most, brief ? "" : " iterations");
        } else if (isnan(f->left_s)) {
            snprintf(out, size, "%s", elapsed);
        } else {
            snprintf(out, size, brief ? "%s, -%s" : "%s, %s left", elapsed, left);
        }
        return;
    }
}

/* Name, bar, elapsed and left; the times are worth more than the bar. */
static void first_line(struct writer *w, const struct live_figures *f, const char *name)
{
    char phase[112];
    phase_text(f, narrow(w), phase, sizeof phase);
    add_name(w, name);
    add_bar(w, f->done, room(w) - (int)strlen(phase) - 2);
    add(w, " %s", phase);
    end_line(w);
}

static void load_line(struct writer *w, const struct live_figures *f)
{
    const char *label = f->open ? "rate" : "users";
    add_label(w, label, label);
    if (f->open) {
        add(w, "%s%.4g/s planned", gap(w), f->level);
        add(w, "%susers %" PRIu64, gap(w), f->users);
        if (f->waiting > 0) {
            add(w, "%swaiting %" PRIu64, gap(w), f->waiting);
        }
    } else if (isnan(f->level)) { /* of several loads: users and arrivals do not add up */
        add(w, "%s%" PRIu64, gap(w), f->users);
    } else {
        add(w, "%s%" PRIu64 " of %.0f", gap(w), f->users, f->level);
    }
    end_line(w);
}

static void requests_line(struct writer *w, const struct live_figures *f)
{
    char per_s[32], started[32];
    format_count((uint64_t)f->started_per_s, per_s, sizeof per_s);
    format_count(f->started, started, sizeof started);
    add_label(w, "requests", "requests");
    if (f->has_second) {
        add(w, "%s%s/s", gap(w), per_s);
    }
    add(w, "%s%s in all", gap(w), started);
    end_line(w);
}

static void percentiles_line(struct writer *w, const char *wide, const char *brief,
                             const struct live_percentiles *p)
{
    add_label(w, wide, brief);
    for (int i = 0; i < LIVE_PERCENTILES; i++) {
        char value[32] = "n/a";
        if (p->known[i]) {
            pelt_format_duration(p->us[i] * 1000, value, sizeof value);
        }
        add(w, narrow(w) ? "%s%s %s" : "%s%s %-7s", gap(w), live_percentile_names[i], value);
    }
    end_line(w);
}

static void errors_line(struct writer *w, const struct live_figures *f)
{
    char count[32], share[32];
    format_count(f->errors, count, sizeof count);
    format_share(f->error_share, share, sizeof share);
    add_color(w, f->errors > 0 ? RED : "");
    add_label(w, "errors", "errors");
    add(w, "%s%s (%s)", gap(w), count, share);
    if (f->dropped > 0) {
        add(w, "%sdropped %" PRIu64, gap(w), f->dropped);
    }
    add_color(w, f->errors > 0 ? PLAIN : "");
    end_line(w);
}

void live_block_make(const struct live_figures *f, const char *name, int width, bool color,
                     struct live_block *out)
{
    *out = (struct live_block){.lines = 0};
    struct writer w = {.block = out, .width = width, .color = color};
    first_line(&w, f, name);
    load_line(&w, f);
    requests_line(&w, f);
    percentiles_line(&w, "last 1s", "now", &f->now);
    percentiles_line(&w, "so far", "all", &f->all);
    errors_line(&w, f);
}

void live_line_make(const struct live_figures *f, const char *name, char *out, size_t size)
{
    char phase[112], clean[4 * NAME_COLUMNS + 1], share[32], value[LIVE_PERCENTILES][32];
    phase_text(f, false, phase, sizeof phase);
    clean_name(name, NAME_COLUMNS, clean, sizeof clean);
    format_share(f->error_share, share, sizeof share);
    for (int i = 0; i < LIVE_PERCENTILES; i++) {
        snprintf(value[i], sizeof value[i], "n/a");
        if (f->all.known[i]) {
            pelt_format_duration(f->all.us[i] * 1000, value[i], sizeof value[i]);
        }
    }
    snprintf(out, size,
             "%s: %s; users %" PRIu64 ", %.0f requests/s, %" PRIu64
             " in all, p50 %s, p95 %s, p99 %s, errors %" PRIu64 " (%s)",
             clean, phase, f->users, f->started_per_s, f->started, value[LIVE_P50], value[LIVE_P95],
             value[LIVE_P99], f->errors, share);
}
