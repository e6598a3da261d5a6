/*
 * watching: see internal.h. Agents are asked before anything is sent; then their frames are heard
 * on the control thread, beside the workers' mail. What they read is servers.c's.
 */
#include "internal.h"

#include "pelt/log.h"
#include "pelt/server_metric.h"

/* A threshold, an alert's rule, or a bound of a stress load, on what agents read. */
typedef enum pelt_status (*threshold_fn)(struct pelt_running *run, const struct pelt_threshold *t,
                                         struct pelt_error *err);

static enum pelt_status each_threshold(struct pelt_running *run, threshold_fn fn,
                                       struct pelt_error *err)
{
    const struct pelt_scenario *scenario = run->opt.scenario;
    struct pelt_server_metric m;
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < run->opt.thresholds_len && status == PELT_OK; i++) {
        if (pelt_server_metric_parse(run->opt.thresholds[i].metric, &m)) {
            status = fn(run, &run->opt.thresholds[i], err);
        }
    }
    for (size_t i = 0; scenario != NULL && i < scenario->alerts_len && status == PELT_OK; i++) {
        if (pelt_server_metric_parse(scenario->alerts[i].rule.metric, &m)) {
            status = fn(run, &scenario->alerts[i].rule, err);
        }
    }
    for (size_t i = 0; scenario != NULL && i < scenario->slo_len && status == PELT_OK; i++) {
        if (pelt_server_metric_parse(scenario->slo[i].metric, &m)) {
            status = fn(run, &scenario->slo[i], err);
        }
    }
    return status;
}

static enum pelt_status refuse(struct pelt_running *run, const struct pelt_threshold *t,
                               struct pelt_error *err)
{
    char text[400];
    pelt_threshold_format(t, text, sizeof(text));
    return pelt_fail(err, PELT_EINVAL,
                     "threshold %s needs an agent on the server: --agent NAME=URL, or agents = { "
                     "... } in the scenario",
                     text);
}

static enum pelt_status carry(struct pelt_running *run, const struct pelt_threshold *t,
                              struct pelt_error *err)
{
    return pelt_servers_carry(run->servers, t, err);
}

static void connect_all(void *arg)
{
    struct pelt_running *run = arg;
    run->aside.status = pelt_servers_connect(run->servers, &run->aside.err);
}

static enum pelt_status begin(struct pelt_running *run, struct pelt_error *err)
{
    pelt_notes_written(run, pelt_servers_begin(run->servers));
    return each_threshold(run, carry, err);
}

static void on_event(void *arg, double t_s, const char *kind, const char *text)
{
    pelt_notes_tell(arg, &(struct pelt_live_event){.t_s = t_s, .kind = kind, .text = text});
}

enum pelt_status pelt_watching_open(struct pelt_running *run, struct pelt_error *err)
{
    if (run->opt.stand_in_port != 0) {
        return PELT_OK; /* nothing leaves this host: what would be read is not of the run */
    }
    if (run->opt.agents_len == 0) {
        return each_threshold(run, refuse, err);
    }
    const struct pelt_servers_options options = {.agents = run->opt.agents,
                                                 .agents_len = run->opt.agents_len,
                                                 .registry = run->registry,
                                                 .file = run->file,
                                                 .on_event = on_event,
                                                 .arg = run};
    enum pelt_status status = pelt_servers_new(&options, &run->servers, err);
    if (status == PELT_OK) {
        status = pelt_control_aside(run, connect_all, "connecting to the agents", err);
    }
    if (run->signal != 0) {
        return PELT_OK; /* whoever stops the run does not wait for an answer */
    }
    return status == PELT_OK ? begin(run, err) : status;
}

static void on_mail(struct ev_loop *loop, ev_io *io, int events)
{
    struct pelt_running *run = io->data;
    pelt_servers_take(run->servers);
}

static void on_sum(void *arg, struct pelt_frame *second)
{
    struct pelt_running *run = arg;
    pelt_servers_take(run->servers); /* what came for this second counts in it */
    pelt_servers_add(run->servers, second);
}

void pelt_watching_start(struct pelt_running *run)
{
    if (run->servers == NULL) {
        return;
    }
    ev_io_init(&run->servers_io, on_mail, pelt_servers_wake_fd(run->servers), EV_READ);
    run->servers_io.data = run;
    ev_io_start(run->loop, &run->servers_io);
    run->collector.on_sum = on_sum;
    run->collector.on_sum_arg = run;
    pelt_servers_start(run->servers, run->start_ns);
}

void pelt_watching_mark(struct pelt_running *run)
{
    if (run->servers != NULL) {
        pelt_servers_mark(run->servers);
    }
}

static void add_rest(struct pelt_running *run)
{
    struct pelt_frame *last = pelt_frame_new(NULL);
    if (last == NULL) {
        pelt_notes_written(run, PELT_ENOMEM);
        return;
    }
    last->second = run->collector.newest_s;
    pelt_servers_rest(run->servers, last);
    pelt_collector_add_late(&run->collector, last);
    pelt_frame_free(last);
}

/* Who has asked twice to stop does not wait for it. */
void pelt_watching_stop(struct pelt_running *run)
{
    if (run->servers != NULL) {
        const int32_t last_t = run->collector.newest_s;
        ev_io_stop(run->loop, &run->servers_io);
        pelt_servers_stop(run->servers, run->asked < 2 ? last_t : -1);
        if (last_t >= 0) {
            add_rest(run);
        }
        pelt_notes_written(run, pelt_servers_failed(run->servers) ? PELT_EIO : PELT_OK);
    }
}
