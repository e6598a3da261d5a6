/*
 * compare_markdown: a comparison as a comment of a pull request: what changed first, all figures
 * folded below. Names come from servers and scripts: what could be markup, a link or a mention is
 * written as an HTML entity.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "compare_formats.h"
#include "compare_words.h"

/* "www.example" becomes a link, too. */
static bool is_harmless(unsigned char c, unsigned char before)
{
    return c >= 0x80 || isalnum(c) || strchr(" ,-/%();?", c) != NULL ||
           (c == '.' && before != 'w' && before != 'W');
}

static void print_safe(FILE *out, const char *text)
{
    unsigned char before = '\0';
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0'; before = *s++) {
        if (iscntrl(*s)) {
            fputc('?', out);
        } else {
            fprintf(out, is_harmless(*s, before) ? "%c" : "&#%u;", *s);
        }
    }
}

static const char *mark_of(enum pelt_comparison_verdict v)
{
    static const char *const marks[PELT_COMPARED_VERDICTS] = {"same", "better", "**worse**",
                                                              "inconclusive"};
    return marks[v];
}

static void print_row(FILE *out, const struct pelt_comparison *c, const struct pelt_compared *f)
{
    const struct pelt_compared_series *s = &c->series[f->series];
    char name[COMPARE_WORDS], base[REPORT_TEXT_MAX], now[REPORT_TEXT_MAX], change[REPORT_TEXT_MAX],
        interval[COMPARE_WORDS], needs[COMPARE_WORDS];
    compare_words_series(s->kind, s->name, name);
    compare_words_value(f->base, f->unit, base);
    compare_words_value(f->now, f->unit, now);
    compare_words_change(f->change, f->change_unit, change);
    compare_words_interval(f, interval);
    compare_words_needs(c, f, needs);
    fputs("| ", out);
    print_safe(out, name);
    fprintf(out, " | %s | ", f->figure);
    print_safe(out, base);
    fputs(" | ", out);
    print_safe(out, now);
    fprintf(out, " | %s | %s | %s%s%s |\n", change, interval, mark_of(f->verdict),
            needs[0] != '\0' ? ": " : "", needs);
}

static void print_table_head(FILE *out)
{
    fputs("\n| what | figure | base | new | change | interval | verdict |\n"
          "|---|---|---:|---:|---:|---|---|\n",
          out);
}

static void print_changes(FILE *out, const struct pelt_comparison *c)
{
    if (c->counts[PELT_COMPARED_WORSE] + c->counts[PELT_COMPARED_BETTER] == 0) {
        return;
    }
    print_table_head(out);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < c->figures_len; i++) {
            if (c->figures[i].verdict == (pass == 0 ? PELT_COMPARED_WORSE : PELT_COMPARED_BETTER)) {
                print_row(out, c, &c->figures[i]);
            }
        }
    }
}

static void print_shifts(FILE *out, const struct pelt_comparison *c)
{
    fputs("\n", out);
    for (size_t i = 0; i < c->series_len; i++) {
        char name[COMPARE_WORDS], words[2 * COMPARE_WORDS];
        if (c->series[i].has_shift) {
            compare_words_series(c->series[i].kind, c->series[i].name, name);
            compare_words_shift(&c->series[i], words);
            fputs("- ", out);
            print_safe(out, name);
            fputs(": ", out);
            print_safe(out, words);
            fputc('\n', out);
        }
    }
}

static void print_all(FILE *out, const struct pelt_comparison *c)
{
    fprintf(out, "\n<details><summary>All %zu figures</summary>\n", c->figures_len);
    print_table_head(out);
    for (size_t i = 0; i < c->figures_len; i++) {
        print_row(out, c, &c->figures[i]);
    }
    fputs(
        "\nWhole distributions: the largest distance of the two distribution functions, and by how "
        "much the deciles 10% to 90% moved.\n",
        out);
    print_shifts(out, c);
    fputs("\n</details>\n", out);
}

static void print_side(FILE *out, const char *side, const struct pelt_digest *const *runs,
                       size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char words[COMPARE_WORDS], start[REPORT_TEXT_MAX];
        compare_words_run(runs[i], words);
        compare_words_start(runs[i], start);
        fprintf(out, "- %s: ", side);
        print_safe(out, runs[i]->path);
        fprintf(out, " (%s, %s)\n", start, words);
    }
}

void report_compare_markdown(const struct pelt_comparison *c, FILE *out)
{
    char words[2 * COMPARE_WORDS];
    compare_words_head(c, words);
    fprintf(out, "### pelt compare: %s\n", words);
    print_changes(out, c);
    if (c->figures_len > 0) {
        print_all(out, c);
    }
    fputc('\n', out);
    print_side(out, "base", c->base, c->base_len);
    print_side(out, "new", c->now, c->now_len);
    for (size_t i = 0; i < c->differences_len; i++) {
        fprintf(out, "- not the same %s: ", c->differences[i].what);
        print_safe(out, c->differences[i].base);
        fputs(" and ", out);
        print_safe(out, c->differences[i].now);
        fputc('\n', out);
    }
    for (char **n = c->notes; n != NULL && *n != NULL; n++) {
        fputs("- ", out);
        print_safe(out, *n);
        fputc('\n', out);
    }
    compare_words_method(c, words);
    fputs("- ", out);
    print_safe(out, words);
    fputc('\n', out);
}
