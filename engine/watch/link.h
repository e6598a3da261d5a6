/*
 * link: one agent as the watching thread has it: joined, kept, joined again. Two calls: `ask` for
 * the catalogue, the clock and samples of all figures, one after another, and `stream`, which
 * brings the frames.
 *
 * Storage: the caller's. Thread: the loop's, but for what pelt/agents.h has the control thread
 * read.
 */
#ifndef PELT_WATCH_LINK_H
#define PELT_WATCH_LINK_H

#include <ev.h>

#include "call.h"
#include "clock.h"
#include "figures.h"
#include "grid.h"
#include "pelt/dns.h"
#include "pelt/lines.h"

enum pelt_link_state {
    PELT_LINK_OFF,       /* not begun, given up, or stopped */
    PELT_LINK_RESOLVING, /* its name */
    PELT_LINK_MEETING,   /* /v1/info is asked */
    PELT_LINK_TIMING,    /* its clock is measured */
    PELT_LINK_BASELINE,  /* /v1/sample is asked */
    PELT_LINK_READY,     /* nothing is asked but its clock; the streams are not started */
    PELT_LINK_OPENING,   /* /v1/stream is asked, no frame came so far */
    PELT_LINK_STREAMING,
    PELT_LINK_WAITING, /* lost; it is tried again soon */
};

struct pelt_link_ops {
    /* The first attempt has ended: PELT_OK, or why not. Once. */
    void (*on_met)(void *arg, enum pelt_status status, const char *why);
    /* What pelt_link_mark() asked for was posted, or cannot be had. */
    void (*on_marked)(void *arg, enum pelt_agent_mail_kind kind);
    /* Takes the mail. False: too much waits to be read; it is freed, and frames are lost. */
    bool (*on_mail)(void *arg, struct pelt_agent_mail *mail);
};

struct pelt_link {
    const struct pelt_link_ops *ops;
    void *arg;
    struct ev_loop *loop;
    struct pelt_dns *dns;
    struct pelt_endpoint *endpoint;
    enum pelt_link_state state;
    struct pelt_call ask, stream;
    ev_timer step;     /* joining takes too long; or a pause before the next attempt is over */
    ev_timer exchange; /* the clock is to be asked */
    ev_timer silence;  /* looks whether frames come */
    struct pelt_figures *figures;
    struct pelt_watch_info info;     /* of the process that it is joined to */
    struct pelt_agent_info met;      /* of the first; the control thread's once on_met was told */
    struct pelt_watch_info met_info; /* where its texts lie */
    struct pelt_agent_clock met_clock;
    struct pelt_watch_clock clock;
    struct pelt_watch_frame frame;
    struct pelt_lines lines;
    struct pelt_grid grid;
    bool told;     /* on_met */
    bool started;  /* frames are wanted */
    bool has_last; /* last_k is of use */
    int64_t last_k;
    uint64_t heard_ns;      /* when the last frame came, or the stream was opened */
    uint64_t joined_ns;     /* when the first stream since the last gap was opened */
    uint64_t agent_tick_ns; /* how often the agent samples now */
    uint64_t events_ns;     /* the newest event that was told, by the agent's clock */
    bool gap;               /* LOST was told, JOINED was not */
    uint64_t gap_ns;        /* where it began */
    bool restarted;         /* in this gap */
    bool afresh;            /* frames were lost on our side: the stream is to tell all again */
    bool reopen;            /* behind this feed */
    bool failed;            /* in this feed: */
    struct pelt_error failure;
    size_t left_out;
    enum { PELT_MARK_NONE, PELT_MARK_WANTED, PELT_MARK_ASKED } mark;
    enum pelt_agent_mail_kind mark_kind;
    unsigned tries;   /* since it was lost, or was last here for STEADY_NS */
    unsigned burst;   /* exchanges still to be made at once */
    unsigned unlucky; /* exchanges made again */
    unsigned pauses;  /* exchanges made since then */
    uint64_t bound_ns_max, regrids;
};

/* `endpoint` is taken, also after a failure (PELT_ENOMEM). */
PELT_MUST_USE enum pelt_status pelt_link_init(struct pelt_link *l, struct ev_loop *loop,
                                              struct pelt_dns *dns, struct pelt_endpoint *endpoint,
                                              const struct pelt_link_ops *ops, void *arg);
void pelt_link_deinit(struct pelt_link *l);
void pelt_link_join(struct pelt_link *l); /* begins; on_met tells how it went */
void pelt_link_start(struct pelt_link *l, uint64_t epoch_ns, uint64_t tick_ns);
/* Has the agent read all figures now, and posts them as mail of this kind; on_marked ends it, also
 * where it is not here. */
void pelt_link_mark(struct pelt_link *l, enum pelt_agent_mail_kind kind);
/* All frames due before `until_ns` are here, or none are to be expected soon. */
bool pelt_link_is_flushed(const struct pelt_link *l, uint64_t until_ns);
void pelt_link_stop(struct pelt_link *l);

#endif
