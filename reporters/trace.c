/*
 * trace: what a run knows of one exchange: its own moments and phases, and what else happened in
 * the second in which it ended.
 */
#include "pelt/report.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/units.h"
#include "summary/page.h"
#include "text.h"

#define ID_MIN 8  /* digits of an id that will do */
#define BAR    30 /* columns of a phase that took all of the time */

struct search {
    char id[PELT_KEPT_ID]; /* that is looked for, or how it begins */
    struct pelt_kept found;
    bool failed;  /* it was kept because it failed */
    bool any;     /* found is one */
    bool several; /* exchanges with different ids */
    size_t kept, traced;
};

static void on_kept(void *arg, int32_t t, bool failed, const struct pelt_kept *k)
{
    struct search *s = arg;
    s->kept++;
    s->traced += k->id[0] != '\0';
    if (k->id[0] == '\0' || strncmp(k->id, s->id, strlen(s->id)) != 0) {
        return;
    }
    s->several = s->several || (s->any && strcmp(s->found.id, k->id) != 0);
    s->found = s->any ? s->found : *k;
    s->failed = s->failed || failed;
    s->any = true;
}

/* A trace id, the beginning of one, or a traceparent: "00-ID-SPAN-01". */
static enum pelt_status read_id(const char *text, char id[PELT_KEPT_ID], struct pelt_error *err)
{
    const char *at = strncmp(text, "00-", 3) == 0 && strlen(text) > 3 + 32 ? text + 3 : text;
    size_t len = 0;
    while (len < PELT_KEPT_ID - 1 && isxdigit((unsigned char)at[len])) {
        id[len] = (char)tolower((unsigned char)at[len]);
        len++;
    }
    id[len] = '\0';
    if (len < ID_MIN || (at == text ? at[len] != '\0' : len != PELT_KEPT_ID - 1)) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%.60s\" is no trace id: write its 32 hex digits, or the first %d of "
                         "them",
                         text, ID_MIN);
    }
    return PELT_OK;
}

static enum pelt_status look(const struct pelt_results *r, struct search *s, struct pelt_error *err)
{
    enum pelt_status status = pelt_results_each_kept(r, on_kept, s, err);
    if (status != PELT_OK) {
        return status;
    }
    if (s->several) {
        return pelt_fail(err, PELT_EINVAL,
                         "several exchanges have an id that begins with %s: write "
                         "more of it",
                         s->id);
    }
    if (!s->any && s->traced == 0) {
        return pelt_fail(
            err, PELT_EINVAL,
            "no exchange of this run has an id: its scenario did not ask for them with "
            "trace = true, or nothing was kept");
    }
    if (!s->any) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s is not known to this run: it keeps only its slowest exchanges and the "
                         "first failed one of each second, class and name (%zu with ids)",
                         s->id, s->traced);
    }
    return PELT_OK;
}

/* ---- telling ---- */

static void moment(struct report_page *p, const char *label, uint64_t ns, uint64_t due_ns)
{
    char after[REPORT_TEXT_MAX];
    report_text_time_ms((double)(ns - due_ns) / 1e6, after);
    fprintf(p->out, "  %-12s%12.6f s", label, (double)ns / 1e9);
    fprintf(p->out, ns > due_ns ? "   %s after it was due\n" : "\n", after);
}

static void moments(struct report_page *p, const struct pelt_kept *k)
{
    const uint64_t due_ns = pelt_kept_due_ns(k);
    report_page_heading(p, "moments (since the load's start)\n");
    moment(p, "due", due_ns, due_ns);
    if (k->sent) {
        moment(p, "sent", pelt_kept_sent_ns(k), due_ns);
    }
    if (pelt_kept_first_ns(k) > 0) {
        moment(p, "first byte", pelt_kept_first_ns(k), due_ns);
    }
    moment(p, "done", k->done_ns, due_ns);
}

static void phases(struct report_page *p, const struct pelt_kept *k)
{
    report_page_heading(p, "phases\n");
    for (int i = 0; i < PELT_KEPT_PHASES; i++) {
        const uint64_t ns = k->phase_ns[i];
        char text[REPORT_TEXT_MAX];
        if (ns == UINT64_MAX) {
            continue;
        }
        const double share = k->response_ns > 0 ? (double)ns / (double)k->response_ns : 0;
        report_text_time_ms((double)ns / 1e6, text);
        fprintf(p->out, "  %-12s%12s   ", pelt_kept_phase_name(i), text);
        for (int c = 0; c < (int)(share * BAR + 0.5) && c < BAR; c++) {
            fputc('#', p->out);
        }
        fputc('\n', p->out);
    }
}

