/*
 * server_agent: see the header. Samples of a second are collected in `open`, and written when one
 * of another second comes.
 */
#include "server_agent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/log.h"

#define TICKS_A_SECOND (PELT_NS_PER_S / PELT_AGENT_TICK_NS)
#define EVENTS_MAX     1000 /* of an agent, in the run file */
#define UNTOLD_DRIFT   500  /* ppm: bound of a drift that could not be told */

static void wrote(struct pelt_server_agent *a, enum pelt_status status)
{
    a->failed = a->failed || status != PELT_OK;
}

double pelt_server_agent_seconds(const struct pelt_server_agent *a, uint64_t at_ns)
{
    return (double)(int64_t)(at_ns - a->start_ns) / (double)PELT_NS_PER_S;
}

/* ---- what it is and has ---- */

void pelt_server_agent_describe(const struct pelt_server_agent *a, size_t i,
                                struct pelt_server_figure_row *row)
{
    const struct pelt_server_figure *f = &a->figures[i];
    *row = (struct pelt_server_figure_row){
        .agent = a->i,
        .i = (uint32_t)i,
        .kind = f->about->kind,
        .name = f->about->name,
        .target = f->about->target,
        .unit = f->about->unit,
        .tier = f->about->tier,
        .source = f->about->source,
        .why = f->why[0] != '\0' ? f->why : NULL,
    };
}

static void mark_unwritten(struct pelt_server_agent *a, struct pelt_server_figure *f)
{
    a->unwritten += !f->unwritten;
    f->unwritten = true;
}

/* Once a second at most, however often figures turn. */
static void write_figures(struct pelt_server_agent *a)
{
    struct pelt_server_figure_row *rows = calloc(a->unwritten + 1, sizeof *rows);
    size_t len = 0;
    if (rows == NULL) {
        a->failed = true;
        return;
    }
    for (size_t i = 0; i < a->figures_len && len < a->unwritten; i++) {
        if (a->figures[i].unwritten) {
            a->figures[i].unwritten = false;
            pelt_server_agent_describe(a, i, &rows[len++]);
        }
    }
    a->unwritten = 0;
    if (len > 0) {
        wrote(a, pelt_runfile_figures(a->file, rows, len));
    }
    free(rows);
}

/* Figures that are known by now; those of an agent that was restarted may be new. */
static void meet_figures(struct pelt_server_agent *a, size_t known)
{
    const size_t before = a->figures_len;
    known = known < PELT_SAMPLES_FIGURES ? known : PELT_SAMPLES_FIGURES;
    if (known <= before) {
        return;
    }
    struct pelt_server_figure *figures = realloc(a->figures, known * sizeof *figures);
    if (figures == NULL) {
        a->failed = true;
        return;
    }
    memset(figures + before, 0, (known - before) * sizeof *figures);
    a->figures = figures;
    a->figures_len = known;
    for (size_t i = before; i < known; i++) {
        figures[i].about = pelt_agents_figure(a->agents, a->i, i);
        snprintf(figures[i].why, sizeof figures[i].why, "%s",
                 figures[i].about->unreadable != NULL ? figures[i].about->unreadable : "");
        mark_unwritten(a, &figures[i]);
    }
    write_figures(a);
}

static void see_clock(struct pelt_server_agent *a, const struct pelt_agent_clock *clock)
{
    a->row.offset_ns = clock->offset_ns;
    a->row.bound_ns = a->row.bound_ns > clock->bound_ns ? a->row.bound_ns : clock->bound_ns;
    a->row.bound_ns = a->row.bound_ns > clock->bound_ns_max ? a->row.bound_ns : clock->bound_ns_max;
    a->row.drift_ppm = clock->drift_ppm_bound < UNTOLD_DRIFT ? clock->drift_ppm : (double)NAN;
}

void pelt_server_agent_begin(struct pelt_server_agent *a)
{
    a->info = pelt_agents_info(a->agents, a->i);
    a->open_t = INT32_MIN;
    a->row = (struct pelt_agent_row){.name = a->info->name,
                                     .url = a->info->url,
                                     .version = a->info->version,
                                     .host = a->info->hostname};
    see_clock(a, pelt_agents_clock(a->agents, a->i));
    wrote(a, pelt_runfile_agent(a->file, a->i, &a->row));
    meet_figures(a, pelt_agents_figures(a->agents, a->i));
}

void pelt_server_agent_meet(struct pelt_server_agent *a, const struct pelt_agent_clock *clock,
                            size_t figures)
{
    see_clock(a, clock);
    meet_figures(a, figures);
}

/* ---- its samples ---- */

