/*
 * cgroup_limit: see the header. Of v2 the events of a group are in NAME.local, without those of the
 * groups below, where the kernel has that; the sum along the path then counts what can stop this
 * group, each time once. Where it has not, those of the group itself are taken.
 */
#include "cgroup_limit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_files.h"

#define STAT       "memory.stat"
#define STAT_BYTES 8192 /* it has about 1.5 KB */

struct files {
    const char *used, *max, *events, *events_local; /* used NULL: this version has no such limit */
    const char *key;                                /* in events; NULL: a number alone */
    bool sum;                                       /* events of each group are its own */
    const char *cache; /* in STAT: what is given up first; NULL: nothing is */
};

static const struct {
    struct figure_about about;
    enum cgroup_hierarchy hierarchy;
    struct files v1, v2;
    const char *why_not_v1;
} kinds[CGROUP_LIMITS] = {
    [CGROUP_LIMIT_MEMORY] =
        {{PELT_SERVER_LIMIT, FIGURE_MEDIUM, "cgroup_memory", "", "bytes",
          "memory.current less memory.stat: inactive_file; memory.max, memory.events.local (v1: "
          "memory.usage_in_bytes less total_inactive_file; memory.limit_in_bytes, "
          "memory.failcnt)"},
         CGROUP_MEMORY,
         {"memory.usage_in_bytes", "memory.limit_in_bytes", "memory.failcnt", NULL, NULL, true,
          "total_inactive_file"},
         {"memory.current", "memory.max", "memory.events", "memory.events.local", "max", false,
          "inactive_file"},
         NULL},
    [CGROUP_LIMIT_MEMORY_HIGH] = {{PELT_SERVER_LIMIT, FIGURE_MEDIUM, "cgroup_memory_high", "",
                                   "bytes",
                                   "memory.current less memory.stat: inactive_file; "
                                   "memory.high, memory.events.local"},
                                  CGROUP_MEMORY,
                                  {0},
                                  {"memory.current", "memory.high", "memory.events",
                                   "memory.events.local", "high", false, "inactive_file"},
                                  "cgroup v1 has no memory.high"},
    [CGROUP_LIMIT_SWAP] = {{PELT_SERVER_LIMIT, FIGURE_MEDIUM, "cgroup_swap", "", "bytes",
                            "memory.swap.current, memory.swap.max, memory.swap.events"},
                           CGROUP_MEMORY,
                           {0},
                           {"memory.swap.current", "memory.swap.max", "memory.swap.events", NULL,
                            "max", false, NULL},
                           "cgroup v1 counts memory and swap together"},
    [CGROUP_LIMIT_PIDS] = {{PELT_SERVER_LIMIT, FIGURE_MEDIUM, "cgroup_pids", "", "tasks",
                            "pids.current, pids.max, pids.events.local"},
                           CGROUP_PIDS,
                           {"pids.current", "pids.max", "pids.events", NULL, "max", false, NULL},
                           {"pids.current", "pids.max", "pids.events", "pids.events.local", "max",
                            false, NULL},
                           NULL},
};

static const struct files *files_of(const struct cgroup_limit *l)
{
    return l->is_v2 ? &kinds[l->of].v2 : &kinds[l->of].v1;
}

/* ---- files of a group ---- */

static bool path_of(char path[PROCFILE_PATH], const struct cgroup_folder *f, const char *name)
{
    int len = snprintf(path, PROCFILE_PATH, "%s/%s", f->path, name);

    return len > 0 && len < PROCFILE_PATH;
}

bool cgroup_open(struct procfile *file, const char *root, const struct cgroup_folder *f,
                 const char *name)
{
    char path[PROCFILE_PATH];

    if (!path_of(path, f, name)) {
        *file = (struct procfile){.fd = -1, .error = ENAMETOOLONG};
        return false;
    }
    return procfile_open(file, root, path);
}

int cgroup_once(const char *root, const struct cgroup_folder *f, const char *name, char *buf,
                size_t size, size_t *len)
{
    char path[PROCFILE_PATH];

    return path_of(path, f, name) ? procfile_once_in(root, path, buf, size, len) : ENAMETOOLONG;
}

bool cgroup_deepest(struct cgroup_folder *f, const char *root, bool is_v2, const char *name)
{
    struct procfile file;

    do {
        if (cgroup_open(&file, root, f, name)) {
            procfile_close(&file);
            return true;
        }
    } while (cgroup_folder_up(f) && !cgroup_folder_is_host(f, root, is_v2));
    return false;
}

void cgroup_unreadable(struct figure *figure, const struct cgroup_folder *f, int error,
                       const char *name)
{
    char path[PROCFILE_PATH];

    if (error == ENODEV) {
        figure_unreadable(figure, "the cgroup %s is gone", f->path);
    } else if (path_of(path, f, name)) {
        procfile_unreadable(figure, error, path);
    }
}

/* ---- open ---- */

bool cgroup_limit_init(struct cgroup_limit *l, enum cgroup_limit_of of, struct catalogue *c,
                       const char *target)
{
    struct figure_about about = kinds[of].about;

    about.target = target;
    *l = (struct cgroup_limit){
        .of = of, .max = HUGE_VAL, .used = PROCFILE_NONE, .stat = PROCFILE_NONE};
    l->figure = catalogue_add(c, &about);
    if (of == CGROUP_LIMIT_MEMORY) {
        l->usage =
            catalogue_add(c, &(struct figure_about){PELT_SERVER_GAUGE, FIGURE_MEDIUM,
                                                    "cgroup_memory_usage", target, "bytes",
                                                    "memory.current (v1: memory.usage_in_bytes)"});
    }
    return l->figure != NULL && (of != CGROUP_LIMIT_MEMORY || l->usage != NULL);
}

