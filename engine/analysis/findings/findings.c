/*
 * findings: see the header, and making.h.
 */
#include "pelt/findings.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "making.h"

/* ---- the list ---- */

static struct pelt_finding *room(struct pelt_making *m)
{
    struct pelt_findings *f = m->findings;
    struct pelt_finding *grown = realloc(f->list, (f->len + 1) * sizeof *grown);
    if (grown == NULL) {
        m->failed = true;
        return &m->scrap;
    }
    f->list = grown;
    return &f->list[f->len++];
}

struct pelt_finding *pelt_making_add(struct pelt_making *m, const char *kind, const char *about_fmt,
                                     ...)
{
    struct pelt_finding *f = room(m);
    va_list args;
    *f = (struct pelt_finding){0};
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    va_start(args, about_fmt);
    vsnprintf(f->about, sizeof f->about, about_fmt, args);
    va_end(args);
    return f;
}

static void add_figure(struct pelt_finding *f, const char *name, enum pelt_figure_type type,
                       double value)
{
    if (f->figures_len < PELT_FIGURES_MAX) {
        f->figures[f->figures_len++] =
            (struct pelt_figure){.name = name, .type = type, .value = value};
    }
}

void pelt_finding_number(struct pelt_finding *f, const char *name, double value)
{
    add_figure(f, name, PELT_FIGURE_NUMBER, isfinite(value) ? value : NAN);
}

void pelt_finding_count(struct pelt_finding *f, const char *name, double value)
{
    add_figure(f, name, PELT_FIGURE_COUNT, isfinite(value) ? round(value) : NAN);
}

void pelt_finding_flag(struct pelt_finding *f, const char *name, bool value)
{
    add_figure(f, name, PELT_FIGURE_FLAG, value);
}

void pelt_finding_say(struct pelt_finding *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
}

void pelt_making_line(struct pelt_making *m, struct pelt_lines *lines, const char *fmt, ...)
{
    if (lines == &m->scrap.evidence || lines == &m->scrap.advice) {
        return;
    }
    char(*grown)[PELT_LINE_TEXT] = realloc(lines->line, (lines->len + 1) * sizeof *grown);
    if (grown == NULL) {
        m->failed = true;
        return;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(grown[lines->len], sizeof *grown, fmt, args);
    va_end(args);
    lines->line = grown;
    lines->len++;
}

double pelt_finding_value(const struct pelt_finding *f, const char *name)
{
    for (size_t i = 0; i < f->figures_len; i++) {
        if (strcmp(f->figures[i].name, name) == 0) {
            return f->figures[i].value;
        }
    }
    return NAN;
}

double pelt_making_param(const struct pelt_making *m, const char *key, double otherwise)
{
    const json_t *value = json_object_get(m->params, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* ---- words ---- */

/* Three significant digits of what is below 1,000. */
static int decimals(double value)
{
    return fabs(value) < 9.995 ? 2 : fabs(value) < 99.95 ? 1 : 0;
}

const char *pelt_words_us(double us, char out[PELT_WORDS])
{
    if (!isfinite(us)) {
        snprintf(out, PELT_WORDS, "n/a");
    } else if (us < 999.5) {
        snprintf(out, PELT_WORDS, "%.0fus", us);
    } else if (us < 999500) {
        snprintf(out, PELT_WORDS, "%.*fms", decimals(us / 1e3), us / 1e3);
    } else {
        snprintf(out, PELT_WORDS, "%.*fs", decimals(us / 1e6), us / 1e6);
    }
    return out;
}

const char *pelt_words_s(double s, char out[PELT_WORDS])
{
    if (s < 599.5) {
        snprintf(out, PELT_WORDS, "%.*fs", s < 99.95 && s != round(s) ? 1 : 0, s);
    } else if (s < 36000) {
        snprintf(out, PELT_WORDS, "%.0fmin", s / 60);
    } else {
        snprintf(out, PELT_WORDS, "%.0fh", s / 3600);
    }
    return out;
}

const char *pelt_words_share(double share, char out[PELT_WORDS])
{
    double percent = share * 100;
    snprintf(out, PELT_WORDS, fabs(percent) < 999.5 ? "%.3g%%" : "%.0f%%", percent);
    return out;
}

const char *pelt_words_change(double share, char out[PELT_WORDS])
{
    if (fabs(share) >= 10) {
        snprintf(out, PELT_WORDS, "%+.3g%%", share * 100);
    } else {
        snprintf(out, PELT_WORDS, "%+.1f%%", share * 100);
    }
    return out;
}

const char *pelt_words_rate(double per_s, char out[PELT_WORDS])
{
    bool whole = per_s == round(per_s) || per_s >= 9999.5;
    snprintf(out, PELT_WORDS, "%.*f/s", whole ? 0 : per_s < 9.995 ? 2 : 1, per_s);
    return out;
}

const char *pelt_words_count(double count, char out[PELT_WORDS])
{
    char digits[PELT_WORDS];
    const int len = snprintf(digits, sizeof digits, "%.0f", fmin(fmax(count, 0), 1e15));
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *pelt_words_level(const struct pelt_track *t, double level, char out[PELT_WORDS])
{
    if (t->open) {
        return pelt_words_rate(level, out);
    }
    snprintf(out, PELT_WORDS, "%.0f user%s", level, level == 1 ? "" : "s");
    return out;
}

/* ---- all of a run ---- */

static const struct {
    const char *load_kind;
    enum pelt_status (*find)(struct pelt_making *m);
} kinds[] = {{"sustained", pelt_find_sustained},
             {"burst", pelt_find_burst},
             {"stress", pelt_find_stress},
             {"benchmark", pelt_find_benchmark}};

static enum pelt_status find_of_kind(struct pelt_making *m, const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].load_kind, kind) == 0) {
            snprintf(m->findings->load_kind, sizeof m->findings->load_kind, "%s", kind);
            return m->track->len > 0 ? kinds[i].find(m) : PELT_OK;
        }
    }
    return PELT_OK;
}

