/*
 * events: what happened beside the load; and the run file, where all of it is.
 */
#include "sections.h"

#include <string.h>

#include "text.h"

#define EVENTS_SHOWN 10

void report_section_events(struct report_page *p)
{
    if (p->r->events_len == 0) {
        return;
    }
    report_page_heading(p, "events\n");
    for (size_t i = 0; i < p->r->events_len && i < EVENTS_SHOWN; i++) {
        const struct pelt_event_row *e = &p->r->events[i];
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
    report_page_more_in(p, p->r->events_len, EVENTS_SHOWN, "events", "the run file (table event)");
}

/* The path is what people copy, so it is never cut. */
void report_section_files(struct report_page *p)
{
    if (p->r->path != NULL) {
        report_page_heading(p, "run file");
        fprintf(p->out, "  %s\n", p->r->path);
    }
}