/* What is known of the agent goes with it, so that a run that is killed has that, too. */
static void flush(struct pelt_server_agent *a)
{
    if (a->open.ticks > 0) {
        wrote(a, pelt_runfile_samples(a->file, a->open_t, a->i, &a->open));
        wrote(a, pelt_runfile_agent(a->file, a->i, &a->row));
    }
    if (a->unwritten > 0) {
        write_figures(a);
    }
    pelt_samples_reset(&a->open);
}

static void add_sample(struct pelt_server_agent *a, const struct pelt_agent_value *v, int32_t t,
                       uint64_t at_ns, struct pelt_server_drops *carried)
{
    struct pelt_server_figure *f = &a->figures[v->figure];
    const unsigned cells = pelt_server_cells(f->about->kind);
    wrote(a, pelt_samples_add(&a->open, v->figure, cells, v->cell));
    pelt_newest_put(&f->newest, v->cell, cells, t);
    for (size_t i = 0; i < f->carried_len; i++) {
        pelt_server_carried_read(&f->carried[i], v->cell, t, at_ns, carried);
    }
}

/* One that can be read again, or cannot any more. */
static void set_why(struct pelt_server_agent *a, uint32_t figure, const char *why)
{
    struct pelt_server_figure *f = &a->figures[figure];
    if (strncmp(f->why, why, sizeof f->why - 1) != 0) {
        snprintf(f->why, sizeof f->why, "%s", why);
        mark_unwritten(a, f);
    }
}

static void open_tick(struct pelt_server_agent *a, int32_t t, int64_t since_ns)
{
    if (a->open_t != t) {
        flush(a);
        a->open_t = t;
    }
    if (pelt_samples_tick(&a->open, since_ns) != PELT_OK) {
        flush(a);
        (void)(pelt_samples_tick(&a->open, since_ns) == PELT_OK); /* it is empty */
    }
}

static void take_values(struct pelt_server_agent *a, const struct pelt_agent_mail *mail, int32_t t,
                        struct pelt_server_drops *carried)
{
    const int64_t since_ns = (int64_t)(mail->at_ns - a->start_ns);
    if (mail->values > 0) {
        open_tick(a, t, since_ns);
    }
    for (size_t i = 0; i < mail->values; i++) {
        if (mail->value[i].figure < a->figures_len) {
            add_sample(a, &mail->value[i], t, since_ns > 0 ? (uint64_t)since_ns : 0, carried);
        }
    }
}

static void take_whys(struct pelt_server_agent *a, const struct pelt_agent_mail *mail)
{
    for (size_t i = 0; i < mail->values; i++) {
        if (mail->value[i].figure < a->figures_len) {
            set_why(a, mail->value[i].figure, "");
        }
    }
    for (size_t i = 0; i < mail->unreadables; i++) {
        if (mail->unreadable[i].figure < a->figures_len) {
            set_why(a, mail->unreadable[i].figure, mail->unreadable[i].why);
        }
    }
}

static void take_self(struct pelt_server_agent *a, const struct pelt_agent_mail *mail)
{
    const struct pelt_agent_self *self = &mail->self;
    if (!a->self_known) {
        a->self_known = true;
        a->self_from_ns = mail->at_ns;
    } else { /* less than before: of another process */
        a->self_cpu_ns +=
            self->cpu_ns >= a->self_last_ns ? self->cpu_ns - a->self_last_ns : self->cpu_ns;
    }
    a->self_last_ns = self->cpu_ns;
    a->row.cpu_ns = a->self_cpu_ns;
    a->row.measured_ns = mail->at_ns > a->self_from_ns ? mail->at_ns - a->self_from_ns : 0;
    a->row.rss_bytes = self->rss_bytes > a->row.rss_bytes ? self->rss_bytes : a->row.rss_bytes;
    a->row.degraded = a->row.degraded || self->degraded;
}

/* An agent has so many lines, however often it comes and goes or whatever it sends. */
static void tell_event(struct pelt_server_agent *a, uint64_t at_ns, enum pelt_log_level level,
                       const char *kind, const char *text)
{
    a->events++;
    if (a->events == EVENTS_MAX) {
        pelt_log(PELT_LOG_WARNING, "agent", "%s: %d events: others are not told", a->info->name,
                 EVENTS_MAX);
    } else if (a->events < EVENTS_MAX) {
        pelt_log(level, "agent", "%s", text);
        const double at_s = pelt_server_agent_seconds(a, at_ns);
        wrote(a, pelt_runfile_event(a->file, at_s, kind, text));
        if (a->on_event != NULL) {
            a->on_event(a->on_event_arg, at_s, kind, text);
        }
    }
}

