/*
 * agents: what pelt-agents on the hosts under test read, on the run's own clock (wire:
 * docs/AGENT.md, "pelt-agent/1").
 *
 * All of it is done by one thread with a loop of its own: connections, clock exchanges, streams,
 * joining again. The control thread makes, connects, starts, stops; what comes meanwhile it takes
 * as mail. Nothing here touches a thread that sends load, and only connect, mark and stop wait,
 * each for a bounded time.
 *
 *   new -> connect -> mark -> start(second 0, tick) ... take ... -> mark -> stop -> take what is
 * left
 *   -> free
 *
 * Times are nanoseconds of the run's clock (pelt/clock.h): those of the agent's are mapped by the
 * clock's offset, which is known to +-bound_ns. Sample k is due at epoch + k tick.
 *
 * An agent that is lost is looked for again until stop, at first every 50 ms, later every second.
 * One that was restarted has its figures told apart by name and target as before, and what is
 * counted (a limit's events, counters, a cache's hits, misses and evictions) goes on from where it
 * was.
 *
 * Thread: the caller's alone, one at a time. Texts of agents have no control characters.
 */
#ifndef PELT_AGENTS_H
#define PELT_AGENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/clock.h"
#include "pelt/mailbox.h"
#include "pelt/server_kind.h"
#include "pelt/status.h"

#define PELT_AGENTS_MAX        64
#define PELT_AGENT_FIGURES_MAX 2000 /* of one agent, over all its restarts; others are left out */
#define PELT_AGENT_NAME_SIZE   64
#define PELT_AGENT_TICK_NS     (100 * PELT_NS_PER_MS) /* the finest tick */
#define PELT_AGENTS_CONNECT_NS (3 * PELT_NS_PER_S)    /* connect waits at most so long */
#define PELT_AGENTS_MARK_NS    (1 * PELT_NS_PER_S)    /* mark waits at most so long */
#define PELT_AGENTS_FLUSH_NS   (300 * PELT_NS_PER_MS) /* stop waits at most so long for frames */
#define PELT_AGENT_MAIL_MAX                                                                        \
    3000 /* frames of an agent that may wait to be freed; others are lost                          \
          */

struct pelt_agent_options { /* texts are copied; files are read by pelt_agents_new() */
    const char *url;        /* "http://10.0.0.5:9646", "https://proxy/agents/a" */
    const char *name;       /* of metrics: letters, digits, '-' and '_'; NULL: as the agent says */
    const char *token_file; /* its first line is the bearer token; NULL: none */
    const char *ca;         /* PEM file or folder for https; NULL: the system's */
    bool insecure;          /* https: the certificate is not verified */
};

/* ---- what an agent is and has ---- */

struct pelt_agent_figure {
    enum pelt_server_kind kind;
    const char *name;       /* "nofile": lower case, digits, '_' */
    const char *target;     /* "" for the host's; "port 8080", "/", "eth0" ... */
    const char *unit;       /* "fds": of used, max, value or count; of a cache's used and max */
    const char *source;     /* "/proc/PID/limits, /proc/PID/fd" */
    const char *tier;       /* "fast", "medium", "slow" */
    const char *unreadable; /* why it could not be read when it was first met; NULL: it could */
};

struct pelt_agent_target {
    const char *name, *by;
    int64_t pid; /* 0: none when the agent was met */
    uint64_t restarts;
};

/* As it was when the agent was connected; static until free. */
struct pelt_agent_info {
    const char *url;  /* as given */
    const char *name; /* of metrics; no two agents have the same */
    const char *version, *boot, *hostname, *kernel, *boot_id;
    uint64_t cpus;
    const struct pelt_agent_target *targets;
    size_t targets_len;
};

/* How the agent's clock goes, as known when the mail was made. */
struct pelt_agent_clock {
    int64_t offset_ns;      /* the agent's clock less the run's */
    uint64_t bound_ns;      /* the offset is wrong by at most so much */
    uint64_t bound_ns_max;  /* the largest that a frame was mapped with; 0: no frame so far */
    double drift_ppm;       /* how much faster the agent's clock goes than the run's */
    double drift_ppm_bound; /* the same for the drift; 500 and more: none could be told so far */
    uint64_t delay_ns;      /* round trip of the exchange that the offset comes from */
    uint64_t exchanges;     /* made so far */
    uint64_t jumps;         /* discontinuities: what was known of the clock no longer held */
    uint64_t regrids; /* how often drift moved the grid so far that the stream was opened anew */
};

/* ---- mail ---- */

enum pelt_agent_mail_kind {
    /* All figures, read when connected, or because of pelt_agents_mark(); k is of no meaning. */
    PELT_AGENT_BASELINE,
    PELT_AGENT_FRAME,   /* a tick's figures; the first of each stream has all */
    PELT_AGENT_LOST,    /* no frames from from_ns on; `text` says why. Told once a gap */
    PELT_AGENT_JOINED,  /* it is here again: the gap was from_ns to to_ns; figures may be new */
    PELT_AGENT_CLOSING, /* all figures, read because of pelt_agents_mark(); k is of no meaning */
    PELT_AGENT_JUMPED,  /* its clock made a jump: `text` has how far; frames before may be off */
};

struct pelt_agent_value {
    uint32_t figure; /* index: pelt_agents_figure() */
    double cell[PELT_SERVER_CELLS_MAX];
};

struct pelt_agent_unreadable { /* from here on, until it has a value again */
    uint32_t figure;
    const char *why;
};

