/*
 * events: what happened beside the load; and the run file, where all of it is.
 */
#include "sections.h"

#include <string.h>

#include "text.h"

#define EVENTS_SHOWN 10

static void print_event(struct report_page *p, const struct pelt_event_row *e)
{
    char line[512];
    snprintf(line, sizeof line, "%s: %s", e->kind, e->text);
    fprintf(p->out, "  %9.1fs  ", e->t_s);
    if (strcmp(e->kind, "capacity") == 0) { /* what the run was for */
        report_text_hanging(p->out, line, p->width, 14);
    } else {
        report_text_print(p->out, line, p->width - 14, 0);
        fputc('\n', p->out);
    }
}

/* Those of alerts have a section of their own. */
void report_section_events(struct report_page *p)
{
    size_t len = 0;
    for (size_t i = 0; i < p->r->events_len; i++) {
        if (pelt_event_is_of_alert(&p->r->events[i]) || len++ >= EVENTS_SHOWN) {
            continue;
        }
        if (len == 1) {
            report_page_heading(p, "events\n");
        }
        print_event(p, &p->r->events[i]);
    }
    report_page_more_in(p, len, EVENTS_SHOWN, "events", "the run file (table event)");
}

/* The path is what people copy, so it is never cut. */
void report_section_files(struct report_page *p)
{
    if (p->r->path != NULL) {
        report_page_heading(p, "run file");
        fprintf(p->out, "  %s\n", p->r->path);
    }
}
