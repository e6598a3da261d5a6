/*
 * describe: a plan in one line for people (pelt/plan.h). What a kind of load is about says how it
 * reads; all others are levels one after the other.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pelt/plan.h"
#include "pelt/units.h"

#define DESCRIBED_STAGES_MAX 8

/* A line being written into a fixed space; what does not fit is cut. */
struct line {
    char *out;
    size_t size, len;
};

static const char *level_unit(const struct pelt_plan *plan)
{
    return plan->loop == PELT_LOOP_OPEN ? "/s" : " users";
}

/* A level as it runs: users are whole, as the crew rounds them. */
static double shown(const struct pelt_plan *plan, double level)
{
    return plan->loop == PELT_LOOP_OPEN ? level : floor(level + 0.5);
}

static void put(struct line *line, const char *fmt, ...) PELT_PRINTF(2, 3);
static void put(struct line *line, const char *fmt, ...)
{
    if (line->len + 1 >= line->size) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line->out + line->len, line->size - line->len, fmt, args);
    va_end(args);
    line->len += (size_t)len;
}

static void put_stage(struct line *line, const struct pelt_plan *plan, const struct pelt_stage *s)
{
    char duration[32];
    pelt_format_duration(s->duration_ns, duration, sizeof(duration));
    if (s == plan->stages && plan->warmup_ns > 0) {
        put(line, "%s of warm-up", duration);
        return;
    }
    bool last = s == &plan->stages[plan->stages_len - 1];
    const double from = shown(plan, s->from), to = shown(plan, s->to);
    const char *unit = plan->loop == PELT_LOOP_CLOSED && to == 1 ? " user" : level_unit(plan);
    if (plan->endless && last) {
        uint64_t most = plan->iterations > 0 ? plan->iterations : plan->iterations_per_user;
        put(line, "%.7g%s for %" PRIu64 " iteration%s%s", to, unit, most, most == 1 ? "" : "s",
            plan->iterations > 0 ? "" : " each");
    } else if (from == to) {
        put(line, "%.7g%s for %s", to, unit, duration);
    } else {
        put(line, "%.7g -> %.7g%s %sover %s", from, to, unit,
            s->exponential ? "exponentially " : "", duration);
    }
}

static void put_time(struct line *line, const char *before, uint64_t ns, const char *behind)
{
    char text[32];
    if (ns > 0) {
        pelt_format_duration(ns, text, sizeof(text));
        put(line, "%s%s%s", before, text, behind);
    }
}

/* What ends it besides its length, and what lies between a user's iterations. */
static void put_iterations(struct line *line, const struct pelt_plan *plan)
{
    if (plan->iterations > 0 && !plan->endless) {
        put(line, ", at most %" PRIu64 " iteration%s", plan->iterations,
            plan->iterations == 1 ? "" : "s");
    }
    if (plan->iterations_per_user > 0 && !(plan->endless && plan->iterations == 0)) {
        put(line, ", at most %" PRIu64 " a user", plan->iterations_per_user);
    }
    put_time(line, ", pacing ", plan->pacing_ns, "");
    put_time(line, ", think time ", plan->think_ns, "");
    if (plan->think_drawn) {
        put(line, ", think time drawn");
    }
}

static void put_process(struct line *line, const struct pelt_plan *plan)
{
    switch (plan->arrivals) {
    case PELT_ARRIVALS_UNIFORM:
        put(line, ", uniform");
        break;
    case PELT_ARRIVALS_POISSON:
        put(line, ", poisson");
        break;
    case PELT_ARRIVALS_GAMMA:
        put(line, ", gamma %g", plan->gamma_shape);
        break;
    }
}

/* Its levels one after the other. */
static void put_stages(struct line *line, const struct pelt_plan *plan)
{
    size_t told = 0, left_out = 0;
    for (size_t i = plan->start_ns > 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        if (s->duration_ns == 0) {
            continue; /* the next stage says where it starts */
        }
        if (told == DESCRIBED_STAGES_MAX) {
            left_out++;
            continue;
        }
        put(line, "%s", told > 0 ? ", then " : "");
        put_stage(line, plan, s);
        told++;
    }
    if (left_out > 0) {
        put(line, ", then %zu more stages", left_out);
    }
}

static bool is_part(const struct pelt_stage *s, const char *part)
{
    return strcmp(s->part, part) == 0;
}

/* The first stage that is this part of the kind, with this span (0: any); NULL: there is none. */
static const struct pelt_stage *find_part(const struct pelt_plan *plan, const char *part,
                                          unsigned span, uint64_t *begin_ns)
{
    *begin_ns = 0;
    for (size_t i = 0; i < plan->stages_len; i++) {
        const struct pelt_stage *s = &plan->stages[i];
        if (is_part(s, part) && (span == 0 || s->span == span)) {
            return s;
        }
        *begin_ns += s->duration_ns;
    }
    return NULL;
}

static unsigned spans_of(const struct pelt_plan *plan)
{
    unsigned most = 0;
    for (size_t i = 0; i < plan->stages_len; i++) {
        most = plan->stages[i].span > most ? plan->stages[i].span : most;
    }
    return most;
}

