/*
 * workers: what each host of a run that several shared sent, and whether it was there all the time.
 */
#include "workers.h"

#include "sections.h"
#include "text.h"

#define SHOWN  20
#define COLUMN 11
#define NARROW 8

static bool is_odd(const struct pelt_worker_row *w)
{
    char absence[REPORT_WORKER_TEXT];
    report_worker_absence(w, absence);
    return absence[0] != '\0' || w->refused > 0 || strcmp(w->state, "done") != 0 ||
           (w->verdict[0] != '\0' && strcmp(w->verdict, "VALID") != 0);
}

static void row(struct report_page *p, const struct pelt_worker_row *w)
{
    char name[100], started[REPORT_TEXT_MAX], share[REPORT_TEXT_MAX], cpu[REPORT_TEXT_MAX],
        clock[REPORT_TEXT_MAX], lag[REPORT_TEXT_MAX];
    snprintf(name, sizeof name, "%u %s", w->slot, w->host);
    report_text_count(w->started, started);
    report_text_share(report_worker_share(p->r, w), share);
    report_text_share(report_worker_cpu_share(p->r, w), cpu);
    report_text_time_ms((double)w->bound_ns / 1e6, clock);
    report_text_time_ms((double)w->lag_p99_us / 1000, lag);
    report_text_name(p->out, name, p->width - 2 - 3 * COLUMN - 3 * NARROW, p->width);
    fprintf(p->out, "%*s%*s%*s%*s%*s%*s\n", COLUMN, started, NARROW, share, NARROW, cpu, COLUMN,
            clock, COLUMN, lag, NARROW, w->verdict[0] != '\0' ? w->verdict : "-");
}

static void remarks(struct report_page *p, const struct pelt_worker_row *w)
{
    char absence[REPORT_WORKER_TEXT], text[700];
    report_worker_absence(w, absence);
    if (absence[0] != '\0') {
        snprintf(text, sizeof text, "worker %u: %s", w->slot, absence);
        report_page_sentence(p, 4, text);
    }
    if (w->reason[0] != '\0') {
        snprintf(text, sizeof text, "worker %u: %.400s", w->slot, w->reason);
        report_page_sentence(p, 4, text);
    }
    if (w->refused > 0) {
        snprintf(text, sizeof text, "worker %u: %llu frames were refused", w->slot,
                 (unsigned long long)w->refused);
        report_page_sentence(p, 4, text);
    }
}

/* All of a few; of many those of whom there is something to say. */
void report_section_workers(struct report_page *p)
{
    const struct pelt_results *r = p->r;
    size_t shown = 0;
    if (r->workers_len == 0) {
        return;
    }
    fputc('\n', p->out);
    report_text_print(p->out, "workers", p->width - 3 * COLUMN - 3 * NARROW, 1);
    fprintf(p->out, "%*s%*s%*s%*s%*s%*s\n", COLUMN, "requests", NARROW, "share", NARROW, "CPU",
            COLUMN, "clock", COLUMN, "lag p99", NARROW, "verdict");
    for (size_t i = 0; i < r->workers_len; i++) {
        const struct pelt_worker_row *w = &r->workers[i];
        if (r->workers_len <= SHOWN || (is_odd(w) && shown < SHOWN)) {
            row(p, w);
            remarks(p, w);
            shown++;
        }
    }
    report_page_more(p, r->workers_len, shown, "workers");
}
