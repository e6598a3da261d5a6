/*
 * servers: see the header. What is written down and what is carried are apart: samples go to their
 * second's block as they come, values of carried series wait in `drops` until their second is added
 * up.
 */
#include "servers.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "newest.h"
#include "pelt/log.h"
#include "pelt/server_metric.h"
#include "pelt/units.h"

#define TICKS_A_SECOND (PELT_NS_PER_S / PELT_AGENT_TICK_NS)
#define BASELINE       (-1) /* second */
#define EVENTS_MAX     1000 /* of an agent, in the run file */
#define DROPS_MAX      100000
#define UNTOLD_DRIFT   500 /* ppm: bound of a drift that could not be told */

/* A series that thresholds look at, made of one cell of one figure. */
struct carried {
    uint32_t series;
    enum pelt_server_cell cell;
    bool any;         /* there was a value */
    double value;     /* of a gauge */
    double base[2];   /* counted cells, at the baseline */
    uint64_t told[2]; /* of them, so far, as numbers of the metric */
    int32_t t;        /* second of the newest value */
};

struct figure {
    const struct pelt_agent_figure *about;
    char why[256]; /* "": it can be read */
    struct pelt_newest newest;
    struct carried *carried;
    size_t carried_len;
};

struct agent {
    const struct pelt_agent_info *info;
    struct figure *figures;
    size_t figures_len;
    struct pelt_samples open; /* of second open_t, not written yet */
    int32_t open_t;
    bool lost, needed;
    uint64_t lost_ns;
    char lost_why[256];
    struct pelt_agent_row row;
    uint64_t self_from_ns, self_cpu_ns,
        self_last_ns; /* since when; of it so far; CPU at the last */
    bool self_known;
    uint64_t events;
};

/* A value of a carried series, of a second that is not added up yet. */
struct drop {
    int32_t t;
    uint32_t series;
    struct pelt_metric_frame value; /* its histogram is empty */
};

struct pelt_servers {
    struct pelt_agents *agents;
    struct pelt_registry *registry;
    struct pelt_runfile *file;
    struct agent *agent;
    size_t len;
    uint64_t start_ns;              /* 0: not yet */
    struct pelt_agent_mail **early; /* baselines, which have no time before the start has */
    size_t early_len, early_room;
    struct drop *drops;
    size_t drops_len, drops_room;
    bool stopped, failed;
    void (*on_event)(void *arg, double t_s, const char *kind, const char *text);
    void *on_event_arg;
    struct { /* of the second that was asked for last */
        struct pelt_agent_row *agents;
        struct pelt_server_figure_row *figures;
        struct pelt_server_row *rows;
        size_t agents_room, figures_room, rows_room;
    } second;
};

static void wrote(struct pelt_servers *s, enum pelt_status status)
{
    s->failed = s->failed || status != PELT_OK;
}

/* Room for one more; false: out of memory, and that is remembered. */
static bool grow(struct pelt_servers *s, void *array_ptr, size_t len, size_t *room, size_t bytes)
{
    void *array;
    memcpy(&array, array_ptr, sizeof array);
    if (len < *room) {
        return true;
    }
    const size_t more = *room > 0 ? 2 * *room : 16;
    array = realloc(array, more * bytes);
    if (array == NULL) {
        s->failed = true;
        return false;
    }
    memcpy(array_ptr, &array, sizeof array);
    *room = more;
    return true;
}

static double seconds_of(const struct pelt_servers *s, uint64_t at_ns)
{
    return (double)(int64_t)(at_ns - s->start_ns) / (double)PELT_NS_PER_S;
}

/* ---- what there is ---- */

enum pelt_status pelt_servers_new(const struct pelt_servers_options *options,
                                  struct pelt_servers **out, struct pelt_error *err)
{
    struct pelt_servers *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    s->registry = options->registry;
    s->file = options->file;
    s->on_event = options->on_event;
    s->on_event_arg = options->arg;
    enum pelt_status status =
        pelt_agents_new(options->agents, options->agents_len, &s->agents, err);
    s->agent = status == PELT_OK ? calloc(options->agents_len, sizeof *s->agent) : NULL;
    if (status == PELT_OK && s->agent == NULL) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status != PELT_OK) {
        pelt_servers_free(s);
        return status;
    }
    s->len = options->agents_len;
    *out = s;
    return PELT_OK;
}

