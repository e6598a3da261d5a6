/* target: see the header. */
#include "target.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pelt/units.h"
#include "pid_files.h"
#include "port_owner.h"
#include "procfile.h"
#include "unit_cgroup.h"

#define MOUNTINFO_BYTES (4u << 20)
#define LOOK_EVERY      10 /* refreshes between two looks for what takes long to look for */

struct one {
    struct target shown;
    char *text;
    char path[MOUNT_PATH]; /* of a unit: its group below the hierarchies; "": not found so far */
    struct cgroup_place asked; /* of a unit or cgroup: where it is by its path alone */
    int pidfd;                 /* of the process; -1: none */
    uint64_t start_ticks;      /* of the process */
    unsigned missed;           /* refreshes since the process ended */
};

struct targets {
    const char *root;
    struct notices *notices;
    struct cgroup_mounts mounts;
    size_t len;
    struct one all[];
};

const char *target_by_name(enum target_by by)
{
    static const char *const names[] = {"pid", "port", "unit", "cgroup"};

    return names[by];
}

size_t targets_len(const struct targets *t)
{
    return t->len;
}

const struct target *targets_at(const struct targets *t, size_t index)
{
    return &t->all[index].shown;
}

const struct cgroup_mounts *targets_mounts(const struct targets *t)
{
    return &t->mounts;
}

/* ---- a process ---- */

static int read_stat(const struct targets *t, pid_t pid, struct pid_stat *out)
{
    char path[64], text[1024];
    size_t len;
    int error;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    error = procfile_once_in(t->root, path, text, sizeof text, &len);
    if (error == 0 && !pid_parse_stat(text, len, out)) {
        error = EBADMSG;
    }
    return error;
}

static void close_pidfd(struct one *o)
{
    if (o->pidfd >= 0) {
        close(o->pidfd);
    }
    o->pidfd = -1;
}

/* Of a live host only: a fixture's numbers are those of other processes here. */
static void open_pidfd(const struct targets *t, struct one *o)
{
    close_pidfd(o);
    if (t->root[0] == '\0') {
        o->pidfd = (int)syscall(SYS_pidfd_open, o->shown.pid, 0);
    }
}

static bool is_alive(const struct targets *t, const struct one *o)
{
    struct pollfd p = {.fd = o->pidfd, .events = POLLIN};
    struct pid_stat stat;

    if (o->pidfd >= 0) {
        return poll(&p, 1, 0) <= 0;
    }
    return read_stat(t, o->shown.pid, &stat) == 0 && stat.state != 'Z' && stat.state != 'X' &&
           stat.start_ticks == o->start_ticks;
}

static void read_cgroups(const struct targets *t, struct one *o)
{
    struct cgroup_place place = {0};
    char path[64], text[8192];
    size_t len;

    if (o->shown.by == TARGET_UNIT || o->shown.by == TARGET_CGROUP) {
        place = o->asked; /* the process says where its other hierarchies are */
    }
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)o->shown.pid);
    if (procfile_once_in(t->root, path, text, sizeof text, &len) == 0) {
        cgroup_place_parse(&place, &t->mounts, text, len);
    }
    if (o->shown.cgroups_epoch == 0 || memcmp(&place, &o->shown.cgroups, sizeof place) != 0) {
        o->shown.cgroups = place;
        o->shown.cgroups_epoch++;
    }
}

/* False: it ended meanwhile. */
static bool take_process(struct targets *t, struct one *o, pid_t pid)
{
    struct pid_stat stat;

    o->shown.pid = pid;
    open_pidfd(t, o);
    if (read_stat(t, pid, &stat) != 0 || stat.state == 'Z' || stat.state == 'X') {
        close_pidfd(o);
        o->shown.pid = 0;
        return false;
    }
    o->start_ticks = stat.start_ticks;
    o->shown.epoch++;
    o->shown.why[0] = '\0';
    o->missed = 0;
    read_cgroups(t, o);
    return true;
}

/* ---- looking for it ---- */

static enum pelt_status find_pid(struct targets *t, struct one *o, struct pelt_error *err)
{
    uint64_t pid;
    enum pelt_status status = pelt_parse_count("--pid", o->text, 1, INT_MAX, &pid, err);

