/*
 * thresholds: each with its level and its value.
 */
#include "sections.h"

#include <string.h>

#include "judged.h"
#include "text.h"

#define INDENT        11 /* columns: of what stands behind the level */
#define VALUE_COLUMNS 19

/* Of a threshold that does not look at seconds: a stress load has judged it by its steps. */
static bool is_of_steps(const struct pelt_results *r, const struct pelt_threshold_row *row)
{
    const char *kind = pelt_results_meta(r, "load_kind");
    return kind != NULL && strcmp(kind, "stress") == 0 && row->judged && row->line.to_s > 0 &&
           !row->line.aborted && !pelt_threshold_is_of_seconds(&row->threshold);
}

/* The value stands behind the first line of the bounds. */
static void print_bounds(struct report_page *p, const char *bounds, const char *value)
{
    const int columns = p->width - INDENT - VALUE_COLUMNS;
    char line[512];
    const char *rest = report_text_line(bounds, columns - 1, line, sizeof line);
    report_text_print(p->out, line, columns, 1);
    fprintf(p->out, "%*s\n", VALUE_COLUMNS, value);
    for (; *rest != '\0'; fputs("\n", p->out)) {
        rest = report_text_line(rest, columns - 1, line, sizeof line);
        fprintf(p->out, "%*s", INDENT, "");
        report_text_print(p->out, line, columns, 0);
    }
}

void report_section_thresholds(struct report_page *p)
{
    if (p->r->thresholds_len == 0) {
        return;
    }
    bool of_steps = false;
    report_page_heading(p, "thresholds\n");
    for (size_t i = 0; i < p->r->thresholds_len; i++) {
        const struct pelt_threshold_row *row = &p->r->thresholds[i];
        enum pelt_level level = report_judged_level(row);
        char bounds[512], value[REPORT_JUDGED_MAX];
        pelt_threshold_format(&row->threshold, bounds, sizeof bounds);
        report_judged_value(row, value);
        fputs("  ", p->out);
        report_page_say(p, level <= PELT_LEVEL_CRITICAL ? REPORT_GREEN : REPORT_RED, "%-9s",
                        pelt_level_name(level));
        print_bounds(p, bounds, value);
        if (level >= PELT_LEVEL_MISSED && row->line.needs == 0 && row->line.why[0] != '\0') {
            report_page_sentence(p, INDENT, row->line.why);
        }
        of_steps = of_steps || is_of_steps(p->r, row);
    }
    if (of_steps) {
        report_page_sentence(
            p, 2, "The values are of the steps that verified the level, the worst of them.");
    }
}