enum pelt_status pelt_servers_connect(struct pelt_servers *s, struct pelt_error *err)
{
    enum pelt_status status = pelt_agents_connect(s->agents, err);
    return status == PELT_EIO ? PELT_ELOST : status;
}

static void describe(struct pelt_server_figure_row *row, unsigned agent, size_t i,
                     const struct figure *f)
{
    static_assert((int)PELT_AGENT_LIMIT == (int)PELT_SERVER_LIMIT &&
                      (int)PELT_AGENT_GAUGE == (int)PELT_SERVER_GAUGE &&
                      (int)PELT_AGENT_COUNTER == (int)PELT_SERVER_COUNTER &&
                      (int)PELT_AGENT_CACHE == (int)PELT_SERVER_CACHE,
                  "both have the same kinds");
    *row = (struct pelt_server_figure_row){
        .agent = agent,
        .i = (uint32_t)i,
        .kind = (enum pelt_server_kind)f->about->kind,
        .name = f->about->name,
        .target = f->about->target,
        .unit = f->about->unit,
        .tier = f->about->tier,
        .source = f->about->source,
        .why = f->why[0] != '\0' ? f->why : NULL,
    };
}

static void write_figures(struct pelt_servers *s, unsigned agent, size_t from, size_t to)
{
    struct pelt_server_figure_row *rows = calloc(to - from + 1, sizeof *rows);
    if (rows == NULL) {
        s->failed = true;
        return;
    }
    for (size_t i = from; i < to; i++) {
        describe(&rows[i - from], agent, i, &s->agent[agent].figures[i]);
    }
    wrote(s, pelt_runfile_figures(s->file, rows, to - from));
    free(rows);
}

/* Figures that are known by now; those of an agent that was restarted may be new. */
static void meet_figures(struct pelt_servers *s, unsigned agent, size_t known)
{
    struct agent *a = &s->agent[agent];
    const size_t before = a->figures_len;
    known = known < PELT_SAMPLES_FIGURES ? known : PELT_SAMPLES_FIGURES;
    if (known <= before) {
        return;
    }
    struct figure *figures = realloc(a->figures, known * sizeof *figures);
    if (figures == NULL) {
        s->failed = true;
        return;
    }
    memset(figures + before, 0, (known - before) * sizeof *figures);
    a->figures = figures;
    a->figures_len = known;
    for (size_t i = before; i < known; i++) {
        figures[i].about = pelt_agents_figure(s->agents, agent, i);
        snprintf(figures[i].why, sizeof figures[i].why, "%s",
                 figures[i].about->unreadable != NULL ? figures[i].about->unreadable : "");
    }
    write_figures(s, agent, before, known);
}

static void see_clock(struct agent *a, const struct pelt_agent_clock *clock)
{
    a->row.offset_ns = clock->offset_ns;
    a->row.bound_ns = a->row.bound_ns > clock->bound_ns ? a->row.bound_ns : clock->bound_ns;
    a->row.bound_ns = a->row.bound_ns > clock->bound_ns_max ? a->row.bound_ns : clock->bound_ns_max;
    a->row.drift_ppm = clock->drift_ppm_bound < UNTOLD_DRIFT ? clock->drift_ppm : (double)NAN;
}

enum pelt_status pelt_servers_begin(struct pelt_servers *s)
{
    for (unsigned i = 0; i < s->len; i++) {
        struct agent *a = &s->agent[i];
        a->info = pelt_agents_info(s->agents, i);
        a->open_t = INT32_MIN;
        a->row = (struct pelt_agent_row){.name = a->info->name,
                                         .url = a->info->url,
                                         .version = a->info->version,
                                         .host = a->info->hostname};
        see_clock(a, pelt_agents_clock(s->agents, i));
        wrote(s, pelt_runfile_agent(s->file, i, &a->row));
        meet_figures(s, i, pelt_agents_figures(s->agents, i));
    }
    return s->failed ? PELT_EIO : PELT_OK;
}

