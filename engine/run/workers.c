/*
 * workers: the load threads of a run, all together: how many, with which users, from making them to
 * joining them. What one does is worker.c's.
 */
#include "internal.h"

#include <signal.h>
#include <stdlib.h>

#include "host.h"

uint32_t pelt_run_default_threads(uint64_t users)
{
    uint32_t cpus = pelt_host_cpus();
    return users < cpus ? (users > 0 ? (uint32_t)users : 1) : cpus;
}

static uint32_t slots_of(const struct pelt_running *run)
{
    return run->opt.slot != NULL ? run->opt.slot->slots : 1;
}

/* Of what the plan has, the most that may fall to this host. */
static uint64_t own_part(const struct pelt_running *run, uint64_t all)
{
    const uint32_t slots = slots_of(run);
    return all / slots + (all % slots != 0);
}

/* No thread without a user. */
static void settle_threads(struct pelt_running *run)
{
    uint64_t users = own_part(run, pelt_parts_users_most(&run->plan));
    run->threads = run->opt.threads != 0 ? run->opt.threads : pelt_run_default_threads(users);
    if (run->threads > users && users > 0) {
        run->threads = (uint32_t)users;
    }
}

/* Connections that may be open at once: a user has one, unless they are shared. */
static uint64_t connections_most(const struct pelt_running *run)
{
    uint64_t users = own_part(run, pelt_parts_users_most(&run->plan));
    uint64_t shared = (uint64_t)run->opt.connections_max * run->threads;
    return shared > 0 && shared < users ? shared : users;
}

static enum pelt_status settle_users(struct pelt_running *run, struct pelt_error *err)
{
    uint64_t fds = pelt_host_raise_fds();
    uint64_t own = PELT_FDS_OWN + (uint64_t)run->threads * PELT_FDS_A_THREAD;
    uint64_t room = fds > own ? fds - own : 1;
    uint64_t users = own_part(run, pelt_parts_users_most(&run->plan));
    uint64_t needed = connections_most(run);
    if (needed <= room || run->opt.force) {
        return PELT_OK;
    }
    const uint64_t pools = own_part(run, pelt_parts_pools_most(&run->plan));
    const uint64_t closed = users > pools ? users - pools : 0;
    if (pools > 0 && closed < room) {
        /* They grow only to what the rate needs. */
        pelt_parts_cut_pools(&run->plan, (room - closed) * slots_of(run));
        settle_threads(run);
        return PELT_OK;
    }
    const char *what = needed < users ? "connections" : "users";
    needed =
        pools > 0 && needed == users ? closed + 1 : needed; /* a pool may be as small as that */
    return pelt_fail(
        err, PELT_ELIMIT,
        "%llu %s need %llu file descriptors, this shell allows %llu: ulimit -n %llu, fewer "
        "%s, or --force to go on",
        (unsigned long long)needed, what, (unsigned long long)(needed + own),
        (unsigned long long)fds, (unsigned long long)(needed + own), what);
}

enum pelt_status pelt_workers_settle(struct pelt_running *run, struct pelt_error *err)
{
    if (run->opt.hosts != NULL) { /* what they can hold each of them sees for itself */
        run->threads = 1;         /* who puts together their seconds */
        return PELT_OK;
    }
    settle_threads(run);
    return settle_users(run, err);
}

static bool has_rows(const struct pelt_running *run)
{
    struct pelt_scenario_file file;
    return run->opt.scenario != NULL && pelt_scenario_file(run->opt.scenario, 0, &file);
}

static bool may_poll(const struct pelt_running *run)
{
    return run->opt.pacing == PELT_PACING_AUTO ? run->threads < pelt_host_cpus()
                                               : run->opt.pacing == PELT_PACING_POLL;
}

static enum pelt_status prepare_hosts(struct pelt_running *run, struct pelt_error *err)
{
    const struct pelt_run_share share = {.plan = &run->plan,
                                         .data_json = pelt_fixture_data_json(run),
                                         .names = run->registry,
                                         .mail = &run->collector.mail,
                                         .past = run->past};
    return run->opt.hosts->prepare(run->opt.hosts->arg, &share, err);
}

