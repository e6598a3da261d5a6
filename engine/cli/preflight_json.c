/*
 * preflight_json: see preflight.h. A figure that is unknown or without limit is null.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "preflight.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *each(uint64_t amount, uint64_t n)
{
    return n > 0 ? json_real((double)amount / (double)n) : json_null();
}

static json_t *arrivals(const struct pelt_ontime *o)
{
    json_t *list = json_array();
    for (size_t i = 0; i < o->steps; i++) {
        json_t *step = json_object();
        json_object_set_new(step, "per_s", number(o->step[i].per_s));
        json_object_set_new(step, "cpu_share", number(o->step[i].cpu_share));
        json_array_append_new(list, step);
    }
    return list;
}

static json_t *measured(const struct pelt_measured *m)
{
    json_t *o = json_object();
    json_object_set_new(o, "seconds", number(m->seconds));
    json_object_set_new(o, "users", count(m->users));
    json_object_set_new(o, "iterations", count(m->iterations));
    json_object_set_new(o, "requests", count(m->requests));
    json_object_set_new(o, "cpu_s", number((double)m->cpu_ns / 1e9));
    json_object_set_new(o, "cpu_us_per_iteration", each(m->cpu_ns / 1000, m->iterations));
    json_object_set_new(o, "cpu_us_per_request", each(m->cpu_ns / 1000, m->requests));
    json_object_set_new(o, "requests_per_iteration", each(m->requests, m->iterations));
    json_object_set_new(o, "connections_per_iteration", each(m->connects, m->iterations));
    json_object_set_new(o, "bytes_sent_per_request", each(m->bytes_sent, m->requests));
    json_object_set_new(o, "bytes_received_per_request", each(m->bytes_received, m->requests));
    json_object_set_new(o, "pause_s_per_iteration", number(m->pause_s));
    json_object_set_new(o, "memory_bytes_per_user",
                        m->bytes_a_user > 0 ? number(m->bytes_a_user) : json_null());
    json_object_set_new(o, "descriptors_per_user",
                        m->users_more > 0 ? number(m->fds_a_user) : json_null());
    json_object_set_new(o, "arrivals", arrivals(&m->ontime));
    json_object_set_new(o, "errors", count(m->errors));
    json_object_set_new(o, "script_errors", count(m->script_errors));
    json_object_set_new(o, "server_requests", count(m->server_requests));
    json_object_set_new(o, "server_cpu_share", number(m->server_share));
    return o;
}

static json_t *limit(const struct cli_preflight *p, enum pelt_limit which)
{
    const struct pelt_limits *l = p->limits;
    const struct pelt_allowed *a = &p->forecast->allowed[which];
    const double has[PELT_LIMITS] = {l->cores, (double)l->fds, pelt_limits_ports(l),
                                     l->memory_bytes > 0 ? (double)l->memory_bytes : INFINITY,
                                     a->users};
    static const char *const units[PELT_LIMITS] = {"cores", "descriptors", "ports", "bytes",
                                                   "users"};
    json_t *o = json_object();
    json_object_set_new(o, "limit", json_string(pelt_limit_name(which)));
    json_object_set_new(o, "has", number(has[which]));
    json_object_set_new(o, "unit", json_string(units[which]));
    json_object_set_new(o, "users", number(a->users));
    json_object_set_new(o, "iterations_per_s", number(a->iterations_per_s));
    json_object_set_new(o, "times_plan", number(a->times));
    return o;
}

static json_t *forecast(const struct cli_preflight *p)
{
    const struct pelt_forecast *f = p->forecast;
    char plan[1024];
    json_t *o = json_object();
    pelt_plan_describe(p->plan, plan, sizeof plan);
    json_object_set_new(o, "threads", count(f->threads));
    json_object_set_new(o, "iterations_per_s",
                        p->measured->iterations > 0 ? number(f->iterations_per_s) : json_null());
    json_object_set_new(o, "requests_per_s", number(f->requests_per_s));
    json_object_set_new(o, "on_time_per_s",
                        p->measured->ontime.steps > 0 ? number(f->on_time_per_s) : json_null());
    json_object_set_new(o, "plan", json_string(plan));
    json_object_set_new(o, "plan_users", number(f->users));
    json_object_set_new(o, "plan_iterations_per_s", number(f->plan_iterations_per_s));
    json_object_set_new(o, "plan_cpu_share", number(f->cpu_share));
    return o;
}

json_t *cli_preflight_json(const struct cli_preflight *p)
{
    char verdict[512];
    json_t *limits = json_array();
    json_t *o = json_object();
    cli_preflight_verdict(p, verdict, sizeof verdict);
    for (int i = 0; i < PELT_LIMITS; i++) {
        json_array_append_new(limits, limit(p, (enum pelt_limit)i));
    }
    json_object_set_new(o, "schema", json_string("pelt-preflight/1"));
    json_object_set_new(o, "pelt", json_string(PELT_VERSION));
    json_object_set_new(o, "scenario", json_string(p->scenario->name));
    json_object_set_new(o, "measured", measured(p->measured));
    json_object_set_new(o, "forecast", forecast(p));
    json_object_set_new(o, "without_tls", json_boolean(p->without_tls));
    json_object_set_new(o, "limits", limits);
    json_object_set_new(o, "first_limit", json_string(pelt_limit_name(p->forecast->first)));
    json_object_set_new(o, "fits", json_boolean(p->forecast->fits));
    json_object_set_new(o, "text", json_string(verdict));
    return o;
}
