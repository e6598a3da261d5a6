/*
 * compare_json: a comparison (pelt-compare/1), or a history (pelt-history/1):
 * docs/compare.schema.json. Values are in full, so that what was judged can be judged again; what
 * is not to be had is null.
 */
#include <jansson.h>
#include <math.h>

#include "compare_formats.h"
#include "json.h"

#define DUMP_FLAGS (JSON_INDENT(1) | JSON_REAL_PRECISION(12))

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *text(const char *value)
{
    return report_json_text(value);
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *pelt_itself(void)
{
    return json_pack("{s:s}", "version", PELT_VERSION);
}

static json_t *run(const struct pelt_digest *d)
{
    json_t *o = json_object();
    json_object_set_new(o, "path", text(d->path));
    json_object_set_new(o, "id", text(pelt_digest_meta(d, "run_id")));
    json_object_set_new(o, "start_s", number(d->start_s));
    json_object_set_new(o, "duration_s", number(d->duration_s));
    json_object_set_new(o, "verdict", text(pelt_verdict_name(d->verdict)));
    json_object_set_new(o, "finished", json_boolean(d->finished));
    json_object_set_new(o, "from_s", json_integer(d->from));
    json_object_set_new(o, "to_s", json_integer(d->to));
    json_object_set_new(o, "seconds", json_integer(d->seconds));
    json_object_set_new(o, "steady", json_boolean(d->steady));
    return o;
}

static json_t *runs(const struct pelt_digest *const *list, size_t len)
{
    json_t *array = json_array();
    for (size_t i = 0; i < len; i++) {
        json_array_append_new(array, run(list[i]));
    }
    return array;
}

static json_t *result(const struct pelt_comparison *c)
{
    json_t *o = json_object();
    json_object_set_new(o, "exit_code", json_integer(report_compare_exit_code(c)));
    for (int v = 0; v < PELT_COMPARED_VERDICTS; v++) {
        json_object_set_new(o, pelt_comparison_verdict_name(v), count(c->counts[v]));
    }
    return o;
}

static json_t *method(const struct pelt_comparison *c)
{
    json_t *o = json_object();
    json_object_set_new(o, "between_runs", json_boolean(c->between_runs));
    json_object_set_new(o, "effect_share", number(c->options.effect.share));
    json_object_set_new(o, "effect_ms", number(c->options.effect.time_us / 1e3));
    json_object_set_new(o, "family", number(c->options.family));
    json_object_set_new(o, "confidence", number(c->options.confidence));
    json_object_set_new(o, "tests", count(c->tests));
    return o;
}

static json_t *differences(const struct pelt_comparison *c)
{
    json_t *array = json_array();
    for (size_t i = 0; i < c->differences_len; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "what", text(c->differences[i].what));
        json_object_set_new(o, "base", text(c->differences[i].base));
        json_object_set_new(o, "new", text(c->differences[i].now));
        json_array_append_new(array, o);
    }
    return array;
}

static json_t *notes(const struct pelt_comparison *c)
{
    json_t *array = json_array();
    for (char **n = c->notes; n != NULL && *n != NULL; n++) {
        json_array_append_new(array, text(*n));
    }
    return array;
}

static const char *change_unit(enum pelt_change_unit unit)
{
    return unit == PELT_CHANGE_SHARE ? "share" : "relative";
}

static json_t *figure(const struct pelt_comparison *c, const struct pelt_compared *f)
{
    const struct pelt_compared_series *s = &c->series[f->series];
    json_t *o = json_object();
    json_object_set_new(o, "kind", text(pelt_digest_kind_name(s->kind)));
    json_object_set_new(o, "name", text(s->name));
    json_object_set_new(o, "figure", text(f->figure));
    json_object_set_new(o, "unit", text(f->unit));
    json_object_set_new(o, "base", number(f->base));
    json_object_set_new(o, "new", number(f->now));
    json_object_set_new(o, "change_unit", text(change_unit(f->change_unit)));
    json_object_set_new(o, "change", number(f->change));
    json_object_set_new(o, "low", number(f->low));
    json_object_set_new(o, "high", number(f->high));
    json_object_set_new(o, "p", number(f->p));
    json_object_set_new(o, "verdict", text(pelt_comparison_verdict_name(f->verdict)));
    json_object_set_new(o, "small", json_boolean(f->small));
    json_object_set_new(o, "needs_s", number(f->needs_s));
    json_object_set_new(o, "needs_samples", number(f->needs_samples));
    json_object_set_new(o, "needs_runs", number(f->needs_runs));
    json_object_set_new(o, "why", f->why[0] != '\0' ? text(f->why) : json_null());
    return o;
}