static void take_events(struct pelt_server_agent *a, const struct pelt_agent_mail *mail)
{
    for (size_t i = 0; i < mail->events; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s: %s: %s", a->info->name, mail->event[i].kind,
                 mail->event[i].text);
        tell_event(a, mail->event[i].at_ns, PELT_LOG_WARNING, "agent_event", text);
    }
}

/* A sample is about the time before it. */
static int32_t second_of(const struct pelt_server_agent *a, const struct pelt_agent_mail *mail)
{
    const int64_t t = (mail->k - 1) / (int64_t)TICKS_A_SECOND;
    return mail->kind == PELT_AGENT_CLOSING                    ? a->last_t
           : mail->kind == PELT_AGENT_BASELINE || mail->k == 0 ? PELT_SERVER_BASELINE
           : t < INT32_MAX                                     ? (int32_t)t
                                                               : INT32_MAX;
}

void pelt_server_agent_frame(struct pelt_server_agent *a, const struct pelt_agent_mail *mail,
                             struct pelt_server_drops *carried)
{
    a->row.frames += mail->kind == PELT_AGENT_FRAME;
    a->row.late += mail->late;
    a->row.missed += mail->missed;
    a->has_begun = a->has_begun || (mail->kind == PELT_AGENT_BASELINE && mail->fresh);
    /* That at second 0 may have come late, when the load had begun: where there is a baseline of
     * the moment before it, what is counted since then is the load's. */
    if (mail->kind != PELT_AGENT_FRAME || mail->k > 0 || !a->has_begun) {
        take_values(a, mail, second_of(a, mail), carried);
    }
    take_whys(a, mail);
    take_self(a, mail);
    take_events(a, mail);
}

/* ---- its gaps ---- */

static void write_gap(struct pelt_server_agent *a, double to_s)
{
    const struct pelt_server_gap_row gap = {.agent = a->i,
                                            .from_s =
                                                fmax(pelt_server_agent_seconds(a, a->lost_ns), 0),
                                            .to_s = to_s,
                                            .why = a->lost_why};
    wrote(a, pelt_runfile_gap(a->file, &gap));
}

void pelt_server_agent_lost(struct pelt_server_agent *a, const struct pelt_agent_mail *mail)
{
    flush(a);
    a->lost = true;
    a->lost_ns = mail->from_ns;
    snprintf(a->lost_why, sizeof a->lost_why, "%s", mail->text);
    tell_event(a, mail->from_ns, PELT_LOG_WARNING, "agent_lost", mail->text);
    write_gap(a, (double)NAN);
    wrote(a, pelt_runfile_agent(a->file, a->i, &a->row));
}

void pelt_server_agent_joined(struct pelt_server_agent *a, const struct pelt_agent_mail *mail)
{
    tell_event(a, mail->to_ns, PELT_LOG_INFO, "agent_joined", mail->text);
    if (a->lost) {
        write_gap(a, pelt_server_agent_seconds(a, mail->to_ns));
    }
    a->lost = false;
}

void pelt_server_agent_jumped(struct pelt_server_agent *a, const struct pelt_agent_mail *mail)
{
    tell_event(a, mail->at_ns != 0 ? mail->at_ns : a->start_ns, PELT_LOG_WARNING, "agent_clock",
               mail->text);
}

/* ---- what is carried ---- */

void pelt_server_agent_stand(const struct pelt_server_agent *a, int32_t t,
                             struct pelt_server_drops *carried)
{
    for (size_t k = 0; !a->lost && k < a->figures_len; k++) {
        const struct pelt_server_figure *f = &a->figures[k];
        for (size_t n = 0; f->why[0] == '\0' && n < f->carried_len; n++) {
            pelt_server_carried_stand(&f->carried[n], t, carried);
        }
    }
}

bool pelt_server_agent_carry(struct pelt_server_agent *a, size_t figure, uint32_t series,
                             enum pelt_server_cell cell)
{
    struct pelt_server_figure *f = &a->figures[figure];
    for (size_t i = 0; i < f->carried_len; i++) {
        if (f->carried[i].series == series) {
            return true;
        }
    }
    struct pelt_server_carried *more = realloc(f->carried, (f->carried_len + 1) * sizeof *more);
    if (more == NULL) {
        return false;
    }
    f->carried = more;
    pelt_server_carried_init(&more[f->carried_len++], series, cell);
    return true;
}

/* ---- its end ---- */

void pelt_server_agent_end(struct pelt_server_agent *a)
{
    flush(a);
    wrote(a, pelt_runfile_agent(a->file, a->i, &a->row));
}

void pelt_server_agent_deinit(struct pelt_server_agent *a)
{
    for (size_t i = 0; i < a->figures_len; i++) {
        free(a->figures[i].carried);
    }
    free(a->figures);
    pelt_samples_deinit(&a->open);
}
