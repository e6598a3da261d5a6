/*
 * shape: a scenario's function that decides, second by second, how much load there is, in a Lua
 * state of its own, so that nothing of it but levels reaches the users. What it may ask is answered
 * by its *view*, whoever keeps the figures.
 *
 * A call that computes for PELT_SHAPE_PATIENCE_S is stopped: who calls it has signals to hear.
 *
 * Thread: any one at a time; made on another than it is used on, perhaps.
 */
#ifndef PELT_SHAPE_H
#define PELT_SHAPE_H

#include "pelt/script.h"
#include "pelt/threshold.h"

#define PELT_SHAPE_PATIENCE_S 0.15
#define PELT_SHAPE_LATE_MS    10
#define PELT_SHAPE_WINDOW_MAX 60 /* seconds that a view remembers */

struct pelt_shape;

/* What was measured in the seconds [from, to); from == to: in none. */
struct pelt_shape_figures {
    int32_t from, to;
    double level;         /* decided for the last of them: users, or arrivals/s */
    double planned_per_s; /* arrivals that fell due */
    double started_per_s, ok_per_s;
    double iterations_per_s;            /* that ended */
    double errors;                      /* share of the exchanges that ended; 0 without one */
    double p50_ms, p95_ms, p99_ms;      /* of http_response; NAN: too few samples */
    uint64_t users, in_flight, waiting; /* at the end of the last one */
    uint64_t dropped;
    uint64_t backlog; /* open loop: arrivals that have not ended, at the end of the last one */
    double late;      /* share of these arrivals that this host sent over PELT_SHAPE_LATE_MS late */
    double growth;    /* of the backlog over these seconds */
    const char *error; /* outcome that most exchanges which did not end ok had; NULL: all did */
};

enum pelt_shape_judgement {
    PELT_SHAPE_HOLDS,
    PELT_SHAPE_BREAKS,
    PELT_SHAPE_UNJUDGED,
    PELT_SHAPE_ABSENT /* unjudged, as what is asked for by name never came so far */
};

struct pelt_shape_reason {
    char slo[400];  /* the threshold that decided, its text; "" where all hold */
    char text[400]; /* a line for people; "" where all hold */
};

/* What came of a step of a stress load. */
struct pelt_shape_step {
    unsigned span; /* as struct pelt_stage has it */
    enum pelt_shape_judgement judgement;
    int32_t from, to;             /* the seconds [from, to) that it was judged by */
    struct pelt_shape_reason why; /* slo may also be "throughput" or "errors" */
};

struct pelt_shape_view {
    void *arg;
    /* Of the plan, as the command line may have set them; level_max as the function counts: before
     * the plan's level_factor. */
    double level_max, length_max_s;
    /* Of the last `seconds` (1 to PELT_SHAPE_WINDOW_MAX) known ones. */
    void (*figures)(void *arg, uint32_t seconds, struct pelt_shape_figures *out);
    /* Whether the run's SLO holds over the seconds [from, to), which are known; else `why` not. */
    enum pelt_shape_judgement (*judge)(void *arg, int32_t from, int32_t to,
                                       struct pelt_shape_reason *why);
    void (*judged)(void *arg, const struct pelt_shape_step *step);
    /* Something worth noting in the run. */
    void (*note)(void *arg, const char *kind, const char *text);
    /* A step of those that verified the load's result: its seconds [from, to). The run's thresholds
     * are judged by all that are told, where they are the SLO. */
    void (*verified)(void *arg, int32_t from, int32_t to);
    /* The largest level that holds, as the function counts; 0: none does; at_least: nothing broke
     * up to the max, which it is. Where it is not told, none was found. */
    void (*found)(void *arg, double level, bool at_least);
};

struct pelt_shape_decision {
    bool end;      /* the load ends where this second would begin */
    double level;  /* else: >= 0, users or arrivals/s */
    uint16_t span; /* as struct pelt_stage has them */
    char part[14];
};

/* Loads the scenario once more; its load must be live. `options` is copied: what it points to is
 * borrowed; neither client nor recorder is used. */
PELT_MUST_USE enum pelt_status pelt_shape_new(const struct pelt_script_options *options,
                                              struct pelt_shape **out, struct pelt_error *err);
void pelt_shape_free(struct pelt_shape *shape); /* accepts NULL */
/* The level of second `second`. PELT_ESCRIPT: the function raised, held its thread or returned what
 * is no level; err has file and line, and the traceback in further lines. Then it must not be
 * called again. */
PELT_MUST_USE enum pelt_status pelt_shape_decide(struct pelt_shape *shape, int32_t second,
                                                 const struct pelt_shape_view *view,
                                                 struct pelt_shape_decision *out,
                                                 struct pelt_error *err);

#endif