/* ---- what is carried ---- */

static const char *const FITTING[] = {
    [PELT_AGENT_LIMIT] = "a limit: .used, .free, .ratio or .events",
    [PELT_AGENT_GAUGE] = "a gauge: .value",
    [PELT_AGENT_COUNTER] = "a counter: .count",
    [PELT_AGENT_CACHE] = "a cache: cache.NAME.hit_share",
};

static bool fits(enum pelt_agent_kind kind, enum pelt_server_cell cell)
{
    switch (cell) {
    case PELT_SERVER_USED:
    case PELT_SERVER_FREE:
    case PELT_SERVER_RATIO:
    case PELT_SERVER_EVENTS:
        return kind == PELT_AGENT_LIMIT;
    case PELT_SERVER_VALUE:
        return kind == PELT_AGENT_GAUGE;
    case PELT_SERVER_COUNT:
        return kind == PELT_AGENT_COUNTER;
    case PELT_SERVER_HIT_SHARE:
        return kind == PELT_AGENT_CACHE;
    case PELT_SERVER_CELLS:
        break;
    }
    return false;
}

static bool is_meant(const struct agent *a, const struct pelt_server_metric *m)
{
    return m->agent[0] == '\0' || strcmp(a->info->name, m->agent) == 0;
}

static bool is_it(const struct figure *f, const struct pelt_server_metric *m)
{
    const bool cache = f->about->kind == PELT_AGENT_CACHE;
    return strcmp(f->about->name, m->figure) == 0 && cache == (m->agent[0] == '\0');
}

/* As a series has it; "": the host's. */
static void tags_of(const struct figure *f, char out[PELT_TAGS_TEXT + 1])
{
    struct pelt_tag target = {pelt_span_of("target"), pelt_span_of(f->about->target)};
    if (f->about->target[0] == '\0' || !pelt_tags_write(&target, 1, out)) {
        out[0] = '\0';
    }
}

/* Adds `word` to a list of different ones that ends with NULL. */
static void add_word(const char **words, size_t *len, size_t most, const char *word)
{
    for (size_t i = 0; i < *len; i++) {
        if (strcmp(words[i], word) == 0) {
            return;
        }
    }
    if (*len + 1 < most) {
        words[(*len)++] = word;
        words[*len] = NULL;
    }
}

#define WORDS 512

/* "; did you mean "x"?", or "; there are a, b, c". */
static void hint(const char *const *words, const char *word, char *out, size_t size)
{
    const char *nearest = pelt_nearest(word, words);
    size_t used = 0;
    out[0] = '\0';
    if (nearest != NULL) {
        snprintf(out, size, "; did you mean \"%s\"?", nearest);
        return;
    }
    for (size_t i = 0; words[i] != NULL && used + 80 < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "; there are " : ", ",
                                 words[i]);
    }
    if (words[0] == NULL) {
        snprintf(out, size, "; there are none");
    }
}

static enum pelt_status fail_agent(const struct pelt_servers *s, const char *text,
                                   const struct pelt_server_metric *m, struct pelt_error *err)
{
    const char *words[WORDS] = {NULL};
    size_t len = 0;
    char rest[600];
    for (size_t i = 0; i < s->len; i++) {
        add_word(words, &len, WORDS, s->agent[i].info->name);
    }
    hint(words, m->agent, rest, sizeof rest);
    return pelt_fail(err, PELT_EINVAL, "threshold %s: no agent \"%s\"%s", text, m->agent, rest);
}

