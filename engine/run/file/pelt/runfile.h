/*
 * runfile: the run's SQLite database (WAL, one transaction a second): written by the control thread
 * while the run goes, read by everything that reports. Killing the writer loses at most the last
 * second.
 *
 * meta keys: schema, run_id, scenario, kind (run|bench|demo), command, start_wall_ns, duration_ns
 * (planned; updated when stopped early), plan, peak (largest level of the plan: users, or arrivals
 * a second), loop (open|closed), target, seed, threads, hosts, version, host, kernel, cpus,
 * host_cpus (all of the host's), file (scenario path), load_kind (sustained, burst, stress,
 * benchmark, or empty), load_params (of the kind, as JSON), same_host (yes|no: a target was on this
 * host), of a run with https tls_library ("OpenSSL 3.0.19"), tls_insecure and tls_resume (yes|no),
 * tls_min, tls_max ("1.3") and tls_ciphers where they were set; of one with HTTP/2 http2_streams
 * (the most on a connection); of what the user said of costs price_per_h, instances, headroom (a
 * share), penalty, and demand_per_s or demand_series (numbers with blanks between, oldest first);
 * of one with alerts alert_1, alert_2 ... ("NAME: rule"); of a run that ended in order also
 * total_started, total_ended, total_errors, response_count, response_p95_us, response_p99_us.
 */
#ifndef PELT_RUNFILE_H
#define PELT_RUNFILE_H

#include "pelt/results.h"

/* Version of the tables; older ones can be read. 2: `lost` of table second. 3: a script's metrics.
 * 4: stages and steps, the host, flights, what of a thread's time was not its own. 5: agents and
 * what they read; series of metrics with tags are numbered from 300, not from 200. 6:
 * single exchanges. 7: workers. */
#define PELT_RUNFILE_SCHEMA 7

struct pelt_runfile;

/* Whether a run file lies there: finished or not, of any version. */
bool pelt_runfile_is(const char *path);

/* Creates the file (and the last folder of its path); refuses an existing one, names another run
 * that is writing it, and a path that cannot be written. `path` NULL or ":memory:": a temporary
 * database without a name (SQLite keeps it in memory and spills to $TMPDIR), gone with the runfile
 * and the last results read from it. */
PELT_MUST_USE enum pelt_status pelt_runfile_create(const char *path, struct pelt_runfile **out,
                                                   struct pelt_error *err);
/* PELT_EINVAL: it has ended in order. */
PELT_MUST_USE enum pelt_status pelt_runfile_unfinished(const struct pelt_results *past,
                                                       const char *path, struct pelt_error *err);
/*
 * Goes on with the file of a run that was killed. *past is what it has, as pelt_results_load()
 * gives it: whoever goes on has the same names under the same ids, and `total` of
 * pelt_runfile_share_total() has its sum. `rules` are fed with its seconds. PELT_EINVAL: it has
 * ended in order, or somebody is writing it.
 */
struct pelt_rulebook;
PELT_MUST_USE enum pelt_status pelt_runfile_resume(const char *path, struct pelt_rulebook *rules,
                                                   struct pelt_runfile **out,
                                                   struct pelt_results **past,
                                                   struct pelt_error *err);
/* Before the first second: `total` (borrowed until close; never the runfile's to change) is at each
 * pelt_runfile_second() of the load the sum of all seconds given so far, that one included. So the
 * runfile need not keep one of its own. NULL, at any time: `total` is that no more. */
void pelt_runfile_share_total(struct pelt_runfile *f, const struct pelt_frame *total);
/* One transaction each. After an error the run goes on; the first error is kept and told at close.
 */
PELT_MUST_USE enum pelt_status pelt_runfile_meta(struct pelt_runfile *f, const char *key,
                                                 const char *value);
PELT_MUST_USE enum pelt_status pelt_runfile_thresholds(struct pelt_runfile *f,
                                                       const struct pelt_threshold *t, size_t len);
/* One second: `sum` of all threads, and the threads' own frames for their started, cpu and spin.
 * Names of ids used are written when first seen. `sum->second` -1 may come several times (setup,
 * teardown): added up, and in no figure of the load. So is any other second that comes again, at
 * the cost of a read. */
PELT_MUST_USE enum pelt_status pelt_runfile_second(struct pelt_runfile *f,
                                                   const struct pelt_frame *sum,
                                                   struct pelt_frame *const *threads,
                                                   size_t threads_len, struct pelt_registry *names);
