/*
 * internal: what the files of one run share: run (the steps in their order), workers, control,
 * fixture, notes, series, finish. Nobody else includes this.
 *
 * Thread: control, but for what control has done aside: there `aside` and what it works on are that
 * thread's until it has ended, and for good where it was given up.
 */
#ifndef PELT_RUN_INTERNAL_H
#define PELT_RUN_INTERNAL_H

#include <ev.h>

#include "collect.h"
#include "hooks.h"
#include "host_watch.h"
#include "pelt/alert.h"
#include "pelt/parts.h"
#include "pelt/rulebook.h"
#include "saturation.h"
#include "servers.h"
#include "steer.h"
#include "pelt/run.h"
#include "pelt/runfile.h"
#include "signals.h"

struct pelt_running {
    struct pelt_run_options opt; /* the caller's, with `plan` below */
    struct pelt_plan plan;       /* the caller's, with users_max cut to what the host can hold */
    struct pelt_parts parts;     /* of the plan; once there are workers */
    uint32_t threads;
    struct pelt_registry *registry;
    struct pelt_runfile *file;
    struct pelt_results *past; /* what a run that is resumed has in its file; else NULL */
    struct pelt_collector collector;
    struct pelt_rulebook *rules;   /* of opt.thresholds */
    struct pelt_alertbook *alerts; /* of the scenario; NULL: none */
    char run_id[17], plan_text[1024];
    char target_text[1024]; /* what is loaded, secrets masked */
    uint64_t start_wall_ns;
    struct pelt_worker **workers;
    struct pelt_steer *steer; /* of a live plan; else NULL */
    struct pelt_saturation saturation;
    struct pelt_servers *servers; /* NULL: no agents */
    ev_io servers_io;
    struct pelt_hooks hooks;
    bool has_hooks; /* hooks were made, perhaps in part */
    bool sending;   /* something may have been sent: the run file stays, whatever comes */
    struct ev_loop *loop;
    ev_io mail_io;
    struct pelt_signals signals;
    ev_timer live_timer, cancel_timer, stuck_timer, host_timer;
    struct pelt_host_watch host;     /* while there is a load */
    struct pelt_host_row host_total; /* in its whole seconds */
    double host_measured_s;          /* how long they took; 0: nothing was read behind them */
    enum pelt_phase phase;
    int32_t newest_s;   /* newest second that was seen; of several hosts' only */
    uint64_t start_ns;  /* second 0; 0: there was no load */
    uint64_t length_ns; /* of the load: planned, or reached when stopped */
    int signal;         /* first one that came; 0: none */
    unsigned asked;     /* to stop, by signals */
    bool aborted;       /* stopped by a threshold */
    bool last_wait;     /* threads that end are given ENDING_S after a second signal */
    bool cancelled;
    bool gave_up;    /* a thread was: nothing that it may use is freed */
    bool hooks_lost; /* it was one that worked on `hooks` or `workers`, which only it has now */
    struct {
        bool passed; /* of a hook */
        enum pelt_status status;
        struct pelt_error err;
    } aside;                                 /* what work done aside answers */
    struct pelt_hosts_outcome hosts_outcome; /* of other hosts' slots, at the end */
    struct pelt_turn {                       /* of the plan, in their order */
        uint64_t at_ns;
        double factor;
    } * turns;
    size_t turns_len;
    bool series_told;               /* that memory for series is spent */
    bool fold_told;                 /* that names ended for want of it */
    bool file_failed;               /* the run file did not take something */
    struct pelt_error own_failure;  /* exit 1 */
    struct pelt_error script_error; /* exit 2 */
};

/* ---- workers: how many threads and users there are, and the threads that send ---- */

/* Sets `threads`; cuts the pools of open loops to what the host holds. PELT_ELIMIT: closed loop,
 * and more users than that. */
PELT_MUST_USE enum pelt_status pelt_workers_settle(struct pelt_running *run,
                                                   struct pelt_error *err);
/* Each loads the script's file: to be done aside. After a failure some may be there: free them. */
PELT_MUST_USE enum pelt_status pelt_workers_new(struct pelt_running *run, struct pelt_error *err);
void pelt_workers_free(struct pelt_running *run); /* also those that never came to be */
/* All, or none. */
PELT_MUST_USE enum pelt_status pelt_workers_start(struct pelt_running *run, struct pelt_error *err);
void pelt_workers_stop(struct pelt_running *run);
/* A live plan goes on with this stage, or ends where it is known to. */
PELT_MUST_USE enum pelt_status pelt_workers_extend(struct pelt_running *run,
                                                   const struct pelt_stage *stage);
void pelt_workers_close(struct pelt_running *run);
/* From then on the plan's levels are so many times what was given, at all threads and hosts. */
PELT_MUST_USE enum pelt_status pelt_workers_turn(struct pelt_running *run, uint64_t at_ns,
                                                 double factor);
PELT_MUST_USE enum pelt_status pelt_workers_cut(struct pelt_running *run, uint64_t at_ns);
/* What another host had: PELT_LETTER_TAKE_OVER. */
PELT_MUST_USE enum pelt_status pelt_workers_take_over(struct pelt_running *run,
                                                      const struct pelt_letter *letter);
void pelt_workers_cancel(struct pelt_running *run);
bool pelt_workers_ending(const struct pelt_running *run); /* each has heard that, or is done */
void pelt_workers_join(struct pelt_running *run);

/* ---- control: the control thread while others work: the load, or what is done aside ---- */

void pelt_control_show(struct pelt_running *run); /* to whoever watches live */
/* The run as those see it; borrows from it. */
void pelt_control_picture(struct pelt_running *run, struct pelt_live *out);
/* From here on mail, signals, the grace period and the live display are heard, while the loop runs.
 */
