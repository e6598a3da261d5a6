/*
 * workers: the load threads of a run, all together: how many, with which users, from making them to
 * joining them. What one does is worker.c's.
 */
#include "internal.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "host.h"
#include "pelt/arrivals.h"

static uint64_t users_most(const struct pelt_plan *plan)
{
    return plan->loop == PELT_LOOP_CLOSED ? (uint64_t)ceil(pelt_plan_peak(plan)) : plan->users_max;
}

uint32_t pelt_run_default_threads(uint64_t users)
{
    uint32_t cpus = pelt_host_cpus();
    return users < cpus ? (users > 0 ? (uint32_t)users : 1) : cpus;
}

/* No thread without a user. */
static void settle_threads(struct pelt_running *run)
{
    uint64_t users = users_most(&run->plan);
    run->threads = run->opt.threads != 0 ? run->opt.threads : pelt_run_default_threads(users);
    if (run->threads > users && users > 0) {
        run->threads = (uint32_t)users;
    }
}

/* Connections that may be open at once: a user has one, unless they are shared. */
static uint64_t connections_most(const struct pelt_running *run)
{
    uint64_t users = users_most(&run->plan);
    uint64_t shared = (uint64_t)run->opt.connections_max * run->threads;
    return shared > 0 && shared < users ? shared : users;
}

static enum pelt_status settle_users(struct pelt_running *run, struct pelt_error *err)
{
    uint64_t fds = pelt_host_raise_fds();
    uint64_t own = PELT_FDS_OWN + (uint64_t)run->threads * PELT_FDS_A_THREAD;
    uint64_t room = fds > own ? fds - own : 1;
    uint64_t users = users_most(&run->plan);
    uint64_t needed = connections_most(run);
    if (needed <= room || run->opt.force) {
        return PELT_OK;
    }
    if (run->plan.loop == PELT_LOOP_OPEN) {
        run->plan.users_max = room; /* the pool grows only to what the rate needs */
        settle_threads(run);
        return PELT_OK;
    }
    const char *what = needed < users ? "connections" : "users";
    return pelt_fail(
        err, PELT_ELIMIT,
        "%llu %s need %llu file descriptors, this shell allows %llu: ulimit -n %llu, fewer "
        "%s, or --force to go on",
        (unsigned long long)needed, what, (unsigned long long)(needed + own),
        (unsigned long long)fds, (unsigned long long)(needed + own), what);
}

enum pelt_status pelt_workers_settle(struct pelt_running *run, struct pelt_error *err)
{
    settle_threads(run);
    return settle_users(run, err);
}

/* Among whom data rows are dealt; 0: there are none, and counting arrivals may take seconds. */
static uint64_t population(const struct pelt_running *run)
{
    const struct pelt_plan *plan = &run->plan;
    struct pelt_scenario_file file;
    if (run->opt.scenario == NULL || !pelt_scenario_file(run->opt.scenario, 0, &file)) {
        return 0;
    }
    if (plan->loop == PELT_LOOP_CLOSED) {
        return (uint64_t)floor(pelt_plan_peak(plan) + 0.5); /* as the crew rounds */
    }
    if (plan->endless) {
        return plan->iterations;
    }
    uint64_t arrivals =
        plan->live ? (uint64_t)ceil(pelt_plan_peak(plan) * (double)pelt_plan_length_ns(plan) / 1e9)
                   : pelt_arrivals_count(plan, run->opt.seed);
    return plan->iterations > 0 && plan->iterations < arrivals ? plan->iterations : arrivals;
}

static bool has_budget(const struct pelt_plan *plan)
{
    return plan->loop == PELT_LOOP_CLOSED && plan->iterations > 0;
}

enum pelt_status pelt_workers_new(struct pelt_running *run, struct pelt_error *err)
{
    const uint64_t all = population(run);
    pelt_budget_init(&run->budget, run->plan.iterations);
    run->workers = calloc(run->threads, sizeof(struct pelt_worker *));
    if (run->workers == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    run->collector.workers = run->workers;
    for (uint32_t i = 0; i < run->threads; i++) {
        struct pelt_worker_options options = {
            .run = &run->opt,
            .registry = run->registry,
            .mail = &run->collector.mail,
            .budget = has_budget(&run->plan) ? &run->budget : NULL,
            .thread = i,
            .threads = run->threads,
            .spin = run->threads < pelt_host_cpus(),
            .data_json = pelt_fixture_data_json(run),
            .population = all,
        };
        enum pelt_status status = pelt_worker_new(&options, &run->workers[i], err);
        if (status != PELT_OK) {
            return status;
        }
    }
    return PELT_OK;
}

void pelt_workers_free(struct pelt_running *run)
{
    for (uint32_t i = 0; run->workers != NULL && i < run->threads; i++) {
        pelt_worker_free(run->workers[i]);
    }
    free(run->workers);
}

/* Workers inherit a mask in which only this thread gets signals. */
enum pelt_status pelt_workers_start(struct pelt_running *run, struct pelt_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    enum pelt_status status = PELT_OK;
    for (uint32_t i = 0; i < run->threads && status == PELT_OK; i++) {
        status = pelt_worker_start(run->workers[i], run->start_ns, err);
        if (status != PELT_OK) {
            while (i-- > 0) {
                pelt_worker_cancel(run->workers[i]);
                pelt_worker_join(run->workers[i]);
            }
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

void pelt_workers_stop(struct pelt_running *run)
{
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_stop(run->workers[i]);
    }
}

/* Before they start they take the plan as it is. */
enum pelt_status pelt_workers_extend(struct pelt_running *run, const struct pelt_stage *stage)
{
    enum pelt_status status = PELT_OK;
    for (uint32_t i = 0; run->start_ns != 0 && i < run->threads && status == PELT_OK; i++) {
        status = pelt_worker_extend(run->workers[i], stage);
    }
    return status;
}

void pelt_workers_close(struct pelt_running *run)
{
    for (uint32_t i = 0; run->start_ns != 0 && i < run->threads; i++) {
        pelt_worker_close(run->workers[i]);
    }
}

void pelt_workers_cancel(struct pelt_running *run)
{
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_cancel(run->workers[i]);
    }
}

void pelt_workers_join(struct pelt_running *run)
{
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_join(run->workers[i]);
    }
}
