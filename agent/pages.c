/* pages: see the header. */
#include "pages.h"

#include "grid.h"

#define STUCK_TICKS 3
#define STUCK_NS    UINT64_C(5000000000)

static void empty(struct page *p)
{
    p->len = 0;
    p->full = false;
}

/* `,"key":"text"`; the first of an object has no comma. */
static void add_text(struct page *p, const char *key, const char *text)
{
    if (p->len > 0 && p->bytes[p->len - 1] != '{') {
        page_add(p, ",");
    }
    page_json(p, key);
    page_add(p, ":");
    page_json(p, text);
}

static void add_uint(struct page *p, const char *key, uint64_t value)
{
    if (p->len > 0 && p->bytes[p->len - 1] != '{') {
        page_add(p, ",");
    }
    page_json(p, key);
    page_add(p, ":");
    page_uint(p, value);
}

/* ---- info ---- */

static void add_host(struct page *p, const struct about *about)
{
    page_add(p, ",\"host\":{");
    add_text(p, "hostname", about->hostname);
    add_text(p, "kernel", about->kernel);
    add_uint(p, "cpus", (uint64_t)about->cpus);
    add_text(p, "boot_id", about->boot_id);
    page_add(p, "}");
}

static void add_bool(struct page *p, const char *key, bool value)
{
    if (p->len > 0 && p->bytes[p->len - 1] != '{') {
        page_add(p, ",");
    }
    page_json(p, key);
    page_add(p, value ? ":true" : ":false");
}

static void add_guards(struct page *p, const struct guards *guards)
{
    page_add(p, ",\"guards\":{");
    add_bool(p, "seccomp", guards->seccomp);
    add_uint(p, "landlock", (uint64_t)guards->landlock);
    add_text(p, "landlock_of", guards->landlock_all ? "all" : "network");
    add_text(p, "user", guards->user);
    add_bool(p, "no_new_privs", guards->no_new_privs);
    page_add(p, "}");
}

static void add_target(struct page *p, const struct target *target, const struct shown_target *now)
{
    static const char *const by[] = {"pid", "port", "unit", "cgroup"};

    page_add(p, "{");
    add_text(p, "name", target->name);
    add_text(p, "by", by[target->by]);
    add_uint(p, "pid", (uint64_t)now->pid);
    add_uint(p, "restarts", now->restarts);
    page_add(p, "}");
}

static void add_figure(struct page *p, const struct figure *f)
{
    page_add(p, "{");
    add_uint(p, "i", f->index);
    add_text(p, "name", f->name);
    add_text(p, "target", f->target);
    add_text(p, "kind", pelt_server_kind_name(f->kind));
    add_text(p, "unit", f->unit);
    add_text(p, "tier", figure_tier_name(f->tier));
    add_text(p, "source", f->source);
    page_add(p, ",\"unreadable\":");
    if (f->why[0]) {
        page_json(p, f->why);
    } else {
        page_add(p, "null");
    }
    page_add(p, "}");
}

void pages_info(struct page *p, const struct about *about, const struct sampler *s)
{
    const struct targets *targets = s->list->targets;

    empty(p);
    page_add(p, "{");
    add_text(p, "schema", "pelt-agent/1");
    add_text(p, "version", PELT_VERSION);
    add_text(p, "name", about->name);
    add_text(p, "boot", about->boot);
    add_host(p, about);
    add_guards(p, &about->guards);
    page_add(p, ",\"targets\":[");
    for (size_t i = 0; i < targets_len(targets); i++) {
        page_add(p, i > 0 ? "," : "");
        add_target(p, targets_at(targets, i), &s->shown.targets[i]);
    }
    page_add(p, "]");
    add_uint(p, "tick_ns_least", GRID_TICK_LEAST_NS);
    page_add(p, ",\"figures\":[");
    for (size_t i = 0; i < catalogue_len(s->shown.figures); i++) {
        page_add(p, i > 0 ? "," : "");
        add_figure(p, catalogue_at(s->shown.figures, i));
    }
    page_add(p, "]}\n");
}

