/*
 * net_space: the network namespaces that are watched: the agent's own, and those of targets that
 * live in another (containers).
 *
 * /proc/PID/net shows the namespace of that process to any user. What has no such file, sysctls and
 * sock_diag, is seen from inside only: it is opened there by a short thread that enters the
 * namespace by setns(), which the kernel allows to root (CAP_SYS_ADMIN); the thread of the sampler
 * never leaves its own. What is open goes on to show that namespace.
 *
 * A target that was started again may be in a namespace anew: `generation` grows, and whoever holds
 * descriptors opens them again; `anew` grows where it is another namespace than before, and whoever
 * counts rebases. A namespace lives as long as descriptors in it are open, so those of a target
 * that has gone are closed.
 *
 * Thread: the sampler's.
 */
#ifndef AGENT_NET_SPACE_H
#define AGENT_NET_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "procfile.h"
#include "sampler.h"

#define NET_SPACES_MAX 9 /* the agent's own and eight more */

struct net_space {
    char label[64]; /* the figures' target: "" for the agent's own, else a target's name */
    const char *root;
    const struct targets *targets;
    size_t target; /* whose it is; not of the agent's own */
    pid_t pid;     /* 0: the agent's own, or its target has gone: see `gone` */
    bool foreign, gone;
    ino_t identity; /* of /proc/PID/net/dev: two namespaces never share it; 0: unknown */
    uint64_t generation, anew;
    uint64_t epoch; /* of the target when it was looked at */
};

struct net_spaces;

/* A collector, to be read before the others: it looks whether the targets are
 * still in them. */
struct collector *net_spaces_new(struct sampler_list *list, struct pelt_error *err);
size_t net_spaces_len(const struct net_spaces *n);
struct net_space *net_spaces_at(struct net_spaces *n, size_t index);
/* That of the target with this index, as it was when the agent started. */
struct net_space *net_spaces_of(struct net_spaces *n, size_t target);

/* ---- a file of a namespace, held open ---- */

struct net_file {
    const struct net_space *space;
    const char *path; /* "/net/netstat": below /proc or /proc/PID; "/proc/sys/...": from inside */
    struct procfile file;
    uint64_t generation; /* of the space when it was opened; 0: it was not */
};

#define NET_FILE(space, path) ((struct net_file){(space), (path), PROCFILE_NONE, 0})

/* Opens it where it is not open in the namespace as it is now. A collector's new does this, while
 * the agent still may; later reads do it again by themselves. */
bool net_file_ready(struct net_file *f);
/* The whole text, with a NUL behind it, cut at size - 1 bytes. False: see net_file_why(). */
bool net_file_read(struct net_file *f, char *buf, size_t size, struct text *text);
void net_file_close(struct net_file *f);
/* Says of `figure` why the last read failed. */
void net_file_why(const struct net_file *f, struct figure *figure);

/* ---- figures of a namespace ---- */

/* Adds one whose target is the namespace's label. NULL: see catalogue_add(). */
struct figure *net_figure_add(struct catalogue *c, const struct net_space *space,
                              enum pelt_server_kind kind, enum figure_tier tier, const char *name,
                              const char *unit, const char *source);
/* What the new of a collector says if one could not be added. */
enum pelt_status net_figure_failed(const struct catalogue *c, struct pelt_error *err);

/* ---- a netlink descriptor of a namespace ---- */

struct net_diag {
    const struct net_space *space;
    int fd, error; /* -1: not open, for this errno */
    uint64_t generation;
};

#define NET_DIAG(space) ((struct net_diag){(space), -1, 0, 0})

bool net_diag_ready(struct net_diag *d); /* opens it where it is not */
void net_diag_close(struct net_diag *d);
/* Says of `figure` that sock_diag cannot be had, for `error`. */
void net_diag_why(const struct net_diag *d, int error, struct figure *figure);

#endif
