/*
 * alerts: see the header.
 */
#include "alerts.h"

#include <math.h>

#include "figures.h"
#include "json.h"

const char *report_alert_state(const struct pelt_alert_row *row)
{
    if (row->firings_len == 0) {
        return row->unjudged != NULL ? "unjudged" : "quiet";
    }
    return isnan(row->firings[row->firings_len - 1].resolved_s) ? "firing" : "resolved";
}

static json_t *seconds(double s)
{
    return isfinite(s) ? json_real(report_round3(s)) : json_null();
}

json_t *report_alert_json(const struct pelt_alert_row *row)
{
    json_t *o = json_object(), *firings = json_array();
    for (size_t i = 0; i < row->firings_len; i++) {
        const struct pelt_firing *firing = &row->firings[i];
        json_t *f = json_object();
        json_object_set_new(f, "fired_s", seconds(firing->fired_s));
        json_object_set_new(f, "resolved_s", seconds(firing->resolved_s));
        json_object_set_new(f, "why", report_json_text(firing->why));
        json_array_append_new(firings, f);
    }
    json_object_set_new(o, "name", report_json_text(row->name));
    json_object_set_new(o, "rule", report_json_text(row->rule));
    json_object_set_new(o, "state", json_string(report_alert_state(row)));
    json_object_set_new(o, "unjudged", report_json_text(row->unjudged));
    json_object_set_new(o, "firings", firings);
    return o;
}
