/*
 * backends: the back ends of a balancer: which there are, how they are, and who gets the next
 * request. Decides and counts; knows no socket.
 *
 * A back end keeps its slot until it has left and nothing is in flight on it, so that a request can
 * name it by its slot.
 *
 *   up       gets requests; whether it is, its checks say
 *   leaving  gets none any more; gone as soon as nothing is in flight
 *
 * Storage: the caller's, all zero: empty; no heap.   Thread: the caller's lock.
 * Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_BACKENDS_H
#define TARGET_BACKENDS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_BACKENDS_MAX       64 /* a set of them is a uint64_t */
#define TARGET_BACKEND_BYTES      80 /* of an address, with its end */
#define TARGET_BACKEND_WEIGHT_MAX 1000

enum target_balance { /* who gets the next request */
                      TARGET_BALANCE_OFF,
                      TARGET_BALANCE_ROUND_ROBIN,
                      TARGET_BALANCE_WEIGHTED, /* in proportion to `weight`, evenly interleaved */
                      TARGET_BALANCE_LEAST,    /* fewest in flight; equals take turns */
                      TARGET_BALANCE_CPU,      /* in proportion to the CPU that each has left */
};

enum target_backend_origin {
    TARGET_BACKEND_GIVEN,      /* by a knob */
    TARGET_BACKEND_REGISTERED, /* it came by itself, and stays while it says so */
    TARGET_BACKEND_STARTED,    /* by the balancer */
};

struct target_backend {
    char address[TARGET_BACKEND_BYTES]; /* HOST:PORT; empty: the slot is free */
    enum target_backend_origin origin;
    uint64_t weight; /* 1 or more */
    bool is_up;
    bool is_leaving;
    uint64_t lease_ns;      /* registered: when it is gone unless it says so again */
    uint64_t check_ns;      /* when it is checked next */
    bool is_checking;       /* it is being checked */
    uint64_t failed_checks; /* in a row */
    double cpu_share;       /* of a core, 0 to 1, between its last two checks; 0: not known */
    double cpu_s;           /* of its process, at `cpu_ns` */
    uint64_t cpu_ns;        /* 0: not known */
    int64_t credit;         /* of the smooth weighted turn */

    uint64_t in_flight;
    uint64_t requests; /* chosen for, so far */
    uint64_t failures; /* of these: no answer came */
    uint64_t answers;
    uint64_t answer_ns; /* from choice to answer, all together */
};

struct target_backends {
    struct target_backend slot[TARGET_BACKENDS_MAX];
    size_t last; /* chosen last: turns go on behind it */
};

/*
 * Reads "HOST:PORT" or "HOST:PORT*WEIGHT" from the list at `*at`, between commas or blanks, and
 * moves behind it. False: the list is over, or (the error says so) that is no address.
 */
TARGET_MUST_USE bool target_backends_read(const char **at, char address[TARGET_BACKEND_BYTES],
                                          uint64_t *weight, struct target_error *err);

/* Whether it is HOST:PORT, of letters, digits and "-._:[]", port 1 to 65535. */
bool target_backends_is_address(const char *text);

/*
 * The slot of the address, which is taken anew if it is leaving, or a free one; NULL: there are as
 * many as may be. A new one is neither up nor leaving, and to be checked at once.
 */
struct target_backend *target_backends_add(struct target_backends *all, const char *address,
                                           enum target_backend_origin origin, uint64_t weight,
                                           uint64_t now_ns);

/* NULL: there is none of that address. */
struct target_backend *target_backends_find(struct target_backends *all, const char *address);

/* It gets no requests any more, and its slot is free once it has none. */
void target_backends_leave(struct target_backend *backend);

/*
 * Who gets the next request, counted as in flight; NULL: nobody is up, but for those of `but`, bit
 * i being the one in slot i, who shall not get it.
 */
struct target_backend *target_backends_choose(struct target_backends *all,
                                              enum target_balance balance, uint64_t but);

/* The request is over; `answered`: it was answered `took_ns` after the choice. */
void target_backends_done(struct target_backend *backend, bool answered, uint64_t took_ns);

/*
 * What a check found. After `failures_max` bad ones in a row it is not up; a good one makes it so.
 * True: it changed.
 */
bool target_backends_checked(struct target_backend *backend, bool is_good, uint64_t failures_max);

/* The process has used `cpu_s` by now. */
void target_backends_cpu(struct target_backend *backend, double cpu_s, uint64_t now_ns);

/* Lets those leave whose lease is over; how many did. */
size_t target_backends_expire(struct target_backends *all, uint64_t now_ns);

size_t target_backends_slot(const struct target_backends *all,
                            const struct target_backend *backend);
size_t target_backends_up(const struct target_backends *all);
uint64_t target_backends_in_flight(const struct target_backends *all);

#endif
