/*
 * servers: the limits of the hosts under test that came closest to full, their caches' hit rates,
 * and what there is to say of the agents that read them.
 */
#include "servers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/buf.h"
#include "pelt/units.h"
#include "sections.h"
#include "text.h"

#define LIMITS_SHOWN 6
#define BITTEN_SHOWN 6 /* further ones that bit */
#define COLUMN       11
#define NARROW       8

/* As a count, however large what an agent says is. */
static uint64_t whole(double value)
{
    return (uint64_t)round(fmin(fmax(value, 0), 1e18));
}

/* "23.4 GiB", "1,024", "1.57"; "-": not known. */
static void amount(double value, const char *unit, char out[REPORT_TEXT_MAX])
{
    if (!isfinite(value)) {
        snprintf(out, REPORT_TEXT_MAX, "-");
    } else if (strncmp(unit, "bytes", 5) == 0 && value >= 0) {
        pelt_format_bytes(whole(value), out, REPORT_TEXT_MAX);
    } else {
        report_text_number(fabs(value) < 100 ? round(value * 100) / 100 : round(value), out);
    }
}

static void limit_row(struct report_page *p, const struct report_servers *s, uint32_t figure)
{
    const struct pelt_server_figure_row *f = &p->r->figures[figure];
    const struct pelt_server_sum *sum = &s->whole[figure];
    const bool full = isfinite(sum->full);
    char name[REPORT_FIGURE_TEXT], used[REPORT_TEXT_MAX], max[REPORT_TEXT_MAX],
        ratio[REPORT_TEXT_MAX] = "-", at[24] = "-", events[REPORT_TEXT_MAX] = "";
    report_servers_name(s, figure, name);
    amount(full ? sum->full_used : sum->most, f->unit, used);
    amount(full ? sum->full_max : (double)NAN, f->unit, max);
    if (full) {
        report_text_share(sum->full, ratio);
        snprintf(at, sizeof at, "%.0fs", sum->full_s);
    }
    if (isfinite(sum->last[2])) {
        report_text_count(whole(sum->more[2]), events);
    }
    report_text_name(p->out, name, p->width - 2 - 2 * COLUMN - 3 * NARROW, p->width);
    fprintf(p->out, "%*s%*s%*s%*s%*s\n", COLUMN, used, COLUMN, max, NARROW, ratio, NARROW, at,
            NARROW, events);
}

static void limits(struct report_page *p, const struct report_servers *s)
{
    uint32_t *order = calloc(p->r->figures_len + 1, sizeof *order);
    size_t shown = 0, bitten = 0;
    const size_t len = order != NULL ? report_servers_limits(s, order) : 0;
    for (size_t i = 0; i < len; i++) {
        const struct pelt_server_sum *sum = &s->whole[order[i]];
        const bool close = shown < LIMITS_SHOWN && isfinite(sum->full);
        const bool bit = isfinite(sum->last[2]) && sum->more[2] >= 1;
        if (!close && (!bit || bitten++ >= BITTEN_SHOWN)) {
            continue;
        }
        if (shown++ == 0) {
            fputc('\n', p->out);
            report_text_print(p->out, "server limits, closest to full",
                              p->width - 2 * COLUMN - 3 * NARROW, 1);
            fprintf(p->out, "%*s%*s%*s%*s%*s\n", COLUMN, "used", COLUMN, "max", NARROW, "full",
                    NARROW, "at", NARROW, "events");
        }
        limit_row(p, s, order[i]);
    }
    free(order);
}

/* ---- caches ---- */

static void share_text(double share, char out[REPORT_TEXT_MAX])
{
    if (isfinite(share)) {
        report_text_share(share, out);
    } else {
        snprintf(out, REPORT_TEXT_MAX, "n/a");
    }
}

static void count_text(double count, char out[REPORT_TEXT_MAX])
{
    if (isfinite(count)) {
        report_text_count(whole(count), out);
    } else {
        snprintf(out, REPORT_TEXT_MAX, "-");
    }
}

static void cache_row(struct report_page *p, const struct report_servers *s, uint32_t figure)
{
    const struct pelt_server_sum *sum = &s->steady[figure];
    char name[REPORT_FIGURE_TEXT], rate[REPORT_TEXT_MAX], hits[REPORT_TEXT_MAX],
        misses[REPORT_TEXT_MAX], evictions[REPORT_TEXT_MAX];
    report_servers_name(s, figure, name);
    share_text(report_servers_hit_share(sum), rate);
    count_text(sum->more[0], hits);
    count_text(sum->more[1], misses);
    count_text(isfinite(sum->last[2]) ? sum->more[2] : (double)NAN, evictions);
    report_text_name(p->out, name, p->width - 2 - 4 * COLUMN, p->width);
    fprintf(p->out, "%*s%*s%*s%*s\n", COLUMN, rate, COLUMN, hits, COLUMN, misses, COLUMN,
            evictions);
}

