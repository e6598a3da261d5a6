/*
 * judged: see the header.
 */
#include "judged.h"

#include <math.h>

#include "pelt/units.h"

static void format_value(const struct pelt_threshold *t, double value, char out[REPORT_TEXT_MAX])
{
    switch (t->unit) {
    case PELT_UNIT_MS:
        report_text_time_ms(value, out);
        break;
    case PELT_UNIT_SHARE:
        report_text_share(value, out);
        break;
    case PELT_UNIT_PER_S:
        report_text_rate(value, out);
        break;
    case PELT_UNIT_BYTES:
        pelt_format_bytes((uint64_t)fmax(value, 0), out, REPORT_TEXT_MAX);
        break;
    case PELT_UNIT_COUNT:
        report_text_count((uint64_t)fmax(value, 0), out);
        break;
    case PELT_UNIT_NUMBER:
        report_text_number(value, out);
        break;
    }
}

void report_judged_value(const struct pelt_threshold_row *row, char out[REPORT_JUDGED_MAX])
{
    char number[REPORT_TEXT_MAX];
    if (row->judged && row->line.needs > 0) {
        report_text_count(row->line.needs, number);
        snprintf(out, REPORT_JUDGED_MAX, "n/a (needs %s)", number);
    } else if (row->judged && row->line.has_value) {
        format_value(&row->threshold, row->line.value, out);
    } else {
        snprintf(out, REPORT_JUDGED_MAX, "n/a");
    }
}

enum pelt_level report_judged_level(const struct pelt_threshold_row *row)
{
    return row->judged ? row->line.level : PELT_LEVEL_UNJUDGED;
}
