/*
 * compare_text: a comparison, or a history, on a terminal.
 */
#include <math.h>
#include <string.h>

#include "compare_words.h"
#include "pelt/change_points.h"

#define INDENT 2

struct page {
    FILE *out;
    bool color;
    int width;
};

static const char *on(const struct page *p, const char *code)
{
    return p->color ? code : "";
}

static const char *color_of(enum pelt_comparison_verdict v)
{
    static const char *const colors[PELT_COMPARED_VERDICTS] = {"", "\033[32m", "\033[31m",
                                                               "\033[33m"};
    return colors[v];
}

static void print_head(const struct page *p, const struct pelt_comparison *c)
{
    char head[COMPARE_WORDS];
    enum pelt_comparison_verdict v = compare_words_verdict(c);
    compare_words_head(c, head);
    int word = (int)strcspn(head, ":");
    fprintf(p->out, "%s%s%.*s%s%s\n", on(p, "\033[1m"), on(p, color_of(v)), word, head,
            on(p, "\033[0m"), head + word);
}

static void print_side(const struct page *p, const char *side,
                       const struct pelt_digest *const *runs, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char words[COMPARE_WORDS], start[REPORT_TEXT_MAX];
        compare_words_run(runs[i], words);
        compare_words_start(runs[i], start);
        fprintf(p->out, "  %-5s", i == 0 ? side : "");
        report_text_print(p->out, runs[i]->path, 4096, 0);
        fprintf(p->out, "\n       %s, %s\n", start, words);
    }
}

static void print_differences(const struct page *p, const struct pelt_comparison *c)
{
    for (size_t i = 0; i < c->differences_len; i++) {
        char line[700];
        const struct pelt_plan_difference *d = &c->differences[i];
        snprintf(line, sizeof line, "not the same %s: \"%.280s\" and \"%.280s\"", d->what, d->base,
                 d->now);
        report_text_sentence(p->out, line, p->width, INDENT);
    }
}

static void print_figure(const struct page *p, const struct pelt_comparison *c,
                         const struct pelt_compared *f)
{
    char base[REPORT_TEXT_MAX], now[REPORT_TEXT_MAX], change[REPORT_TEXT_MAX];
    char interval[COMPARE_WORDS], needs[COMPARE_WORDS];
    compare_words_value(f->base, f->unit, base);
    compare_words_value(f->now, f->unit, now);
    compare_words_change(f->change, f->change_unit, change);
    compare_words_interval(f, interval);
    compare_words_needs(c, f, needs);
    int at =
        fprintf(p->out, "  %-10s %10s %10s %8s  %-18s", f->figure, base, now, change, interval);
    const char *verdict = pelt_comparison_verdict_name(f->verdict);
    fprintf(p->out, " %s%s%s", on(p, color_of(f->verdict)), verdict,
            f->verdict != PELT_COMPARED_SAME ? on(p, "\033[0m") : "");
    at += 1 + (int)strlen(verdict);
    if (needs[0] == '\0') {
        fputc('\n', p->out);
    } else if (at + 2 + (int)strlen(needs) <= p->width) {
        fprintf(p->out, ": %s\n", needs);
    } else {
        fputs(":\n", p->out);
        report_text_sentence(p->out, needs, p->width, 2 * INDENT);
    }
}

static void print_shift(const struct page *p, const struct pelt_compared_series *s)
{
    char words[2 * COMPARE_WORDS];
    if (s->has_shift) {
        compare_words_shift(s, words);
        fputs("  all       ", p->out);
        report_text_hanging(p->out, words, p->width, 12);
    }
}

static void print_series(const struct page *p, const struct pelt_comparison *c, size_t series)
{
    const struct pelt_compared_series *s = &c->series[series];
    char name[COMPARE_WORDS];
    compare_words_series(s->kind, s->name, name);
    fprintf(p->out, "\n%s", on(p, "\033[1m"));
    report_text_print(p->out, name, p->width, 0);
    fprintf(p->out, "%s\n", on(p, "\033[0m"));
    for (size_t i = 0; i < c->figures_len; i++) {
        if (c->figures[i].series == series) {
            print_figure(p, c, &c->figures[i]);
        }
    }
    print_shift(p, s);
}

