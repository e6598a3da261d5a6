/* unit_cgroup: see the header. */
#include "unit_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pid_files.h"
#include "procfile.h"

struct walk {
    size_t folders;
    /* Told of each folder: true ends the walk. */
    bool (*on_folder)(void *arg, const char *path, const char *name);
    void *arg;
};

/* Folders in and below `path`, which has room for PROCFILE_PATH bytes and is as it was afterwards.
 */
static bool walk(struct walk *w, char *path, int depth)
{
    const size_t len = strlen(path);
    DIR *folder = depth > 0 ? opendir(path) : NULL;
    bool done = false;

    for (struct dirent *entry; folder != NULL && !done && (entry = readdir(folder)) != NULL;) {
        const size_t more = strlen(entry->d_name);
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || len + 1 + more >= PROCFILE_PATH ||
            w->folders >= UNIT_FOLDERS_MAX) {
            continue;
        }
        w->folders++;
        path[len] = '/';
        memcpy(path + len + 1, entry->d_name, more + 1);
        done = w->on_folder(w->arg, path, entry->d_name) || walk(w, path, depth - 1);
        path[len] = '\0';
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return done;
}

/* ---- the group of a unit ---- */

struct search {
    const char *unit;
    char *out;
    size_t size, top;
};

static bool is_unit(void *arg, const char *path, const char *name)
{
    struct search *s = arg;

    return strcmp(name, s->unit) == 0 && strlen(path + s->top) < s->size &&
           text_copy(text_of(path + s->top, strlen(path + s->top)), s->out, s->size);
}

static bool find_below(const char *root, const char *point, struct search *s)
{
    char path[PROCFILE_PATH];
    int len = snprintf(path, sizeof path, "%s%s", root, point);
    struct walk w = {.on_folder = is_unit, .arg = s};

    if (point[0] == '\0' || len < 0 || (size_t)len >= sizeof path) {
        return false;
    }
    s->top = (size_t)len;
    return walk(&w, path, UNIT_DEPTH_MAX);
}

bool unit_cgroup_find(const struct cgroup_mounts *m, const char *root, const char *unit, char *out,
                      size_t size)
{
    static const enum cgroup_hierarchy order[] = {CGROUP_V2, CGROUP_SYSTEMD, CGROUP_MEMORY,
                                                  CGROUP_PIDS, CGROUP_CPU};
    char whole[256];
    struct search s = {.unit = whole, .out = out, .size = size};
    int len =
        snprintf(whole, sizeof whole, "%s%s", unit, strchr(unit, '.') != NULL ? "" : ".service");

    if (len < 0 || (size_t)len >= sizeof whole || strchr(unit, '/') != NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (find_below(root, m->at[order[i]].point, &s)) {
            return true;
        }
    }
    return false;
}

/* ---- the oldest process ---- */

struct oldest {
    const char *root;
    size_t asked;
    pid_t pid;
    uint64_t start_ticks;
};

static void ask(struct oldest *o, uint64_t pid)
{
    char path[64], text[1024];
    struct pid_stat stat;
    size_t len;

    snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
    if (pid == 0 || pid > INT32_MAX || ++o->asked > UNIT_PIDS_MAX ||
        procfile_once_in(o->root, path, text, sizeof text, &len) != 0 ||
        !pid_parse_stat(text, len, &stat) || stat.state == 'Z') {
        return;
    }
    if (o->pid == 0 || stat.start_ticks < o->start_ticks ||
        (stat.start_ticks == o->start_ticks && (pid_t)pid < o->pid)) {
        o->pid = (pid_t)pid;
        o->start_ticks = stat.start_ticks;
    }
}

static bool ask_folder(void *arg, const char *path, const char *name)
{
    struct oldest *o = arg;
    char procs[PROCFILE_PATH + sizeof "/cgroup.procs"], *all;
    size_t len;
    struct text t;
    uint64_t pid;

    snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
    all = procfile_whole("", procs, UNIT_PIDS_MAX * 11, &len);
    if (all == NULL) {
        return false;
    }
    t = text_of(all, len);
    while (text_number(&t, &pid)) {
        ask(o, pid);
    }
    free(all);
    return false;
}

pid_t unit_cgroup_oldest(const char *root, const char *folder)
{
    char path[PROCFILE_PATH];
    int len = snprintf(path, sizeof path, "%s%s", root, folder);
    struct oldest o = {.root = root};
    struct walk w = {.on_folder = ask_folder, .arg = &o};

    if (len < 0 || (size_t)len >= sizeof path) {
        return 0;
    }
    ask_folder(&o, path, "");
    if (o.pid == 0) {
        walk(&w, path, UNIT_DEPTH_MAX);
    }
    return o.pid;
}
