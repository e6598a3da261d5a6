/*
 * wire_order: what the coordinator tells all workers, and `pelt ctl` asks of the coordinator.
 *
 *   kind 1, epoch, seq, what it says, HMAC-SHA256 of the run's name and all before it
 *
 * The HMAC is checked before anything is read. An order is obeyed once and in order: the gate lets
 * none through whose epoch is lower than one that was heard, or whose seq is not above the last of
 * its epoch.
 *
 * Storage: a decoded order owns its texts; deinit. Thread: any.
 */
#ifndef PELT_WIRE_ORDER_H
#define PELT_WIRE_ORDER_H

#include "pelt/parcel.h"
#include "pelt/run_key.h"
#include "pelt/wire.h"

#define PELT_ORDER_BYTES_MAX   ((size_t)1 << 20)
#define PELT_ORDER_TEXT_MAX    4000   /* bytes of a text */
#define PELT_ORDER_VALUE_MAX   100000 /* bytes of a setting's value */
#define PELT_ORDER_SETTINGS    1000
#define PELT_ORDER_SETTING_KEY 100 /* bytes */

enum pelt_order_kind {
    PELT_ORDER_PLAN = 1, /* what to run; `plan` */
    PELT_ORDER_START,    /* second 0 begins at `server_ns` */
    PELT_ORDER_RATE,   /* from `at_ns` on the plan's level is `level` times what it was given as */
    PELT_ORDER_PAUSE,  /* nothing new from `at_ns` on */
    PELT_ORDER_RESUME, /* again from `at_ns` on */
    PELT_ORDER_MARK,   /* `text` happened at `at_ns` */
    PELT_ORDER_STOP,   /* the load ends at `at_ns`, with grace; `text` says why */
    PELT_ORDER_ABORT,  /* end now; `text` says why */
    PELT_ORDER_STAGE,  /* of a plan that is made as it runs: a stage more, as `text` says */
    PELT_ORDER_CLOSE,  /* such a plan has no further stages */
    PELT_ORDER_SPREAD, /* from `at_ns` on others send what slots were to send that are lost;
                          `spread` */
    PELT_ORDER_KINDS
};
const char *pelt_order_kind_name(enum pelt_order_kind kind); /* "PLAN", ... */

/* A name and what it is, in the sender's order; a name may come several times (--set, --header). */
struct pelt_order_setting {
    char *key;   /* 1 to PELT_ORDER_SETTING_KEY bytes, printable ASCII without blanks */
    char *value; /* any text without NUL */
};

struct pelt_order_plan {
    uint32_t slots; /* workers that share the load; 1 to PELT_BUS_SLOTS_MAX */
    struct pelt_order_setting *settings;
    size_t settings_len;
    struct pelt_parcel files;
};

#define PELT_ORDER_SLOT_WORDS 160 /* 64 slots each, a bit a slot */

struct pelt_order_spread {
    uint32_t slots;                       /* of the run */
    uint64_t lost[PELT_ORDER_SLOT_WORDS]; /* all that were, so far: theirs is what the others get */
    uint64_t done[PELT_ORDER_SLOT_WORDS]; /* have ended in order: they get none of it */
};
static inline bool pelt_order_slot(const uint64_t *slots, uint32_t slot)
{
    return (slots[slot / 64] >> slot % 64 & 1) != 0;
}
static inline void pelt_order_slot_set(uint64_t *slots, uint32_t slot)
{
    slots[slot / 64] |= UINT64_C(1) << slot % 64;
}

struct pelt_order {
    enum pelt_order_kind kind;
    uint64_t epoch, seq;
    /* What does not concern the kind is 0, "" or empty. */
    uint64_t server_ns; /* Redis' clock, ns since 1970 */
    int64_t at_ns;      /* since the run's second 0 */
    double level;       /* finite, at least 0 */
    char *text;         /* NULL: "" */
    struct pelt_order_plan plan;
    struct pelt_order_spread spread;
};

void pelt_order_deinit(struct pelt_order *o); /* accepts a zeroed one; frees all texts */
/* Adds a copy to a plan. PELT_EINVAL: a bad key or too long a value, named; PELT_ELIMIT,
 * PELT_ENOMEM
 */
PELT_MUST_USE enum pelt_status pelt_order_set(struct pelt_order_plan *plan, const char *key,
                                              const char *value, struct pelt_error *err);
/* The first setting of this name; NULL: none. */
const char *pelt_order_get(const struct pelt_order_plan *plan, const char *key);

/* Appends the message. PELT_ELIMIT: above PELT_ORDER_BYTES_MAX, named; PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_order_encode(const struct pelt_order *o, const char *run,
                                                 const struct pelt_run_key *key,
                                                 struct pelt_buf *out, struct pelt_error *err);
/* PELT_EINVAL: its HMAC is not that of this run and key. PELT_EPARSE: malformed, or not the one
 * form that an order has. `out` is empty then. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_order_decode(struct pelt_span message, const char *run,
                                                 const struct pelt_run_key *key,
                                                 struct pelt_order *out, struct pelt_error *err);

struct pelt_order_gate { /* zeroed: nothing was heard */
    uint64_t epoch, seq;
    uint64_t stale; /* orders refused: of a lower epoch, or not above the last one */
};
/* False: not to be obeyed, and counted. */
bool pelt_order_gate_lets(struct pelt_order_gate *gate, const struct pelt_order *o);

#endif
