/*
 * ear: see the header.
 */
#include "ear.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "pelt/bus_keys.h"
#include "pelt/clock.h"
#include "pelt/log.h"

#define BLOCK_MS 1000
#define EACH     64

struct pelt_ear {
    struct pelt_ear_options opt;
    struct pelt_run_key key;
    char run[PELT_BUS_RUN_MAX + 1], ctl[PELT_BUS_KEY_SIZE];
    struct pelt_bus *bus;
    struct pelt_bus_stream stream;
    struct pelt_order_gate gate;
    atomic_bool cancel;      /* read by the bus while it waits; release and acquire are the bus' */
    _Atomic uint64_t forged; /* relaxed: a sum */
    pthread_t thread;
    bool started;
};

static void on_entry(void *arg, const struct pelt_bus_entry *entry)
{
    struct pelt_ear *ear = arg;
    struct pelt_order order = {0};
    struct pelt_error err = {{0}};
    if (entry->message.ptr == NULL ||
        pelt_order_decode(entry->message, ear->run, &ear->key, &order, &err) != PELT_OK) {
        if (atomic_fetch_add_explicit(&ear->forged, 1, memory_order_relaxed) == 0) {
            pelt_log(PELT_LOG_WARNING, "worker", "an order was refused: %s",
                     err.text[0] != '\0' ? err.text : "it is none of ours");
        }
        return;
    }
    if (!pelt_order_gate_lets(&ear->gate, &order)) {
        pelt_log(PELT_LOG_WARNING, "worker",
                 "an order of an earlier coordinator was not obeyed: %s of epoch %llu",
                 pelt_order_kind_name(order.kind), (unsigned long long)order.epoch);
        pelt_order_deinit(&order);
        return;
    }
    ear->opt.on_order(ear->opt.arg, &order);
}

static void rest(uint64_t ns)
{
    const struct timespec t = {.tv_sec = (time_t)(ns / PELT_NS_PER_S),
                               .tv_nsec = (long)(ns % PELT_NS_PER_S)};
    nanosleep(&t, NULL);
}

static void *thread_main(void *arg)
{
    struct pelt_ear *ear = arg;
    prctl(PR_SET_NAME, "pelt-ear");
    while (!atomic_load(&ear->cancel)) {
        struct pelt_error err = {{0}};
        enum pelt_status status = pelt_bus_ensure(ear->bus, &err);
        if (status == PELT_OK) {
            status = pelt_bus_xread(ear->bus, &ear->stream, 1, EACH, BLOCK_MS, on_entry, ear, &err);
        } else {
            rest(20 * PELT_NS_PER_MS); /* the outbox says that it cannot be reached */
        }
    }
    return NULL;
}

enum pelt_status pelt_ear_new(const struct pelt_ear_options *options, struct pelt_ear **out,
                              struct pelt_error *err)
{
    struct pelt_ear *ear = calloc(1, sizeof(*ear));
    if (ear == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    ear->opt = *options;
    ear->key = *options->key;
    snprintf(ear->run, sizeof(ear->run), "%s", options->run);
    pelt_bus_key(ear->ctl, ear->run, PELT_BUS_CTL);
    ear->stream.key = ear->ctl;
    struct pelt_bus_options bus = *options->bus;
    bus.cancel = &ear->cancel;
    enum pelt_status status = pelt_bus_new(&bus, &ear->bus, err);
    if (status == PELT_OK && pthread_create(&ear->thread, NULL, thread_main, ear) != 0) {
        status = pelt_fail(err, PELT_EIO, "cannot start a thread");
    }
    ear->started = status == PELT_OK;
    if (status != PELT_OK) {
        pelt_ear_free(ear);
        return status;
    }
    *out = ear;
    return PELT_OK;
}

void pelt_ear_free(struct pelt_ear *ear)
{
    if (ear == NULL) {
        return;
    }
    if (ear->started) {
        atomic_store(&ear->cancel, true);
        pthread_join(ear->thread, NULL);
    }
    pelt_bus_free(ear->bus);
    pelt_run_key_wipe(&ear->key);
    free(ear);
}

uint64_t pelt_ear_forged(struct pelt_ear *ear)
{
    return atomic_load_explicit(&ear->forged, memory_order_relaxed);
}