static json_t *shift(const struct pelt_compared_series *s)
{
    json_t *o = json_object(), *deciles = json_array();
    json_object_set_new(o, "kind", text(pelt_digest_kind_name(s->kind)));
    json_object_set_new(o, "name", text(s->name));
    json_object_set_new(o, "unit", text(s->unit));
    json_object_set_new(o, "base_count", count(s->base_count));
    json_object_set_new(o, "new_count", count(s->now_count));
    json_object_set_new(o, "ks", number(s->shift.distance));
    json_object_set_new(o, "ks_at", number((double)s->shift.at_us / s->scale));
    for (int i = 0; i < PELT_SHIFT_DECILES; i++) {
        json_array_append_new(deciles, json_pack("{s:i,s:f,s:f}", "percent", 10 * (i + 1), "base",
                                                 (double)s->shift.base_us[i] / s->scale, "new",
                                                 (double)s->shift.more_us[i] / s->scale));
    }
    json_object_set_new(o, "deciles", deciles);
    return o;
}

static enum pelt_status dump(json_t *o, FILE *out)
{
    bool ok = o != NULL && json_dumpf(o, out, DUMP_FLAGS) == 0;
    json_decref(o);
    fputc('\n', out);
    return ok || ferror(out) ? PELT_OK : PELT_ENOMEM; /* what cannot be written is told elsewhere */
}

enum pelt_status report_compare_json(const struct pelt_comparison *c, FILE *out)
{
    json_t *o = json_object(), *figures = json_array(), *shifts = json_array();
    for (size_t i = 0; i < c->figures_len; i++) {
        json_array_append_new(figures, figure(c, &c->figures[i]));
    }
    for (size_t i = 0; i < c->series_len; i++) {
        if (c->series[i].has_shift) {
            json_array_append_new(shifts, shift(&c->series[i]));
        }
    }
    json_object_set_new(o, "schema", json_string("pelt-compare/1"));
    json_object_set_new(o, "pelt", pelt_itself());
    json_object_set_new(o, "result", result(c));
    json_object_set_new(o, "method", method(c));
    json_object_set_new(o, "base", runs(c->base, c->base_len));
    json_object_set_new(o, "new", runs(c->now, c->now_len));
    json_object_set_new(o, "plan_differences", differences(c));
    json_object_set_new(o, "notes", notes(c));
    json_object_set_new(o, "figures", figures);
    json_object_set_new(o, "shifts", shifts);
    return dump(o, out);
}

/* ---- history ---- */

static json_t *change(const struct pelt_history_change *ch)
{
    json_t *o = json_object();
    json_object_set_new(o, "kind", text(pelt_digest_kind_name(ch->kind)));
    json_object_set_new(o, "name", text(ch->name));
    json_object_set_new(o, "figure", text(ch->figure));
    json_object_set_new(o, "unit", text(ch->unit));
    json_object_set_new(o, "from", number(ch->from));
    json_object_set_new(o, "to", number(ch->to));
    json_object_set_new(o, "change_unit", text(change_unit(ch->change_unit)));
    json_object_set_new(o, "change", number(ch->change));
    json_object_set_new(o, "p", number(ch->p));
    json_object_set_new(o, "verdict",
                        !ch->known ? json_null() : json_string(ch->worse ? "worse" : "better"));
    json_object_set_new(o, "last_before", text(ch->last->path));
    json_object_set_new(o, "first_after", text(ch->first->path));
    json_object_set_new(o, "runs_before", count(ch->before));
    json_object_set_new(o, "runs_after", count(ch->after));
    return o;
}

static json_t *plan(const struct pelt_history_plan *p)
{
    json_t *o = json_object(), *changes = json_array();
    for (size_t i = 0; i < p->changes_len; i++) {
        json_array_append_new(changes, change(&p->changes[i]));
    }
    json_object_set_new(o, "scenario", text(pelt_digest_meta(p->runs[0], "scenario")));
    json_object_set_new(o, "plan", text(pelt_digest_meta(p->runs[0], "plan")));
    json_object_set_new(o, "runs", runs(p->runs, p->len));
    json_object_set_new(o, "changes", changes);
    return o;
}

enum pelt_status report_history_json(const struct pelt_history *h, FILE *out)
{
    json_t *o = json_object(), *plans = json_array();
    for (size_t i = 0; i < h->len; i++) {
        json_array_append_new(plans, plan(&h->plans[i]));
    }
    json_object_set_new(o, "schema", json_string("pelt-history/1"));
    json_object_set_new(o, "pelt", pelt_itself());
    json_object_set_new(o, "left_out", count(h->left_out));
    json_object_set_new(o, "plans", plans);
    return dump(o, out);
}
