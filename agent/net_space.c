/* net_space: see the header. */
#include "net_space.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sock_diag.h"

struct net_spaces {
    struct collector collector;
    struct targets *targets;
    struct net_space all[NET_SPACES_MAX];
    size_t len;
};

/* ---- entering ---- */

struct errand { /* of the thread that goes there */
    const struct net_space *space;
    const char *path; /* NULL: a netlink socket */
    int fd, error;
};

static void open_here(struct errand *e)
{
    e->fd = e->path != NULL ? open(e->path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : sock_diag_open();
    e->error = e->fd < 0 ? errno : 0;
}

static void *go(void *arg)
{
    struct errand *e = arg;
    char path[PROCFILE_PATH];

    snprintf(path, sizeof path, "/proc/%ld/ns/net", (long)e->space->pid);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET) != 0) {
        e->error = errno;
    } else {
        open_here(e);
    }
    if (there >= 0) {
        close(there);
    }
    return NULL;
}

static void go_by_thread(struct errand *e)
{
    pthread_t thread;
    sigset_t all, before;

    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* comes from the call itself: a filter refused it */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, go, e); /* which writes to the errand, too */
    if (failed == 0) {
        pthread_join(thread, NULL);
    } else {
        e->error = failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Opens what `path` is inside the namespace, or a netlink socket. -1: see `*error`. */
static int open_inside(const struct net_space *space, const char *path, int *error)
{
    struct errand e = {space, path, -1, ESRCH};
    bool fixture = space->root[0] != '\0'; /* it has no inside, and no sockets */

    if (fixture && (space->foreign || path == NULL)) {
        e.error = EPERM;
    } else if (!space->foreign) {
        open_here(&e);
    } else if (!space->gone) {
        go_by_thread(&e);
    }
    *error = e.error;
    return e.fd;
}

/* ---- files ---- */

static void open_file(struct net_file *f)
{
    const struct net_space *s = f->space;
    char path[PROCFILE_PATH];

    if (strncmp(f->path, "/proc/sys/", 10) == 0) {
        snprintf(path, sizeof path, "%s%s", s->root, f->path);
        f->file.fd = open_inside(s, path, &f->file.error);
    } else if (s->gone) {
        f->file.error = ESRCH;
    } else if (s->foreign) {
        snprintf(path, sizeof path, "/proc/%ld%s", (long)s->pid, f->path);
        procfile_open(&f->file, s->root, path);
    } else {
        snprintf(path, sizeof path, "/proc%s", f->path);
        procfile_open(&f->file, s->root, path);
    }
}

void net_file_close(struct net_file *f)
{
    procfile_close(&f->file);
}

bool net_file_ready(struct net_file *f)
{
    if (f->generation != f->space->generation) {
        net_file_close(f);
        f->generation = f->space->generation;
        open_file(f);
    }
    return f->file.fd >= 0;
}

bool net_file_read(struct net_file *f, char *buf, size_t size, struct text *text)
{
    size_t len = 0;
    ssize_t got = 1;

    if (!net_file_ready(f)) {
        return false;
    }
    while (len < size - 1 && got > 0) { /* a table comes a page at a time */
        got = pread(f->file.fd, buf + len, size - 1 - len, (off_t)len);
        len += got > 0 ? (size_t)got : 0;
    }
    f->file.error = got < 0 ? errno : 0;
    buf[len] = '\0';
    *text = text_of(buf, len);
    return len > 0;
}

/* What stands in the way of entering: the same for files and netlink. */
static bool is_kept_out(const struct net_space *s, int error)
{
    return s->foreign && !s->gone && (error == EPERM || error == EACCES);
}

static void say_kept_out(const struct net_space *s, int error, const char *what, struct figure *f)
{
    figure_unreadable(f, "%s: %s of another network namespace: run the agent as root, or inside it",
                      procfile_error_text(error), what);
}

void net_file_why(const struct net_file *f, struct figure *figure)
{
    if (f->space->gone) {
        figure_unreadable(figure, "the process of %s has ended", f->space->label);
    } else if (is_kept_out(f->space, f->file.error)) {
        say_kept_out(f->space, f->file.error, f->path, figure);
    } else {
        procfile_unreadable(figure, f->file.error, f->path);
    }
}

/* ---- figures ---- */

struct figure *net_figure_add(struct catalogue *c, const struct net_space *space,
                              enum pelt_server_kind kind, enum figure_tier tier, const char *name,
                              const char *unit, const char *source)
{
    return catalogue_add(c, &(struct figure_about){.kind = kind,
                                                   .tier = tier,
                                                   .name = name,
                                                   .target = space->label,
                                                   .unit = unit,
                                                   .source = source});
}

enum pelt_status net_figure_failed(const struct catalogue *c, struct pelt_error *err)
{
    if (catalogue_len(c) >= CATALOGUE_MAX) {
        return pelt_fail(err, PELT_ELIMIT, "more than %d figures: watch fewer targets",
                         CATALOGUE_MAX);
    }
    return pelt_fail(err, PELT_ENOMEM, "figures of the network: out of memory");
}

/* ---- netlink ---- */

void net_diag_close(struct net_diag *d)
{
    if (d->fd >= 0) {
        close(d->fd);
    }
    d->fd = -1;
}

bool net_diag_ready(struct net_diag *d)
{
    if (d->generation != d->space->generation) {
        net_diag_close(d);
        d->generation = d->space->generation;
        d->fd = open_inside(d->space, NULL, &d->error);
    }
    return d->fd >= 0;
}

void net_diag_why(const struct net_diag *d, int error, struct figure *figure)
{
    if (d->space->gone) {
        figure_unreadable(figure, "the process of %s has ended", d->space->label);
    } else if (is_kept_out(d->space, error)) {
        say_kept_out(d->space, error, "sock_diag", figure);
    } else if (error == ENOENT) {
        figure_unreadable(figure, "sock_diag: the kernel has no tcp_diag or unix_diag: "
                                  "load the module");
    } else {
        figure_unreadable(figure, "%s: sock_diag: the kernel refuses it",
                          procfile_error_text(error));
    }
}

/* ---- which there are ---- */

/* Files of two namespaces are two files, which any user may see; ns/net is not for all to see. */
static ino_t identity_of(const char *root, pid_t pid)
{
    char path[PROCFILE_PATH];
    struct stat st;

    if (pid == 0) {
        snprintf(path, sizeof path, "%s/proc/net/dev", root);
    } else {
        snprintf(path, sizeof path, "%s/proc/%ld/net/dev", root, (long)pid);
    }
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void look_after(struct net_space *s)
{
    const struct target *t = targets_at(s->targets, s->target);

    if (t->epoch == s->epoch && (t->pid == 0) == s->gone) {
        return;
    }
    s->epoch = t->epoch;
    s->pid = t->pid;
    s->gone = t->pid == 0;
    s->generation++;
    ino_t identity = s->gone ? s->identity : identity_of(s->root, s->pid);
    if (identity != s->identity) {
        s->identity = identity;
        s->anew++;
    }
}

static void spaces_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct net_spaces *n = (struct net_spaces *)self;

    for (size_t i = 0; tier == FIGURE_FAST && i < n->len; i++) {
        if (n->all[i].foreign) {
            look_after(&n->all[i]);
        }
    }
}

static void spaces_free(struct collector *self)
{
    free(self);
}

static struct net_space *find(struct net_spaces *n, ino_t identity)
{
    for (size_t i = 0; i < n->len; i++) {
        if (n->all[i].identity == identity) {
            return &n->all[i];
        }
    }
    return NULL;
}

static void add_foreign(struct net_spaces *n, size_t target)
{
    const struct target *t = targets_at(n->targets, target);
    ino_t identity = t->pid > 0 ? identity_of(n->all[0].root, t->pid) : 0;

    if (identity == 0 || find(n, identity) != NULL || n->len == NET_SPACES_MAX) {
        return;
    }
    struct net_space *s = &n->all[n->len++];
    *s = (struct net_space){.root = n->all[0].root,
                            .targets = n->targets,
                            .target = target,
                            .pid = t->pid,
                            .foreign = true,
                            .identity = identity,
                            .generation = 1,
                            .epoch = t->epoch};
    snprintf(s->label, sizeof s->label, "%s", t->name);
}

struct collector *net_spaces_new(struct sampler_list *list, struct pelt_error *err)
{
    struct net_spaces *n = calloc(1, sizeof *n);

    if (n == NULL) {
        (void)pelt_fail(err, PELT_ENOMEM, "network namespaces: out of memory");
        return NULL;
    }
    n->collector =
        (struct collector){.name = "net_space", .read = spaces_read, .free = spaces_free};
    n->targets = list->targets;
    n->all[0] = (struct net_space){
        .root = list->root, .identity = identity_of(list->root, 0), .generation = 1};
    n->len = 1;
    for (size_t i = 0; i < targets_len(n->targets); i++) {
        add_foreign(n, i);
    }
    return &n->collector;
}

size_t net_spaces_len(const struct net_spaces *n)
{
    return n->len;
}

struct net_space *net_spaces_at(struct net_spaces *n, size_t index)
{
    return &n->all[index];
}

struct net_space *net_spaces_of(struct net_spaces *n, size_t target)
{
    const struct target *t = targets_at(n->targets, target);
    ino_t identity = t->pid > 0 ? identity_of(n->all[0].root, t->pid) : 0;
    struct net_space *s = identity != 0 ? find(n, identity) : NULL;

    return s != NULL ? s : &n->all[0];
}
