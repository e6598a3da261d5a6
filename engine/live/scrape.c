/*
 * scrape: see the header.
 */
#include "scrape.h"

#include <math.h>
#include <string.h>

#include "pelt/alert.h"
#include "pelt/clock.h"

enum report_exposition_form live_scrape_wanted(const char *accept)
{
    return accept != NULL && strstr(accept, "application/openmetrics-text") != NULL
               ? REPORT_EXPOSITION_OPENMETRICS
               : REPORT_EXPOSITION_TEXT;
}

const char *live_scrape_type(enum report_exposition_form form)
{
    return form == REPORT_EXPOSITION_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

static void write_level(const struct pelt_live *live, FILE *out)
{
    const uint64_t t_ns =
        live->elapsed_s > 0 ? (uint64_t)(live->elapsed_s * (double)PELT_NS_PER_S) : 0;
    const double level =
        pelt_plan_mixed(live->plan) ? (double)NAN : pelt_plan_level(live->plan, t_ns);
    if (isfinite(level)) {
        const char *loop = live->plan->loop == PELT_LOOP_OPEN ? "open" : "closed";
        report_exposition_gauge(out, "pelt_level", NULL,
                                "Users (loop closed) or arrivals a second (loop open) that the "
                                "plan asks for now.");
        fprintf(out, "pelt_level{loop=\"%s\"} %.10g\n", loop, level);
    }
}

/* One that was never judged is not known to hold. */
static void write_alerts(const struct pelt_alertbook *book, FILE *out)
{
    if (pelt_alertbook_len(book) > 0) {
        report_exposition_gauge(out, "pelt_alert_firing", NULL,
                                "1: the alert fires; 0: it does not.");
    }
    for (size_t i = 0; i < pelt_alertbook_len(book); i++) {
        const enum pelt_alert_state state = pelt_alertbook_state(book, i);
        if (state != PELT_ALERT_UNJUDGED) {
            fputs("pelt_alert_firing{alert=", out);
            report_exposition_label(out, pelt_alertbook_at(book, i)->name);
            fprintf(out, "} %d\n", state == PELT_ALERT_FIRING);
        }
    }
}

enum pelt_status live_scrape_write(const struct pelt_live *live, enum report_exposition_form form,
                                   FILE *out)
{
    struct pelt_frame total = *live->total; /* for its gauges; borrows the rest */
    total.users = live->second != NULL ? live->second->users : 0;
    total.waiting = live->second != NULL ? live->second->waiting : 0;
    const struct report_exposition of = {
        .form = form,
        .names = live->names,
        .total = &total,
        .run_id = live->run_id,
        .scenario = live->name,
        .version = PELT_VERSION,
        .elapsed_s = live->elapsed_s > 0 ? live->elapsed_s : 0,
    };
    enum pelt_status status = report_exposition(out, &of);
    write_level(live, out);
    write_alerts(live->alerts, out);
    if (form != REPORT_EXPOSITION_TEXT) {
        report_exposition_end(out);
    }
    return status;
}