struct pelt_agent_event { /* what happened there: "target_restarted" ... */
    uint64_t at_ns;
    const char *kind, *text;
};

struct pelt_agent_self { /* what the agent itself costs */
    uint64_t cpu_ns;     /* CPU time since its start */
    uint64_t rss_bytes, overruns, worst_ns;
    uint64_t tick_ns; /* how often it samples now */
    bool degraded;    /* it slowed itself down */
    uint64_t lost;    /* frames of this stream that it could not give us, so far */
};

/* In one piece of memory with all that it points to. */
struct pelt_agent_mail {
    struct pelt_mail mail;      /* private */
    struct pelt_agents *agents; /* private */
    enum pelt_agent_mail_kind kind;
    unsigned agent; /* index, as in the options */
    int64_t k;      /* FRAME: its tick, >= 0, always larger than the last frame's */
    /* FRAME, BASELINE: when it should be and was taken. A sample that was late may be that of the
     * next tick, too: its at_ns is then before its due_ns. */
    uint64_t due_ns, at_ns;
    bool fresh;      /* BASELINE, CLOSING: taken because of pelt_agents_mark(), after it */
    bool late;       /* FRAME: taken more than half a tick late */
    uint64_t missed; /* FRAME: ticks since the last frame that have none (0 after a gap) */
    const struct pelt_agent_value *value;
    size_t values;
    const struct pelt_agent_unreadable *unreadable;
    size_t unreadables;
    const struct pelt_agent_event *event;
    size_t events;
    struct pelt_agent_self self;   /* FRAME, BASELINE */
    struct pelt_agent_clock clock; /* all kinds */
    uint64_t from_ns, to_ns;       /* LOST (to_ns 0), JOINED */
    bool restarted;                /* JOINED: by another process than before */
    size_t figures; /* all kinds: how many figures of the agent are known from here on */
    char text[256]; /* LOST, JOINED, JUMPED: one line for a human, which names the agent */
};

/* ---- the agents ---- */

struct pelt_agents;

/*
 * Checks and copies the options, reads their files; nothing is sent. PELT_EINVAL: a URL, name,
 * token file or CA, named with what to try (exit 2). PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_agents_new(const struct pelt_agent_options *options, size_t len,
                                               struct pelt_agents **out, struct pelt_error *err);
/*
 * Starts the thread, connects all at once, measures their clocks, takes a baseline of each. Waits
 * at most PELT_AGENTS_CONNECT_NS: a caller with signals to hear calls it aside (run/aside.h), and
 * may cancel it.
 *
 * `err` and the status are the first failing agent's; pelt_agents_failure() has each one's line.
 * PELT_EINVAL: what answers is no such agent (an HTML page, another schema), it refuses the token,
 * TLS does not trust it, two have one name (exit 2). PELT_EIO: it cannot be reached (exit 6), or no
 * thread. After a failure only free.
 */
PELT_MUST_USE enum pelt_status pelt_agents_connect(struct pelt_agents *a, struct pelt_error *err);
/* Ends a connect that is under way, or the next one, which then fails at once (PELT_ESTOPPED). The
 * one function for another thread than connect's; more than once is as good as once. */
void pelt_agents_cancel(struct pelt_agents *a);
const char *pelt_agents_failure(const struct pelt_agents *a, unsigned agent); /* "": it stands */

size_t pelt_agents_len(const struct pelt_agents *a); /* NULL: 0 */
/* Of a connected agent. */
const struct pelt_agent_info *pelt_agents_info(const struct pelt_agents *a, unsigned agent);
/* The clock when it was connected; what follows stands in mail. */
const struct pelt_agent_clock *pelt_agents_clock(const struct pelt_agents *a, unsigned agent);
/* How many figures the mail taken so far may name (after connect: the first catalogue's). */
size_t pelt_agents_figures(const struct pelt_agents *a, unsigned agent);
/* One of them; static until free. */
const struct pelt_agent_figure *pelt_agents_figure(const struct pelt_agents *a, unsigned agent,
                                                   size_t figure);

/* Opens the streams: sample k is due at epoch_ns + k tick_ns, k >= 0. tick_ns: at least
 * PELT_AGENT_TICK_NS. Returns at once. */
void pelt_agents_start(struct pelt_agents *a, uint64_t epoch_ns, uint64_t tick_ns);

/* Has all agents that are here read all figures now, and waits until that has come as mail of this
 * kind, BASELINE or CLOSING; but not beyond PELT_AGENTS_MARK_NS. Each kind once. */
void pelt_agents_mark(struct pelt_agents *a, enum pelt_agent_mail_kind kind);

/* Readable while mail waits; the caller watches it. */
int pelt_agents_wake_fd(const struct pelt_agents *a);
/* The oldest mail, which is the caller's from here on; NULL: none waits. Take until NULL. */
struct pelt_agent_mail *pelt_agents_take(struct pelt_agents *a);
void pelt_agent_mail_free(struct pelt_agent_mail *mail); /* before the agents'; NULL: nothing */

/* Waits until all frames due before `until_ns` are here, but not beyond PELT_AGENTS_FLUSH_NS behind
 * that and now, then closes all and ends the thread. What came waits to be taken. Once is enough.
 */
void pelt_agents_stop(struct pelt_agents *a, uint64_t until_ns);

/* What all of this costs: CPU time of the thread so far. */
uint64_t pelt_agents_cpu_ns(const struct pelt_agents *a);

/* Stops first where that was not done; drops mail that waits. Accepts NULL. */
void pelt_agents_free(struct pelt_agents *a);

#endif