enum pelt_status pelt_workers_new(struct pelt_running *run, struct pelt_error *err)
{
    if (run->opt.hosts != NULL) {
        return prepare_hosts(run, err);
    }
    enum pelt_status status =
        pelt_parts_init(&run->parts, &run->plan, run->opt.seed, has_rows(run));
    run->workers = calloc(run->threads, sizeof(struct pelt_worker *));
    if (status != PELT_OK || run->workers == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (run->opt.slot != NULL) {
        pelt_parts_cut_budgets(&run->parts, run->opt.slot->slot, run->opt.slot->slots);
    }
    run->collector.workers = run->workers;
    for (uint32_t i = 0; i < run->threads; i++) {
        struct pelt_worker_options options = {
            .run = &run->opt,
            .registry = run->registry,
            .mail = &run->collector.mail,
            .parts = &run->parts,
            .thread = i,
            .threads = run->threads,
            .slot = run->opt.slot != NULL ? run->opt.slot->slot : 0,
            .slots = slots_of(run),
            .spin = may_poll(run),
            .cpu = run->opt.pin ? pelt_host_cpu_at(i) : -1,
            .data_json = pelt_fixture_data_json(run),
        };
        status = pelt_worker_new(&options, &run->workers[i], err);
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
    pelt_parts_deinit(&run->parts);
}

/* Workers inherit a mask in which only this thread gets signals. */
enum pelt_status pelt_workers_start(struct pelt_running *run, struct pelt_error *err)
{
    sigset_t all, before;
    if (run->opt.hosts != NULL) {
        return run->opt.hosts->start(run->opt.hosts->arg, &run->start_ns, err);
    }
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
    if (run->opt.hosts != NULL) {
        run->opt.hosts->stop(run->opt.hosts->arg, false);
        return;
    }
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_stop(run->workers[i]);
    }
}

/* Before they start they take the plan as it is. */
enum pelt_status pelt_workers_extend(struct pelt_running *run, const struct pelt_stage *stage)
{
    enum pelt_status status = PELT_OK;
    if (run->opt.hosts != NULL) {
        return run->start_ns != 0 ? run->opt.hosts->extend(run->opt.hosts->arg, stage) : PELT_OK;
    }
    for (uint32_t i = 0; run->start_ns != 0 && i < run->threads && status == PELT_OK; i++) {
        status = pelt_worker_extend(run->workers[i], stage);
    }
    return status;
}

void pelt_workers_close(struct pelt_running *run)
{
    if (run->opt.hosts != NULL) {
        if (run->start_ns != 0) {
            run->opt.hosts->close(run->opt.hosts->arg);
        }
        return;
    }
    for (uint32_t i = 0; run->start_ns != 0 && i < run->threads; i++) {
        pelt_worker_close(run->workers[i]);
    }
}

/* The run's own plan turns at the end (finish.c): threads read it until then. */
static enum pelt_status note_turn(struct pelt_running *run, uint64_t at_ns, double factor)
{
    struct pelt_turn *list = realloc(run->turns, (run->turns_len + 1) * sizeof(*list));
    if (list == NULL) {
        return PELT_ENOMEM;
    }
    run->turns = list;
    list[run->turns_len++] = (struct pelt_turn){at_ns, factor};
    return PELT_OK;
}

enum pelt_status pelt_workers_turn(struct pelt_running *run, uint64_t at_ns, double factor)
{
    enum pelt_status status = note_turn(run, at_ns, factor);
    for (uint32_t i = 0; run->workers != NULL && i < run->threads && status == PELT_OK; i++) {
        status = pelt_worker_turn(run->workers[i], at_ns, factor);
    }
    return status;
}

enum pelt_status pelt_workers_take_over(struct pelt_running *run, const struct pelt_letter *letter)
{
    enum pelt_status status = PELT_OK;
    for (uint32_t i = 0; run->workers != NULL && i < run->threads && status == PELT_OK; i++) {
        status =
            pelt_worker_take_over(run->workers[i], letter->part, letter->parts, letter->turn_ns);
    }
    return status;
}

enum pelt_status pelt_workers_cut(struct pelt_running *run, uint64_t at_ns)
{
    enum pelt_status status = PELT_OK;
    for (uint32_t i = 0; run->workers != NULL && i < run->threads && status == PELT_OK; i++) {
        status = pelt_worker_cut(run->workers[i], at_ns);
    }
    return status;
}

void pelt_workers_cancel(struct pelt_running *run)
{
    if (run->opt.hosts != NULL) {
        run->opt.hosts->stop(run->opt.hosts->arg, true);
        return;
    }
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_cancel(run->workers[i]);
    }
}

bool pelt_workers_ending(const struct pelt_running *run)
{
    for (uint32_t i = 0; run->workers != NULL && i < run->threads; i++) {
        if (!pelt_worker_ending(run->workers[i])) {
            return false;
        }
    }
    return true;
}

void pelt_workers_join(struct pelt_running *run)
{
    if (run->opt.hosts != NULL) {
        run->opt.hosts->join(run->opt.hosts->arg);
        return;
    }
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_join(run->workers[i]);
    }
}
