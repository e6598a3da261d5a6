/*
 * lb: the balancer: this pelt-target in front of several others.
 *
 * A request that it does not answer itself (probes, /health, /api/status, what tells of itself,
 * /ws) is given to a back end, and that one's answer to the client, with the back end's address in
 * X-Backend. Back ends are given by a knob, register themselves (register.h), or are started by the
 * balancer, more of them and fewer as they are used (scaler.h). Each is checked by /health/ready;
 * who fails it gets no requests until it passes again.
 *
 * Thread: any; one lock inside. Calls, checks and processes are those of one thread of its own.
 */
#ifndef TARGET_LB_H
#define TARGET_LB_H

#include <jansson.h>

#include "backends.h"
#include "systems.h"

#define TARGET_LB_TEXT_BYTES 2048 /* of a list of back ends, or of options, with its end */

struct target_lb_settings {
    unsigned balance; /* enum target_balance */
    char backends[TARGET_LB_TEXT_BYTES];
    uint64_t check_ns;
    uint64_t check_failures;
    uint64_t timeout_ns;
    uint64_t attempts;
    uint64_t lease_ns;
    bool scales;
    char start[TARGET_LB_TEXT_BYTES]; /* options of those that it starts */
    uint64_t min, max;
    double up, down;
    uint64_t cooldown_ns;
    uint64_t capacity; /* requests in flight that one is meant for */
};

extern const struct target_system target_lb_system;

struct target_lb;

/* True for what the balancer answers itself. */
bool target_lb_is_own(enum target_route route);

/* The back ends, [{"address": ..., "origin": ..., "up": true, ...}, ...]; NULL: no memory. */
json_t *target_lb_json(struct target_lb *lb);

/*
 * Takes {"address": "HOST:PORT", "weight": 2} in, or its word that it is still there. The status of
 * the answer: 200, or the error says what is wrong.
 */
unsigned target_lb_register(struct target_lb *lb, const char *text, size_t bytes, uint64_t now_ns,
                            struct target_error *err);

/* It leaves. False: there is none of that address. */
bool target_lb_leave(struct target_lb *lb, const char *address, uint64_t now_ns);

#endif
