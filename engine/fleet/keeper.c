/*
 * keeper: see the header. It sees that the worker is gone as its end of a pipe, which only the
 * worker holds, is closed: by the kernel, when the last of its threads is no more.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "legacy.h"
#include "outbox.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/run.h"

#define SHM_BYTES   ((size_t)8 << 30) /* addresses: far more than frames may come to take */
#define PATIENCE_NS PELT_FLEET_ORPHAN_NS

/* The worker writes it; the keeper reads it when that is gone. */
struct desk {
    atomic_bool done;       /* there is nothing to hand in */
    atomic_bool introduced; /* the following are there */
    char folder[512];
    struct pelt_bus_claim claim;
    struct pelt_bus_clock clock;
    atomic_bool bye;
    _Atomic unsigned newest; /* of `said`, the other one is written next */
    struct pelt_keeper_said said[2];
};

struct pelt_keeper {
    struct pelt_shm *shm;
    struct desk *desk;
    struct pelt_estate *estate;
    pid_t child;
    int alive; /* the worker's end of the pipe */
};

/* ---- the keeper's process ---- */

static enum pelt_status hand_in(const struct pelt_fleet_options *fleet, struct desk *desk,
                                struct pelt_spool *spool, struct pelt_error *err)
{
    struct pelt_bus *bus = NULL;
    struct pelt_outbox *outbox = NULL;
    enum pelt_status status = pelt_bus_new(&fleet->bus, &bus, err);
    if (status != PELT_OK) {
        pelt_spool_free(spool);
        return status;
    }
    desk->claim.kept_ns = 0; /* the slot stays ours until all is said */
    status = pelt_outbox_new(bus, &desk->claim, &desk->clock, spool, &outbox, err);
    if (status == PELT_OK && !pelt_outbox_settle(outbox, PATIENCE_NS)) {
        status = pelt_fail(err, PELT_ELOST, "the coordinator has not acknowledged all of it");
    }
    pelt_outbox_free(outbox);
    return status;
}

static void tell(const struct desk *desk, const struct pelt_legacy *l, enum pelt_status status,
                 const struct pelt_error *err)
{
    if (status != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "keeper",
                 "slot %u: the worker was killed; what it left is lost: %s", desk->claim.slot,
                 err->text);
    } else if (!l->bye) {
        pelt_log(
            PELT_LOG_WARNING, "keeper",
            "slot %u: the worker was killed; its last %llu requests are handed in%s, %llu were "
            "under way",
            desk->claim.slot, (unsigned long long)l->begun, l->bare ? ", without their times" : "",
            (unsigned long long)l->unknown);
    }
}

static void inherit(const struct pelt_keeper *k, const struct pelt_fleet_options *fleet)
{
    struct desk *desk = k->desk;
    struct pelt_error err = {{0}};
    struct pelt_spool *spool = NULL;
    char path[540];
    struct pelt_legacy legacy = {
        .estate = k->estate,
        .said = desk->said[atomic_load_explicit(&desk->newest, memory_order_acquire)],
        .bye = atomic_load_explicit(&desk->bye, memory_order_relaxed),
    };
    snprintf(path, sizeof(path), "%s/spool", desk->folder);
    enum pelt_status status = pelt_spool_recover(path, &spool, &err);
    if (status == PELT_OK) {
        legacy.spool = spool;
        pelt_legacy_put(&legacy);
        status = hand_in(fleet, desk, spool, &err);
    }
    tell(desk, &legacy, status, &err);
    pelt_folder_remove(desk->folder);
}

/* No output of a run comes from here, so whoever reads it is not kept waiting. */
static void let_go(void)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        close(null);
    }
}

static void keep(const struct pelt_keeper *k, const struct pelt_fleet_options *fleet, int worker)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    char byte;
    ssize_t len;
    prctl(PR_SET_NAME, "pelt-keeper");
    pelt_log_through(NULL); /* what waits in an outlet is not written once this process ends */
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        signal(ignored[i], SIG_IGN);
    }
    let_go();
    do {
        len = read(worker, &byte, 1);
    } while (len < 0 && errno == EINTR);
    if (!atomic_load_explicit(&k->desk->done, memory_order_acquire) &&
        atomic_load_explicit(&k->desk->introduced, memory_order_acquire)) {
        inherit(k, fleet);
    }
}

/* ---- the worker's ---- */

static bool share(struct pelt_keeper *k)
{
    k->shm = pelt_shm_new(SHM_BYTES);
    if (k->shm == NULL) {
        return false;
    }
    k->desk = pelt_shm_take(k->shm, sizeof(*k->desk));
    k->estate = pelt_estate_new(k->shm);
    if (k->desk == NULL || k->estate == NULL) {
        return false;
    }
    k->desk->said[0].second = -1;
    return true;
}

static bool begin(struct pelt_keeper *k, const struct pelt_fleet_options *fleet)
{
    int ends[2];
    if (!share(k) || pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    k->alive = ends[1];
    k->child = fork();
    if (k->child == 0) {
        close(ends[1]);
        keep(k, fleet, ends[0]);
        _exit(0);
    }
    close(ends[0]);
    return k->child > 0;
}

struct pelt_keeper *pelt_keeper_new(const struct pelt_fleet_options *fleet)
{
    struct pelt_keeper *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        return NULL;
    }
    k->alive = -1;
    if (!begin(k, fleet)) {
        pelt_log(PELT_LOG_WARNING, "worker",
                 "no process beside this one can be had (%s): if it is killed, its last second is "
                 "lost",
                 strerror(errno));
        pelt_keeper_free(k);
        return NULL;
    }
    return k;
}

void pelt_keeper_free(struct pelt_keeper *k)
{
    if (k == NULL) {
        return;
    }
    if (k->desk != NULL) {
        atomic_store_explicit(&k->desk->done, true, memory_order_release);
    }
    if (k->alive >= 0) {
        close(k->alive);
    }
    if (k->child > 0) {
        while (waitpid(k->child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (!pelt_run_gave_up()) { /* else a thread may still be writing */
        pelt_shm_free(k->shm);
    }
    free(k);
}

void pelt_keeper_introduce(struct pelt_keeper *k, const char *folder,
                           const struct pelt_bus_claim *claim, const struct pelt_bus_clock *clock)
{
    if (k != NULL) {
        snprintf(k->desk->folder, sizeof(k->desk->folder), "%s", folder);
        k->desk->claim = *claim;
        k->desk->clock = *clock;
        k->desk->said[0].clock_bound_ns = pelt_bus_clock_bound_ns(clock, pelt_clock_ns());
        atomic_store_explicit(&k->desk->introduced, true, memory_order_release);
    }
}

void pelt_keeper_withdraw(struct pelt_keeper *k)
{
    if (k != NULL) {
        atomic_store_explicit(&k->desk->introduced, false, memory_order_release);
    }
}

/* Release: at any instruction `newest` is one that is whole. */
void pelt_keeper_said(struct pelt_keeper *k, const struct pelt_keeper_said *said)
{
    if (k != NULL) {
        const unsigned next = 1 - atomic_load_explicit(&k->desk->newest, memory_order_relaxed);
        k->desk->said[next] = *said;
        atomic_store_explicit(&k->desk->newest, next, memory_order_release);
    }
}

void pelt_keeper_said_bye(struct pelt_keeper *k)
{
    if (k != NULL) {
        atomic_store_explicit(&k->desk->bye, true, memory_order_relaxed);
    }
}

struct pelt_estate *pelt_keeper_estate(struct pelt_keeper *k)
{
    return k != NULL ? k->estate : NULL;
}
