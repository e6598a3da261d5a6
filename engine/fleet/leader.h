/*
 * leader: what the files of the coordinator share: coordinator (life, its thread), hosts (what the
 * run asks of it), hearing (what workers say), orders (what they are told), steering (what `pelt
 * ctl` asks; a lost worker's part), alive (who lives), acks (what they may forget), recall (a run
 * that is resumed). Nobody else includes this.
 *
 * One thread has the bus: it keeps the lease and says that it lives, sends orders that others put
 * into a list, reads the workers' streams, looks who is silent, and acknowledges. Who asks (main,
 * the run's control thread, one aside) looks under the lock, or waits for `changed`. All functions
 * but tell, post and note are for who holds the lock.
 */
#ifndef PELT_LEADER_H
#define PELT_LEADER_H

#include <pthread.h>
#include <stdatomic.h>

#include "asked.h"
#include "beat.h"
#include "gather.h"
#include "pelt/bus_claim.h"
#include "pelt/bus_clock.h"
#include "pelt/bus_lease.h"
#include "pelt/fleet_coordinator.h"
#include "pelt/wire_hello.h"
#include "pelt/wire_order.h"

struct pelt_leader_slot {
    struct pelt_bus_owner owner; /* empty: nobody has claimed it so far */
    char stream[PELT_BUS_KEY_SIZE];
    bool has_hello, ready, refused;
    struct pelt_wire_hello hello;
    uint32_t threads;
    bool beyond;   /* its stream has an ID of no second that can be; looked at again soon */
    char why[512]; /* it cannot run the plan */
    uint64_t alive_ns;
    char hb[64];
    bool lags;      /* or did, as was told */
    double lost_s;  /* it was found to be gone; NAN: it never was */
    bool given;     /* its part is the others' from given_s on */
    double given_s; /* since second 0 */
    struct pelt_bus_id acked;
    char verdict[16], reason[400];
    uint64_t lag_p99_us;
    bool same_host;                /* it called a server on its own host */
    double gone_from_s, gone_to_s; /* of its part of this time nothing came; equal: of none */
};

struct pelt_fleet_coordinator {
    struct pelt_fleet_coordinator_options opt;
    char run[PELT_BUS_RUN_MAX + 1];
    struct pelt_run_key key;
    struct pelt_run_hosts hosts;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, ending, finished;
    atomic_bool cancelled;       /* relaxed: a hint */
    pthread_mutex_t orders_lock; /* held for moments only: the control thread says orders */
    struct pelt_order *orders;
    size_t orders_len, orders_sent;
    /* Under the lock: */
    struct pelt_leader_slot *slots;
    struct pelt_bus_clock clock;
    struct pelt_error failure;  /* nothing more can be said to workers */
    struct pelt_gather *gather; /* from prepare on */
    struct pelt_mailbox *mail;
    uint64_t start_ns; /* 0: nothing was begun */
    /* The thread's own, once it runs: */
    struct pelt_bus *bus;
    struct pelt_bus_lease lease;
    struct pelt_bus_stream *streams;
    struct pelt_mailbox given; /* letters that the run has written */
    uint64_t kept_ns, up_ns;
    struct pelt_beat beat;
    bool down_told, over, deposed, acks_due;
    struct pelt_asked asked;
    uint64_t asks_refused;
    struct pelt_bus_stream ask;
    char ask_key[PELT_BUS_KEY_SIZE];
    const struct pelt_plan *plan; /* the run's; from prepare on */
    bool can_turn, paused;
    double level;     /* times what the plan was given as */
    double stopped_s; /* when the load was told to end, since second 0; NAN: it was not */
    char lost[900];
    uint64_t first_epoch;     /* of the coordinator that began the run; 0: this one did */
    uint64_t start_server_ns; /* second 0, as the bus' clock has it */
    char **facts;             /* key, value, ..., NULL */
    size_t facts_len;
    struct pelt_worker_row *rows;
};

/* ---- coordinator.c ---- */

void pelt_leader_name(const struct pelt_fleet_coordinator *c, uint32_t i, char *out, size_t size);
double pelt_leader_now_s(const struct pelt_fleet_coordinator *c); /* since second 0 */
/* To the run; takes the letter. */
void pelt_leader_post(struct pelt_fleet_coordinator *c, struct pelt_letter *letter);
/* An event of the run, and a line of the log. */
void pelt_leader_note(struct pelt_fleet_coordinator *c, const char *kind, const char *text);
void pelt_leader_rest(uint64_t ns);
void pelt_leader_stop_thread(struct pelt_fleet_coordinator *c);

/* ---- hearing.c: for pelt_bus_xread() of the workers' streams ---- */

void pelt_leader_on_entry(void *arg, const struct pelt_bus_entry *entry);

/* ---- orders.c ---- */

/* Takes the order. Any thread. */
void pelt_leader_tell(struct pelt_fleet_coordinator *c, struct pelt_order *order);
void pelt_leader_tell_text(struct pelt_fleet_coordinator *c, enum pelt_order_kind kind,
                           const char *text);
PELT_MUST_USE enum pelt_status pelt_leader_send(struct pelt_fleet_coordinator *c,
                                                struct pelt_error *err);

/* ---- steering.c ---- */

void pelt_leader_on_asked(void *arg, const struct pelt_bus_entry *entry); /* of the stream `ask` */
/* A worker is lost: with --on-loss redistribute the others get its part, for good. */
void pelt_leader_spread(struct pelt_fleet_coordinator *c, uint32_t lost);

/* Rate and pause as the orders have left them that the run file has. */
void pelt_leader_recall_level(struct pelt_fleet_coordinator *c);

/* ---- alive.c ---- */

/* Twice a second: lease, beat, clock, who is there. */
PELT_MUST_USE enum pelt_status pelt_leader_keep(struct pelt_fleet_coordinator *c,
                                                struct pelt_error *err);
/* A worker is gone: an event, and what --on-loss wants done. */
void pelt_leader_lost(struct pelt_fleet_coordinator *c, uint32_t i, const char *how);
/* The lowest slot that nobody has while workers are waited for; -1: none. */
int64_t pelt_leader_hole(const struct pelt_fleet_coordinator *c);
/* The second up to which nobody is waited for; -1: none. Who lags so far is told, once. */
int32_t pelt_leader_due(struct pelt_fleet_coordinator *c, uint64_t now_ns);
/* All that came is mailed, and the last letter: who has not ended is lost. */
void pelt_leader_end(struct pelt_fleet_coordinator *c);
/* Nobody is there any more, nor waited for. */
bool pelt_leader_all_over(struct pelt_fleet_coordinator *c, uint64_t now_ns);

/* ---- acks.c ---- */

void pelt_leader_take_given(struct pelt_fleet_coordinator *c); /* what the run has written */
PELT_MUST_USE enum pelt_status pelt_leader_acknowledge(struct pelt_fleet_coordinator *c,
                                                       struct pelt_error *err);

/* ---- recall.c ---- */

PELT_MUST_USE enum pelt_status pelt_leader_recall(struct pelt_fleet_coordinator *c,
                                                  struct pelt_error *err);
const char *const *pelt_leader_facts(void *arg); /* of struct pelt_run_hosts */

#endif
