/*
 * load: see the header.
 */
#include "load.h"

#include "pelt/clock.h"
#include "pelt/units.h"

#define BENCH_CONNECTIONS 10
#define BENCH_DURATION_NS (10 * PELT_NS_PER_S)

static bool is_flat(const struct pelt_plan *plan)
{
    for (size_t i = 0; i < plan->stages_len; i++) {
        if (plan->stages[i].from != plan->stages[0].from ||
            plan->stages[i].to != plan->stages[0].from) {
            return false;
        }
    }
    return !plan->live;
}

/* One stage, or two with a ramp before it, of `length_ns` together; an endless plan stays so. */
static enum pelt_status make_stages(struct pelt_plan *plan, const struct cli_ramp *ramp,
                                    double level, uint64_t length_ns, struct pelt_error *err)
{
    double climb_ns = ramp->per_s > 0 ? level / ramp->per_s * 1e9 : (double)ramp->duration_ns;
    if (climb_ns > (double)length_ns && !plan->endless) {
        char climb[32], length[32];
        pelt_format_duration((uint64_t)climb_ns, climb, sizeof climb);
        pelt_format_duration(length_ns, length, sizeof length);
        return pelt_fail(
            err, PELT_EINVAL,
            "--ramp takes %s to reach %g, longer than the whole load of %s: --duration %s", climb,
            level, length, climb);
    }
    uint64_t ramp_ns = (uint64_t)climb_ns;
    enum pelt_status status = PELT_OK;
    plan->stages_len = 0;
    if (ramp_ns > 0) {
        status = pelt_plan_add(plan, ramp_ns, 0, level);
    }
    if (status == PELT_OK && plan->endless) {
        status = pelt_plan_add_endless(plan, level);
    } else if (status == PELT_OK && length_ns > ramp_ns) {
        status = pelt_plan_add(plan, length_ns - ramp_ns, level, level);
    }
    return status != PELT_OK ? pelt_fail(err, status, "out of memory") : PELT_OK;
}

static enum pelt_status make(const struct cli_options *o, struct pelt_plan *plan,
                             struct pelt_error *err)
{
    if (o->users == 0 && o->rate_per_s <= 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s has no load: give it one (load = pelt.load.sustained { ... }), or "
                         "--users 20 --duration 30s, "
                         "or --rate 100/s --duration 30s",
                         o->operand);
    }
    if (o->duration_ns == 0 && o->iterations == 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s has no load, so its length is missing: add --duration 30s, or "
                         "--iterations 1000",
                         o->operand);
    }
    bool open = o->rate_per_s > 0;
    pelt_plan_init(plan, open ? PELT_LOOP_OPEN : PELT_LOOP_CLOSED);
    plan->endless = o->duration_ns == 0;
    return make_stages(plan, &o->ramp, open ? o->rate_per_s : (double)o->users, o->duration_ns,
                       err);
}

/* The option that asks for a level, or a shape, where the load has none that it could be; NULL:
 * none. */
static const char *misplaced(const struct cli_options *o, const struct pelt_plan *plan)
{
    const bool mix = plan->parts_len > 0;
    return o->rate_per_s > 0                              ? "--rate"
           : mix && o->users > 0                          ? "--users"
           : mix && o->iterations > 0                     ? "--iterations"
           : o->has_arrivals                              ? "--arrivals"
           : o->gamma_shape > 0                           ? "--arrivals"
           : o->ramp.per_s > 0 || o->ramp.duration_ns > 0 ? "--ramp"
                                                          : NULL;
}

/* Several loads, and times of a trace, have no one level that an option could set. */
static enum pelt_status check_fixed(const struct cli_options *o, const struct pelt_plan *plan,
                                    struct pelt_error *err)
{
    const char *option = misplaced(o, plan);
    if (option != NULL && plan->parts_len > 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: %s has %zu loads side by side: say it in that of them which you mean "
                         "(pelt.load.mix), or give --duration",
                         option, o->operand, plan->parts_len);
    }
    if (option != NULL && plan->replay.len > 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: the load of %s is a trace with times of its own: say how fast it is "
                         "replayed (speed = 2 in pelt.load.replay), or give --duration",
                         option, o->operand);
    }
    return PELT_OK;
}

