/*
 * preflight_text: see preflight.h.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "pelt/log.h"
#include "pelt/units.h"
#include "preflight.h"

#define COLUMN "%-11s"

/* ---- numbers ---- */

static double three_digits(double value)
{
    const double scale = pow(10, floor(log10(value)) - 2);
    return round(value / scale) * scale;
}

static void with_commas(uint64_t value, char *out, size_t size)
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    size_t at = 0;
    for (int i = 0; i < len && at + 2 < size; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

void cli_preflight_number(double value, bool estimate, char *out, size_t size)
{
    if (isinf(value)) {
        snprintf(out, size, "any number");
        return;
    }
    const double shown = estimate && value > 0 ? three_digits(value) : value;
    if (estimate && shown >= 1e9) {
        snprintf(out, size, "%.3g billion", shown / 1e9);
    } else if (estimate && shown >= 1e6) {
        snprintf(out, size, "%.3g million", shown / 1e6);
    } else if (shown >= 100 || shown == floor(shown)) {
        with_commas((uint64_t)shown, out, size);
    } else {
        snprintf(out, size, "%.3g", shown);
    }
}

struct number { /* a printed one */
    char text[32];
};

static struct number estimate(double value)
{
    struct number n;
    cli_preflight_number(value, true, n.text, sizeof n.text);
    return n;
}

static struct number exact(double value)
{
    struct number n;
    cli_preflight_number(value, false, n.text, sizeof n.text);
    return n;
}

static struct number bytes(double value)
{
    struct number n;
    pelt_format_bytes((uint64_t)(value + 0.5), n.text, sizeof n.text);
    return n;
}

/* "28.1% of the CPU", "13.3 times the CPU" */
static struct number of_cpu(double share)
{
    struct number n;
    snprintf(n.text, sizeof n.text, share > 1 ? "%.3g times the CPU" : "%.3g%% of the CPU",
             share > 1 ? share : 100 * share);
    return n;
}

/* By what `n` shows as with three digits. */
static const char *plural(double n)
{
    return fabs(n - 1) < 0.005 ? "" : "s";
}

/* ---- parts ---- */

static void print_measured(const struct pelt_measured *m, FILE *out)
{
    const double cpu_us = (double)m->cpu_ns / 1e3;
    fprintf(out, COLUMN "%s user%s on 1 thread for %.3g s", "measured",
            exact((double)m->users).text, plural((double)m->users), m->seconds);
    if (m->iterations > 0) {
        fprintf(out, ": %s us of CPU an iteration", estimate(cpu_us / (double)m->iterations).text);
    } else {
        fputs(": no iteration came to its end", out);
    }
    if (m->requests > 0) {
        fprintf(out, ", %s us a request", estimate(cpu_us / (double)m->requests).text);
    }
    fputc('\n', out);
    if (m->requests > 0) {
        fprintf(out, COLUMN "%.3g bytes sent and %.3g received a request", "",
                (double)m->bytes_sent / (double)m->requests,
                (double)m->bytes_received / (double)m->requests);
        if (m->iterations > 0) {
            const double requests = (double)m->requests / (double)m->iterations;
            fprintf(out, "; %.3g request%s, %.3g new connections an iteration", requests,
                    plural(requests), (double)m->connects / (double)m->iterations);
        }
        fputc('\n', out);
    }
    if (m->users_more > 0) {
        fprintf(out, COLUMN "%s of memory and %.3g descriptor%s a user (from %s more of them)\n",
                "", m->bytes_a_user > 0 ? bytes(m->bytes_a_user).text : "too little", m->fds_a_user,
                plural(m->fds_a_user), exact((double)m->users_more).text);
    }
    if (m->server_share > 0) {
        fprintf(out, COLUMN "%.3g%% of a core by that thread, %.3g%% of one by the null server\n",
                "", cpu_us / 1e4 / m->seconds, 100 * m->server_share);
    }
    if (m->pause_s > 0) {
        fprintf(out, COLUMN "%.3g s of pauses an iteration, which were skipped\n", "", m->pause_s);
    }
}

/* What may make a reader doubt the figures. */
static void print_doubts(const struct cli_preflight *p, FILE *out)
{
    const struct pelt_measured *m = p->measured;
    if (m->script_errors > 0) {
        fprintf(out, COLUMN "with %s script error%s: %s\n", "",
                exact((double)m->script_errors).text, plural((double)m->script_errors),
                m->script_error);
    }
    if (m->errors > 0) {
        fprintf(out, COLUMN "with %s request%s that did not end ok\n", "",
                exact((double)m->errors).text, plural((double)m->errors));
    }
    if (p->without_tls) {
        fprintf(out,
                COLUMN "https was spoken as http: the CPU time of TLS is not in these figures\n",
                "");
    }
    if (p->limits->cores < 2) {
        fprintf(out,
                COLUMN "pelt and the null server shared a core: the CPU time is pelt's alone\n",
                "");
    }
}

static void print_allowed(const struct cli_preflight *p, enum pelt_limit limit, FILE *out)
{
    const struct pelt_limits *l = p->limits;
    const struct pelt_forecast *f = p->forecast;
    const struct pelt_allowed *a = &f->allowed[limit];
    char has[80] = "";
    switch (limit) {
    case PELT_LIMIT_USERS:
        if (isinf(a->users)) {
            return; /* a closed loop has as many as it asks for */
        }
        snprintf(has, sizeof has, "%s%.60s", f->pool_of[0] != '\0' ? "of the load " : "of the plan",
                 f->pool_of);
        break;
    case PELT_LIMIT_CPU:
        snprintf(has, sizeof has, "%.3g core%s, %u thread%s", l->cores, plural(l->cores),
                 f->threads, plural(f->threads));
        break;
    case PELT_LIMIT_FDS:
        snprintf(has, sizeof has, "%s", exact((double)l->fds).text);
        break;
    case PELT_LIMIT_PORTS:
        snprintf(has, sizeof has, l->sources > 1 ? "%u to %u, %u times" : "%u to %u", l->port_first,
                 l->port_last, l->sources);
        break;
    case PELT_LIMIT_MEMORY:
        snprintf(has, sizeof has, "%s free",
                 l->memory_bytes > 0 ? bytes((double)l->memory_bytes).text : "unknown");
        break;
    }
    fprintf(out, COLUMN "%-12s %-20s ", limit == PELT_LIMIT_CPU ? "limits" : "",
            pelt_limit_name(limit), has);
    if (limit == PELT_LIMIT_CPU) {
        fprintf(out, "%s iterations/s, %s requests/s\n", estimate(f->iterations_per_s).text,
                estimate(f->requests_per_s).text);
        if (p->measured->ontime.steps > 0) {
            fprintf(out, COLUMN "%-34s%s arrivals/s on time\n", "", "",
                    estimate(f->on_time_per_s).text);
        }
        return;
    }
    fprintf(out, "%s users%s",
            limit == PELT_LIMIT_MEMORY ? estimate(a->users).text : exact(a->users).text,
            limit == PELT_LIMIT_PORTS ? " at one server" : "");
    if (!isinf(a->iterations_per_s)) {
        fprintf(out, ", %s iterations/s (a port rests for %g s)",
                estimate(a->iterations_per_s).text, l->port_rest_s);
    }
    fputc('\n', out);
}

static void print_plan(const struct cli_preflight *p, FILE *out)
{
    const struct pelt_forecast *f = p->forecast;
    char plan[1024];
    pelt_plan_describe(p->plan, plan, sizeof plan);
    fprintf(out, COLUMN "%s\n", "plan", plan);
    if (p->measured->iterations == 0) {
        fprintf(out, COLUMN "what it takes of the CPU is unknown: no iteration came to its end\n",
                "");
    } else if (p->plan->loop == PELT_LOOP_OPEN) {
        fprintf(out, COLUMN "%s of %u thread%s; at least %s user%s at once\n", "",
                of_cpu(f->cpu_share).text, f->threads, plural(f->threads),
                exact(ceil(f->users)).text, plural(ceil(f->users)));
    } else if (isinf(f->plan_iterations_per_s)) {
        fprintf(out, COLUMN "without pauses: as many iterations as the server answers\n", "");
    } else {
        fprintf(out, COLUMN "at most %s iterations/s, %s of %u thread%s\n", "",
                estimate(f->plan_iterations_per_s).text, of_cpu(f->cpu_share).text, f->threads,
                plural(f->threads));
    }
}

/* ---- the verdict ---- */

static void say_beyond(const struct cli_preflight *p, char *out, size_t size)
{
    const struct pelt_forecast *f = p->forecast;
    const struct pelt_allowed *a = &f->allowed[f->first];
    const double users = pelt_forecast_users(f, f->first);
    const bool by_users =
        a->users < users && (a->iterations_per_s >= f->open_iterations_per_s ||
                             a->users / users <= a->iterations_per_s / f->open_iterations_per_s);
    const double needed = by_users ? users : f->open_iterations_per_s;
    const double allowed = by_users ? a->users : a->iterations_per_s;
    if (f->first == PELT_LIMIT_USERS) {
        snprintf(out, size,
                 "the %s%s%.60s needs %s users at least, it has users = %.0f: try users = %.0f or "
                 "more (--users), as answers take time, too",
                 f->pool_of[0] != '\0' ? "load" : "plan", f->pool_of[0] != '\0' ? " " : "",
                 f->pool_of, exact(users).text, a->users, users);
        return;
    }
    static const char *const remedies[PELT_LIMITS] = {
        "a lower --rate, more cores, or further hosts",
        "ulimit -n, or shared connections (--connections)",
        "net.ipv4.ip_local_port_range, or shared connections (--connections)",
        "fewer users, or further hosts"};
    snprintf(out, size, "the plan needs %s %s, %s allow%s %s%s: try %s", exact(ceil(needed)).text,
             by_users ? "users" : "iterations/s", pelt_limit_name(f->first),
             f->first == PELT_LIMIT_CPU || f->first == PELT_LIMIT_MEMORY ? "s" : "",
             by_users ? exact(allowed).text : estimate(allowed).text,
             f->first == PELT_LIMIT_CPU ? " on time" : "", remedies[f->first]);
}

void cli_preflight_verdict(const struct cli_preflight *p, char *out, size_t size)
{
    const struct pelt_forecast *f = p->forecast;
    const double times = f->allowed[f->first].times;
    const char *name = pelt_limit_name(f->first);
    if (!f->fits) {
        say_beyond(p, out, size);
    } else if (isinf(times)) {
        snprintf(out, size, "the plan fits; no limit is near");
    } else if (times < 1) { /* a closed loop slows down to it */
        snprintf(out, size, "the plan fits; first limit: %s, at %s iterations/s", name,
                 estimate(f->allowed[f->first].iterations_per_s).text);
    } else {
        snprintf(out, size, "the plan fits; first limit: %s, at %s times the plan", name,
                 estimate(times).text);
    }
}

void cli_preflight_text(const struct cli_preflight *p, FILE *out)
{
    char verdict[512];
    fprintf(out, COLUMN "%s (%s)\n", "preflight", p->scenario->name, p->scenario->path);
    print_measured(p->measured, out);
    print_doubts(p, out);
    for (int i = 0; i < PELT_LIMITS; i++) {
        print_allowed(p, (enum pelt_limit)i, out);
    }
    print_plan(p, out);
    cli_preflight_verdict(p, verdict, sizeof verdict);
    fprintf(out, COLUMN "%s\n", p->forecast->fits ? "result" : "beyond", verdict);
}
