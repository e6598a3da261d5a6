/*
 * A line a run. The first column is the run file's name as it is typed again, never cut: one that
 * is too long has the line to itself, its figures stand below. It says start and scenario where the
 * file was named by pelt (20261121-081500-chat.pelt); else both follow on a line of their own.
 */
#include "pelt/report.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "figures.h"
#include "pelt/clock.h"
#include "pelt/units.h"
#include "text.h"

#define COLUMNS_OF_FIGURES 54 /* what stands behind the name */
#define STAMP_DIGITS       "dddddddd-dddddd-"

/* "FOLDER/NAME.pelt" without folder and end. */
static void stem_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = strlen(name);
    if (len > 5 && strcmp(name + len - 5, ".pelt") == 0) {
        len -= 5;
    }
    snprintf(out, size, "%.*s", (int)len, name);
}

static bool says_start(const char *stem)
{
    for (const char *form = STAMP_DIGITS; *form != '\0'; form++, stem++) {
        if (*form == 'd' ? !isdigit((unsigned char)*stem) : *stem != *form) {
            return false;
        }
    }
    return true;
}

/* "200/s 20s", "50u 1m30s". */
static void load_of(const struct pelt_brief *b, char *out, size_t size)
{
    char length[32];
    pelt_format_duration(b->planned_ns, length, sizeof length);
    if (b->peak > 0) {
        snprintf(out, size, "%.7g%s %s", b->peak, b->open ? "/s" : "u", length);
    } else {
        snprintf(out, size, "%s", b->plan);
    }
}

static void time_of(uint64_t us, uint64_t count, double q, char out[REPORT_TEXT_MAX])
{
    if (report_enough_samples(count, q)) {
        report_text_time_ms((double)us / 1000, out);
    } else {
        snprintf(out, REPORT_TEXT_MAX, "n/a");
    }
}

/* The number alone: the column's head says "start/s". */
static void rate_of(const struct pelt_brief *b, char out[REPORT_TEXT_MAX])
{
    const double measured_s = pelt_load_measured_s(b->duration_s);
    const uint64_t started = b->started > b->after ? b->started - b->after : 0;
    report_text_rate(measured_s > 0 ? (double)started / measured_s : 0, out);
    out[strcspn(out, "/")] = '\0';
}

static const char *state_of(const struct pelt_brief *b)
{
    return b->finished ? pelt_verdict_name(b->verdict) : b->running ? "running" : "killed";
}

static const char *color_of(const struct pelt_brief *b)
{
    if (!b->finished) {
        return "\033[33m";
    }
    return b->exit_code != 0 ? "\033[31m" : b->verdict == PELT_VALID ? "\033[32m" : "\033[33m";
}

static void figures(const struct pelt_brief *b, FILE *out, bool color)
{
    char load[160], per_s[REPORT_TEXT_MAX], p95[REPORT_TEXT_MAX], p99[REPORT_TEXT_MAX],
        share[REPORT_TEXT_MAX], code[16] = "-";
    load_of(b, load, sizeof load);
    rate_of(b, per_s);
    time_of(b->p95_us, b->count, 95, p95);
    time_of(b->p99_us, b->count, 99, p99);
    report_text_share(report_share(b->errors, b->ended), share);
    if (b->ended == 0) {
        snprintf(share, sizeof share, "n/a");
    }
    if (b->finished) {
        snprintf(code, sizeof code, "%d", b->exit_code);
    }
    fputc(' ', out);
    report_text_print(out, load, 11, 1);
    fprintf(out, " %s%-7s %4s%s %7s %6s %6s %6s\n", color ? color_of(b) : "", state_of(b), code,
            color ? "\033[0m" : "", per_s, p95, p99, share);
}

static void start_and_scenario(const struct pelt_brief *b, FILE *out, int width)
{
    char start[32] = "at an unknown time";
    time_t seconds = (time_t)(b->start_wall_ns / PELT_NS_PER_S);
    struct tm utc;
    if (b->start_wall_ns > 0 && gmtime_r(&seconds, &utc) != NULL) {
        strftime(start, sizeof start, "%Y-%m-%d %H:%M:%S UTC", &utc);
    }
    int at = fprintf(out, "  started %s, ", start);
    report_text_print(out, b->scenario[0] != '\0' ? b->scenario : "run", width - at, 0);
    fputc('\n', out);
}

void report_runs_head(FILE *out, bool color, int width)
{
    fprintf(out, "%s%-*s %-11s %-7s %4s %7s %6s %6s %6s%s\n", color ? "\033[1m" : "",
            width - COLUMNS_OF_FIGURES, "run", "load", "verdict", "exit", "start/s", "p95", "p99",
            "errors", color ? "\033[0m" : "");
}

void report_runs_line(const struct pelt_brief *b, const char *path, FILE *out, bool color,
                      int width)
{
    char stem[256];
    int room = width - COLUMNS_OF_FIGURES;
    stem_of(path, stem, sizeof stem);
    int at = report_text_print(out, stem, (int)sizeof stem, 0);
    fprintf(out, at > room ? "\n%*s" : "%*s", at > room ? room : room - at, "");
    figures(b, out, color);
    if (!says_start(stem)) {
        start_and_scenario(b, out, width);
    }
}