    if (status == PELT_OK && !take_process(t, o, (pid_t)pid)) {
        return pelt_fail(err, PELT_ENOTFOUND,
                         "--pid %s: there is no such process: look for it by pgrep, or use --port, "
                         "--unit or --cgroup",
                         o->text);
    }
    return status;
}

static void say_why(struct one *o, const char *why)
{
    snprintf(o->shown.why, sizeof o->shown.why, "%.*s", (int)sizeof o->shown.why - 1, why);
}

static enum pelt_status find_port(struct targets *t, struct one *o, struct pelt_error *err)
{
    uint64_t port;
    pid_t pid;
    struct pelt_error why = {0};
    enum pelt_status status = pelt_parse_count("--port", o->text, 1, 65535, &port, err);

    if (status != PELT_OK) {
        return status;
    }
    o->shown.port = (int)port;
    status = port_owner_find(t->root, (uint16_t)port, &pid, &why);
    if (status == PELT_OK && take_process(t, o, pid)) {
        return PELT_OK;
    }
    say_why(o, why.text[0] != '\0' ? why.text : "the process that listened has ended");
    return status == PELT_EIO ? PELT_OK
                              : pelt_fail(err, PELT_ENOTFOUND, "--port: %s", o->shown.why);
}

/* The process of the group that was found; that there is none is no failure. */
static void find_in_group(struct targets *t, struct one *o)
{
    static const enum cgroup_hierarchy order[] = {CGROUP_V2,   CGROUP_SYSTEMD, CGROUP_MEMORY,
                                                  CGROUP_PIDS, CGROUP_CPU,     CGROUP_CPUACCT,
                                                  CGROUP_BLKIO};
    pid_t pid = 0;

    for (size_t i = 0; pid == 0 && i < sizeof order / sizeof *order; i++) {
        const struct cgroup_folder *f = &o->shown.cgroups.at[order[i]];
        pid = f->path[0] != '\0' ? unit_cgroup_oldest(t->root, f->path) : 0;
    }
    if (pid == 0 || !take_process(t, o, pid)) {
        say_why(o, "no process is in the cgroup");
    }
}

static enum pelt_status find_cgroup(struct targets *t, struct one *o, const char *path,
                                    struct pelt_error *err)
{
    struct cgroup_place place = {0};

    if (!cgroup_place_find(&place, &t->mounts, t->root, path)) {
        return pelt_fail(err, PELT_ENOTFOUND,
                         "--cgroup %s: there is no such cgroup: give its path as in "
                         "/proc/PID/cgroup (system.slice/nginx.service), or its whole folder "
                         "(/sys/fs/cgroup/...)",
                         path);
    }
    if (memcmp(&place, &o->asked, sizeof place) != 0) { /* else the last process's others stay */
        o->shown.cgroups = o->asked = place;
        o->shown.cgroups_epoch++;
    }
    find_in_group(t, o);
    return PELT_OK;
}

static enum pelt_status find_unit(struct targets *t, struct one *o, struct pelt_error *err)
{
    if (!unit_cgroup_find(&t->mounts, t->root, o->text, o->path, sizeof o->path)) {
        return pelt_fail(
            err, PELT_ENOTFOUND,
            "--unit %s: no cgroup of that name: the unit is not active "
            "(systemctl status %s), or the agent runs in a container, where units are not seen",
            o->text, o->text);
    }
    return find_cgroup(t, o, o->path, err);
}

static enum pelt_status find(struct targets *t, struct one *o, struct pelt_error *err)
{
    switch (o->shown.by) {
    case TARGET_PID:
        return find_pid(t, o, err);
    case TARGET_PORT:
        return find_port(t, o, err);
    case TARGET_UNIT:
        return find_unit(t, o, err);
    case TARGET_CGROUP:
        return find_cgroup(t, o, o->text, err);
    }
    return PELT_EINVAL;
}

/* ---- while it is watched ---- */

static void on_end(struct targets *t, struct one *o, uint64_t now_ns)
{
    snprintf(o->shown.why, sizeof o->shown.why, "process %d has ended", (int)o->shown.pid);
    notices_add(t->notices, now_ns, "target_ended", "%s: process %d has ended", o->shown.name,
                (int)o->shown.pid);
    close_pidfd(o);
    o->shown.pid = 0;
    o->missed = 0;
}

