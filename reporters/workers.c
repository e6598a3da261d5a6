/*
 * workers: see the header.
 */
#include "workers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

double report_worker_share(const struct pelt_results *r, const struct pelt_worker_row *w)
{
    const uint64_t all = pelt_frame_counts(r->total).started;
    return all > 0 ? (double)w->started / (double)all : 0;
}

double report_worker_cpu_share(const struct pelt_results *r, const struct pelt_worker_row *w)
{
    const double threads_s = r->duration_s * (w->threads > 0 ? w->threads : 1);
    return threads_s > 0 ? (double)w->cpu_ns / 1e9 / threads_s : 0;
}

void report_worker_absence(const struct pelt_worker_row *w, char out[REPORT_WORKER_TEXT])
{
    int len = 0;
    out[0] = '\0';
    if (isfinite(w->lost_s)) {
        const bool killed = strcmp(w->state, "killed") == 0;
        len = snprintf(out, REPORT_WORKER_TEXT, "%s %.1f s on%s",
                       killed ? "killed: gone from" : "not heard from", w->lost_s,
                       killed || strcmp(w->state, "lost") == 0 ? "" : ", then again");
    }
    if (w->unknown > 0 && len >= 0 && len < REPORT_WORKER_TEXT) {
        len += snprintf(out + len, (size_t)(REPORT_WORKER_TEXT - len),
                        "%show %llu requests ended is unknown", len > 0 ? "; " : "",
                        (unsigned long long)w->unknown);
    }
    if (w->gap_to_s > w->gap_from_s && len >= 0 && len < REPORT_WORKER_TEXT) {
        snprintf(out + len, (size_t)(REPORT_WORKER_TEXT - len),
                 "%sseconds %d to %d are missing, with %llu requests", len > 0 ? "; " : "",
                 (int)w->gap_from_s, (int)w->gap_to_s - 1, (unsigned long long)w->missing_most);
    }
}

static json_t *gap(const struct pelt_worker_row *w)
{
    if (w->gap_to_s <= w->gap_from_s) {
        return json_null();
    }
    return json_pack("{s:i,s:i,s:I,s:I}", "from_s", (int)w->gap_from_s, "to_s", (int)w->gap_to_s,
                     "started_least", (json_int_t)w->missing_least, "started_most",
                     (json_int_t)w->missing_most);
}

static json_t *worker(const struct pelt_results *r, const struct pelt_worker_row *w)
{
    json_t *o = json_object();
    json_object_set_new(o, "slot", json_integer(w->slot));
    json_object_set_new(o, "host", report_json_text(w->host));
    json_object_set_new(o, "version", report_json_text(w->version));
    json_object_set_new(o, "threads", json_integer(w->threads));
    json_object_set_new(o, "cpus", json_integer(w->cpus));
    json_object_set_new(o, "started", json_integer((json_int_t)w->started));
    json_object_set_new(o, "share", json_real(report_worker_share(r, w)));
    json_object_set_new(o, "seconds", json_integer((json_int_t)w->frames));
    json_object_set_new(o, "clock_bound_ms", json_real((double)w->bound_ns / 1e6));
    json_object_set_new(o, "cpu_share", json_real(report_worker_cpu_share(r, w)));
    json_object_set_new(o, "send_lag_p99_ms", json_real((double)w->lag_p99_us / 1000));
    json_object_set_new(o, "verdict",
                        w->verdict[0] != '\0' ? report_json_text(w->verdict) : json_null());
    json_object_set_new(o, "reason", report_json_text(w->reason));
    json_object_set_new(o, "state", report_json_text(w->state));
    json_object_set_new(o, "lost_s", isfinite(w->lost_s) ? json_real(w->lost_s) : json_null());
    json_object_set_new(o, "gap", gap(w));
    json_object_set_new(o, "unknown", json_integer((json_int_t)w->unknown));
    json_object_set_new(o, "refused", json_integer((json_int_t)w->refused));
    return o;
}

json_t *report_workers_json(const struct pelt_results *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->workers_len; i++) {
        json_array_append_new(list, worker(r, &r->workers[i]));
    }
    return list;
}
