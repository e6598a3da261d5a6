/*
 * generator: whether pelt itself, or its host, was in the way.
 */
#include "sections.h"

#include <math.h>
#include <string.h>

#include "figures.h"
#include "text.h"

static void lag_line(struct report_page *p, const char *label, const struct pelt_hist *h)
{
    char p99[REPORT_TEXT_MAX] = "n/a", max[REPORT_TEXT_MAX], needed[REPORT_TEXT_MAX],
         line[4 * REPORT_TEXT_MAX];
    double ms;
    if (h->count == 0) {
        return;
    }
    report_text_count(pelt_hist_samples_needed(99), needed);
    if (report_percentile_ms(h, 99, &ms)) {
        report_text_time_ms(ms, p99);
    } else {
        snprintf(p99, sizeof p99, "n/a (needs %.10s)", needed);
    }
    report_text_time_ms((double)h->max_us / 1000, max);
    snprintf(line, sizeof line, "p99 %s, max %s", p99, max);
    report_page_labelled(p, label, line);
}

/* "thread 1 waited 12.3% of the time for a CPU" */
static void run_wait_line(struct report_page *p)
{
    const struct pelt_results *r = p->r;
    char line[4 * REPORT_TEXT_MAX], text[REPORT_TEXT_MAX];
    double most = 0, share;
    uint32_t thread = 0;
    size_t unread = 0;
    for (size_t i = 0; i < r->threads_len; i++) {
        unread += !pelt_thread_row_run_wait_share(&r->threads[i], &share);
        if (share > most) {
            most = share;
            thread = r->threads[i].thread;
        }
    }
    if (r->threads_len == 0) {
        return;
    }
    report_text_share(most, text);
    snprintf(line, sizeof line, "thread %u waited for its CPU %s of the time", thread, text);
    report_page_labelled(p, "run queue", unread > 0 ? "unreadable: no /proc/self/schedstat" : line);
}

/* What others did with the CPUs; quiet where nothing was taken from the generator. */
static void host_line(struct report_page *p)
{
    const struct pelt_host_row *h = &p->r->host;
    char line[160];
    if (h->throttled == PELT_UNREAD) {
        report_page_labelled(p, "throttled", "unreadable: no cpu.stat of pelt's cgroup");
    } else if (h->throttled > 0) {
        snprintf(line, sizeof line, "%llu times, %.3g s in all, by the CPU quota of pelt's cgroup",
                 (unsigned long long)h->throttled, (double)h->throttled_ns / 1e9);
        report_page_labelled(p, "throttled", line);
    }
    const char *same_host = pelt_results_meta(p->r, "same_host");
    if (same_host != NULL && strcmp(same_host, "yes") == 0) {
        report_page_labelled(p, "host", "the target runs on this host: both share its CPUs");
    }
}

/* "p99 = 212 ms (31% of the slowest 1% tainted; 148 ms without)" */
static void taint_line(struct report_page *p)
{
    char line[200], p99[REPORT_TEXT_MAX], clean[REPORT_TEXT_MAX] = "n/a", share[REPORT_TEXT_MAX];
    struct pelt_taint t;
    if (!pelt_results_taint(p->r, &t) || t.tail_tainted == 0) {
        return;
    }
    report_text_time_ms((double)t.p99_us / 1000, p99);
    report_text_share((double)t.tail_tainted / (double)t.tail, share);
    if (t.clean_p99_us > 0) {
        report_text_time_ms((double)t.clean_p99_us / 1000, clean);
    }
    snprintf(line, sizeof line, "p99 = %s (%s of the slowest 1%% tainted; %s without)", p99, share,
             clean);
    report_page_labelled(p, "stalls", line);
}

void report_section_generator(struct report_page *p)
{
    const struct pelt_results *r = p->r;
    double busiest = 0;
    char line[4 * REPORT_TEXT_MAX];
    for (size_t i = 0; i < r->threads_len; i++) {
        busiest = fmax(busiest, pelt_thread_row_cpu_share(&r->threads[i]));
    }
    report_page_heading(p, "generator\n");
    const bool alone = r->workers_len == 0; /* else each worker has its line */
    if (r->threads_len > 0 && alone) {
        snprintf(line, sizeof line, "%zu thread%s, the busiest used %.0f%% of a core",
                 r->threads_len, r->threads_len == 1 ? "" : "s", busiest * 100);
        report_page_labelled(p, "cpu", line);
    }
    lag_line(p, "send lag", &r->total->hist[PELT_RUNHIST_SEND_LAG]);
    lag_line(p, "loop lag", &r->total->hist[PELT_RUNHIST_LOOP_LAG]);
    if (alone) {
        run_wait_line(p);
        host_line(p);
    }
    taint_line(p);
}
