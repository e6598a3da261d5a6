/*
 * cgroup: see the header. Once a second it is looked whether the group is there, and the same one:
 * a unit that starts anew has the same path. One that is gone has no figures; going up to where a
 * file is, as for a controller that is off, would give those of its parent.
 *
 * Of several hierarchies one may change alone, as those that nobody asked for are the process's:
 * what is counted in the others goes on without a break, or what came since the last reading would
 * be lost.
 */
#include "cgroup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup_cpu.h"
#include "cgroup_io.h"
#include "cgroup_limit.h"
#include "pressure.h"

struct cgroup {
    struct collector base;
    const struct target *target;
    const struct cgroup_mounts *mounts;
    const char *root;
    uint64_t epoch; /* of the target's groups, that is open; 0: none */
    bool gone;
    uint64_t inodes[CGROUP_HIERARCHIES]; /* of its folders when they were opened; 0: not there */
    /* The newest group of each hierarchy that was opened, and its inode. */
    struct cgroup_place opened;
    uint64_t opened_inodes[CGROUP_HIERARCHIES];
    struct cgroup_limit limits[CGROUP_LIMITS];
    struct cgroup_cpu cpu;
    struct cgroup_io_figures io;
    struct pressure_set pressure;
    struct figure *oom_kills;
    struct procfile oom;
    bool oom_v2;
    struct cgroup_folder oom_folder;
    bool has_pressure;
};

/* ---- kills for want of memory ---- */

static const char *oom_name(const struct cgroup *g)
{
    return g->oom_v2 ? "memory.events" : "memory.oom_control";
}

/* Of v2 a group's figure includes those below it; a kill is counted in the group of who was killed.
 */
static void open_oom(struct cgroup *g, const struct cgroup_place *place)
{
    procfile_close(&g->oom);
    g->oom_folder = *cgroup_place_of(place, g->mounts, CGROUP_MEMORY, &g->oom_v2);
    if (g->oom_folder.path[0] == '\0') {
        figure_unreadable(g->oom_kills, "%s", cgroup_folder_why_none(&g->oom_folder));
    } else if (cgroup_deepest(&g->oom_folder, g->root, g->oom_v2, oom_name(g))) {
        cgroup_open(&g->oom, g->root, &g->oom_folder, oom_name(g));
    } else {
        g->oom_folder.path[0] = '\0';
        figure_unreadable(g->oom_kills, "no %s on its path: the controller is off", oom_name(g));
    }
}

static void read_oom(struct cgroup *g)
{
    char text[512];
    size_t len;
    uint64_t kills;

    if (g->oom_folder.path[0] == '\0') {
        return;
    }
    if (!procfile_read(&g->oom, text, sizeof text, &len)) {
        cgroup_unreadable(g->oom_kills, &g->oom_folder, g->oom.error, oom_name(g));
    } else if (text_value(text_of(text, len), "oom_kill", &kills)) {
        figure_counter(g->oom_kills, (double)kills);
    } else {
        figure_unreadable(g->oom_kills, "this kernel has no oom_kill in %s", oom_name(g));
    }
}

/* ---- pressure ---- */

static void open_pressure(struct cgroup *g, const struct cgroup_place *place)
{
    const struct cgroup_folder *v2 = &place->at[CGROUP_V2];
    char folder[PROCFILE_PATH];
    int len = snprintf(folder, sizeof folder, "%s%s", g->root, v2->path);

    pressure_close(&g->pressure);
    g->has_pressure = v2->path[0] != '\0' && len > 0 && (size_t)len < sizeof folder;
    if (g->has_pressure) {
        pressure_open(&g->pressure, folder);
    } else if (g->mounts->at[CGROUP_V2].point[0] == '\0') {
        pressure_unreadable(&g->pressure, "only cgroup v2 has pressure of groups");
    } else {
        pressure_unreadable(&g->pressure, cgroup_folder_why_none(v2));
    }
}

/* ---- all of them ---- */