/* ---- small ones ---- */

void pages_clock(struct page *p, uint64_t t2_ns, uint64_t t3_ns)
{
    empty(p);
    page_add(p, "{\"t2_ns\":");
    page_uint(p, t2_ns);
    page_add(p, ",\"t3_ns\":");
    page_uint(p, t3_ns);
    page_add(p, "}\n");
}

void pages_error(struct page *p, const char *line)
{
    empty(p);
    page_add(p, "{");
    add_text(p, "error", line);
    page_add(p, "}\n");
}

/* ---- health ---- */

static bool is_live(const struct sampler *s, uint64_t now_ns)
{
    return s->sample > 0 &&
           now_ns <= s->at_ns + STUCK_TICKS * s->cost.factor * SAMPLER_IDLE_NS + STUCK_NS;
}

static const char *status_of(const struct sampler *s, enum health depth, bool is_well)
{
    if (!is_well) {
        return s->sample > 0 ? "stuck" : "starting";
    }
    if (depth == HEALTH_LIVE || depth == HEALTH_READY) {
        return "ok";
    }
    return s->cost.factor > 1 ? "degraded" : "ok";
}

static void add_self(struct page *p, const struct sampler *s)
{
    page_add(p, ",\"self\":{");
    add_uint(p, "cpu_ns", s->cpu_ns);
    page_addf(p, ",\"cpu_share\":%.6f,\"cpu_limit\":%.6f", s->cost.share, s->cost.limit);
    add_uint(p, "slowed_down_by", s->cost.factor);
    add_uint(p, "rss_bytes", s->rss_bytes);
    add_uint(p, "worst_ns", s->worst_ns);
    add_uint(p, "overruns", s->overruns);
    page_add(p, "}");
}

static void add_streams(struct page *p, const struct streams *streams)
{
    page_add(p, ",\"streams\":{");
    add_uint(p, "open", streams->open);
    add_uint(p, "most", STREAMS_MAX);
    add_uint(p, "lost_frames", streams->lost_total);
    page_add(p, "}");
}

static void add_collectors(struct page *p, const struct sampler *s)
{
    page_add(p, ",\"collectors\":[");
    for (size_t i = 0; i < s->list->len; i++) {
        page_add(p, i > 0 ? ",{" : "{");
        add_text(p, "name", s->list->collectors[i]->name);
        add_uint(p, "last_ns", s->costs[i].last_ns);
        add_uint(p, "worst_ns", s->costs[i].worst_ns);
        page_add(p, "}");
    }
    page_add(p, "]");
}

static void add_unreadable(struct page *p, const struct catalogue *figures)
{
    const char *between = "";

    page_add(p, ",\"unreadable\":[");
    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);

        if (f->why[0]) {
            page_add(p, between);
            page_add(p, "{");
            add_text(p, "name", f->name);
            add_text(p, "target", f->target);
            add_text(p, "why", f->why);
            page_add(p, "}");
            between = ",";
        }
    }
    page_add(p, "]");
}

int pages_health(struct page *p, enum health depth, const struct about *about,
                 const struct sampler *s, uint64_t now_ns)
{
    bool is_well = depth == HEALTH_READY ? s->sample > 0 : is_live(s, now_ns);

    empty(p);
    page_add(p, "{");
    add_text(p, "status", status_of(s, depth, is_well));
    if (depth == HEALTH_DETAILED) {
        add_text(p, "name", about->name);
        add_text(p, "version", PELT_VERSION);
        add_uint(p, "samples", s->sample);
        add_uint(p, "sample_age_ns", now_ns > s->at_ns ? now_ns - s->at_ns : 0);
        add_uint(p, "figures", catalogue_len(s->shown.figures));
        add_unreadable(p, s->shown.figures);
        add_collectors(p, s);
        add_streams(p, &s->streams);
        add_self(p, s);
    }
    page_add(p, "}\n");
    return is_well ? 200 : 503;
}