/* A unit begins again in the group that it had, nearly always; the tree of groups, and who holds a
 * socket of another user, are looked through more seldom. */
static enum pelt_status find_again(struct targets *t, struct one *o, struct pelt_error *why)
{
    const bool seldom =
        o->shown.by == TARGET_UNIT || (o->shown.by == TARGET_PORT && !o->shown.epoch);

    if (o->path[0] != '\0' && find_cgroup(t, o, o->path, why) == PELT_OK) {
        return PELT_OK;
    }
    return seldom && o->missed++ % LOOK_EVERY != 0 ? PELT_AGAIN : find(t, o, why);
}

static void look_again(struct targets *t, struct one *o, uint64_t now_ns)
{
    const uint64_t epoch = o->shown.epoch;
    struct pelt_error why = {0};
    enum pelt_status status = o->shown.by != TARGET_PID ? find_again(t, o, &why) : PELT_AGAIN;

    if (status != PELT_OK && status != PELT_AGAIN) {
        say_why(o, why.text);
    }
    if (o->shown.epoch != epoch && epoch > 0) {
        notices_add(t->notices, now_ns, "target_restarted", "%s: process %d is watched now",
                    o->shown.name, (int)o->shown.pid);
    }
}

void targets_refresh(struct targets *t, uint64_t now_ns)
{
    for (size_t i = 0; i < t->len; i++) {
        struct one *o = &t->all[i];
        if (o->shown.pid != 0 && !is_alive(t, o)) {
            on_end(t, o, now_ns);
        }
        if (o->shown.pid == 0) {
            look_again(t, o, now_ns);
        }
    }
}

/* ---- all of them ---- */

/* A path too long for the name keeps its end. */
static void name_it(struct one *o, const struct target_options *opt)
{
    const char *prefix = opt->by == TARGET_PID ? "pid " : opt->by == TARGET_PORT ? "port " : "";
    const char *text = opt->name != NULL ? opt->name : opt->text;
    const size_t len = strlen(text), most = sizeof o->shown.name - 1;

    snprintf(o->shown.name, sizeof o->shown.name, "%s%s", opt->name != NULL ? "" : prefix,
             len > most ? text + (len - most) : text);
    text_clean(o->shown.name);
}

static enum pelt_status add(struct targets *t, const struct target_options *opt,
                            struct pelt_error *err)
{
    struct one *o = &t->all[t->len];

    *o = (struct one){.shown = {.by = opt->by}, .text = strdup(opt->text), .pidfd = -1};
    t->len++;
    if (o->text == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    name_it(o, opt);
    for (size_t i = 0; i + 1 < t->len; i++) {
        if (strcmp(t->all[i].shown.name, o->shown.name) == 0) {
            return pelt_fail(err, PELT_EINVAL,
                             "--%s %s: two targets are named '%s': give one of them a name of its "
                             "own: --%s NAME=%s",
                             target_by_name(opt->by), opt->text, o->shown.name,
                             target_by_name(opt->by), opt->text);
        }
    }
    return find(t, o, err);
}

static void read_mounts(struct targets *t)
{
    size_t len;
    char *text = procfile_whole(t->root, "/proc/self/mountinfo", MOUNTINFO_BYTES, &len);

    if (text != NULL) {
        cgroup_mounts_parse(&t->mounts, text, len);
    }
    free(text);
}

enum pelt_status targets_new(const struct target_options *options, size_t len, const char *root,
                             struct notices *notices, struct targets **out, struct pelt_error *err)
{
    struct targets *t = calloc(1, sizeof *t + len * sizeof t->all[0]);
    enum pelt_status status = PELT_OK;

    *out = NULL;
    if (t == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    t->root = root;
    t->notices = notices;
    read_mounts(t);
    for (size_t i = 0; status == PELT_OK && i < len; i++) {
        status = add(t, &options[i], err);
    }
    if (status != PELT_OK) {
        targets_free(t);
        return status;
    }
    *out = t;
    return PELT_OK;
}

void targets_free(struct targets *t)
{
    for (size_t i = 0; t != NULL && i < t->len; i++) {
        close_pidfd(&t->all[i]);
        free(t->all[i].text);
    }
    free(t);
}
