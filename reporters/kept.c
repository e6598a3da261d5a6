/*
 * kept: see the header.
 */
#include "kept.h"

#include "figures.h"
#include "json.h"

static json_t *ms(bool known, uint64_t ns)
{
    return known ? json_real(report_round3((double)ns / 1e6)) : json_null();
}

static json_t *s(bool known, uint64_t ns)
{
    return known ? json_real(report_round3((double)ns / 1e9)) : json_null();
}

static json_t *number(bool known, uint64_t value)
{
    return known ? json_integer((json_int_t)value) : json_null();
}

json_t *report_kept_json(const struct pelt_results *r, const struct pelt_kept *k)
{
    const uint64_t first_ns = pelt_kept_first_ns(k);
    json_t *o = json_object(), *phases = json_object();
    for (int p = 0; p < PELT_KEPT_PHASES; p++) {
        json_object_set_new(phases, pelt_kept_phase_name(p),
                            ms(k->phase_ns[p] != UINT64_MAX, k->phase_ns[p]));
    }
    json_object_set_new(
        o, "name", report_json_text(pelt_registry_name(r->names, PELT_NAME_REQUEST, k->series)));
    json_object_set_new(o, "outcome", report_json_text(pelt_outcome_name(k->outcome)));
    json_object_set_new(o, "status", number(k->status > 0, k->status));
    json_object_set_new(o, "trace_id", report_json_text(k->id[0] != '\0' ? k->id : NULL));
    json_object_set_new(o, "due_s", s(true, pelt_kept_due_ns(k)));
    json_object_set_new(o, "sent_s", s(k->sent, pelt_kept_sent_ns(k)));
    json_object_set_new(o, "first_byte_s", s(first_ns > 0, first_ns));
    json_object_set_new(o, "done_s", s(true, k->done_ns));
    json_object_set_new(o, "response_ms", ms(true, k->response_ns));
    json_object_set_new(o, "service_ms", ms(k->sent, k->service_ns));
    json_object_set_new(o, "phases_ms", phases);
    json_object_set_new(o, "bytes_sent", number(true, k->bytes_sent));
    json_object_set_new(o, "bytes_received", number(true, k->bytes_received));
    json_object_set_new(o, "user", number(k->has_user, k->user));
    json_object_set_new(o, "iteration", number(k->has_user, k->iteration));
    json_object_set_new(o, "thread", number(true, k->thread));
    return o;
}
