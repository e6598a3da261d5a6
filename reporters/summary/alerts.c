/*
 * alerts: which fired, when, and when they were resolved.
 */
#include "sections.h"

#include <math.h>
#include <string.h>

#include "../alerts.h"
#include "text.h"

#define INDENT        11 /* columns: of what stands behind the state */
#define FIRINGS_SHOWN 5  /* of an alert */

static enum report_color color_of(const char *state)
{
    return strcmp(state, "firing") == 0     ? REPORT_RED
           : strcmp(state, "resolved") == 0 ? REPORT_YELLOW
           : strcmp(state, "quiet") == 0    ? REPORT_GREEN
                                            : REPORT_DIM;
}

static void print_firing(struct report_page *p, const struct pelt_firing *firing)
{
    char line[480], until[48] = "not resolved";
    if (isfinite(firing->resolved_s)) {
        snprintf(until, sizeof until, "resolved at %.0f s", firing->resolved_s);
    }
    snprintf(line, sizeof line, "fired at %.0f s, %s: %s", firing->fired_s, until, firing->why);
    report_page_sentence(p, INDENT, line);
}

static void print_alert(struct report_page *p, const struct pelt_alert_row *row)
{
    char line[512];
    const char *state = report_alert_state(row);
    snprintf(line, sizeof line, "%s: %s", row->name, row->rule);
    fputs("  ", p->out);
    report_page_say(p, color_of(state), "%-9s", state);
    report_text_hanging(p->out, line, p->width, INDENT);
    if (row->firings_len == 0 && row->unjudged != NULL) {
        report_page_sentence(p, INDENT, row->unjudged);
    }
    for (size_t i = 0; i < row->firings_len && i < FIRINGS_SHOWN; i++) {
        print_firing(p, &row->firings[i]);
    }
    if (row->firings_len > FIRINGS_SHOWN) {
        snprintf(line, sizeof line, "... and %zu more times; JSON has all",
                 row->firings_len - FIRINGS_SHOWN);
        report_page_sentence(p, INDENT, line);
    }
}

void report_section_alerts(struct report_page *p)
{
    if (p->r->alerts_len == 0) {
        return;
    }
    report_page_heading(p, "alerts\n");
    for (size_t i = 0; i < p->r->alerts_len; i++) {
        print_alert(p, &p->r->alerts[i]);
    }
}
