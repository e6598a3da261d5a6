/*
 * servers: see the header. The agents' mail, given to who it is of: their places in the run file
 * (server_agent.c), and the sums of seconds (server_drops.c).
 */
#include "servers.h"

#include <stdio.h>
#include <stdlib.h>

#include "server_agent.h"
#include "server_match.h"
#include "server_second.h"

struct pelt_servers {
    struct pelt_agents *agents;
    struct pelt_registry *registry;
    struct pelt_server_agent *agent;
    size_t len;
    bool started;
    struct pelt_agent_mail **early; /* baselines, which have no time before the start has */
    size_t early_len, early_room;
    struct pelt_server_drops drops;
    bool stopped, failed;
    struct pelt_server_second second; /* that was asked for last */
};

/* ---- before the load ---- */

enum pelt_status pelt_servers_new(const struct pelt_servers_options *options,
                                  struct pelt_servers **out, struct pelt_error *err)
{
    struct pelt_servers *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    s->registry = options->registry;
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
    for (unsigned i = 0; i < s->len; i++) {
        s->agent[i] = (struct pelt_server_agent){.agents = s->agents,
                                                 .i = i,
                                                 .file = options->file,
                                                 .on_event = options->on_event,
                                                 .on_event_arg = options->arg};
    }
    *out = s;
    return PELT_OK;
}

enum pelt_status pelt_servers_connect(struct pelt_servers *s, struct pelt_error *err)
{
    enum pelt_status status = pelt_agents_connect(s->agents, err);
    return status == PELT_EIO ? PELT_ELOST : status;
}

void pelt_servers_cancel(struct pelt_servers *s)
{
    pelt_agents_cancel(s->agents);
}

enum pelt_status pelt_servers_begin(struct pelt_servers *s)
{
    for (size_t i = 0; i < s->len; i++) {
        pelt_server_agent_begin(&s->agent[i]);
    }
    return pelt_servers_failed(s) ? PELT_EIO : PELT_OK;
}

enum pelt_status pelt_servers_carry(struct pelt_servers *s, const struct pelt_threshold *t,
                                    struct pelt_error *err)
{
    return pelt_server_match(s->agent, s->len, pelt_registry_metrics(s->registry), t, err);
}

/* ---- what comes ---- */

static void take_mail(struct pelt_servers *s, const struct pelt_agent_mail *mail)
{
    struct pelt_server_agent *a = &s->agent[mail->agent];
    pelt_server_agent_meet(a, &mail->clock, mail->figures);
    switch (mail->kind) {
    case PELT_AGENT_BASELINE:
    case PELT_AGENT_FRAME:
    case PELT_AGENT_CLOSING:
        pelt_server_agent_frame(a, mail, &s->drops);
        break;
    case PELT_AGENT_LOST:
        pelt_server_agent_lost(a, mail);
        break;
    case PELT_AGENT_JOINED:
        pelt_server_agent_joined(a, mail);
        break;
    case PELT_AGENT_JUMPED:
        pelt_server_agent_jumped(a, mail);
        break;
    }
}

/* False: out of memory, and that is remembered. */
static bool keep_early(struct pelt_servers *s, struct pelt_agent_mail *mail)
{
    if (s->early_len == s->early_room) {
        const size_t room = s->early_room > 0 ? 2 * s->early_room : 16;
        void *early = realloc(s->early, room * sizeof *s->early);
        if (early == NULL) {
            s->failed = true;
            return false;
        }
        s->early = early;
        s->early_room = room;
    }
    s->early[s->early_len++] = mail;
    return true;
}

void pelt_servers_take(struct pelt_servers *s)
{
    struct pelt_agent_mail *mail;
    while ((mail = pelt_agents_take(s->agents)) != NULL) {
        if (s->started) {
            take_mail(s, mail);
        }
        if (s->started || !keep_early(s, mail)) {
            pelt_agent_mail_free(mail);
        }
    }
}

void pelt_servers_second(struct pelt_servers *s, int32_t t, struct pelt_live_servers *out)
{
    pelt_server_second_fill(&s->second, s->agent, s->len, t, out);
}

void pelt_servers_mark(struct pelt_servers *s)
{
    pelt_agents_mark(s->agents, PELT_AGENT_BASELINE);
}

void pelt_servers_start(struct pelt_servers *s, uint64_t start_ns)
{
    pelt_servers_take(s);
    s->started = true;
    for (size_t i = 0; i < s->len; i++) {
        s->agent[i].start_ns = start_ns;
    }
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

void pelt_servers_add(struct pelt_servers *s, struct pelt_frame *second)
{
    if (second->second < 0) {
        return;
    }
    for (size_t i = 0; i < s->len; i++) {
        pelt_server_agent_stand(&s->agent[i], second->second, &s->drops);
    }
    pelt_server_drops_add(&s->drops, second);
}

/* ---- the end ---- */

void pelt_servers_stop(struct pelt_servers *s, int32_t last_t)
{
    if (s->stopped) {
        return;
    }
    s->stopped = true;
    for (size_t i = 0; i < s->len; i++) {
        s->agent[i].last_t = last_t;
    }
    if (s->started && last_t >= 0) {
        pelt_agents_mark(s->agents, PELT_AGENT_CLOSING);
    }
    pelt_agents_stop(s->agents, pelt_clock_ns());
    if (!s->started) {
        return; /* there was no load */
    }
    pelt_servers_take(s);
    for (size_t i = 0; i < s->len; i++) {
        pelt_server_agent_end(&s->agent[i]);
    }
}

void pelt_servers_rest(struct pelt_servers *s, struct pelt_frame *last)
{
    pelt_server_drops_rest(&s->drops, last);
}

bool pelt_servers_lost(const struct pelt_servers *s, struct pelt_error *why)
{
    for (size_t i = 0; i < s->len; i++) {
        const struct pelt_server_agent *a = &s->agent[i];
        if (a->lost && a->needed) {
            const double at_s = pelt_server_agent_seconds(a, a->lost_ns);
            char when[40] = "before the load";
            if (at_s >= 0) {
                snprintf(when, sizeof when, "at %.1f s", at_s);
            }
            pelt_fail(why, PELT_ELOST,
                      "agent %s, which a threshold needs, was lost %s and did not come back",
                      a->info->name, when);
            return true;
        }
    }
    return false;
}

bool pelt_servers_failed(const struct pelt_servers *s)
{
    bool failed = s->failed || s->drops.failed;
    for (size_t i = 0; i < s->len; i++) {
        failed = failed || s->agent[i].failed;
    }
    return failed;
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
        pelt_server_agent_deinit(&s->agent[i]);
    }
    pelt_agents_free(s->agents);
    pelt_server_drops_deinit(&s->drops);
    pelt_server_second_deinit(&s->second);
    free(s->early);
    free(s->agent);
    free(s);
}
