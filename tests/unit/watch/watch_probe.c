/*
 * watch_probe: joins agents as a run does, without a load, and prints each mail as a line of JSON:
 *
 *   watch_probe [-d SECONDS] [-t TICK_MS] [-w SECONDS] [-T TOKEN_FILE] [-c CA] [-s] URL...
 *
 * SIGTERM: the seconds are over. -w: waits so long between connecting and starting; -s: takes no
 * mail until the end. Exit: 0; 2 or 6 with a line on stderr an agent, as pelt would.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "pelt/agents.h"

struct options {
    double seconds, wait_s, tick_ms;
    bool sleeps;
    const char *token_file, *ca;
};

static volatile sig_atomic_t over;

static void on_sigterm(int signal)
{
    over = 1;
}

static json_t *clock_json(const struct pelt_agent_clock *c)
{
    return json_pack("{sI sI sI sf sf sI sI sI sI}", "offset_ns", (json_int_t)c->offset_ns,
                     "bound_ns", (json_int_t)c->bound_ns, "bound_ns_max",
                     (json_int_t)c->bound_ns_max, "drift_ppm", c->drift_ppm, "drift_ppm_bound",
                     c->drift_ppm_bound, "delay_ns", (json_int_t)c->delay_ns, "exchanges",
                     (json_int_t)c->exchanges, "jumps", (json_int_t)c->jumps, "regrids",
                     (json_int_t)c->regrids);
}

static json_t *value_json(const struct pelt_agents *a, unsigned agent,
                          const struct pelt_agent_value *v)
{
    const struct pelt_agent_figure *f = pelt_agents_figure(a, agent, v->figure);
    json_t *value = json_pack("[sss]", f->name, f->target, pelt_server_kind_name(f->kind));
    for (unsigned i = 0; i < pelt_server_cells(f->kind); i++) {
        json_array_append_new(value, isfinite(v->cell[i]) ? json_real(v->cell[i]) : json_null());
    }
    return value;
}

static json_t *mail_json(const struct pelt_agents *a, const struct pelt_agent_mail *m)
{
    static const char *const kinds[] = {"baseline", "frame", "lost", "joined", "closing", "jumped"};
    json_t *values = json_array(), *unreadable = json_array(), *events = json_array();
    for (size_t i = 0; i < m->values; i++) {
        json_array_append_new(values, value_json(a, m->agent, &m->value[i]));
    }
    for (size_t i = 0; i < m->unreadables; i++) {
        const struct pelt_agent_figure *f =
            pelt_agents_figure(a, m->agent, m->unreadable[i].figure);
        json_array_append_new(unreadable,
                              json_pack("[sss]", f->name, f->target, m->unreadable[i].why));
    }
    for (size_t i = 0; i < m->events; i++) {
        json_array_append_new(events, json_pack("[Iss]", (json_int_t)m->event[i].at_ns,
                                                m->event[i].kind, m->event[i].text));
    }
    return json_pack(
        "{ss ss sI sI sI sb sI sI sI sb sI ss so so so so s{sI sI sI sb sI}}", "mail",
        kinds[m->kind], "agent", pelt_agents_info(a, m->agent)->name, "k", (json_int_t)m->k,
        "due_ns", (json_int_t)m->due_ns, "at_ns", (json_int_t)m->at_ns, "late", m->late, "missed",
        (json_int_t)m->missed, "from_ns", (json_int_t)m->from_ns, "to_ns", (json_int_t)m->to_ns,
        "restarted", m->restarted, "now_ns", (json_int_t)pelt_clock_ns(), "text", m->text, "values",
        values, "unreadable", unreadable, "events", events, "clock", clock_json(&m->clock), "self",
        "cpu_ns", (json_int_t)m->self.cpu_ns, "rss_bytes", (json_int_t)m->self.rss_bytes, "tick_ns",
        (json_int_t)m->self.tick_ns, "degraded", m->self.degraded, "lost",
        (json_int_t)m->self.lost);
}

static void say(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void take_all(struct pelt_agents *a)
{
    for (struct pelt_agent_mail *m; (m = pelt_agents_take(a)) != NULL;) {
        say(mail_json(a, m));
        pelt_agent_mail_free(m);
    }
}

static void say_met(const struct pelt_agents *a)
{
    for (unsigned i = 0; i < pelt_agents_len(a); i++) {
        const struct pelt_agent_info *info = pelt_agents_info(a, i);
        say(json_pack("{ss ss ss ss ss sI sI so}", "mail", "met", "agent", info->name, "url",
                      info->url, "version", info->version, "hostname", info->hostname, "cpus",
                      (json_int_t)info->cpus, "figures", (json_int_t)pelt_agents_figures(a, i),
                      "clock", clock_json(pelt_agents_clock(a, i))));
    }
}

static void listen_for(struct pelt_agents *a, double seconds, bool sleeps)
{
    uint64_t until_ns = pelt_clock_ns() + (uint64_t)(seconds * 1e9), now_ns;
    while (!over && (now_ns = pelt_clock_ns()) < until_ns) {
        struct pollfd fd = {.fd = sleeps ? -1 : pelt_agents_wake_fd(a), .events = POLLIN};
        int wait_ms = (int)((until_ns - now_ns) / PELT_NS_PER_MS) + 1;
        (void)poll(&fd, 1, wait_ms < 50 ? wait_ms : 50);
        if (!sleeps) {
            take_all(a);
        }
    }
}

static int run(const struct options *o, char *const *urls, int len)
{
    struct pelt_agent_options agent[PELT_AGENTS_MAX] = {0};
    struct pelt_agents *a;
    struct pelt_error err;
    for (int i = 0; i < len && i < PELT_AGENTS_MAX; i++) {
        agent[i].url = urls[i];
        agent[i].token_file = o->token_file;
        agent[i].ca = o->ca;
    }
    enum pelt_status status = pelt_agents_new(agent, (size_t)len, &a, &err);
    if (status != PELT_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    status = pelt_agents_connect(a, &err);
    if (status != PELT_OK) {
        for (unsigned i = 0; i < pelt_agents_len(a); i++) {
            if (*pelt_agents_failure(a, i) != 0) {
                fprintf(stderr, "%s\n", pelt_agents_failure(a, i));
            }
        }
        pelt_agents_free(a);
        return status == PELT_EINVAL ? 2 : 6;
    }
    say_met(a);
    listen_for(a, o->wait_s, o->sleeps);
    uint64_t epoch_ns = pelt_clock_ns() + 50 * PELT_NS_PER_MS;
    pelt_agents_start(a, epoch_ns, (uint64_t)(o->tick_ms * 1e6));
    say(json_pack("{ss sI}", "mail", "start", "epoch_ns", (json_int_t)epoch_ns));
    listen_for(a, o->seconds, o->sleeps);
    uint64_t stop_ns = pelt_clock_ns();
    pelt_agents_stop(a, stop_ns);
    take_all(a);
    say(json_pack("{ss sI sI sI}", "mail", "end", "cpu_ns", (json_int_t)pelt_agents_cpu_ns(a),
                  "stop_ns", (json_int_t)stop_ns, "now_ns", (json_int_t)pelt_clock_ns()));
    pelt_agents_free(a);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.seconds = 1, .tick_ms = 100};
    for (int c; (c = getopt(argc, argv, "d:t:w:T:c:s")) != -1;) {
        if (c == 'd') {
            o.seconds = strtod(optarg, NULL);
        } else if (c == 't') {
            o.tick_ms = strtod(optarg, NULL);
        } else if (c == 'w') {
            o.wait_s = strtod(optarg, NULL);
        } else if (c == 'T') {
            o.token_file = optarg;
        } else if (c == 'c') {
            o.ca = optarg;
        } else if (c == 's') {
            o.sleeps = true;
        } else {
            return 2;
        }
    }
    signal(SIGTERM, on_sigterm);
    return run(&o, argv + optind, argc - optind);
}