/* "burst: 20 users, 4 spikes to 200 for 10s every 30s, 2m" */
static void put_burst(struct line *line, const struct pelt_plan *plan)
{
    const unsigned spikes = spans_of(plan);
    uint64_t first_ns, next_ns, base_ns;
    const struct pelt_stage *top = find_part(plan, "spike", 1, &first_ns);
    const struct pelt_stage *next = find_part(plan, "spike", 2, &next_ns);
    const struct pelt_stage *base = find_part(plan, "base", 0, &base_ns);
    const double level = shown(plan, base != NULL ? base->from : 0);
    const bool edges = top->from != top->to;
    put(line, "burst: %.7g%s, %u spike%s to %.7g", level,
        plan->loop == PELT_LOOP_CLOSED && level == 1 ? " user" : level_unit(plan), spikes,
        spikes == 1 ? "" : "s", shown(plan, pelt_plan_peak(plan)));
    if (edges) {
        put_time(line, " (edges ", top->duration_ns, ")");
        top++;
    }
    if (top->from == top->to) {
        put_time(line, " for ", top->duration_ns, "");
    }
    if (next != NULL) {
        put_time(line, " every ", next_ns - first_ns, "");
    }
    put_time(line, ", ", pelt_plan_length_ns(plan) - plan->start_ns, "");
}

/* "benchmark: 50 users, warm-up 10s, 3 trials of 1m, pause 5s" */
static void put_benchmark(struct line *line, const struct pelt_plan *plan)
{
    uint64_t at_ns;
    const struct pelt_stage *trial = find_part(plan, "trial", 1, &at_ns);
    const struct pelt_stage *warmup = find_part(plan, "warmup", 0, &at_ns);
    const struct pelt_stage *pause = find_part(plan, "pause", 0, &at_ns);
    const unsigned trials = spans_of(plan);
    const double level = shown(plan, trial->to);
    put(line, "benchmark: %.7g%s", level,
        plan->loop == PELT_LOOP_CLOSED && level == 1 ? " user" : level_unit(plan));
    if (warmup != NULL) {
        put_time(line, ", warm-up ", warmup->duration_ns, "");
    }
    put(line, ", %u trial%s of", trials, trials == 1 ? "" : "s");
    put_time(line, " ", trial->duration_ns, "");
    if (pause != NULL) {
        put_time(line, ", pause ", pause->duration_ns, "");
    }
}

static void put_replay(struct line *line, const struct pelt_plan *plan)
{
    put(line, "replay of %zu request%s", plan->replay.len, plan->replay.len == 1 ? "" : "s");
    put_time(line, " in ", pelt_plan_length_ns(plan) - plan->start_ns, "");
    if (plan->replay.speed != 1) {
        put(line, ", %.4g times as fast", plan->replay.speed);
    }
}

/* What a live plan may become. */
static void put_limits(struct line *line, const struct pelt_plan *plan)
{
    put(line, "%s%s%s%s at most %.7g%s", plan->kind[0] != '\0' ? plan->kind : "shape",
        plan->course[0] != '\0' ? ": " : ", decided as it goes:", plan->course,
        plan->course[0] != '\0' ? "," : "", shown(plan, plan->level_max), level_unit(plan));
    put_time(line, ", at most ", plan->length_max_ns, "");
}

static void put_levels(struct line *line, const struct pelt_plan *plan)
{
    uint64_t at_ns;
    if (plan->replay.len > 0) {
        put_replay(line, plan);
    } else if (plan->live) {
        put_limits(line, plan);
    } else if (strcmp(plan->kind, "burst") == 0 && find_part(plan, "spike", 1, &at_ns) != NULL) {
        put_burst(line, plan);
    } else if (strcmp(plan->kind, "benchmark") == 0 &&
               find_part(plan, "trial", 1, &at_ns) != NULL) {
        put_benchmark(line, plan);
    } else {
        put(line, "%s%s", plan->kind, plan->kind[0] != '\0' ? ": " : "");
        put_stages(line, plan);
    }
    if (plan->loop == PELT_LOOP_OPEN && plan->replay.len == 0) {
        put_process(line, plan);
    }
    put_time(line, ", from ", plan->start_ns, " on");
}

static void put_plan(struct line *line, const struct pelt_plan *plan)
{
    put_levels(line, plan);
    if (plan->in_flight > 1) {
        put(line, ", %u in flight each", plan->in_flight);
    }
    put_iterations(line, plan);
    put(line, "%s", plan->stop_saturated ? ", until saturated" : "");
}

void pelt_plan_describe(const struct pelt_plan *plan, char *out, size_t size)
{
    struct line line = {out, size, 0};
    if (size > 0) {
        out[0] = '\0';
    }
    if (plan->parts_len == 0) {
        put_plan(&line, plan);
    }
    for (size_t i = 0; i < plan->parts_len; i++) {
        put(&line, "%s%s: ", i > 0 ? "; " : "", plan->parts[i].name);
        put_plan(&line, &plan->parts[i]);
    }
}