/* Those of the kind first: the others look at them. */
static enum pelt_status find_all(struct pelt_making *m, const char *kind)
{
    static enum pelt_status (*const others[])(struct pelt_making * m) = {
        pelt_find_bottleneck, pelt_find_caches, pelt_find_forecasts, pelt_find_costs};
    enum pelt_status status = find_of_kind(m, kind);
    const bool any = m->r != NULL && m->track->len > 0;
    for (size_t i = 0; any && status == PELT_OK && i < sizeof others / sizeof *others; i++) {
        status = others[i](m);
    }
    return status;
}

/* What a scenario's own load table gave may be anything: what is no object counts as none. */
static json_t *params_of(const char *text)
{
    json_t *params = json_loads(text, 0, NULL);
    if (!json_is_object(params)) {
        json_decref(params);
        return json_object();
    }
    return params;
}

enum pelt_status pelt_findings_of(const struct pelt_track *t, const char *kind, const char *params,
                                  const struct pelt_results *r, struct pelt_findings **out,
                                  struct pelt_error *err)
{
    struct pelt_making m = {.track = t, .r = r, .params = params_of(params), .err = err};
    m.findings = calloc(1, sizeof *m.findings);
    *out = NULL;
    enum pelt_status status = PELT_ENOMEM;
    if (m.findings != NULL && m.params != NULL) {
        status = find_all(&m, kind);
    }
    json_decref(m.params);
    if (status == PELT_ENOMEM || m.failed) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status != PELT_OK) {
        pelt_findings_free(m.findings);
        return status;
    }
    *out = m.findings;
    return PELT_OK;
}

enum pelt_status pelt_findings_make(const struct pelt_results *r, struct pelt_findings **out,
                                    struct pelt_error *err)
{
    const char *kind = pelt_results_meta(r, "load_kind");
    const char *params = pelt_results_meta(r, "load_params");
    struct pelt_track *track = NULL;
    *out = NULL;
    enum pelt_status status = pelt_track_new(r, &track, err);
    if (status == PELT_OK) {
        status = pelt_findings_of(track, kind != NULL ? kind : "", params != NULL ? params : "", r,
                                  out, err);
    }
    pelt_track_free(track);
    return status;
}

void pelt_findings_free(struct pelt_findings *f)
{
    if (f != NULL) {
        for (size_t i = 0; i < f->len; i++) {
            free(f->list[i].evidence.line);
            free(f->list[i].advice.line);
        }
        free(f->list);
        free(f);
    }
}
