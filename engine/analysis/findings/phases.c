/* phases: see the header. */
#include "phases.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *stage, *phase;
    bool numbered;
    enum pelt_phase_role role;
} parts[] = {
    {"ramp", "warm-up", false, PELT_PHASE_WARMUP},
    {"warmup", "warm-up", false, PELT_PHASE_WARMUP},
    {"wait", "warm-up", false, PELT_PHASE_WARMUP},
    {"steady", "steady", false, PELT_PHASE_SETTLED},
    {"base", "base", false, PELT_PHASE_SETTLED},
    {"trial", "trial", true, PELT_PHASE_SETTLED},
    {"spike", "spike", true, PELT_PHASE_STRESSED},
    {"climb", "climb", true, PELT_PHASE_STRESSED},
    {"search", "search", true, PELT_PHASE_STRESSED},
    {"verify", "verify", true, PELT_PHASE_STRESSED},
    {"down", "down", true, PELT_PHASE_ASIDE},
    {"rest", "rest", false, PELT_PHASE_ASIDE},
    {"pause", "pause", false, PELT_PHASE_ASIDE},
    {"ramp-down", "ramp-down", false, PELT_PHASE_ASIDE},
    {"", "load", false, PELT_PHASE_SETTLED},
};
#define PARTS (sizeof parts / sizeof *parts)

/* A part that this pelt does not know is none. */
static size_t part_of(const struct pelt_stage_row *stage)
{
    size_t i = 0;
    while (i + 1 < PARTS && strcmp(parts[i].stage, stage->part) != 0) {
        i++;
    }
    return i;
}

/* Of a stress load what came of each step is told. */
static bool held(const struct pelt_findings *f, unsigned number)
{
    char about[16];
    snprintf(about, sizeof about, "%u", number);
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->list[i].kind, "step") == 0 && strcmp(f->list[i].about, about) == 0) {
            return pelt_finding_value(&f->list[i], "holds") == 1;
        }
    }
    return false;
}

/* The phase of a part; the last ones share one where there is no more room. */
static size_t phase_of(struct pelt_phases *p, const struct pelt_making *m, size_t part,
                       unsigned span)
{
    const unsigned number = parts[part].numbered ? span : 0;
    for (size_t i = 0; i < p->len; i++) {
        if (strcmp(p->list[i].part, parts[part].phase) == 0 && p->list[i].number == number) {
            return i;
        }
    }
    if (p->len == PELT_PHASES_MAX) {
        return PELT_PHASES_MAX - 1;
    }
    struct pelt_phase *phase = &p->list[p->len++];
    *phase = (struct pelt_phase){.number = number, .role = parts[part].role, .from = INT32_MAX};
    snprintf(phase->part, sizeof phase->part, "%s", parts[part].phase);
    if (phase->role == PELT_PHASE_STRESSED && held(m->findings, number)) {
        phase->role = PELT_PHASE_SETTLED;
    }
    return p->len - 1;
}

static void add_span(struct pelt_phases *p, size_t index, struct pelt_span_s span)
{
    struct pelt_phase *phase = &p->list[index];
    for (int32_t t = span.from; t < span.to && (size_t)t < p->seconds; t++) {
        phase->from = t < phase->from ? t : phase->from;
        phase->to = t + 1 > phase->to ? t + 1 : phase->to;
        phase->seconds += p->of[t] < 0;
        p->of[t] = (int16_t)index;
    }
}

static void find_all(struct pelt_phases *p, const struct pelt_making *m)
{
    const struct pelt_track *t = m->track;
    bool mixed = t->stages_len == 0;
    for (size_t i = 0; i < t->stages_len; i++) {
        mixed = mixed || t->stages[i].load[0] != '\0';
    }
    for (size_t i = 0; i < t->stages_len && !mixed; i++) {
        const struct pelt_stage_row *stage = &t->stages[i];
        if (pelt_track_is_begun(t, stage)) {
            add_span(p, phase_of(p, m, part_of(stage), stage->span),
                     pelt_track_span(t, stage->from_s, pelt_track_stage_end(t, stage)));
        }
    }
    if (mixed) {
        add_span(p, phase_of(p, m, PARTS - 1, 0), pelt_track_span(t, 0, t->load_s));
    }
}

/* Pieces of about the same number of seconds. */
static void cut(struct pelt_phases *p)
{
    int32_t passed[PELT_PHASES_MAX] = {0}, settled = 0, settled_passed = 0;
    for (size_t i = 0; i < p->len; i++) {
        settled += pelt_phases_settled(p, &p->list[i]) ? p->list[i].seconds : 0;
    }
    for (size_t t = 0; t < p->seconds; t++) {
        if (p->of[t] < 0) {
            continue;
        }
        const struct pelt_phase *phase = &p->list[p->of[t]];
        p->block[t] = (unsigned char)(passed[p->of[t]]++ * PELT_PHASE_BLOCKS / phase->seconds);
        if (pelt_phases_settled(p, phase)) {
            p->settled[t] = (unsigned char)(settled_passed++ * PELT_PHASE_BLOCKS / settled);
        }
    }
}

enum pelt_status pelt_phases_init(struct pelt_phases *p, const struct pelt_making *m)
{
    *p = (struct pelt_phases){.seconds = m->track->len};
    p->of = malloc((p->seconds + 1) * sizeof *p->of);
    p->block = calloc(p->seconds + 1, 1);
    p->settled = calloc(p->seconds + 1, 1);
    if (p->of == NULL || p->block == NULL || p->settled == NULL) {
        pelt_phases_deinit(p);
        return PELT_ENOMEM;
    }
    for (size_t t = 0; t < p->seconds; t++) {
        p->of[t] = -1;
    }
    find_all(p, m);
    for (size_t i = 0; i < p->len; i++) {
        p->any_settled =
            p->any_settled || (p->list[i].role == PELT_PHASE_SETTLED && p->list[i].seconds > 0);
    }
    cut(p);
    return PELT_OK;
}

void pelt_phases_deinit(struct pelt_phases *p)
{
    free(p->of);
    free(p->block);
    free(p->settled);
    *p = (struct pelt_phases){0};
}

const struct pelt_phase *pelt_phases_at(const struct pelt_phases *p, int32_t t)
{
    return t >= 0 && (size_t)t < p->seconds && p->of[t] >= 0 ? &p->list[p->of[t]] : NULL;
}

bool pelt_phases_settled(const struct pelt_phases *p, const struct pelt_phase *phase)
{
    return !p->any_settled || phase->role == PELT_PHASE_SETTLED;
}
