/* cgroup_path: see the header. */
#include "cgroup_path.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const names[CGROUP_HIERARCHIES] = {
    [CGROUP_CPU] = "cpu",   [CGROUP_CPUACCT] = "cpuacct", [CGROUP_MEMORY] = "memory",
    [CGROUP_PIDS] = "pids", [CGROUP_BLKIO] = "blkio",     [CGROUP_SYSTEMD] = "name=systemd",
    [CGROUP_V2] = "v2",
};

const char *cgroup_hierarchy_name(enum cgroup_hierarchy h)
{
    return names[h];
}

static void take_mount(struct cgroup_mount *to, const struct mount *m)
{
    if (to->point[0] == '\0') {
        memcpy(to->top, m->top, sizeof to->top);
        memcpy(to->point, m->point, sizeof to->point);
    }
}

void cgroup_mounts_parse(struct cgroup_mounts *m, const char *bytes, size_t len)
{
    struct text t = text_of(bytes, len), line;
    struct mount mount;

    memset(m, 0, sizeof *m);
    while (text_line(&t, &line)) {
        if (!mount_parse(line, &mount)) {
            continue;
        }
        if (strcmp(mount.type, "cgroup2") == 0) {
            take_mount(&m->at[CGROUP_V2], &mount);
        }
        for (size_t i = 0; i < CGROUP_V2 && strcmp(mount.type, "cgroup") == 0; i++) {
            if (mount_option(mount.super_options, names[i])) {
                take_mount(&m->at[i], &mount);
            }
        }
    }
}

/* The part of the group's path below the mount's top; NULL: it lies outside. */
static const char *below(const char *path, const char *top)
{
    const size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);
    bool inside = strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0') &&
                  strstr(path, "/..") == NULL;

    return inside ? path + len : NULL;
}

static void set_folder(struct cgroup_folder *f, const struct cgroup_mount *m, const char *relative)
{
    int len = snprintf(f->path, sizeof f->path, "%s%s", m->point,
                       strcmp(relative, "/") == 0 ? "" : relative);

    f->top = strlen(m->point);
    if (len < 0 || (size_t)len >= sizeof f->path) {
        f->path[0] = '\0';
        return;
    }
    while (len > (int)f->top + 1 && f->path[len - 1] == '/') {
        f->path[--len] = '\0';
    }
}

/* "ID:CONTROLLERS:PATH" */
static void place_line(struct cgroup_place *place, const struct cgroup_mounts *m, struct text line)
{
    const char *first = memchr(line.at, ':', (size_t)(line.end - line.at));
    const char *second =
        first != NULL ? memchr(first + 1, ':', (size_t)(line.end - first - 1)) : NULL;
    char controllers[256], path[MOUNT_PATH];

    if (second == NULL ||
        !text_copy((struct text){first + 1, second}, controllers, sizeof controllers) ||
        !text_copy((struct text){second + 1, line.end}, path, sizeof path)) {
        return;
    }
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        bool ours = i == CGROUP_V2 ? controllers[0] == '\0' : mount_option(controllers, names[i]);
        const char *relative = ours ? below(path, m->at[i].top) : NULL;
        if (relative != NULL && m->at[i].point[0] != '\0' && place->at[i].path[0] == '\0') {
            set_folder(&place->at[i], &m->at[i], relative);
        }
    }
}

void cgroup_place_parse(struct cgroup_place *place, const struct cgroup_mounts *m,
                        const char *bytes, size_t len)
{
    struct text t = text_of(bytes, len), line;

    while (text_line(&t, &line)) {
        place_line(place, m, line);
    }
}

uint64_t cgroup_folder_inode(const struct cgroup_folder *f, const char *root)
{
    char whole[PROCFILE_PATH];
    struct stat about;
    int len = snprintf(whole, sizeof whole, "%s%s", root, f->path);
    bool exists =
        len > 0 && (size_t)len < sizeof whole && stat(whole, &about) == 0 && S_ISDIR(about.st_mode);

    return exists ? about.st_ino : 0;
}

/* An absolute path is cut to what lies below its mount point. */
static const char *relative_of(const struct cgroup_mounts *m, const char *path)
{
    const char *best = path;
    size_t most = 0;

    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        const size_t len = strlen(m->at[i].point);
        if (len > most && strncmp(path, m->at[i].point, len) == 0 &&
            (path[len] == '/' || path[len] == '\0')) {
            most = len;
            best = path + len;
        }
    }
    return best;
}

bool cgroup_place_find(struct cgroup_place *place, const struct cgroup_mounts *m, const char *root,
                       const char *path)
{
    const char *relative = relative_of(m, path);
    char rooted[MOUNT_PATH];
    bool found = false;

    if (relative[0] != '/' && relative[0] != '\0') {
        snprintf(rooted, sizeof rooted, "/%s", relative);
        relative = rooted;
    }
    if (strlen(path) >= sizeof rooted - 1 || strstr(relative, "/..") != NULL) {
        return false;
    }
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
        struct cgroup_folder *f = &place->at[i];
        if (m->at[i].point[0] == '\0') {
            continue;
        }
        set_folder(f, &m->at[i], relative);
        if (f->path[0] == '\0' || cgroup_folder_inode(f, root) == 0) {
            f->path[0] = '\0';
        }
        found = found || f->path[0] != '\0';
    }
    return found;
}

const struct cgroup_folder *cgroup_place_of(const struct cgroup_place *place,
                                            const struct cgroup_mounts *m, enum cgroup_hierarchy v1,
                                            bool *is_v2)
{
    *is_v2 = m->at[v1].point[0] == '\0';
    return &place->at[*is_v2 ? CGROUP_V2 : v1];
}

bool cgroup_folder_is_host(const struct cgroup_folder *f, const char *root, bool is_v2)
{
    char path[PROCFILE_PATH];
    struct stat about;
    int len = snprintf(path, sizeof path, "%s%s/%s", root, f->path,
                       is_v2 ? "cgroup.events" : "release_agent");
    bool exists = len > 0 && (size_t)len < sizeof path && stat(path, &about) == 0;

    return f->path[0] != '\0' && f->path[f->top] == '\0' && (is_v2 ? !exists : exists);
}

const char *cgroup_folder_why_none(const struct cgroup_folder *f)
{
    return f->is_host   ? "it is in the top cgroup: see the host's figures"
           : f->is_gone ? "its cgroup is gone"
                        : "its cgroup is not in what is mounted here";
}

bool cgroup_folder_up(struct cgroup_folder *f)
{
    char *slash = f->path[0] != '\0' ? strrchr(f->path, '/') : NULL;

    if (slash == NULL || (size_t)(slash - f->path) < f->top || strlen(f->path) <= f->top) {
        return false;
    }
    *slash = '\0';
    return true;
}
