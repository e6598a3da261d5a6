/*
 * clock: how an agent's clock goes beside the run's: its offset and drift, each with a bound on its
 * error, from four-timestamp exchanges.
 *
 * An exchange is asked at t1 and answered at t4 (run's clock), read at t2 and answered at t3 (the
 * agent's). Its offset is ((t2 - t1) + (t3 - t4)) / 2, its delay (t4 - t1) - (t3 - t2) (RFC 5905,
 * section 8). However that delay is shared between both ways, the offset is wrong by at most half
 * of it (Cristian, "Probabilistic clock synchronization", 1989); what queues makes the delay
 * longer, so of a window of 8 (RFC 5905, section 10) the best is taken: the one of the least delay,
 * where age counts against a sample as far as the drift is unknown.
 *
 * Drift is the slope of weighted least squares over the exchanges of the last ten minutes; since
 * each of their errors is bounded, so is the slope's. Until that says more, it is within
 * PELT_WATCH_DRIFT_MAX of zero, as RFC 5905 has it for any clock that is kept by NTP.
 *
 * An exchange that lies outside what bounds allow shows a jump (suspend, migration, another clock):
 * all before it is forgotten.
 *
 * Pure: time is passed in. Storage: the caller's, 7 KB; no heap. Zeroed is ready. Thread: one.
 */
#ifndef PELT_WATCH_CLOCK_H
#define PELT_WATCH_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

#define PELT_WATCH_WINDOW     8
#define PELT_WATCH_POINTS     128 /* for the drift */
#define PELT_WATCH_HORIZON_NS UINT64_C(600000000000)
#define PELT_WATCH_DRIFT_MAX  500e-6 /* RFC 5905, appendix A.5.5.8: largest frequency error */
#define PELT_WATCH_WANDER     15e-6  /* PHI: how far a clock's rate may wander meanwhile */

struct pelt_watch_exchange {
    uint64_t t1_ns, t4_ns; /* run's clock */
    int64_t t2_ns, t3_ns;  /* the agent's */
};

struct pelt_watch_point {
    uint64_t at_ns;    /* run's clock: the middle of the exchange */
    int64_t offset_ns; /* agent's less run's */
    uint64_t delay_ns;
    double half_ns; /* the offset is wrong by at most so much */
};

struct pelt_watch_clock {
    struct pelt_watch_point point[PELT_WATCH_POINTS]; /* a ring; the newest 8 are the window */
    size_t len, next;
    double drift, drift_bound; /* seconds a second; of no meaning while len is 0 */
    uint64_t exchanges, jumps; /* so far */
    int64_t jump_ns;           /* how far the last jump went, beyond what was foreseen */
    uint64_t jump_bound_ns;    /* and by how much that may be wrong */
};

/* Takes an exchange. PELT_EINVAL: no such exchange can be (an answer before its question, longer
 * there than here); it is left out. *jumped: it shows a jump; exchange some more at once. */
PELT_MUST_USE enum pelt_status
pelt_watch_clock_add(struct pelt_watch_clock *c, const struct pelt_watch_exchange *x, bool *jumped);

/* The newest exchange met a queue: an older one, with what its age adds, is twice as good. Another
 * one soon is worth its while. */
bool pelt_watch_clock_unlucky(const struct pelt_watch_clock *c);

struct pelt_watch_offset {
    int64_t offset_ns;
    uint64_t bound_ns, delay_ns;
};

/* The offset when the run's clock says `run_ns`. At least one exchange was taken. */
struct pelt_watch_offset pelt_watch_clock_at(const struct pelt_watch_clock *c, uint64_t run_ns);
/* The run's time when the agent's clock says `agent_ns`; 0 where that was before the run's clock
 * began. */
uint64_t pelt_watch_clock_to_run(const struct pelt_watch_clock *c, int64_t agent_ns);
/* Another host's clock from here on: all is forgotten but what was counted. */
void pelt_watch_clock_forget(struct pelt_watch_clock *c);

#endif