static enum pelt_status fail_figure(const struct pelt_servers *s, const char *text,
                                    const struct pelt_server_metric *m, struct pelt_error *err)
{
    const char *words[WORDS] = {NULL};
    const bool cache = m->agent[0] == '\0';
    size_t len = 0;
    char rest[600];
    for (size_t i = 0; i < s->len; i++) {
        for (size_t f = 0; is_meant(&s->agent[i], m) && f < s->agent[i].figures_len; f++) {
            const struct pelt_agent_figure *about = s->agent[i].figures[f].about;
            if ((about->kind == PELT_AGENT_CACHE) == cache) {
                add_word(words, &len, WORDS, about->name);
            }
        }
    }
    hint(words, m->figure, rest, sizeof rest);
    return cache ? pelt_fail(err, PELT_EINVAL, "threshold %s: no agent has a cache \"%s\"%s", text,
                             m->figure, rest)
                 : pelt_fail(err, PELT_EINVAL, "threshold %s: agent %s has no limit \"%s\"%s", text,
                             m->agent, m->figure, rest);
}

static enum pelt_status fail_target(const struct pelt_servers *s, const char *text,
                                    const struct pelt_server_metric *m,
                                    const struct pelt_threshold *t, struct pelt_error *err)
{
    const char *words[WORDS] = {NULL}, *wanted = strchr(t->name, '=');
    size_t len = 0;
    char rest[600];
    for (size_t i = 0; i < s->len; i++) {
        for (size_t f = 0; is_meant(&s->agent[i], m) && f < s->agent[i].figures_len; f++) {
            if (is_it(&s->agent[i].figures[f], m)) {
                add_word(words, &len, WORDS, s->agent[i].figures[f].about->target);
            }
        }
    }
    hint(words, wanted != NULL ? wanted + 1 : t->name, rest, sizeof rest);
    return pelt_fail(err, PELT_EINVAL, "threshold %s: %s has no {%s}; write {target=...}%s", text,
                     m->figure, t->name, rest);
}

/* False: out of memory. */
static bool carry(struct pelt_servers *s, struct figure *f, const struct pelt_server_metric *m,
                  uint32_t series)
{
    for (size_t i = 0; i < f->carried_len; i++) {
        if (f->carried[i].series == series) {
            return true;
        }
    }
    struct carried *more = realloc(f->carried, (f->carried_len + 1) * sizeof *more);
    if (more == NULL) {
        return false;
    }
    f->carried = more;
    more[f->carried_len++] = (struct carried){
        .series = series, .cell = m->cell, .base = {(double)NAN, (double)NAN}, .t = INT32_MIN};
    return true;
}

enum pelt_status pelt_servers_carry(struct pelt_servers *s, const struct pelt_threshold *t,
                                    struct pelt_error *err)
{
    struct pelt_server_metric m;
    struct pelt_metrics *metrics = pelt_registry_metrics(s->registry);
    char text[400], tags[PELT_TAGS_TEXT + 1];
    uint32_t id = 0;
    size_t agents = 0, named = 0, found = 0;
    if (!pelt_server_metric_parse(t->metric, &m)) {
        return PELT_OK;
    }
    pelt_threshold_format(t, text, sizeof text);
    enum pelt_status status = pelt_metrics_put(metrics, &m.metric, &id, err);
    for (size_t i = 0; i < s->len && status == PELT_OK; i++) {
        struct agent *a = &s->agent[i];
        agents += is_meant(a, &m);
        for (size_t k = 0; is_meant(a, &m) && k < a->figures_len && status == PELT_OK; k++) {
            struct figure *f = &a->figures[k];
            if (!is_it(f, &m)) {
                continue;
            }
            if (!fits(f->about->kind, m.cell)) {
                return pelt_fail(err, PELT_EINVAL, "threshold %s: %s is %s", text, m.figure,
                                 FITTING[f->about->kind]);
            }
            named++;
            tags_of(f, tags);
            if (!pelt_tags_include(tags, t->name)) {
                continue;
            }
            found++;
            a->needed = true;
            if (!carry(s, f, &m, pelt_metrics_series(metrics, id, tags, NULL))) {
                status = pelt_fail(err, PELT_ENOMEM, "out of memory");
            }
        }
    }
    return status != PELT_OK ? status
           : agents == 0     ? fail_agent(s, text, &m, err)
           : named == 0      ? fail_figure(s, text, &m, err)
           : found == 0      ? fail_target(s, text, &m, t, err)
                             : PELT_OK;
}