static void all_unreadable(struct cgroup *g, const char *why)
{
    for (size_t i = 0; i < CGROUP_LIMITS; i++) {
        cgroup_limit_unreadable(&g->limits[i], why);
    }
    for (size_t i = 0; i < CGROUP_IOS; i++) {
        figure_unreadable(g->io.ways[i].figure, "%s", why);
    }
    figure_unreadable(g->cpu.cpu, "%s", why);
    figure_unreadable(g->cpu.throttled, "%s", why);
    figure_unreadable(g->oom_kills, "%s", why);
    pressure_unreadable(&g->pressure, why);
}

/* How the group that a controller's figures are of stands to the one before. */
enum change { SAME, MADE_ANEW, ANOTHER };

static enum change change_of(const struct cgroup *g, const struct cgroup_place *now,
                             enum cgroup_hierarchy v1)
{
    bool is_v2;
    const struct cgroup_folder *f = cgroup_place_of(now, g->mounts, v1, &is_v2);
    const enum cgroup_hierarchy h = is_v2 ? CGROUP_V2 : v1;

    if (f->path[0] == '\0') {
        return SAME; /* there is none: what was counted stands */
    }
    if (strcmp(f->path, g->opened.at[h].path) != 0) {
        return ANOTHER;
    }
    return g->inodes[h] == g->opened_inodes[h] ? SAME : MADE_ANEW;
}

/* A kill is counted in one group alone: all that a group has counted since it was made is new. */
static void rebase_oom(struct cgroup *g, const struct cgroup_place *now)
{
    bool is_v2;
    const char *own = cgroup_place_of(now, g->mounts, CGROUP_MEMORY, &is_v2)->path;
    const enum change change = change_of(g, now, CGROUP_MEMORY);

    if (change == MADE_ANEW && strcmp(g->oom_folder.path, own) == 0) {
        figure_restart(g->oom_kills);
    } else if (change != SAME) {
        figure_rebase(g->oom_kills);
    }
}

/* What is now counted by another group, which is open by now, goes on from there. */
static void rebase(struct cgroup *g, const struct cgroup_place *now)
{
    for (size_t i = 0; i < CGROUP_LIMITS; i++) {
        if (change_of(g, now, cgroup_limit_hierarchy(&g->limits[i])) != SAME) {
            figure_rebase(g->limits[i].figure);
        }
    }
    if (change_of(g, now, CGROUP_CPU) != SAME) {
        figure_rebase(g->cpu.cpu);
        figure_rebase(g->cpu.throttled);
    }
    if (change_of(g, now, CGROUP_V2) != SAME) {
        pressure_rebase(&g->pressure);
    }
    rebase_oom(g, now);
}

static void keep_opened(struct cgroup *g, const struct cgroup_place *now)
{
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        if (now->at[i].path[0] != '\0') {
            g->opened.at[i] = now->at[i];
            g->opened_inodes[i] = g->inodes[i];
        }
    }
}

/* Without the groups of all processes, whose figures are not the target's, and without those that
 * are gone. */
static struct cgroup_place own_place(const struct cgroup *g)
{
    struct cgroup_place place = g->target->cgroups;

    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        struct cgroup_folder *f = &place.at[i];
        f->is_host = cgroup_folder_is_host(f, g->root, i == CGROUP_V2);
        f->is_gone = f->path[0] != '\0' && g->inodes[i] == 0;
        if (f->is_host || f->is_gone) {
            f->path[0] = '\0';
        }
    }
    return place;
}

/* Looks whether the folders are those that were opened, and keeps which they are. */
static bool has_changed(struct cgroup *g)
{
    bool changed = false;

    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        const struct cgroup_folder *f = &g->target->cgroups.at[i];
        uint64_t inode = f->path[0] != '\0' ? cgroup_folder_inode(f, g->root) : 0;
        changed = changed || inode != g->inodes[i];
        g->inodes[i] = inode;
    }
    return changed;
}

