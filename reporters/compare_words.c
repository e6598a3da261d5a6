#include "compare_words.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "pelt/clock.h"
#include "pelt/units.h"

void compare_words_value(double value, const char *unit, char out[REPORT_TEXT_MAX])
{
    if (!isfinite(value)) {
        snprintf(out, REPORT_TEXT_MAX, "n/a");
    } else if (strcmp(unit, "ms") == 0) {
        report_text_time_ms(value, out);
    } else if (strcmp(unit, "share") == 0) {
        report_text_share(value, out);
    } else if (strcmp(unit, "per_s") == 0) {
        report_text_rate(value, out);
    } else {
        char number[REPORT_TEXT_MAX];
        report_text_number(value, number);
        snprintf(out, REPORT_TEXT_MAX, "%.20s%s%.9s", number, unit[0] != '\0' ? " " : "", unit);
    }
}

void compare_words_change(double change, enum pelt_change_unit unit, char out[REPORT_TEXT_MAX])
{
    double percent = change * 100;
    if (!isfinite(change)) {
        snprintf(out, REPORT_TEXT_MAX, "n/a");
    } else if (unit == PELT_CHANGE_SHARE) {
        snprintf(out, REPORT_TEXT_MAX, "%+.2fpp", percent);
    } else if (fabs(percent) >= 999.5) {
        snprintf(out, REPORT_TEXT_MAX, "%.2gx", change + 1);
    } else {
        snprintf(out, REPORT_TEXT_MAX, "%+.1f%%", percent);
    }
}

void compare_words_interval(const struct pelt_compared *f, char out[COMPARE_WORDS])
{
    char low[REPORT_TEXT_MAX], high[REPORT_TEXT_MAX];
    out[0] = '\0';
    if (isfinite(f->low) && isfinite(f->high)) {
        compare_words_change(f->low, f->change_unit, low);
        compare_words_change(f->high, f->change_unit, high);
        snprintf(out, COMPARE_WORDS, "%s to %s", low, high);
    }
}

static void duration_words(double seconds, char out[REPORT_TEXT_MAX])
{
    if (seconds < 120) {
        snprintf(out, REPORT_TEXT_MAX, "%.0fs", ceil(seconds));
    } else if (seconds < 120 * 60) {
        snprintf(out, REPORT_TEXT_MAX, "%.0fmin", ceil(seconds / 60));
    } else {
        snprintf(out, REPORT_TEXT_MAX, "%.0fh", ceil(seconds / 3600));
    }
}

#define YEAR_S 3.2e7

void compare_words_needs(const struct pelt_comparison *c, const struct pelt_compared *f,
                         char out[COMPARE_WORDS])
{
    char length[REPORT_TEXT_MAX], samples[REPORT_TEXT_MAX];
    const char *why = f->why, *then = why[0] != '\0' ? "; " : "";
    out[0] = '\0';
    if (f->small) {
        snprintf(out, COMPARE_WORDS, "a change, but of less than %gms",
                 c->options.effect.time_us / 1e3);
    }
    if (f->verdict != PELT_COMPARED_INCONCLUSIVE) {
        return;
    }
    if (isfinite(f->needs_runs)) {
        snprintf(out, COMPARE_WORDS, "%s%sneeds %.0f runs a side", why, then, f->needs_runs);
    } else if (isfinite(f->needs_s) && f->needs_s < YEAR_S) {
        duration_words(f->needs_s, length);
        if (isfinite(f->needs_samples)) {
            report_text_count((uint64_t)fmin(f->needs_samples, 1e15), samples);
            snprintf(out, COMPARE_WORDS, "%s%sneeds %s a side (%s samples)", why, then, length,
                     samples);
        } else {
            snprintf(out, COMPARE_WORDS, "%s%sneeds %s a side", why, then, length);
        }
    } else if (isfinite(f->needs_samples) && f->needs_samples < 1e12) {
        report_text_count((uint64_t)f->needs_samples, samples);
        snprintf(out, COMPARE_WORDS, "%s%sneeds %s samples %s", why, then, samples,
                 c->between_runs ? "a run" : "a side");
    } else {
        snprintf(out, COMPARE_WORDS, "%s", why[0] != '\0' ? why : "too close to be told");
    }
}

enum pelt_comparison_verdict compare_words_verdict(const struct pelt_comparison *c)
{
    const size_t *n = c->counts;
    return n[PELT_COMPARED_WORSE] > 0    ? PELT_COMPARED_WORSE
           : n[PELT_COMPARED_BETTER] > 0 ? PELT_COMPARED_BETTER
           : n[PELT_COMPARED_SAME] > 0 && n[PELT_COMPARED_INCONCLUSIVE] == 0
               ? PELT_COMPARED_SAME
               : PELT_COMPARED_INCONCLUSIVE;
}