/* The next second is made of workers' messages up to these, one a slot: written with it. Borrowed
 * until then. */
void pelt_runfile_taken(struct pelt_runfile *f, const struct pelt_taken_row *taken, size_t len);
PELT_MUST_USE enum pelt_status pelt_runfile_event(struct pelt_runfile *f, double t_s,
                                                  const char *kind, const char *text);
/* What happened to the host's CPU time in a second; of one that comes again, the sum. */
PELT_MUST_USE enum pelt_status pelt_runfile_host(struct pelt_runfile *f, int32_t t,
                                                 const struct pelt_host_row *row);
/* A stage of the plan, as it is known. */
PELT_MUST_USE enum pelt_status pelt_runfile_stage(struct pelt_runfile *f,
                                                  const struct pelt_stage_row *stage);
/* A step was judged. */
PELT_MUST_USE enum pelt_status pelt_runfile_step(struct pelt_runfile *f,
                                                 const struct pelt_step_row *step);
/* An agent, as it is known by now. */
PELT_MUST_USE enum pelt_status pelt_runfile_agent(struct pelt_runfile *f, uint32_t agent,
                                                  const struct pelt_agent_row *row);
/* Some figures of an agent, before their first samples; again where `why` changed. */
PELT_MUST_USE enum pelt_status
pelt_runfile_figures(struct pelt_runfile *f, const struct pelt_server_figure_row *rows, size_t len);
/* Values of metrics that were not known when their second was written: they are in it from here on.
 * None of them has a histogram. */
PELT_MUST_USE enum pelt_status pelt_runfile_values(struct pelt_runfile *f,
                                                   const struct pelt_frame *late,
                                                   struct pelt_registry *names);
/* A time without samples, as it is known; one that begins at the same moment is replaced. */
PELT_MUST_USE enum pelt_status pelt_runfile_gap(struct pelt_runfile *f,
                                                const struct pelt_server_gap_row *row);
/* What an agent read in second `t` (-1: before the load), or a further part of it. Sorts the
 * samples. */
PELT_MUST_USE enum pelt_status pelt_runfile_samples(struct pelt_runfile *f, int32_t t,
                                                    uint32_t agent, struct pelt_samples *samples);
/* A worker, as it is known by now: one of the same slot is replaced. */
PELT_MUST_USE enum pelt_status pelt_runfile_worker(struct pelt_runfile *f,
                                                   const struct pelt_worker_row *row);
/* The end: judged thresholds (same order as pelt_runfile_thresholds), verdict, exit code with
 * reasons (NULL-terminated). */
PELT_MUST_USE enum pelt_status pelt_runfile_finish(struct pelt_runfile *f,
                                                   const struct pelt_verdict_line *lines,
                                                   size_t len, enum pelt_verdict verdict,
                                                   const char *const *verdict_reasons,
                                                   int exit_code, const char *const *exit_reasons);
/* Reads what was written so far, through the same connection. The results may outlive the runfile.
 */
PELT_MUST_USE enum pelt_status
pelt_runfile_results(struct pelt_runfile *f, struct pelt_results **out, struct pelt_error *err);
/* Closes (checkpointed, no -wal file left). PELT_EIO with the first write error of the run. Accepts
 * NULL. */
enum pelt_status pelt_runfile_close(struct pelt_runfile *f, struct pelt_error *err);

/*
 * Loads a run: finished, killed (with or without its -wal file), or still being written by another
 * process; never changes it. Says plainly: no such file, not SQLite, not a run file, newer schema,
 * truncated. Not for a file that this process is writing (pelt_runfile_results is). Not finished:
 * verdict SUSPECT, exit code 1, both with a reason that says up to which second there is data;
 * thresholds are judged on that.
 */
PELT_MUST_USE enum pelt_status pelt_results_load(const char *path, struct pelt_results **out,
                                                 struct pelt_error *err);
/* The same of a part of the load, whose to_s may lie beyond its end, and whose from_s is below 0
 * for one that begins behind the warm-up, if there was one, else at 0. PELT_EINVAL: the run has no
 * second there. */
PELT_MUST_USE enum pelt_status pelt_results_load_part(const char *path, struct pelt_period part,
                                                      struct pelt_results **out,
                                                      struct pelt_error *err);

#endif
