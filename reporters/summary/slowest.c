/*
 * slowest: the slowest exchanges of a run whose requests carry ids, so that they can be looked for
 * in the server's traces and logs.
 */
#include "sections.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SHOWN    3
#define COLUMNS  28 /* between a name and an id */
#define NAME_MIN 12 /* columns of a name; an id gives way, as its beginning will do */

static bool any_id(const struct pelt_kept *list, size_t len)
{
    bool any = false;
    for (size_t i = 0; i < len; i++) {
        any = any || list[i].id[0] != '\0';
    }
    return any;
}

void report_section_slowest(struct report_page *p)
{
    struct pelt_kept *list = NULL;
    size_t len = 0;
    if (pelt_results_slowest(p->r, &list, &len) != PELT_OK || !any_id(list, len)) {
        free(list);
        return;
    }
    report_page_heading(p, "slowest");
    const int room = p->width - 2 - COLUMNS;
    const int id_columns = room - NAME_MIN < PELT_KEPT_ID - 1 ? room - NAME_MIN : PELT_KEPT_ID - 1;
    const int name_columns = room - id_columns;
    fprintf(p->out, "%*s%8s %9s %7s  trace id\n", name_columns + 2 - (int)strlen("slowest"), "",
            "response", "done", "status");
    for (size_t i = 0; i < len && i < SHOWN; i++) {
        char response[REPORT_TEXT_MAX];
        report_text_time_ms((double)list[i].response_ns / 1e6, response);
        report_text_name(p->out, report_page_request_name(p, list[i].series), name_columns,
                         p->width);
        fprintf(p->out, "%8s %8.1fs %7u  %.*s\n", response, (double)list[i].done_ns / 1e9,
                (unsigned)list[i].status, id_columns, list[i].id[0] != '\0' ? list[i].id : "-");
    }
    report_page_more_in(p, len, SHOWN, "kept", "JSON");
    free(list);
}