/* NULL: no room, and that is remembered. */
static struct pelt_metric_frame *drop_in(struct pelt_servers *s, int32_t t, uint32_t series)
{
    if (s->drops_len == DROPS_MAX ||
        !grow(s, &s->drops, s->drops_len, &s->drops_room, sizeof *s->drops)) {
        return NULL;
    }
    struct drop *drop = &s->drops[s->drops_len++];
    *drop = (struct drop){.t = t, .series = series};
    return &drop->value;
}

static void drop_gauge(struct pelt_servers *s, struct carried *c, int32_t t, uint64_t at_ns)
{
    struct pelt_metric_frame *v = drop_in(s, t, c->series);
    if (v != NULL) {
        v->values = 1;
        v->at_ns = at_ns;
        v->last = v->min = v->max = c->value;
    }
}

/* How much of counted cell `which` came since it was told of last. */
static uint64_t since(struct carried *c, unsigned which, double now, double scale)
{
    if (!isfinite(now)) {
        return 0;
    }
    if (isnan(c->base[which])) {
        c->base[which] = now;
    }
    const double all = (now - c->base[which]) * scale + 0.5;
    const uint64_t count =
        all >= 1 ? all < (double)PELT_METRIC_SUM_MAX ? (uint64_t)all : PELT_METRIC_SUM_MAX : 0;
    const uint64_t more = count > c->told[which] ? count - c->told[which] : 0;
    c->told[which] += more;
    return more;
}

/* Before the load nothing is told, and what is counted so far is where it begins. */
static void drop_count(struct pelt_servers *s, struct carried *c, int32_t t, uint64_t part,
                       uint64_t values)
{
    struct pelt_metric_frame *v = t != BASELINE ? drop_in(s, t, c->series) : NULL;
    if (v != NULL) {
        v->values = values;
        v->sum = part;
    }
}

static void carry_gauge(struct pelt_servers *s, struct carried *c, int32_t t, uint64_t at_ns,
                        double value)
{
    if (!isfinite(value)) {
        return;
    }
    c->any = true;
    c->value = value;
    if (t != BASELINE) {
        drop_gauge(s, c, t, at_ns);
        c->t = t;
    }
}

static void carry_value(struct pelt_servers *s, struct carried *c, const double *cell, int32_t t,
                        uint64_t at_ns)
{
    const double max = cell[PELT_AGENT_LIMIT_MAX];
    uint64_t hits, misses;
    switch (c->cell) {
    case PELT_SERVER_USED:
    case PELT_SERVER_VALUE:
        carry_gauge(s, c, t, at_ns, cell[0]);
        return;
    case PELT_SERVER_FREE:
        carry_gauge(s, c, t, at_ns, max - cell[0]);
        return;
    case PELT_SERVER_RATIO:
        carry_gauge(s, c, t, at_ns, max > 0 ? cell[0] / max : (double)NAN);
        return;
    case PELT_SERVER_EVENTS:
        if (isfinite(cell[PELT_AGENT_EVENTS])) {
            drop_count(s, c, t, since(c, 0, cell[PELT_AGENT_EVENTS], 1), 1);
        }
        return;
    case PELT_SERVER_COUNT:
        if (isfinite(cell[0])) {
            drop_count(s, c, t, since(c, 0, cell[0], 1000), 1);
        }
        return;
    case PELT_SERVER_HIT_SHARE:
        hits = since(c, 0, cell[PELT_AGENT_HITS], 1);
        misses = since(c, 1, cell[PELT_AGENT_MISSES], 1);
        drop_count(s, c, t, hits, hits + misses);
        return;
    case PELT_SERVER_CELLS:
        break;
    }
}

/* A gauge that is read less often than once a second stands meanwhile. */
static void stand(struct pelt_servers *s, int32_t t)
{
    for (size_t i = 0; i < s->len; i++) {
        struct agent *a = &s->agent[i];
        for (size_t k = 0; !a->lost && k < a->figures_len; k++) {
            struct figure *f = &a->figures[k];
            for (size_t n = 0; f->why[0] == '\0' && n < f->carried_len; n++) {
                struct carried *c = &f->carried[n];
                if (c->any && c->t < t) {
                    drop_gauge(s, c, t, (uint64_t)t * PELT_NS_PER_S);
                }
            }
        }
    }
}