void pelt_control_start(struct pelt_running *run);
/* Takes what mail there is, within the loop. */
void pelt_control_take(struct pelt_running *run);
/* Until every worker has sent its last frame, or is given up. */
void pelt_control_wait(struct pelt_running *run);
void pelt_control_stop(struct pelt_running *run);
/* The run's live plan ends where its stages end. */
void pelt_control_close(struct pelt_running *run);
/* Ends the load as the first signal does: what is in flight has the grace period. `why` is told. */
void pelt_control_end(struct pelt_running *run, const char *why);
/* Cuts the load's length to what was reached. False: it had come to its end. */
bool pelt_control_cut(struct pelt_running *run);
/* Has `work` done, which answers in run->aside. PELT_OK also if a signal came, and if `what` was
 * given up then: run->signal is set. */
PELT_MUST_USE enum pelt_status pelt_control_aside(struct pelt_running *run, void (*work)(void *run),
                                                  const char *what, struct pelt_error *err);

/* ---- fixture: the script's setup and teardown ---- */

/* Its exchanges count as second -1. PELT_OK also when the script's setup failed: that is a result.
 */
PELT_MUST_USE enum pelt_status pelt_fixture_setup(struct pelt_running *run, struct pelt_error *err);
bool pelt_fixture_ready(const struct pelt_running *run); /* no signal, and setup did not fail */
const char *pelt_fixture_data_json(const struct pelt_running *run); /* of setup; may be NULL */
/*
 * Also after a setup or a load that failed: what was set up wants to be taken down. Not for
 * somebody who has asked twice to stop.
 */
void pelt_fixture_teardown(struct pelt_running *run);

/* ---- notes: what the run file says of the run beside its seconds ---- */

/* Of a run that is resumed: makes the names what they were. Before anything else has any. */
PELT_MUST_USE enum pelt_status pelt_notes_recall(struct pelt_running *run, struct pelt_error *err);
/* Makes the file, with what is known of the run before it begins; or goes on with it. */
PELT_MUST_USE enum pelt_status pelt_notes_open(struct pelt_running *run, struct pelt_error *err);
/* `status`: the run's. The file of one that failed before anything was sent goes. */
void pelt_notes_close(struct pelt_running *run, enum pelt_status status);
/* The run file did not take something: the run goes on, and is a failure of ours in the end. */
void pelt_notes_written(struct pelt_running *run, enum pelt_status status);
void pelt_notes_event(struct pelt_running *run, const char *kind, const char *text);
/* Tells those who watch the run live, and nobody else. */
void pelt_notes_tell(struct pelt_running *run, const struct pelt_live_event *event);
void pelt_notes_stage(struct pelt_running *run, const struct pelt_plan *plan,
                      const struct pelt_stage *stage, uint64_t from_ns);
/* A step was judged just now: `row` gets its time. */
void pelt_notes_step(struct pelt_running *run, struct pelt_step_row *row);
void pelt_notes_facts(struct pelt_running *run, const char *const *facts);
void pelt_notes_params(struct pelt_running *run); /* of its load: again when more is known */
void pelt_notes_start(struct pelt_running *run);  /* second 0 is known: when that is, on the wall */
void pelt_notes_length(
    struct pelt_running *run); /* that was reached, in place of the planned one */
void pelt_notes_workers(struct pelt_running *run);   /* what came of other hosts, if any sent */
void pelt_notes_same_host(struct pelt_running *run); /* whether a target is on this host */
void pelt_notes_tls(struct pelt_running *run);       /* what https was spoken with, if any was */

/* ---- agents: what is read on the hosts under test, where agents are asked ---- */

/* Connects to them, aside; PELT_OK also if a signal came. Of thresholds on what no agent has:
 * PELT_EINVAL. */
PELT_MUST_USE enum pelt_status pelt_watching_open(struct pelt_running *run, struct pelt_error *err);
/* The load is about to begin: has all read now. */
void pelt_watching_mark(struct pelt_running *run);
void pelt_watching_start(struct pelt_running *run); /* within the loop, once start_ns is known */
void pelt_watching_stop(struct pelt_running *run);

/* ---- rules: the thresholds while the run goes ---- */

/* Before the load; costs nothing a second where no threshold looks at seconds or may abort. */
PELT_MUST_USE enum pelt_status pelt_rules_open(struct pelt_running *run);
/* A second is whole: the sum of all threads. */
void pelt_rules_see(struct pelt_running *run, const struct pelt_frame *second);

/* ---- alerts: what somebody is told of while the run goes ---- */

PELT_MUST_USE enum pelt_status pelt_alerts_open(struct pelt_running *run);
/* A second is whole: the sum of all threads. */
void pelt_alerts_see(struct pelt_running *run, const struct pelt_frame *second);
/* The load is over: notes which of them never had a figure. */
void pelt_alerts_close(struct pelt_running *run);

/* ---- series: the memory that their figures may take ---- */

/* Sets the limit: what the caller says, or by the number of threads. */
void pelt_series_limit(struct pelt_running *run);
/* Tells once each that something new was refused, and that a name ended, as soon as it was. */
void pelt_series_tell(struct pelt_running *run);
/* The same at the end, also if what was there grew beyond the limit and nothing new asked. */
void pelt_series_tell_end(struct pelt_running *run);

/* ---- finish: what is known when all has ended, and what it amounts to ---- */

/* Tells what a user should know of the load, judges, writes the end, and reads the results. */
PELT_MUST_USE enum pelt_status pelt_finish(struct pelt_running *run, struct pelt_results **out,
                                           struct pelt_error *err);

#endif
