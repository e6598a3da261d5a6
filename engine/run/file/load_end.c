/*
 * load_end: what was said of a run: its events, its stages and steps, its thresholds as judged, its
 * verdict.
 */
#include <string.h>

#include "loader.h"

static void load_events(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT t_s, kind, text FROM event ORDER BY id");
    while (pelt_loader_rows(l, s)) {
        struct pelt_event_row *row =
            pelt_loader_append(l, &l->r->events, l->r->events_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->events_len++;
        row->t_s = sqlite3_column_double(s, 0);
        row->kind = pelt_loader_text(l, s, 1);
        row->text = pelt_loader_text(l, s, 2);
    }
    sqlite3_finalize(s);
}

/* Before version 4 of the schema there were none. */
static void load_stages(struct pelt_loader *l)
{
    if (l->d->version < 4) {
        return;
    }
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT from_s, to_s, level_from, level_to, exponential,"
                                           " span, part, load FROM stage ORDER BY id");
    while (pelt_loader_rows(l, s)) {
        struct pelt_stage_row *row =
            pelt_loader_append(l, &l->r->stages, l->r->stages_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->stages_len++;
        row->from_s = sqlite3_column_double(s, 0);
        row->to_s = sqlite3_column_double(s, 1);
        row->from = sqlite3_column_double(s, 2);
        row->to = sqlite3_column_double(s, 3);
        row->exponential = pelt_column(s, 4) != 0;
        row->span = (unsigned)pelt_column(s, 5);
        snprintf(row->part, sizeof row->part, "%s", pelt_column_text(s, 6));
        snprintf(row->load, sizeof row->load, "%s", pelt_column_text(s, 7));
    }
    sqlite3_finalize(s);
}

static bool find_judgement(const char *name, enum pelt_step_judgement *out)
{
    for (int j = PELT_STEP_UNJUDGED; j <= PELT_STEP_BREAKS; j++) {
        if (strcmp(pelt_step_judgement_name(j), name) == 0) {
            *out = j;
            return true;
        }
    }
    return false;
}

/* Files of before the table was there have none; in those of before it told which seconds were
 * judged, it has no such columns. */
static bool step_has(struct pelt_loader *l, const char *query)
{
    sqlite3_stmt *s = pelt_loader_query(l, query);
    bool has = pelt_loader_rows(l, s);
    sqlite3_finalize(s);
    return has;
}

static void load_steps(struct pelt_loader *l)
{
    if (!step_has(l, "SELECT 1 FROM pragma_table_info('step')")) {
        return;
    }
    bool timed = step_has(l, "SELECT 1 FROM pragma_table_info('step') WHERE name = 'to_s'");
    sqlite3_stmt *s = pelt_loader_query(
        l, timed ? "SELECT t_s, number, judgement, slo, reason, from_s, to_s FROM step ORDER BY id"
                 : "SELECT t_s, number, judgement, slo, reason, 0.0, 0.0 FROM step ORDER BY id");
    while (pelt_loader_rows(l, s)) {
        struct pelt_step_row *row =
            pelt_loader_append(l, &l->r->steps, l->r->steps_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->steps_len++;
        row->t_s = sqlite3_column_double(s, 0);
        row->number = (unsigned)pelt_column(s, 1);
        snprintf(row->slo, sizeof row->slo, "%s", pelt_column_text(s, 3));
        snprintf(row->reason, sizeof row->reason, "%s", pelt_column_text(s, 4));
        row->from_s = sqlite3_column_double(s, 5);
        row->to_s = sqlite3_column_double(s, 6);
        if (!find_judgement(pelt_column_text(s, 2), &row->judgement)) {
            pelt_loader_damaged(l, "step");
        }
    }
    sqlite3_finalize(s);
}

static bool find_unit(const char *name, enum pelt_unit *out)
{
    for (int unit = PELT_UNIT_MS; unit <= PELT_UNIT_NUMBER; unit++) {
        if (strcmp(pelt_unit_name(unit), name) == 0) {
            *out = unit;
            return true;
        }
    }
    return false;
}

static bool find_level(const char *name, enum pelt_level *out)
{
    for (int level = PELT_LEVEL_TARGET; level <= PELT_LEVEL_UNJUDGED; level++) {
        if (strcmp(pelt_level_name(level), name) == 0) {
            *out = level;
            return true;
        }
    }
    return false;
}

static void read_threshold(struct pelt_loader *l, sqlite3_stmt *s, struct pelt_threshold_row *row)
{
    struct pelt_threshold *t = &row->threshold;
    snprintf(t->metric, sizeof t->metric, "%s", pelt_column_text(s, 0));
    snprintf(t->name, sizeof t->name, "%s", pelt_column_text(s, 1));
    snprintf(t->stat, sizeof t->stat, "%s", pelt_column_text(s, 2));
    t->lower_is_better = pelt_column(s, 4) != 0;
    t->single = pelt_column(s, 5) != 0;
    t->target = pelt_column_real(s, 6);
    t->warning = pelt_column_real(s, 7);
    t->critical = pelt_column_real(s, 8);
    row->judged = sqlite3_column_type(s, 9) != SQLITE_NULL;
    row->line.has_value = sqlite3_column_type(s, 10) != SQLITE_NULL;
    row->line.value = row->line.has_value ? sqlite3_column_double(s, 10) : 0;
    row->line.needs = pelt_column(s, 11);
    snprintf(row->line.why, sizeof row->line.why, "%s", pelt_column_text(s, 12));
    t->limit_ms = sqlite3_column_double(s, 13);
    t->over_s = (uint32_t)pelt_column(s, 14);
    t->for_s = (uint32_t)pelt_column(s, 15);
    t->trend = pelt_column(s, 16) != 0;
    t->abort = pelt_column(s, 17) != 0;
    t->delay_s = (uint32_t)pelt_column(s, 18);
    row->line.from_s = sqlite3_column_int(s, 19);
    row->line.to_s = sqlite3_column_int(s, 20);
    row->line.aborted = pelt_column(s, 21) != 0;
    if (t->over_s > PELT_THRESHOLD_SPAN_MAX_S || t->for_s > PELT_THRESHOLD_SPAN_MAX_S) {
        pelt_loader_damaged(l, "threshold");
    }
    if (!find_unit(pelt_column_text(s, 3), &t->unit) ||
        (row->judged && !find_level(pelt_column_text(s, 9), &row->line.level))) {
        pelt_loader_damaged(l, "threshold");
    }
}

/* Before version 4 of the schema they looked at nothing but the sum. */
static const char *thresholds_sql(const struct pelt_loader *l)
{
#define THRESHOLDS(more)                                                                           \
    "SELECT metric, name, stat, unit, lower_is_better, single, target, warning, critical, level,"  \
    " value, needs, why, " more " FROM threshold ORDER BY id"
    return l->d->version < 4 ? THRESHOLDS("0, 0, 0, 0, 0, 0, 0, 0, 0")
                             : THRESHOLDS("limit_ms, over_s, for_s, trend, abort, delay_s, from_s,"
                                          " to_s, aborted");
#undef THRESHOLDS
}

static void load_thresholds(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, thresholds_sql(l));
    while (pelt_loader_rows(l, s)) {
        struct pelt_threshold_row *row =
            pelt_loader_append(l, &l->r->thresholds, l->r->thresholds_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->thresholds_len++;
        read_threshold(l, s, row);
    }
    sqlite3_finalize(s);
}

static char **load_reasons(struct pelt_loader *l, const char *scope)
{
    char **reasons = NULL;
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT text FROM reason WHERE scope = ?1 ORDER BY id");
    const struct pelt_cell key = PELT_TEXT(scope);
    if (s != NULL) {
        pelt_statement_bind(s, &key, 1);
    }
    while (pelt_loader_rows(l, s)) {
        pelt_loader_append_text(l, &reasons, pelt_column_text(s, 0));
    }
    sqlite3_finalize(s);
    return reasons;
}

static void load_verdict(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT status, exit_code FROM verdict");
    if (pelt_loader_rows(l, s)) {
        const char *status = pelt_column_text(s, 0);
        enum pelt_verdict v = PELT_VALID;
        while (v < PELT_INVALID && strcmp(status, pelt_verdict_name(v)) != 0) {
            v++;
        }
        l->r->finished = true;
        l->r->verdict = v; /* an unknown word counts as the worst */
        l->r->exit_code = sqlite3_column_int(s, 1);
    }
    sqlite3_finalize(s);
    if (l->r->finished) {
        l->r->verdict_reasons = load_reasons(l, "verdict");
        l->r->exit_reasons = load_reasons(l, "exit");
    }
}

void pelt_load_end(struct pelt_loader *l)
{
    load_events(l);
    load_stages(l);
    load_steps(l);
    load_thresholds(l);
    load_verdict(l);
    pelt_load_alerts(l);
}
