/*
 * kept: single exchanges that a run remembers one by one: the slowest of all, the slowest of each
 * request name, and the first failed one of each error class of a name and second.
 *
 * The slowest are those with the longest response times among exchanges that were answered, the
 * same ones that percentiles are made of. Of equally slow ones those that ended first are kept. So
 * lists that were added up, in any order, hold what one list of all exchanges would hold.
 *
 * Storage: the caller's. Thread: one at a time.
 */
#ifndef PELT_KEPT_H
#define PELT_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/outcome.h"

#define PELT_KEPT_OF_RUN  10 /* slowest of a run, all names together */
#define PELT_KEPT_OF_NAME 3  /* slowest of a request name */

#define PELT_KEPT_ID 33 /* bytes: 32 hex digits and NUL */

enum pelt_kept_phase {
    PELT_KEPT_BLOCKED,
    PELT_KEPT_DNS,
    PELT_KEPT_CONNECT,
    PELT_KEPT_TLS,
    PELT_KEPT_SEND,
    PELT_KEPT_WAIT,
    PELT_KEPT_RECEIVE,
    PELT_KEPT_PHASES
};
const char *pelt_kept_phase_name(enum pelt_kept_phase phase); /* "blocked", ... */

/* Moments are ns since the run's start (of setup and teardown: since theirs), durations ns; a phase
 * of UINT64_MAX did not happen. */
struct pelt_kept {
    uint32_t series; /* id of its name */
    uint16_t thread; /* that sent it */
    uint16_t status; /* 0: no response head */
    enum pelt_outcome outcome;
    bool sent;     /* service time exists */
    bool answered; /* a whole response came */
    uint64_t done_ns;
    uint64_t response_ns, service_ns; /* due and sent are done less these */
    uint64_t phase_ns[PELT_KEPT_PHASES];
    uint64_t bytes_sent, bytes_received;
    bool has_user; /* user and iteration are known: user.id, user.iteration of a script */
    uint64_t user, iteration;
    char id[PELT_KEPT_ID]; /* trace id, which is the correlation id too; "": it had none */
};

/* Orders by response time, the slowest first; 0 for two that cannot be told apart. */
int pelt_kept_compare(const struct pelt_kept *a, const struct pelt_kept *b);

/* Puts a copy of `k` into `list` of at most `most`, kept in order; the fastest has to go if it is
 * full. False: `k` is too fast for it. */
bool pelt_kept_add(struct pelt_kept *list, uint8_t *len, uint8_t most, const struct pelt_kept *k);

/* Moments: 0 where there is no such moment. */
static inline uint64_t pelt_kept_due_ns(const struct pelt_kept *k)
{
    return k->done_ns > k->response_ns ? k->done_ns - k->response_ns : 0;
}
static inline uint64_t pelt_kept_sent_ns(const struct pelt_kept *k)
{
    return k->sent && k->done_ns > k->service_ns ? k->done_ns - k->service_ns : 0;
}
static inline uint64_t pelt_kept_first_ns(const struct pelt_kept *k)
{
    const uint64_t receive_ns = k->phase_ns[PELT_KEPT_RECEIVE];
    return receive_ns != UINT64_MAX && k->done_ns > receive_ns ? k->done_ns - receive_ns : 0;
}

#endif
