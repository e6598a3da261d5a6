/*
 * scenario: what a scenario file says, as plain data: read once on the control thread before
 * anything is sent. Running it is pelt/script.h's business. Thread: control.
 */
#ifndef PELT_SCENARIO_H
#define PELT_SCENARIO_H

#include "pelt/alert.h"
#include "pelt/buf.h"
#include "pelt/plan.h"
#include "pelt/threshold.h"

struct pelt_setting { /* --set KEY=VALUE */
    const char *key, *value;
    bool read; /* some pelt.env() asked for it */
};

struct pelt_scenario_task {
    char *name;
    double weight;
};

/* `tls`, as written: texts are the scenario's, paths as seen from here; NULL: not said. Which of
 * them can be had is the TLS room's to say. */
struct pelt_scenario_tls {
    char *backend, *ca, *cert, *key, *min, *max, *ciphers;
    bool insecure;
    bool no_resume; /* `resume = false` */
};

struct pelt_scenario_agent {       /* `agents`; the path as seen from here */
    char *url, *name, *token_file; /* name, token_file NULL: not said */
};

struct pelt_scenario_http2 { /* `http2`; 0: not said */
    bool on;
    uint32_t streams;
    uint64_t window; /* bytes */
};

#define PELT_SHARED_QUEUE_BYTES                                                                    \
    ((size_t)64 << 20) /* of what waits in a queue, bookkeeping included */

/* What users share over all hosts of a run (pelt.shared), by name. Any thread; each call may take a
 * round trip. Errors as those of one host; also PELT_EIO: it cannot be reached. */
struct pelt_shared_far {
    enum pelt_status (*add)(void *arg, const char *counter, int64_t n, int64_t *value,
                            struct pelt_error *err);
    enum pelt_status (*push)(void *arg, const char *queue, struct pelt_span value,
                             struct pelt_error *err);
    /* Appends to `out`. PELT_EOF: it is empty. */
    enum pelt_status (*pop)(void *arg, const char *queue, struct pelt_buf *out,
                            struct pelt_error *err);
    enum pelt_status (*len)(void *arg, const char *queue, uint64_t *len, struct pelt_error *err);
    void *arg;
};

struct pelt_files;
struct pelt_shared;
struct pelt_chatter;
struct pelt_box_env;

struct pelt_scenario {
    char *path; /* as given */
    char
        *source; /* the file's bytes, NUL-terminated; every shard loads these, not the file again */
    size_t source_len;
    char *name;   /* `name`, or the file's name without .lua */
    char *target; /* `target`, or NULL */
    bool has_load;
    struct pelt_plan plan;          /* of `load`; only if has_load */
    struct pelt_registry *declared; /* holds the metrics that the file declares */
    struct pelt_threshold *thresholds;
    size_t thresholds_len;
    struct pelt_threshold
        *slo; /* what a stress load holds levels against; its thresholds without */
    size_t slo_len;
    struct pelt_alert *alerts;
    size_t alerts_len;
    char *webhook;                    /* URL that alerts are posted to; NULL: none */
    struct pelt_scenario_task *tasks; /* one named "iteration" where the file has no tasks */
    size_t tasks_len;
    bool has_setup, has_teardown;
    bool has_user_init, has_user_exit;
    uint64_t pacing_ns, think_ns; /* `pacing`, and `think` where it is a duration; 0: none */
    bool think_drawn;             /* `think` is a function */
    bool shared_connections;      /* `connections = "shared"` */
    uint64_t dns_ttl_ns;          /* `dns_ttl`; PELT_NEVER: not said */
    struct pelt_scenario_tls tls;
    struct pelt_scenario_http2 http2;
    struct pelt_scenario_agent *agents;
    size_t agents_len;
    bool traceparent;         /* `trace`: requests have one */
    char *correlation;        /* the field with their correlation id; NULL: none */
    unsigned observe;         /* bits of enum pelt_server_word_about: what answers say becomes
                                 metrics */
    struct pelt_box_env *env; /* where box is "": what it asked for of the environment */
    char *box; /* not NULL: it may run on workers, who have it from others (box.h); owned */
    struct pelt_files *files;     /* opened ones, read once for all shards of the process */
    struct pelt_shared *shared;   /* counters and queues of all users */
    struct pelt_chatter *chatter; /* how much of what scripts print is said */
    char **unused; /* lines, "file:line: ..." each, about data that nothing can use */
    size_t unused_len;
};

struct pelt_scenario_file { /* a data file; texts are borrowed */
    const char *path;
    size_t rows, columns; /* columns: 0 if the format has none */
    size_t bytes;         /* of memory, once a process */
    bool taken;           /* some row was taken so far */
};

/*
 * Loads and checks the file: syntax, one table returned, known keys (the nearest is named), load,
 * thresholds, tasks. `settings` (len entries) are what pelt.env() sees first; it marks those read.
 * PELT_EINVAL or PELT_ESCRIPT: err says file, line and what to do.
 */
PELT_MUST_USE enum pelt_status pelt_scenario_load(const char *path, struct pelt_setting *settings,
                                                  size_t settings_len, struct pelt_scenario **out,
                                                  struct pelt_error *err);
/*
 * The same of a scenario for workers: without io, os and package. `box` "": here it is only looked
 * at, and all files can be opened; else it is the folder in which all that was sent lies, the
 * scenario at `path` too, each file under its path from the root.
 */
PELT_MUST_USE enum pelt_status
pelt_scenario_load_boxed(const char *path, const char *box, struct pelt_setting *settings,
                         size_t settings_len, struct pelt_scenario **out, struct pelt_error *err);
/* The i-th variable of the environment that it found while it was loaded. False: there are fewer.
 */
bool pelt_scenario_asked(const struct pelt_scenario *s, size_t i, const char **key,
                         const char **value);
/* Its shared counters and queues are those of all hosts; `far` is borrowed until free. Before it
 * runs. */
void pelt_scenario_reach(const struct pelt_scenario *s, const struct pelt_shared_far *far);
/* The i-th file that it opened while it was loaded: code first, then data. NULL: there are fewer.
 */
const char *pelt_scenario_opened(const struct pelt_scenario *s, size_t i);
/* The same from text in memory (copied); `path` is what messages call it, and where `require` looks
 * beside. */
PELT_MUST_USE enum pelt_status
pelt_scenario_load_text(const char *path, const char *source, size_t source_len,
                        struct pelt_setting *settings, size_t settings_len,
                        struct pelt_scenario **out, struct pelt_error *err);
/* Puts pacing and think time into a plan that shall run the scenario. PELT_EINVAL: it is one of
 * arrivals, which leaves no room for them; of a mix, the users of closed loops have them. */
PELT_MUST_USE enum pelt_status pelt_scenario_pace(const struct pelt_scenario *s,
                                                  struct pelt_plan *plan, struct pelt_error *err);
/* Warns in the log, a line each, of options in its file that no request has (misspelt.h). */
void pelt_scenario_tell_misspelt(const struct pelt_scenario *s);
/* Its run is over: says how many lines of print were left out and not told of yet. */
void pelt_scenario_tell_left_out(const struct pelt_scenario *s);
void pelt_scenario_free(struct pelt_scenario *s); /* accepts NULL */
/* The i-th data file, of rows or a trace. False: there are fewer. */
bool pelt_scenario_file(const struct pelt_scenario *s, size_t i, struct pelt_scenario_file *out);
/* "users.csv: 1000 rows of 3 columns, 64.0 KiB"; cut at `size`. */
void pelt_scenario_file_describe(const struct pelt_scenario_file *file, char *out, size_t size);

#endif
