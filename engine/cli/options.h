/*
 * options: what a user may type behind a command. One table of options gives both the parser and
 * `--help`.
 *
 * Storage: strings are argv's; lists and the plan-free values are the struct's (deinit).   Thread:
 * main. Units: nanoseconds and per second. A number that was not typed is 0 (PELT_NEVER for grace).
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "pelt/compare.h"
#include "pelt/fleet_coordinator.h"
#include "pelt/plan.h"
#include "pelt/run.h"
#include "pelt/scenario.h"
#include "pelt/threshold.h"

/* One bit a command: which of them take an option. */
enum cli_command_bit {
    CLI_RUN = 1,
    CLI_BENCH = 2,
    CLI_CHECK = 4,
    CLI_REPORT = 8,
    CLI_DEMO = 16,
    CLI_RUNS = 32,
    CLI_NEW = 64,
    CLI_PREFLIGHT = 128,
    CLI_CONVERT = 256,
    CLI_DOCTOR = 512,
    CLI_COMPARE = 1024,
    CLI_HISTORY = 2048,
    CLI_TRACE = 4096,
    CLI_WORKER = 8192,
    CLI_CTL = 16384,
};

struct cli_options;

struct cli_command {
    const char *name;
    enum cli_command_bit bit;
    const char *operand;  /* "SCENARIO.lua"; "[FILE]": may be left out; NULL: takes none */
    const char *line;     /* for `pelt --help` */
    const char *about;    /* paragraphs for `pelt CMD --help` */
    const char *examples; /* lines, each indented by two */
    int (*run)(const struct cli_options *options);
};

struct cli_texts { /* a repeatable option; items ends with NULL once one was added */
    const char **items;
    size_t len;
};

struct cli_ramp {         /* --ramp: one of both */
    double per_s;         /* level added a second */
    uint64_t duration_ns; /* time to reach the level */
};

struct cli_tls { /* as typed; NULL: was not */
    const char *backend, *ca, *cert, *key, *min, *max, *ciphers;
    bool insecure, no_resume;
};

struct cli_bus { /* as typed; NULL, 0: was not */
    const char *url, *run, *ca, *cert, *key, *password_file, *secret_file;
    bool plaintext;
    uint64_t workers, orphan_ns, wait_ns;
    enum pelt_on_loss on_loss;
    int64_t slot; /* -1: any */
    const char *resume;
};

struct cli_options {
    const struct cli_command *command;
    const char *operand; /* scenario, URL or run file; NULL: none was typed */
    const char *source;  /* of convert and trace: what stands behind the operand; NULL: nothing */
    char *command_line;  /* shell-quoted, secrets masked */
    bool help;

    uint64_t users, connections, pipeline, streams, threads;
    bool threads_pin;
    enum pelt_pacing pacing;
    double rate_per_s;
    struct cli_ramp ramp;
    uint64_t duration_ns, iterations;
    uint64_t warmup_ns; /* 0: was not typed */
    bool has_arrivals;
    enum pelt_arrivals arrivals;
    double gamma_shape; /* 0: the plan's default */
    uint64_t seed;      /* 1 unless typed */
    uint64_t grace_ns;
    bool force;
    uint64_t repeat; /* runs, one after the other; 0: one */
    char *ran;       /* gets the path of the run file that was written; NULL: nobody wants it */
    size_t ran_size;

    const char *target, *method, *body;
    bool retry_stale;
    struct cli_texts headers;
    struct pelt_route *route; /* NULL: not parsed */
    struct cli_texts agents;  /* "[NAME=]URL" */
    const char *agent_token_file;
    struct cli_tls tls;
    bool http2;
    uint64_t http2_window; /* bytes; 0: not typed */

    struct pelt_threshold *thresholds;
    const char **threshold_texts; /* as given, borrowed; one each */
    size_t thresholds_len;
    bool abort_on_fail, allow_invalid, strict, allow_script_errors;

    double price_per_h; /* of an instance; 0: not typed */
    uint64_t instances; /* under test */
    const char *demand, *headroom,
        *penalty; /* checked, but that the file of `demand` is not read */

    struct cli_texts out;
    int32_t from_s, to_s; /* of report; -1: not typed */
    const char *run_file;
    bool no_run_file, quiet, no_color, log_json;
    const char *web; /* address of the live page; "": the default; NULL: none is wanted */

    struct pelt_setting *settings;
    size_t settings_len;
    bool once;
    struct cli_texts hosts; /* of convert har */
    bool no_static, think;
    const char *answer; /* of the null server; NULL: {} */

    struct cli_texts base, now; /* of compare: run files and folders of each side */
    struct cli_texts *side;     /* the one that words stand behind; NULL: BASE, then NEW */
    struct pelt_effect effect;  /* of compare and history: the usual one unless typed */

    struct cli_bus bus;
    char **words; /* all that was typed, the command first; owned, its texts argv's */
    size_t words_len;
    char **passed; /* options that workers need as well, as typed: "--name", value ...; owned */
    size_t passed_len;

    const char *wait_for;
    uint64_t wait_timeout_ns; /* 60 s unless typed */
};

/*
 * Reads argv behind the command's name (argv[0] is that name). PELT_EINVAL: err names the option,
 * the value and what to try. With --help nothing further is checked. `o` is to be deinited in each
 * case.
 */
PELT_MUST_USE enum pelt_status cli_options_parse(struct cli_options *o,
                                                 const struct cli_command *command, int argc,
                                                 char **argv, struct pelt_error *err);
void cli_options_deinit(struct cli_options *o);

/* The command's options by group, aligned, in 80 columns. */
void cli_options_help(const struct cli_command *command, FILE *out);

#endif