void compare_words_head(const struct pelt_comparison *c, char out[COMPARE_WORDS])
{
    static const char *const words[PELT_COMPARED_VERDICTS] = {"SAME", "BETTER", "WORSE",
                                                              "INCONCLUSIVE"};
    const size_t *n = c->counts;
    const char *word = words[compare_words_verdict(c)];
    snprintf(out, COMPARE_WORDS,
             "%s: of %zu figures %zu worse, %zu better, %zu same, %zu inconclusive", word,
             c->figures_len, n[PELT_COMPARED_WORSE], n[PELT_COMPARED_BETTER], n[PELT_COMPARED_SAME],
             n[PELT_COMPARED_INCONCLUSIVE]);
}

void compare_words_series(enum pelt_digest_kind kind, const char *name, char out[COMPARE_WORDS])
{
    switch (kind) {
    case PELT_DIGEST_ALL:
        snprintf(out, COMPARE_WORDS, "all requests");
        break;
    case PELT_DIGEST_CACHE:
        snprintf(out, COMPARE_WORDS, "cache %s", name);
        break;
    case PELT_DIGEST_CAPACITY:
        snprintf(out, COMPARE_WORDS, "stress");
        break;
    default:
        snprintf(out, COMPARE_WORDS, "%s", name);
        break;
    }
}

void compare_words_start(const struct pelt_digest *d, char out[REPORT_TEXT_MAX])
{
    time_t seconds = (time_t)d->start_s;
    struct tm utc;
    snprintf(out, REPORT_TEXT_MAX, "at an unknown time");
    if (d->start_s > 0 && gmtime_r(&seconds, &utc) != NULL) {
        strftime(out, REPORT_TEXT_MAX, "%Y-%m-%d %H:%M:%S UTC", &utc);
    }
}

void compare_words_run(const struct pelt_digest *d, char out[COMPARE_WORDS])
{
    const char *state = d->finished ? pelt_verdict_name(d->verdict) : "did not end in order";
    int beside = d->to - d->from - d->seconds;
    snprintf(out, COMPARE_WORDS, "%s, %d s from second %d on%s%s", state, (int)d->seconds,
             (int)d->from, d->steady ? ", its steady part" : "", beside > 0 ? " in parts" : "");
}

static void at_words(const struct pelt_compared_series *s, uint64_t us, char out[REPORT_TEXT_MAX])
{
    compare_words_value((double)us / s->scale, s->unit, out);
}

void compare_words_shift(const struct pelt_compared_series *s, char out[2 * COMPARE_WORDS])
{
    char at[REPORT_TEXT_MAX], change[REPORT_TEXT_MAX];
    at_words(s, s->shift.at_us, at);
    size_t len =
        (size_t)snprintf(out, 2 * COMPARE_WORDS, "KS %.3f at %s; deciles", s->shift.distance, at);
    for (int i = 0; i < PELT_SHIFT_DECILES && len < 2 * COMPARE_WORDS; i++) {
        double base = (double)s->shift.base_us[i], now = (double)s->shift.more_us[i];
        compare_words_change(now / fmax(base, 0.5) - 1, PELT_CHANGE_RELATIVE, change);
        len += (size_t)snprintf(out + len, 2 * COMPARE_WORDS - len, " %s", change);
    }
}

void compare_words_method(const struct pelt_comparison *c, char out[2 * COMPARE_WORDS])
{
    const struct pelt_effect *e = &c->options.effect;
    char effect[80];
    if (e->share > 0 && e->time_us > 0) {
        snprintf(effect, sizeof effect, "%g%%, of times %gms, too", e->share * 100,
                 e->time_us / 1e3);
    } else if (e->share > 0) {
        snprintf(effect, sizeof effect, "%g%%", e->share * 100);
    } else {
        snprintf(effect, sizeof effect, "of times %gms, else %g%%", e->time_us / 1e3,
                 PELT_EFFECT_SHARE * 100);
    }
    snprintf(
        out, 2 * COMPARE_WORDS,
        "smallest change that counts: %s; %g%% intervals %s; %zu tests, together wrong in %g%% "
        "of comparisons of a server with itself",
        effect, c->options.confidence * 100,
        c->between_runs ? "from between the runs" : "from within the two runs", c->tests,
        c->options.family * 100);
}