/* The scenario's shape is kept; its largest level and its length become what was asked for. */
static enum pelt_status scale(const struct cli_options *o, struct pelt_plan *plan,
                              struct pelt_error *err)
{
    bool open = plan->loop == PELT_LOOP_OPEN;
    enum pelt_status status = check_fixed(o, plan, err);
    if (status != PELT_OK) {
        return status;
    }
    if (!open && o->rate_per_s > 0) {
        char text[128];
        pelt_plan_describe(plan, text, sizeof text);
        return pelt_fail(err, PELT_EINVAL,
                         "--rate: the load of %s is a number of users (%s), so --users N",
                         o->operand, text);
    }
    if (o->rate_per_s > 0) {
        pelt_plan_scale_peak(plan, o->rate_per_s);
    } else if (!open && o->users > 0) {
        pelt_plan_scale_peak(plan, (double)o->users);
    }
    if (o->duration_ns > 0) {
        pelt_plan_scale_length(plan, o->duration_ns);
    }
    if (o->ramp.per_s <= 0 && o->ramp.duration_ns == 0) {
        return PELT_OK;
    }
    if (!is_flat(plan)) {
        return pelt_fail(err, PELT_EINVAL,
                         "--ramp: the load of %s has a shape of its own; leave --ramp out",
                         o->operand);
    }
    return make_stages(plan, &o->ramp, pelt_plan_peak(plan), pelt_plan_length_ns(plan), err);
}

/* What is no matter of levels and lengths. */
static enum pelt_status refine(const struct cli_options *o, struct pelt_plan *plan,
                               struct pelt_error *err)
{
    bool open = plan->loop == PELT_LOOP_OPEN;
    if (o->has_arrivals && !open) {
        return pelt_fail(
            err, PELT_EINVAL,
            "--arrivals: users do not arrive, they come back; with --rate N/s they would");
    }
    if (o->has_arrivals) {
        plan->arrivals = o->arrivals;
    }
    if (o->gamma_shape > 0) {
        plan->gamma_shape = o->gamma_shape;
    }
    if (open && o->users > 0) {
        plan->users_max = o->users;
    }
    if (o->iterations > 0) {
        plan->iterations = o->iterations;
    }
    if (o->grace_ns != PELT_NEVER) {
        plan->grace_ns = o->grace_ns; /* of a mix: it is the run's */
    }
    return pelt_plan_validate(plan, err);
}

/* Why this load cannot have a warm-up put before it; NULL: it can. */
static const char *why_no_warmup(const struct pelt_plan *plan)
{
    return plan->parts_len > 0 ? "it has several loads side by side: give one of them a later start"
           : plan->kind[0] != '\0' || plan->live
               ? "a load of its kind says itself what counts (warmup, ramp)"
           : plan->endless || plan->iterations > 0 || plan->iterations_per_user > 0
               ? "it ends by iterations, which a warm-up would use up: --duration instead"
           : plan->stages[0].from <= 0 ? "it begins at 0 and climbs: its first stages are its "
                                         "warm-up; pelt report --from T "
                                         "leaves them out"
                                       : NULL;
}

static enum pelt_status warm_up(const struct cli_options *o, struct pelt_plan *plan,
                                struct pelt_error *err)
{
    const char *why = o->warmup_ns > 0 ? why_no_warmup(plan) : NULL;
    if (why != NULL) {
        return pelt_fail(err, PELT_EINVAL, "--warmup: not before the load of %s: %s", o->operand,
                         why);
    }
    if (o->warmup_ns > 0 && pelt_plan_warm_up(plan, o->warmup_ns) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return PELT_OK;
}

enum pelt_status cli_load_settle(const struct cli_options *o, const struct pelt_plan *own,
                                 struct pelt_plan *out, struct pelt_error *err)
{
    *out = (struct pelt_plan){0};
    enum pelt_status status;
    if (own == NULL) {
        status = make(o, out, err);
    } else {
        status = pelt_plan_copy(out, own);
        status = status == PELT_OK ? scale(o, out, err) : pelt_fail(err, status, "out of memory");
    }
    if (status == PELT_OK) {
        status = refine(o, out, err);
    }
    if (status == PELT_OK) {
        status = warm_up(o, out, err);
    }
    if (status != PELT_OK) {
        pelt_plan_deinit(out);
    }
    return status;
}

enum pelt_status cli_load_bench(const struct cli_options *o, struct pelt_plan *out,
                                struct pelt_error *err)
{
    struct cli_options filled = *o;
    if (o->users > 0 && o->connections > 0 && o->users != o->connections) {
        return pelt_fail(
            err, PELT_EINVAL,
            "--users and --connections are the same thing in pelt bench: give one of them");
    }
    if (o->pipeline > 1 && o->rate_per_s > 0) {
        return pelt_fail(
            err, PELT_EINVAL,
            "--pipeline %llu: with --rate a request is sent when it is due, not behind "
            "another: leave out --pipeline, or --rate for a closed loop",
            (unsigned long long)o->pipeline);
    }
    filled.users = o->connections > 0 ? o->connections : o->users;
    if (filled.users == 0 && filled.rate_per_s <= 0) {
        filled.users = BENCH_CONNECTIONS;
    }
    if (filled.duration_ns == 0 && filled.iterations == 0) {
        filled.duration_ns = BENCH_DURATION_NS;
    }
    enum pelt_status status = cli_load_settle(&filled, NULL, out, err);
    out->in_flight = (uint32_t)(o->pipeline > 0 ? o->pipeline : o->rate_per_s > 0 ? 0 : o->streams);
    return status;
}
