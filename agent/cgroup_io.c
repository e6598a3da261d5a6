/* cgroup_io: see the header. */
#include "cgroup_io.h"

#include <math.h>
#include <string.h>

#include "cgroup_limit.h"

static const char *stat_name(const struct cgroup_io_figures *o)
{
    return o->is_v2 ? "io.stat" : "blkio.throttle.io_service_bytes";
}

static const char *max_name(const struct cgroup_io_figures *o, enum cgroup_io which)
{
    static const char *const v1[CGROUP_IOS] = {"blkio.throttle.read_bps_device",
                                               "blkio.throttle.write_bps_device"};

    return o->is_v2 ? "io.max" : v1[which];
}

bool cgroup_io_init(struct cgroup_io_figures *o, struct catalogue *c, const char *target)
{
    static const char *const names[CGROUP_IOS] = {"cgroup_io_read", "cgroup_io_write"};

    *o = (struct cgroup_io_figures){0};
    for (size_t i = 0; i < CGROUP_IOS; i++) {
        o->ways[i] = (struct cgroup_io_way){.max = HUGE_VAL, .stat = PROCFILE_NONE};
    }
    for (size_t i = 0; i < CGROUP_IOS; i++) {
        o->ways[i].figure = catalogue_add(
            c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_MEDIUM, names[i], target, "bytes/s",
                                      "io.stat, io.max (v1: blkio.throttle.io_service_bytes, "
                                      "blkio.throttle.*_bps_device)"});
        if (o->ways[i].figure == NULL) {
            return false;
        }
    }
    return true;
}

void cgroup_io_close(struct cgroup_io_figures *o)
{
    for (size_t i = 0; i < CGROUP_IOS; i++) {
        procfile_close(&o->ways[i].stat);
    }
}

static void walk_way(struct cgroup_io_figures *o, enum cgroup_io which, const char *root)
{
    struct cgroup_io_way *w = &o->ways[which];
    struct cgroup_folder f = o->own, least = o->own;
    char text[4096], device[CGROUP_DEVICE], least_device[CGROUP_DEVICE] = "";
    size_t len;

    w->max = HUGE_VAL;
    for (int level = 0; level < CGROUP_LEVELS_MAX; level++) {
        if (cgroup_once(root, &f, max_name(o, which), text, sizeof text, &len) == 0) {
            double limit = cgroup_parse_io_max(text, len, o->is_v2, which, device);
            if (limit < w->max) {
                w->max = limit;
                least = f;
                memcpy(least_device, device, sizeof device);
            }
        }
        if (!cgroup_folder_up(&f)) {
            break;
        }
    }
    if (w->stat.fd < 0 || strcmp(least.path, w->level.path) != 0 ||
        strcmp(least_device, w->device) != 0) {
        procfile_close(&w->stat);
        cgroup_open(&w->stat, root, &least, stat_name(o));
        w->level = least;
        memcpy(w->device, least_device, sizeof least_device);
        rate_reset(&w->rate);
    }
}

void cgroup_io_walk(struct cgroup_io_figures *o, const char *root)
{
    for (size_t i = 0; i < CGROUP_IOS && o->own.path[0] != '\0'; i++) {
        walk_way(o, i, root);
    }
}

static void both_unreadable(struct cgroup_io_figures *o, const char *why)
{
    for (size_t i = 0; i < CGROUP_IOS; i++) {
        figure_unreadable(o->ways[i].figure, "%s", why);
    }
    o->own.path[0] = '\0';
}

void cgroup_io_open(struct cgroup_io_figures *o, const struct cgroup_place *place,
                    const struct cgroup_mounts *mounts, const char *root)
{
    cgroup_io_close(o);
    o->own = *cgroup_place_of(place, mounts, CGROUP_BLKIO, &o->is_v2);
    if (o->own.path[0] == '\0') {
        both_unreadable(o, cgroup_folder_why_none(&o->own));
    } else if (!cgroup_deepest(&o->own, root, o->is_v2, stat_name(o))) {
        both_unreadable(o, "no figures of disks on its path: the controller is off");
    }
    cgroup_io_walk(o, root);
}

void cgroup_io_read(struct cgroup_io_figures *o, uint64_t now_ns)
{
    char text[8192];
    size_t len;
    double bytes[CGROUP_IOS], per_ns;

    for (size_t i = 0; i < CGROUP_IOS && o->own.path[0] != '\0'; i++) {
        struct cgroup_io_way *w = &o->ways[i];
        if (!procfile_read(&w->stat, text, sizeof text, &len)) {
            cgroup_unreadable(w->figure, &w->level, w->stat.error, stat_name(o));
            continue;
        }
        cgroup_parse_io(text, len, o->is_v2, w->device, bytes);
        if (rate_take(&w->rate, bytes[i], now_ns, &per_ns)) {
            figure_limit(w->figure, per_ns * 1e9, isfinite(w->max) ? w->max : NAN, NAN);
        }
    }
}