static void open_all(struct cgroup *g)
{
    const struct cgroup_place place = own_place(g);
    const bool is_first = g->epoch == 0;

    g->epoch = g->target->cgroups_epoch;
    g->gone = false;
    for (size_t i = 0; i < CGROUP_LIMITS; i++) {
        cgroup_limit_open(&g->limits[i], &place, g->mounts, g->root);
    }
    cgroup_cpu_open(&g->cpu, &place, g->mounts, g->root);
    cgroup_io_open(&g->io, &place, g->mounts, g->root);
    open_oom(g, &place);
    open_pressure(g, &place);
    if (!is_first) {
        rebase(g, &place);
    }
    keep_opened(g, &place);
}

static void close_all(struct cgroup *g)
{
    for (size_t i = 0; i < CGROUP_LIMITS; i++) {
        cgroup_limit_close(&g->limits[i]);
    }
    cgroup_cpu_close(&g->cpu);
    cgroup_io_close(&g->io);
    pressure_close(&g->pressure);
    procfile_close(&g->oom);
}

static void read_fast(struct cgroup *g, uint64_t now_ns)
{
    g->gone = !cgroup_cpu_read(&g->cpu, now_ns) || g->gone;
    if (g->has_pressure) {
        pressure_read(&g->pressure);
    }
}

static void read_medium(struct cgroup *g, uint64_t now_ns)
{
    for (size_t i = 0; i < CGROUP_LIMITS; i++) {
        g->gone = !cgroup_limit_read(&g->limits[i]) || g->gone;
    }
    cgroup_io_read(&g->io, now_ns);
    read_oom(g);
}

static void read_slow(struct cgroup *g)
{
    for (size_t i = 0; i < CGROUP_LIMITS; i++) {
        cgroup_limit_walk(&g->limits[i], g->root);
    }
    cgroup_cpu_walk(&g->cpu, g->mounts, g->root);
    cgroup_io_walk(&g->io, g->root);
}

static bool must_open(struct cgroup *g, enum figure_tier tier)
{
    bool is_other = g->target->cgroups_epoch != g->epoch;

    if (!is_other && tier == FIGURE_FAST) {
        return false;
    }
    return has_changed(g) || is_other || (g->gone && tier == FIGURE_MEDIUM);
}

static void cgroup_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct cgroup *g = (struct cgroup *)self;

    if (g->target->cgroups_epoch == 0) {
        all_unreadable(g, g->target->why);
        return;
    }
    if (must_open(g, tier)) {
        open_all(g);
    }
    switch (tier) {
    case FIGURE_FAST:
        read_fast(g, now_ns);
        break;
    case FIGURE_MEDIUM:
        read_medium(g, now_ns);
        break;
    case FIGURE_SLOW:
        read_slow(g);
        break;
    }
}

static void cgroup_free(struct collector *self)
{
    close_all((struct cgroup *)self);
    free(self);
}

struct collector *cgroup_collector_new(struct catalogue *c, const struct target *t,
                                       const struct cgroup_mounts *mounts, const char *root)
{
    struct cgroup *g = calloc(1, sizeof *g);
    bool ok = true;

    if (g == NULL) {
        return NULL;
    }
    g->base = (struct collector){.name = "cgroup", .read = cgroup_read, .free = cgroup_free};
    g->target = t;
    g->mounts = mounts;
    g->root = root;
    g->oom = PROCFILE_NONE;
    ok = cgroup_cpu_init(&g->cpu, c, t->name) && ok;
    for (size_t i = 0; i < CGROUP_LIMITS; i++) {
        ok = cgroup_limit_init(&g->limits[i], i, c, t->name) && ok;
    }
    g->oom_kills = catalogue_add(
        c, &(struct figure_about){PELT_SERVER_COUNTER, FIGURE_MEDIUM, "cgroup_oom_kills", t->name,
                                  "processes", "memory.events (v1: memory.oom_control)"});
    ok = cgroup_io_init(&g->io, c, t->name) && ok;
    ok = pressure_init(&g->pressure, c, t->name) && ok && g->oom_kills != NULL;
    if (!ok) {
        cgroup_free(&g->base);
        return NULL;
    }
    if (t->cgroups_epoch != 0) {
        has_changed(g);
        open_all(g);
    }
    return &g->base;
}
