/*
 * servers: what agents on the hosts under test read, during one run: into the run file by the
 * second, and, of what thresholds name, as metrics into the seconds' frames, so that rules judge it
 * like any other figure.
 *
 *   new -> connect -> begin -> mark -> start ... take, add ... stop, rest -> free
 *
 * A sample is about the time before it: sample k belongs to second (k - 1) / 10. All figures are
 * read afresh just before the load (mark), which is the baseline (second -1): what came before the
 * load is in no second of it. So they are behind it (stop), which counts in its last second: what
 * is counted in the load is whole, however seldom it is read. A value stands until there is a newer
 * one, or its agent is lost. What comes after its second was added up counts with the next one.
 *
 * Thread: control; connect may be done aside.
 */
#ifndef PELT_SERVERS_H
#define PELT_SERVERS_H

#include "pelt/agents.h"
#include "pelt/run.h"
#include "pelt/runfile.h"

struct pelt_servers;

/* Borrowed until free, but for what `agents` points to. */
struct pelt_servers_options {
    const struct pelt_agent_options *agents;
    size_t agents_len;
    struct pelt_registry *registry;
    struct pelt_runfile *file;
    /* Told of each event that goes into the run file; NULL: nobody. */
    void (*on_event)(void *arg, double t_s, const char *kind, const char *text);
    void *arg;
};

/* Nothing is sent. PELT_EINVAL: an option that cannot be, named. */
PELT_MUST_USE enum pelt_status pelt_servers_new(const struct pelt_servers_options *options,
                                                struct pelt_servers **out, struct pelt_error *err);
/* PELT_ELOST: one of them cannot be reached; PELT_EINVAL: what answers is no agent, or refuses. */
PELT_MUST_USE enum pelt_status pelt_servers_connect(struct pelt_servers *s, struct pelt_error *err);
/* From another thread: a connect that is under way ends at once, and fails. */
void pelt_servers_cancel(struct pelt_servers *s);
/* Writes down what there is. */
PELT_MUST_USE enum pelt_status pelt_servers_begin(struct pelt_servers *s);
/* What the threshold is on, if it is on what agents read, is carried from here on. PELT_EINVAL: no
 * agent has that; the line names what is nearest. */
PELT_MUST_USE enum pelt_status
pelt_servers_carry(struct pelt_servers *s, const struct pelt_threshold *t, struct pelt_error *err);
/* The load is about to begin: waits until all agents have read all, but not beyond
 * PELT_AGENTS_MARK_NS. */
void pelt_servers_mark(struct pelt_servers *s);
void pelt_servers_start(struct pelt_servers *s, uint64_t start_ns);
int pelt_servers_wake_fd(const struct pelt_servers *s);
/* All mail that waits. */
void pelt_servers_take(struct pelt_servers *s);
/* Puts what is carried into the sum of a whole second. */
void pelt_servers_add(struct pelt_servers *s, struct pelt_frame *second);
/* What was read in second `t`, as far as it came, to be asked once a second; valid until the next
 * call. Empty where memory is out. */
void pelt_servers_second(struct pelt_servers *s, int32_t t, struct pelt_live_servers *out);
/* The load is over, and `last_t` was its last second: has all read once more, waits for the last
 * frames for a short time, and writes all down. last_t below 0: only what has come is of use. */
void pelt_servers_stop(struct pelt_servers *s, int32_t last_t);
/* After stop: what came when the sum of its second was there, to be added to that of the last one.
 */
void pelt_servers_rest(struct pelt_servers *s, struct pelt_frame *last);
/* After stop: an agent that a threshold needs was lost and never came back: one line. False: none.
 */
bool pelt_servers_lost(const struct pelt_servers *s, struct pelt_error *why);
bool pelt_servers_failed(const struct pelt_servers *s); /* the run file did not take something */
void pelt_servers_free(struct pelt_servers *s);         /* accepts NULL */

#endif