void pelt_servers_add(struct pelt_servers *s, struct pelt_frame *second)
{
    size_t kept = 0;
    if (second->second < 0) {
        return;
    }
    stand(s, second->second);
    for (size_t i = 0; i < s->drops_len; i++) {
        struct drop *drop = &s->drops[i];
        struct pelt_metric_frame *into =
            drop->t <= second->second ? pelt_frame_metric(second, drop->series) : NULL;
        if (into != NULL) {
            pelt_metric_frame_add(into, &second->pool, &drop->value);
        } else if (drop->t > second->second) {
            s->drops[kept++] = *drop;
        } else {
            second->lost++;
        }
    }
    s->drops_len = kept;
}

/* ---- what comes ---- */

static void flush(struct pelt_servers *s, unsigned agent)
{
    struct agent *a = &s->agent[agent];
    if (a->open.ticks > 0) {
        wrote(s, pelt_runfile_samples(s->file, a->open_t, agent, &a->open));
    }
    pelt_samples_reset(&a->open);
}

static void add_sample(struct pelt_servers *s, struct agent *a, const struct pelt_agent_value *v,
                       int32_t t, uint64_t at_ns)
{
    struct figure *f = &a->figures[v->figure];
    if (pelt_samples_add(&a->open, v->figure, pelt_agent_cells(f->about->kind), v->cell) !=
        PELT_OK) {
        s->failed = true;
    }
    pelt_newest_put(&f->newest, v->cell, pelt_agent_cells(f->about->kind), t);
    for (size_t i = 0; i < f->carried_len; i++) {
        carry_value(s, &f->carried[i], v->cell, t, at_ns);
    }
}

/* One that can be read again, or cannot any more. */
static void set_why(struct pelt_servers *s, unsigned agent, uint32_t figure, const char *why)
{
    struct figure *f = &s->agent[agent].figures[figure];
    if (strncmp(f->why, why, sizeof f->why - 1) != 0) {
        snprintf(f->why, sizeof f->why, "%s", why);
        write_figures(s, agent, figure, figure + 1);
    }
}

static void take_values(struct pelt_servers *s, const struct pelt_agent_mail *mail, int32_t t)
{
    struct agent *a = &s->agent[mail->agent];
    const int64_t since_ns = (int64_t)(mail->at_ns - s->start_ns);
    if (a->open_t != t) {
        flush(s, mail->agent);
        a->open_t = t;
    }
    if (mail->values > 0 && pelt_samples_tick(&a->open, since_ns) != PELT_OK) {
        flush(s, mail->agent);
        (void)(pelt_samples_tick(&a->open, since_ns) == PELT_OK); /* it is empty */
    }
    for (size_t i = 0; i < mail->values; i++) {
        if (mail->value[i].figure < a->figures_len) {
            add_sample(s, a, &mail->value[i], t, since_ns > 0 ? (uint64_t)since_ns : 0);
            set_why(s, mail->agent, mail->value[i].figure, "");
        }
    }
    for (size_t i = 0; i < mail->unreadables; i++) {
        if (mail->unreadable[i].figure < a->figures_len) {
            set_why(s, mail->agent, mail->unreadable[i].figure, mail->unreadable[i].why);
        }
    }
}

static void take_self(struct agent *a, const struct pelt_agent_mail *mail)
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

static void tell_event(struct pelt_servers *s, unsigned agent, uint64_t at_ns, const char *kind,
                       const char *text)
{
    if (s->agent[agent].events++ >= EVENTS_MAX) {
        return;
    }
    wrote(s, pelt_runfile_event(s->file, seconds_of(s, at_ns), kind, text));
    if (s->on_event != NULL) {
        s->on_event(s->on_event_arg, seconds_of(s, at_ns), kind, text);
    }
}