enum cgroup_hierarchy cgroup_limit_hierarchy(const struct cgroup_limit *l)
{
    return kinds[l->of].hierarchy;
}

void cgroup_limit_unreadable(struct cgroup_limit *l, const char *why)
{
    figure_unreadable(l->figure, "%s", why);
    if (l->usage != NULL) {
        figure_unreadable(l->usage, "%s", why);
    }
}

void cgroup_limit_close(struct cgroup_limit *l)
{
    procfile_close(&l->used);
    procfile_close(&l->stat);
    for (size_t i = 0; i < l->events_len; i++) {
        procfile_close(&l->events[i]);
    }
    l->events_len = 0;
}

static void open_events(struct cgroup_limit *l, const char *root)
{
    const struct files *files = files_of(l);
    struct cgroup_folder f = l->own;
    bool local = false;

    do {
        struct procfile *file = &l->events[l->events_len];
        bool is_open = false;
        if (files->events_local != NULL) {
            is_open = local = cgroup_open(file, root, &f, files->events_local);
        }
        if (!is_open && (files->sum || l->events_len == 0)) {
            is_open = cgroup_open(file, root, &f, files->events);
        }
        l->events_len += is_open;
    } while ((local || files->sum) && l->events_len < CGROUP_LEVELS_MAX && cgroup_folder_up(&f));
}

void cgroup_limit_walk(struct cgroup_limit *l, const char *root)
{
    const struct files *files = files_of(l);
    struct cgroup_folder f = l->own, least = l->own;
    char text[128];
    size_t len;
    double limit;

    if (l->own.path[0] == '\0') {
        return;
    }
    l->max = HUGE_VAL;
    for (int level = 0; level < CGROUP_LEVELS_MAX; level++) {
        if (cgroup_once(root, &f, files->max, text, sizeof text, &len) == 0 &&
            cgroup_parse_limit(text, len, &limit) && limit < l->max) {
            l->max = limit;
            least = f;
        }
        if (!cgroup_folder_up(&f)) {
            break;
        }
    }
    if (l->used.fd < 0 || strcmp(least.path, l->level.path) != 0) {
        procfile_close(&l->used);
        procfile_close(&l->stat);
        cgroup_open(&l->used, root, &least, files->used);
        if (files->cache != NULL) {
            cgroup_open(&l->stat, root, &least, STAT);
        }
        l->level = least;
    }
}

void cgroup_limit_open(struct cgroup_limit *l, const struct cgroup_place *place,
                       const struct cgroup_mounts *mounts, const char *root)
{
    const struct files *files;

    cgroup_limit_close(l);
    l->own = *cgroup_place_of(place, mounts, kinds[l->of].hierarchy, &l->is_v2);
    files = files_of(l);
    if (files->used == NULL) {
        cgroup_limit_unreadable(l, kinds[l->of].why_not_v1);
        l->own.path[0] = '\0';
    } else if (l->own.path[0] == '\0') {
        cgroup_limit_unreadable(l, cgroup_folder_why_none(&l->own));
    } else if (!cgroup_deepest(&l->own, root, l->is_v2, files->used)) {
        char why[FIGURE_WHY_SIZE];

        snprintf(why, sizeof why, "no %s on its path: the controller is off", files->used);
        cgroup_limit_unreadable(l, why);
        l->own.path[0] = '\0';
    } else {
        open_events(l, root);
        cgroup_limit_walk(l, root);
    }
}

/* ---- read ---- */

/* NAN: not counted here. */
static double read_events(struct cgroup_limit *l)
{
    const struct files *files = files_of(l);
    double sum = NAN;
    char text[512];
    size_t len;
    uint64_t count;

    for (size_t i = 0; i < l->events_len; i++) {
        if (!procfile_read(&l->events[i], text, sizeof text, &len)) {
            continue;
        }
        struct text t = text_of(text, len);
        if (files->key != NULL ? text_value(t, files->key, &count) : text_number(&t, &count)) {
            sum = (isnan(sum) ? 0 : sum) + (double)count;
        }
    }
    return sum;
}

/* What of `used` the kernel would give up first; 0 where it does not say. */
static double read_cache(struct cgroup_limit *l)
{
    char text[STAT_BYTES];
    uint64_t cache;
    size_t len;

    return l->stat.fd >= 0 && procfile_read(&l->stat, text, sizeof text, &len) &&
                   text_value(text_of(text, len), files_of(l)->cache, &cache)
               ? (double)cache
               : 0;
}

bool cgroup_limit_read(struct cgroup_limit *l)
{
    char text[128];
    size_t len;
    double usage, cache;

    if (l->own.path[0] == '\0') {
        return true;
    }
    if (!procfile_read(&l->used, text, sizeof text, &len) ||
        !cgroup_parse_limit(text, len, &usage)) {
        cgroup_unreadable(l->figure, &l->level, l->used.error, files_of(l)->used);
        cgroup_limit_unreadable(l, l->figure->why);
        return l->used.error != ENODEV && l->used.error != ENOENT;
    }
    cache = read_cache(l);
    figure_limit(l->figure, usage > cache ? usage - cache : 0, isfinite(l->max) ? l->max : NAN,
                 read_events(l));
    if (l->usage != NULL) {
        figure_gauge(l->usage, usage);
    }
    return true;
}
