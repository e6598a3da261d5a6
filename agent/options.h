/*
 * options: what the operator asked for on the command line; nothing else chooses what is read.
 *
 * "--name VALUE" and "--name=VALUE" mean the same.
 *
 * Storage: texts are those of argv, which is cut at the '=' of NAME=VALUE. Thread: main, before any
 * other.
 */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/addr.h"
#include "pelt/status.h"
#include "target.h"

#define AGENT_TARGETS_MAX 32
#define AGENT_TEXTS_MAX   32

/* An option that can be given several times. */
struct agent_texts {
    const char *all[AGENT_TEXTS_MAX];
    size_t len;
};

struct agent_options {
    struct target_options targets[AGENT_TARGETS_MAX]; /* --pid --port --unit --cgroup */
    size_t targets_len;
    struct agent_texts caches; /* --cache [NAME=]KIND=ADDRESS[#...], as given */
    struct agent_texts pools;  /* --pool NAME=URL#used=..., as given */
    struct agent_texts disks;  /* --disk MOUNT; none: all that are mounted from a device */
    const char *root;          /* of proc, sys and cgroup files: "" on a host */

    const char *name;               /* --name; NULL: the host's, up to its first dot */
    struct pelt_addr listen;        /* --listen ADDRESS:PORT */
    const char *port_file;          /* --port-file FILE; NULL: none */
    bool redact_hostname;           /* --redact-hostname */
    const char *token_file;         /* --token-file FILE; NULL: who reaches it may ask */
    const char *tls_cert, *tls_key; /* --tls-cert, --tls-key: PEM; both or none */
    bool allow_plaintext;           /* --allow-plaintext: no TLS beyond loopback */
    const char *user; /* --user NAME; NULL: where root begins it pelt-agent, else nobody */
    bool probe;       /* --probe */
    double cpu_limit; /* --cpu-limit: share of a core that the agent may use; 0.01 */
};

enum agent_options_result {
    AGENT_OPTIONS_RUN,
    AGENT_OPTIONS_HELP,
    AGENT_OPTIONS_VERSION,
    AGENT_OPTIONS_BAD, /* the error says why */
};

/* Fills `options`, whatever they were before. */
enum agent_options_result agent_options_parse(struct agent_options *options, int argc, char **argv,
                                              struct pelt_error *err);
void agent_options_help(void); /* prints what --help shows */

#endif