static void take_events(struct pelt_servers *s, const struct pelt_agent_mail *mail)
{
    for (size_t i = 0; i < mail->events; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s: %s: %s", s->agent[mail->agent].info->name,
                 mail->event[i].kind, mail->event[i].text);
        pelt_log(PELT_LOG_WARNING, "agent", "%s", text);
        tell_event(s, mail->agent, mail->event[i].at_ns, "agent_event", text);
    }
}

static int32_t second_of(const struct pelt_servers *s, const struct pelt_agent_mail *mail)
{
    if (mail->kind == PELT_AGENT_FRAME) {
        const int64_t t = mail->k / (int64_t)TICKS_A_SECOND;
        return mail->k == 0 ? BASELINE : t < INT32_MAX ? (int32_t)t : INT32_MAX;
    }
    const double at_s = seconds_of(s, mail->at_ns); /* of one that joins again */
    return at_s < 0 ? BASELINE : (int32_t)at_s;
}

static void take_frame(struct pelt_servers *s, const struct pelt_agent_mail *mail)
{
    struct agent *a = &s->agent[mail->agent];
    a->row.frames += mail->kind == PELT_AGENT_FRAME;
    a->row.late += mail->late;
    a->row.missed += mail->missed;
    take_values(s, mail, second_of(s, mail));
    take_self(a, mail);
    take_events(s, mail);
}

static void write_gap(struct pelt_servers *s, unsigned agent, double to_s)
{
    const struct agent *a = &s->agent[agent];
    const struct pelt_server_gap_row gap = {.agent = agent,
                                            .from_s = fmax(seconds_of(s, a->lost_ns), 0),
                                            .to_s = to_s,
                                            .why = a->lost_why};
    wrote(s, pelt_runfile_gap(s->file, &gap));
}

static void take_lost(struct pelt_servers *s, const struct pelt_agent_mail *mail)
{
    struct agent *a = &s->agent[mail->agent];
    flush(s, mail->agent);
    a->lost = true;
    a->lost_ns = mail->from_ns;
    snprintf(a->lost_why, sizeof a->lost_why, "%s", mail->text);
    pelt_log(PELT_LOG_WARNING, "agent", "%s", mail->text);
    tell_event(s, mail->agent, mail->from_ns, "agent_lost", mail->text);
    write_gap(s, mail->agent, (double)NAN);
    wrote(s, pelt_runfile_agent(s->file, mail->agent, &a->row));
}

static void take_joined(struct pelt_servers *s, const struct pelt_agent_mail *mail)
{
    struct agent *a = &s->agent[mail->agent];
    pelt_log(PELT_LOG_INFO, "agent", "%s", mail->text);
    tell_event(s, mail->agent, mail->to_ns, "agent_joined", mail->text);
    if (a->lost) {
        write_gap(s, mail->agent, seconds_of(s, mail->to_ns));
    }
    a->lost = false;
}

static void take_mail(struct pelt_servers *s, const struct pelt_agent_mail *mail)
{
    struct agent *a = &s->agent[mail->agent];
    see_clock(a, &mail->clock);
    meet_figures(s, mail->agent, mail->figures);
    switch (mail->kind) {
    case PELT_AGENT_BASELINE:
    case PELT_AGENT_FRAME:
        take_frame(s, mail);
        break;
    case PELT_AGENT_LOST:
        take_lost(s, mail);
        break;
    case PELT_AGENT_JOINED:
        take_joined(s, mail);
        break;
    case PELT_AGENT_JUMPED:
        pelt_log(PELT_LOG_WARNING, "agent", "%s", mail->text);
        tell_event(s, mail->agent, mail->at_ns != 0 ? mail->at_ns : s->start_ns, "agent_clock",
                   mail->text);
        break;
    }
}

void pelt_servers_take(struct pelt_servers *s)
{
    struct pelt_agent_mail *mail;
    while ((mail = pelt_agents_take(s->agents)) != NULL) {
        if (s->start_ns > 0) {
            take_mail(s, mail);
            pelt_agent_mail_free(mail);
        } else if (grow(s, &s->early, s->early_len, &s->early_room, sizeof(void *))) {
            s->early[s->early_len++] = mail;
        } else {
            pelt_agent_mail_free(mail);
        }
    }
}

