/*
 * server_agent: one agent on a host under test as the run file has it: who it is and what it costs,
 * its figures, a block of samples a second, gaps, events; and beside each figure what of it is
 * carried (server_carried.h).
 *
 * Storage: the caller's, zeroed; deinit. Thread: control.
 */
#ifndef PELT_SERVER_AGENT_H
#define PELT_SERVER_AGENT_H

#include "newest.h"
#include "pelt/agents.h"
#include "pelt/runfile.h"
#include "server_carried.h"

struct pelt_server_figure {
    const struct pelt_agent_figure *about;
    char why[256];  /* "": it can be read */
    bool unwritten; /* the run file has another `why`, or nothing of it */
    struct pelt_newest newest;
    struct pelt_server_carried *carried;
    size_t carried_len;
};

struct pelt_server_agent {
    struct pelt_agents *agents; /* whose number `i` it is */
    unsigned i;
    struct pelt_runfile *file;
    /* Told of each event that goes into the run file; NULL: nobody. */
    void (*on_event)(void *arg, double t_s, const char *kind, const char *text);
    void *on_event_arg;
    bool failed;       /* the run file did not take something, or memory is out */
    uint64_t start_ns; /* of the run's second 0; 0: not yet */
    bool has_begun;    /* its baseline is of the moment before the load, not only of connecting */
    int32_t last_t;    /* second that what is read behind the load counts in */
    const struct pelt_agent_info *info;
    struct pelt_server_figure *figures;
    size_t figures_len, unwritten;
    struct pelt_samples open; /* of second open_t, not written yet */
    int32_t open_t;
    bool lost, needed; /* it is not here now; a threshold looks at one of its figures */
    uint64_t lost_ns;
    char lost_why[256];
    struct pelt_agent_row row;
    bool self_known;                                  /* the three below */
    uint64_t self_from_ns, self_cpu_ns, self_last_ns; /* since when; so far; CPU at the last */
    uint64_t events;
};

/* It is connected: writes down what there is. */
void pelt_server_agent_begin(struct pelt_server_agent *a);
/* How its clock goes, and how many figures it has by now: both may be news in any mail. */
void pelt_server_agent_meet(struct pelt_server_agent *a, const struct pelt_agent_clock *clock,
                            size_t figures);
/* A frame, baseline or closing sample: samples, what became readable or not, its cost, its events.
 */
void pelt_server_agent_frame(struct pelt_server_agent *a, const struct pelt_agent_mail *mail,
                             struct pelt_server_drops *carried);
void pelt_server_agent_lost(struct pelt_server_agent *a, const struct pelt_agent_mail *mail);
void pelt_server_agent_joined(struct pelt_server_agent *a, const struct pelt_agent_mail *mail);
void pelt_server_agent_jumped(struct pelt_server_agent *a, const struct pelt_agent_mail *mail);
/* What is carried of it stands in second `t`, if it is here and can be read. */
void pelt_server_agent_stand(const struct pelt_server_agent *a, int32_t t,
                             struct pelt_server_drops *carried);
/* The series carries that cell of the figure from here on. False: out of memory. */
bool pelt_server_agent_carry(struct pelt_server_agent *a, size_t figure, uint32_t series,
                             enum pelt_server_cell cell);
/* The load is over: writes what is open. */
void pelt_server_agent_end(struct pelt_server_agent *a);
void pelt_server_agent_deinit(struct pelt_server_agent *a);
/* Figure `i`; borrows. */
void pelt_server_agent_describe(const struct pelt_server_agent *a, size_t i,
                                struct pelt_server_figure_row *row);
/* Since the run's start. */
double pelt_server_agent_seconds(const struct pelt_server_agent *a, uint64_t at_ns);

#endif