void report_compare_text(const struct pelt_comparison *c, FILE *out, bool color, int width)
{
    const struct page p = {out, color, width < 80 ? 80 : width};
    char method[2 * COMPARE_WORDS];
    print_head(&p, c);
    print_side(&p, "base", c->base, c->base_len);
    print_side(&p, "new", c->now, c->now_len);
    print_differences(&p, c);
    if (c->figures_len > 0) {
        fprintf(out, "\n  %-10s %10s %10s %8s  %-18s %s\n", "", "base", "new", "change", "interval",
                "verdict");
    }
    for (size_t i = 0; i < c->series_len; i++) {
        print_series(&p, c, i);
    }
    fputc('\n', out);
    compare_words_method(c, method);
    report_text_sentence(out, method, p.width, 0);
    for (char **n = c->notes; n != NULL && *n != NULL; n++) {
        fputs("- ", out);
        report_text_hanging(out, *n, p.width, INDENT);
    }
}

/* ---- history ---- */

static void file_name(const struct pelt_digest *d, FILE *out)
{
    const char *slash = strrchr(d->path, '/');
    report_text_print(out, slash != NULL ? slash + 1 : d->path, 256, 0);
}

static void print_change(const struct page *p, const struct pelt_history_change *ch)
{
    char name[COMPARE_WORDS], from[REPORT_TEXT_MAX], to[REPORT_TEXT_MAX], change[REPORT_TEXT_MAX];
    compare_words_series(ch->kind, ch->name, name);
    compare_words_value(ch->from, ch->unit, from);
    compare_words_value(ch->to, ch->unit, to);
    compare_words_change(ch->change, ch->change_unit, change);
    const char *word = !ch->known ? "changed" : ch->worse ? "worse" : "better";
    const char *color = !ch->known ? "" : ch->worse ? "\033[31m" : "\033[32m";
    fputs("  ", p->out);
    report_text_print(p->out, name, 40, 0);
    fprintf(p->out, " %s: %s to %s, %s, %s%s%s, between ", ch->figure, from, to, change,
            on(p, color), word, on(p, "\033[0m"));
    file_name(ch->last, p->out);
    fputs(" and ", p->out);
    file_name(ch->first, p->out);
    fprintf(p->out, " (%zu runs before, %zu from there on)\n", ch->before, ch->after);
}

static void print_plan(const struct page *p, const struct pelt_history_plan *plan)
{
    char first[REPORT_TEXT_MAX], last[REPORT_TEXT_MAX];
    compare_words_start(plan->runs[0], first);
    compare_words_start(plan->runs[plan->len - 1], last);
    fprintf(p->out, "%s", on(p, "\033[1m"));
    report_text_print(p->out, pelt_digest_meta(plan->runs[0], "scenario"), 60, 0);
    fprintf(p->out, "%s (", on(p, "\033[0m"));
    report_text_print(p->out, pelt_digest_meta(plan->runs[0], "plan"), 160, 0);
    fprintf(p->out, "): %zu run%s, %s to %s\n", plan->len, plan->len == 1 ? "" : "s", first, last);
    for (size_t i = 0; i < plan->changes_len; i++) {
        print_change(p, &plan->changes[i]);
    }
    if (plan->changes_len == 0) {
        fprintf(p->out, "  no change%s\n",
                plan->len < PELT_CHANGE_VALUES ? ": five and more runs tell" : "");
    }
}

void report_history_text(const struct pelt_history *h, FILE *out, bool color, int width)
{
    const struct page p = {out, color, width};
    for (size_t i = 0; i < h->len; i++) {
        print_plan(&p, &h->plans[i]);
    }
    if (h->left_out > 0) {
        fprintf(out, "%zu run%s left out: INVALID, or did not end in order\n", h->left_out,
                h->left_out == 1 ? "" : "s");
    }
}