/* "response, before that: 3%, 21%, 55% of 3s each" */
static void curve_line(struct report_page *p, const struct report_servers *s, uint32_t figure)
{
    char name[REPORT_FIGURE_TEXT], rate[REPORT_TEXT_MAX];
    struct pelt_buf line;
    const double warm = report_servers_hit_share(&s->warmup[figure]);
    if (s->curve_len == 0 || !isfinite(warm)) {
        return;
    }
    pelt_buf_init(&line, 0);
    report_servers_name(s, figure, name);
    pelt_buf_addf(&line, "%s warmed up:", name);
    for (size_t i = 0; i < s->curve_len; i++) {
        share_text(report_servers_hit_share(&s->curve[i][figure]), rate);
        pelt_buf_addf(&line, " %s", rate);
    }
    pelt_buf_addf(&line, ", each of %d s, which are not in its hit rate",
                  (int)(s->pieces[0].to - s->pieces[0].from));
    if (!line.failed) {
        report_page_sentence(p, 4, line.data);
    }
    pelt_buf_deinit(&line);
}

static void gap_line(struct report_page *p, const struct report_servers *s, uint32_t figure)
{
    struct report_client_share c;
    char name[REPORT_FIGURE_TEXT], line[900], client[REPORT_TEXT_MAX], server[REPORT_TEXT_MAX];
    if (!report_servers_client(s, figure, &c)) {
        return;
    }
    report_servers_name(s, figure, name);
    report_text_share(c.client, client);
    report_text_share(c.server, server);
    snprintf(line, sizeof line,
             "%s over the whole load: %s as clients saw it, %s as the server counts%s", name,
             client, server,
             c.points > REPORT_GAP_POINTS ? ", more than 2 points apart: other clients, a cache in "
                                            "between, or not the same pair of counters"
                                          : "");
    report_page_begin_color(p, c.points > REPORT_GAP_POINTS ? REPORT_YELLOW : REPORT_PLAIN);
    report_page_sentence(p, 4, line);
    report_page_end_color(p, c.points > REPORT_GAP_POINTS ? REPORT_YELLOW : REPORT_PLAIN);
}

static void caches(struct report_page *p, const struct report_servers *s)
{
    size_t shown = 0;
    for (uint32_t i = 0; i < p->r->figures_len; i++) {
        if (p->r->figures[i].kind != PELT_SERVER_CACHE || s->whole[i].seconds == 0 ||
            shown++ >= REPORT_ROWS_SHOWN) {
            continue;
        }
        if (shown == 1) {
            fputc('\n', p->out);
            report_text_print(p->out, "server caches", p->width - 4 * COLUMN, 1);
            fprintf(p->out, "%*s%*s%*s%*s\n", COLUMN, "hit rate", COLUMN, "hits", COLUMN, "misses",
                    COLUMN, "evictions");
        }
        cache_row(p, s, i);
        curve_line(p, s, i);
        gap_line(p, s, i);
    }
    report_page_more(p, shown, REPORT_ROWS_SHOWN, "caches");
}

/* ---- agents ---- */

static void gaps_of(struct report_page *p, uint32_t agent)
{
    char line[500];
    for (size_t i = 0; i < p->r->gaps_len; i++) {
        const struct pelt_server_gap_row *gap = &p->r->gaps[i];
        if (gap->agent != agent) {
            continue;
        }
        if (isfinite(gap->to_s)) {
            snprintf(line, sizeof line, "no figures from %.1f s to %.1f s: %.380s", gap->from_s,
                     gap->to_s, gap->why);
        } else {
            snprintf(line, sizeof line, "no figures from %.1f s on: %.380s", gap->from_s, gap->why);
        }
        report_page_begin_color(p, REPORT_YELLOW);
        report_page_sentence(p, 4, line);
        report_page_end_color(p, REPORT_YELLOW);
    }
}

static void unread_of(struct report_page *p, uint32_t agent)
{
    size_t unread = 0, all = 0;
    char line[200];
    for (size_t i = 0; i < p->r->figures_len; i++) {
        all += p->r->figures[i].agent == agent;
        unread += p->r->figures[i].agent == agent && p->r->figures[i].why != NULL;
    }
    if (unread > 0) {
        snprintf(line, sizeof line,
                 "%zu of %zu figures cannot be read there: JSON and pelt-agent --probe say why",
                 unread, all);
        report_page_sentence(p, 4, line);
    }
}

static void agent(struct report_page *p, uint32_t i)
{
    const struct pelt_agent_row *a = &p->r->agents[i];
    char line[600], bound[REPORT_TEXT_MAX], cpu[REPORT_TEXT_MAX], size[REPORT_TEXT_MAX];
    report_text_time_ms((double)a->bound_ns / 1e6, bound);
    int used = snprintf(line, sizeof line, "%.63s at %.300s: its clock is known to %s", a->name,
                        a->url, bound);
    if (a->measured_ns > 0) {
        report_text_share((double)a->cpu_ns / (double)a->measured_ns, cpu);
        pelt_format_bytes(a->rss_bytes, size, sizeof size);
        snprintf(line + used, sizeof line - (size_t)used, "; it took %s of a core and %s%s", cpu,
                 size, a->degraded ? ", and slowed itself down at times" : "");
    }
    report_page_sentence(p, 2, line);
    gaps_of(p, i);
    unread_of(p, i);
}

void report_section_servers(struct report_page *p)
{
    struct report_servers *s = report_servers_new(p->r);
    if (s == NULL) {
        return;
    }
    if (s->why.text[0] == '\0') {
        limits(p, s);
        caches(p, s);
    }
    report_page_heading(p, p->r->agents_len == 1 ? "agent\n" : "agents\n");
    for (uint32_t i = 0; i < p->r->agents_len; i++) {
        agent(p, i);
    }
    if (s->why.text[0] != '\0') {
        report_page_sentence(p, 2, s->why.text);
    }
    report_servers_free(s);
}