/* Room for all that there may be. */
static bool grow_second(struct pelt_servers *s)
{
    size_t figures = 0;
    bool fine = true;
    for (size_t i = 0; i < s->len; i++) {
        figures += s->agent[i].figures_len;
    }
    while (fine && (s->second.agents_room < s->len || s->second.figures_room < figures ||
                    s->second.rows_room < figures)) {
        fine =
            grow(s, &s->second.agents, s->len, &s->second.agents_room, sizeof *s->second.agents) &&
            grow(s, &s->second.figures, figures, &s->second.figures_room,
                 sizeof *s->second.figures) &&
            grow(s, &s->second.rows, figures, &s->second.rows_room, sizeof *s->second.rows);
    }
    return fine;
}

void pelt_servers_second(struct pelt_servers *s, int32_t t, struct pelt_live_servers *out)
{
    *out = (struct pelt_live_servers){0};
    if (!grow_second(s)) {
        return;
    }
    size_t len = 0;
    for (unsigned a = 0; a < s->len; a++) {
        s->second.agents[a] = s->agent[a].row;
        for (size_t i = 0; i < s->agent[a].figures_len; i++) {
            struct figure *f = &s->agent[a].figures[i];
            const enum pelt_server_kind kind = (enum pelt_server_kind)f->about->kind;
            if (pelt_newest_row(&f->newest, kind, t, &s->second.rows[len])) {
                describe(&s->second.figures[len], a, i, f);
                s->second.rows[len].figure = (uint32_t)len;
                len++;
            }
        }
    }
    *out = (struct pelt_live_servers){.agents = s->second.agents,
                                      .agents_len = s->len,
                                      .figures = s->second.figures,
                                      .rows = s->second.rows,
                                      .len = len};
}

void pelt_servers_start(struct pelt_servers *s, uint64_t start_ns)
{
    pelt_servers_take(s);
    s->start_ns = start_ns;
    for (size_t i = 0; i < s->early_len; i++) {
        take_mail(s, s->early[i]);
        pelt_agent_mail_free(s->early[i]);
    }
    s->early_len = 0;
    pelt_agents_start(s->agents, start_ns, PELT_AGENT_TICK_NS);
}

int pelt_servers_wake_fd(const struct pelt_servers *s)
{
    return pelt_agents_wake_fd(s->agents);
}

void pelt_servers_stop(struct pelt_servers *s)
{
    if (s->stopped) {
        return;
    }
    s->stopped = true;
    pelt_agents_stop(s->agents, pelt_clock_ns());
    if (s->start_ns == 0) {
        return; /* there was no load */
    }
    pelt_servers_take(s);
    for (unsigned i = 0; i < s->len; i++) {
        flush(s, i);
        wrote(s, pelt_runfile_agent(s->file, i, &s->agent[i].row));
    }
}

bool pelt_servers_lost(const struct pelt_servers *s, struct pelt_error *why)
{
    for (size_t i = 0; i < s->len; i++) {
        const struct agent *a = &s->agent[i];
        if (a->lost && a->needed) {
            pelt_fail(why, PELT_ELOST,
                      "agent %s, which a threshold needs, was lost at %.1f s and did not come back",
                      a->info->name, seconds_of(s, a->lost_ns));
            return true;
        }
    }
    return false;
}

bool pelt_servers_failed(const struct pelt_servers *s)
{
    return s->failed;
}

void pelt_servers_free(struct pelt_servers *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->early_len; i++) {
        pelt_agent_mail_free(s->early[i]);
    }
    for (size_t i = 0; i < s->len; i++) {
        for (size_t k = 0; k < s->agent[i].figures_len; k++) {
            free(s->agent[i].figures[k].carried);
        }
        free(s->agent[i].figures);
        pelt_samples_deinit(&s->agent[i].open);
    }
    pelt_agents_free(s->agents);
    free(s->second.agents);
    free(s->second.figures);
    free(s->second.rows);
    free(s->early);
    free(s->drops);
    free(s->agent);
    free(s);
}