static void who(struct report_page *p, const struct pelt_kept *k)
{
    char line[160], sent[32], received[32];
    if (k->has_user) {
        snprintf(line, sizeof line, "user %llu, iteration %llu, thread %u",
                 (unsigned long long)k->user, (unsigned long long)k->iteration,
                 (unsigned)k->thread);
        report_page_labelled(p, "from", line);
    }
    pelt_format_bytes(k->bytes_sent, sent, sizeof sent);
    pelt_format_bytes(k->bytes_received, received, sizeof received);
    snprintf(line, sizeof line, "%s sent, %s received", sent, received);
    report_page_labelled(p, "bytes", line);
}

static void second(struct report_page *p, const struct pelt_kept *k)
{
    const struct pelt_results *r = p->r;
    const int32_t t = (int32_t)(k->done_ns / PELT_NS_PER_S);
    char p50[REPORT_TEXT_MAX], p99[REPORT_TEXT_MAX], max[REPORT_TEXT_MAX];
    size_t at = 0;
    while (at < r->seconds_len && r->seconds[at].t != t) {
        at++;
    }
    if (at == r->seconds_len) {
        return;
    }
    const struct pelt_second_row *row = &r->seconds[at];
    fprintf(p->out, "\n");
    report_page_say(p, REPORT_BOLD, "second %d of the load\n", t);
    report_text_time_ms((double)row->p50_us / 1000, p50);
    report_text_time_ms((double)row->p99_us / 1000, p99);
    report_text_time_ms((double)row->max_us / 1000, max);
    fprintf(p->out, "  %llu started, %llu ok, %llu errors, %u users, %u waiting\n",
            (unsigned long long)row->started, (unsigned long long)row->ok,
            (unsigned long long)row->errors, (unsigned)row->users, (unsigned)row->waiting);
    if (row->count > 0) {
        fprintf(p->out, "  response times: median %s, p99 %s, longest %s of %llu\n", p50, p99, max,
                (unsigned long long)row->count);
    }
    for (size_t i = 0; i < r->events_len; i++) {
        const struct pelt_event_row *e = &r->events[i];
        if (e->t_s >= t - 1 && e->t_s < t + 2) {
            char line[512];
            snprintf(line, sizeof line, "%.1f s, %s: %s", e->t_s, e->kind, e->text);
            report_page_sentence(p, 2, line);
        }
    }
}

/* When it was sent, on the clock of this host: servers' logs have times of day. */
static void server_log(struct report_page *p, const struct pelt_kept *k)
{
    const char *start_ns = pelt_results_meta(p->r, "start_wall_ns");
    const uint64_t wall_ns = start_ns != NULL ? strtoull(start_ns, NULL, 10) : 0;
    char from[32], to[32];
    if (!k->sent || wall_ns == 0) {
        return;
    }
    pelt_clock_rfc3339(wall_ns + pelt_kept_sent_ns(k), from);
    pelt_clock_rfc3339(wall_ns + k->done_ns, to);
    report_page_heading(p, "in the server's log\n");
    fprintf(p->out, "  grep %s\n  sent %s, done %s, by this host's clock\n", k->id, from, to);
}

enum pelt_status report_trace(const struct pelt_results *r, const char *id, FILE *out, bool color,
                              int width, struct pelt_error *err)
{
    struct report_page p = {.r = r, .out = out, .color = color, .width = width < 60 ? 60 : width};
    struct search s = {.any = false};
    enum pelt_status status = read_id(id, s.id, err);
    status = status == PELT_OK ? look(r, &s, err) : status;
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_kept *k = &s.found;
    char response[REPORT_TEXT_MAX], line[PELT_SAMPLE_TEXT];
    report_page_say(&p, k->outcome == PELT_OUTCOME_OK ? REPORT_GREEN : REPORT_RED, "%s",
                    pelt_outcome_name(k->outcome));
    fputs("  ", out);
    report_text_print(out, report_page_request_name(&p, k->series), p.width - 40, 0);
    report_text_time_ms((double)k->response_ns / 1e6, response);
    fprintf(out, "  %s\n", response);
    report_page_labelled(&p, "trace", k->id);
    if (k->status > 0) {
        snprintf(line, sizeof line, "%u", (unsigned)k->status);
        report_page_labelled(&p, "status", line);
    }
    report_page_labelled(&p, "kept as", s.failed ? "a failed one" : "one of the slowest");
    who(&p, k);
    moments(&p, k);
    phases(&p, k);
    second(&p, k);
    server_log(&p, k);
    return PELT_OK;
}
