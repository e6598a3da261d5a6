/* cgroup_working: see the header. */
#include "cgroup_working.h"

#include <string.h>

#define STAT_BYTES 8192 /* of memory.stat; it has about 1.5 KB */

bool cgroup_working_init(struct cgroup_working *w, struct catalogue *c, const char *target)
{
    *w = (struct cgroup_working){.stat = PROCFILE_NONE};
    w->figure =
        catalogue_add(c, &(struct figure_about){FIGURE_GAUGE, FIGURE_MEDIUM,
                                                "cgroup_memory_working", target, "bytes",
                                                "memory.current, memory.stat: inactive_file (v1: "
                                                "memory.usage_in_bytes, total_inactive_file)"});
    return w->figure != NULL;
}

void cgroup_working_close(struct cgroup_working *w)
{
    procfile_close(&w->stat);
    w->level.path[0] = '\0';
}

static void follow(struct cgroup_working *w, const struct cgroup_limit *memory, const char *root)
{
    if (w->stat.fd < 0 || strcmp(w->level.path, memory->level.path) != 0) {
        procfile_close(&w->stat);
        w->level = memory->level;
        cgroup_open(&w->stat, root, &w->level, "memory.stat");
    }
}

void cgroup_working_read(struct cgroup_working *w, const struct cgroup_limit *memory,
                         const char *root)
{
    const char *key = memory->is_v2 ? "inactive_file" : "total_inactive_file";
    const double used = memory->figure->cells[FIGURE_USED];
    char text[STAT_BYTES];
    uint64_t inactive;
    size_t len;

    if (memory->figure->why[0] != '\0') {
        cgroup_working_close(w);
        figure_unreadable(w->figure, "%s", memory->figure->why);
        return;
    }
    follow(w, memory, root);
    if (!procfile_read(&w->stat, text, sizeof text, &len)) {
        cgroup_unreadable(w->figure, &w->level, w->stat.error, "memory.stat");
    } else if (!text_value(text_of(text, len), key, &inactive)) {
        figure_unreadable(w->figure, "memory.stat has no %s", key);
    } else {
        figure_gauge(w->figure, (double)inactive < used ? used - (double)inactive : 0);
    }
}
