/*
 * recall: see leader.h.
 */
#include "leader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "INCARNATION THREADS CORES LABEL HOST" */
static bool recall_slot(struct pelt_fleet_coordinator *c, uint32_t i)
{
    char key[40];
    struct pelt_leader_slot *s = &c->slots[i];
    snprintf(key, sizeof(key), "bus_slot_%u", i);
    const char *text = pelt_results_meta(c->opt.past, key);
    if (text == NULL ||
        sscanf(text, "%16s %u %u %99s %64s", s->owner.incarnation, &s->threads, &s->hello.cores,
               s->owner.label, s->hello.host) != 5 ||
        !pelt_bus_incarnation_good(s->owner.incarnation)) {
        return false;
    }
    snprintf(s->hello.version, sizeof(s->hello.version), "%s", pelt_fleet_version());
    s->has_hello = s->ready = true;
    s->acked = (struct pelt_bus_id){c->opt.past->taken[i].major, c->opt.past->taken[i].minor};
    pelt_bus_worker_key(s->stream, c->run, i, s->owner.incarnation);
    c->streams[i] = (struct pelt_bus_stream){.key = s->stream, .last = s->acked};
    return true;
}

/* What was asked of the coordinator before it has been done, or `pelt ctl` told that nobody
 * answered. */
static enum pelt_status pass_over_asked(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    const enum pelt_status status = pelt_bus_last_id(c->bus, c->ask_key, &c->ask.last, err);
    return status == PELT_ENOTFOUND ? PELT_OK : status;
}

enum pelt_status pelt_leader_recall(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    const char *start = pelt_results_meta(c->opt.past, "bus_start_ns");
    bool good = start != NULL && c->opt.past->taken_len == c->opt.workers;
    for (uint32_t i = 0; good && i < c->opt.workers; i++) {
        good = recall_slot(c, i);
    }
    if (!good) {
        return pelt_fail(err, PELT_EINVAL,
                         "--resume: that run had not come so far that anything of it could be gone "
                         "on with: begin it again");
    }
    const char *epoch = pelt_results_meta(c->opt.past, "bus_epoch");
    c->start_server_ns = strtoull(start, NULL, 10);
    c->first_epoch = epoch != NULL ? strtoull(epoch, NULL, 10) : 0;
    pelt_leader_recall_level(c);
    return pass_over_asked(c, err);
}

/* Takes the texts. */
static void add_fact(struct pelt_fleet_coordinator *c, char *key, char *value)
{
    char **list = realloc(c->facts, (c->facts_len + 3) * sizeof(*list));
    if (list == NULL || key == NULL || value == NULL) {
        free(key);
        free(value);
        c->facts = list != NULL ? list : c->facts;
        return;
    }
    c->facts = list;
    list[c->facts_len++] = key;
    list[c->facts_len++] = value;
    list[c->facts_len] = NULL;
}

static void fill_facts(struct pelt_fleet_coordinator *c)
{
    char *key = NULL, *value = NULL;
    if (asprintf(&value, "%llu", (unsigned long long)c->start_server_ns) >= 0) {
        add_fact(c, strdup("bus_start_ns"), value);
    }
    if (asprintf(&value, "%llu", (unsigned long long)c->lease.epoch) >= 0) {
        add_fact(c, strdup("bus_epoch"), value);
    }
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        const struct pelt_leader_slot *s = &c->slots[i];
        if (asprintf(&key, "bus_slot_%u", i) < 0) {
            return;
        }
        if (asprintf(&value, "%s %u %u %s %s", s->owner.incarnation, s->threads, s->hello.cores,
                     s->owner.label, s->hello.host[0] != '\0' ? s->hello.host : "-") < 0) {
            free(key);
            return;
        }
        add_fact(c, key, value);
    }
}

const char *const *pelt_leader_facts(void *arg)
{
    struct pelt_fleet_coordinator *c = arg;
    if (c->facts == NULL && c->opt.past == NULL) {
        pthread_mutex_lock(&c->lock);
        fill_facts(c);
        pthread_mutex_unlock(&c->lock);
    }
    return (const char *const *)c->facts;
}
