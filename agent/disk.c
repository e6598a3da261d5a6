/* disk: see the header. */
#include "disk.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "procfile.h"

#define MOUNTINFO       "/proc/self/mountinfo"
#define MOUNTINFO_BYTES (4u << 20)

struct disk {
    char point[MOUNT_PATH];
    dev_t device;                  /* what was mounted there at the start */
    struct figure *space, *inodes; /* inodes: NULL where their number is not fixed */
};

struct disks {
    struct collector base;
    const char *root;
    struct disk all[DISKS_MAX];
    size_t len;
};

/* ---- which ---- */

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list != NULL && strcmp(word, *list) != 0) {
        list++;
    }
    return *list != NULL;
}

static bool is_below(const char *path, const char *folder)
{
    const size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool disk_is_local(const struct mount *m)
{
    static const char *const types[] = {"ext2",  "ext3",     "ext4", "xfs",    "btrfs", "f2fs",
                                        "zfs",   "bcachefs", "jfs",  "vfat",   "exfat", "ntfs3",
                                        "tmpfs", "reiserfs", "ufs",  "nilfs2", NULL};

    /* The file system itself: systemd shows a service everything as mounted read-only. */
    if (mount_option(m->super_options, "ro") || is_below(m->point, "/proc") ||
        is_below(m->point, "/sys") ||
        (is_below(m->point, "/dev") && !is_below(m->point, "/dev/shm"))) {
        return false;
    }
    return is_one_of(m->type, types) || strcmp(m->point, "/") == 0;
}

/* ---- reading ---- */

static bool is_there(struct disks *d, const struct disk *disk, struct statvfs *out, int *error)
{
    char path[PROCFILE_PATH];
    struct stat about;

    snprintf(path, sizeof path, "%s%s", d->root, disk->point);
    if (stat(path, &about) != 0 || statvfs(path, out) != 0) {
        *error = errno;
        return false;
    }
    *error = 0;
    return about.st_dev == disk->device;
}

static void read_disk(struct disks *d, struct disk *disk)
{
    struct statvfs v;
    int error;

    if (!is_there(d, disk, &v, &error)) {
        const char *why = error != 0 ? procfile_error_text(error) : "something else is there now";
        figure_unreadable(disk->space, "%s is not mounted (%s)", disk->point, why);
        if (disk->inodes != NULL) {
            figure_unreadable(disk->inodes, "%s is not mounted (%s)", disk->point, why);
        }
        return;
    }
    const double used = (double)(v.f_blocks - v.f_bfree) * (double)v.f_frsize;
    figure_limit(disk->space, used, used + (double)v.f_bavail * (double)v.f_frsize, NAN);
    if (disk->inodes != NULL) {
        figure_limit(disk->inodes, (double)(v.f_files - v.f_ffree), (double)v.f_files, NAN);
    }
}

static void disk_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct disks *d = (struct disks *)self;

    for (size_t i = 0; tier == FIGURE_MEDIUM && i < d->len; i++) {
        read_disk(d, &d->all[i]);
    }
}

static void disk_free(struct collector *self)
{
    free(self);
}

/* ---- making ---- */

static bool is_known(const struct disks *d, const char *point)
{
    for (size_t i = 0; i < d->len; i++) {
        if (strcmp(d->all[i].point, point) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a folder is where something is mounted, and what. Returns 0 or errno. */
static int look(const char *root, const char *point, dev_t *device, bool *has_inodes)
{
    char path[PROCFILE_PATH];
    struct stat about;
    struct statvfs v;

    if (snprintf(path, sizeof path, "%s%s", root, point) >= (int)sizeof path) {
        return ENAMETOOLONG;
    }
    if (stat(path, &about) != 0 || statvfs(path, &v) != 0) {
        return errno;
    }
    if (!S_ISDIR(about.st_mode)) {
        return ENOTDIR;
    }
    *device = about.st_dev;
    *has_inodes = v.f_files > 0;
    return v.f_blocks > 0 ? 0 : ENODATA;
}

static bool add(struct disks *d, struct catalogue *c, const char *point, dev_t device,
                bool has_inodes)
{
    struct disk *disk = &d->all[d->len++];
    char name[MOUNT_PATH];

    snprintf(disk->point, sizeof disk->point, "%s", point);
    snprintf(name, sizeof name, "%s", point);
    text_clean(name);
    disk->device = device;
    disk->space =
        catalogue_add(c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_MEDIUM, "disk_space",
                                                name, "bytes", "statvfs()"});
    if (has_inodes) {
        disk->inodes =
            catalogue_add(c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_MEDIUM, "inodes",
                                                    name, "inodes", "statvfs()"});
    }
    return disk->space != NULL && (disk->inodes != NULL || !has_inodes);
}

static bool has_device(const struct disks *d, dev_t device)
{
    for (size_t i = 0; i < d->len; i++) {
        if (d->all[i].device == device) {
            return true;
        }
    }
    return false;
}

/* Those of tmpfs, or all others. */
static bool add_kind(struct disks *d, struct catalogue *c, struct text mounts, bool tmpfs)
{
    struct text line;
    struct mount m;
    dev_t device;
    bool has_inodes, ok = true;

    while (ok && d->len < DISKS_MAX && text_line(&mounts, &line)) {
        if (mount_parse(line, &m) && disk_is_local(&m) && (strcmp(m.type, "tmpfs") == 0) == tmpfs &&
            !is_known(d, m.point) && look(d->root, m.point, &device, &has_inodes) == 0 &&
            !has_device(d, device)) {
            ok = add(d, c, m.point, device, has_inodes);
        }
    }
    return ok;
}

/* Containers bring many of tmpfs, which must not take the places of disks. */
static bool add_found(struct disks *d, struct catalogue *c)
{
    size_t len;
    char *text = procfile_whole(d->root, MOUNTINFO, MOUNTINFO_BYTES, &len);
    const struct text mounts = text_of(text, text != NULL ? len : 0);
    bool ok = add_kind(d, c, mounts, false) && add_kind(d, c, mounts, true);

    free(text);
    return ok;
}

static int look_for(const char *root, const char *point, dev_t *device, bool *has_inodes)
{
    return point[0] == '/' ? look(root, point, device, has_inodes) : EINVAL;
}

static enum pelt_status not_there(const char *point, int error, struct pelt_error *err)
{
    return pelt_fail(err, error == EINVAL ? PELT_EINVAL : PELT_ENOTFOUND,
                     "--disk %s: %s: give the absolute path of a folder on the file system, as df "
                     "shows it",
                     point, procfile_error_text(error));
}

enum pelt_status disk_points_check(const char *const *points, size_t len, const char *root,
                                   struct pelt_error *err)
{
    for (size_t i = 0; i < len; i++) {
        dev_t device;
        bool has_inodes;
        int error = look_for(root, points[i], &device, &has_inodes);

        if (error != 0) {
            return not_there(points[i], error, err);
        }
    }
    return PELT_OK;
}

static bool add_asked(struct disks *d, struct catalogue *c, const char *point,
                      struct pelt_error *err)
{
    dev_t device;
    bool has_inodes;
    int error = look_for(d->root, point, &device, &has_inodes);

    if (error == 0 && d->len == DISKS_MAX) {
        pelt_fail(err, PELT_ELIMIT, "--disk: more than %d are too many", DISKS_MAX);
        return false;
    }
    if (error != 0) {
        (void)not_there(point, error, err);
        return false;
    }
    return is_known(d, point) || add(d, c, point, device, has_inodes);
}

struct collector *disk_collector_new(struct catalogue *c, const char *const *points, size_t len,
                                     const char *root, struct pelt_error *err)
{
    struct disks *d = calloc(1, sizeof *d);
    bool ok = true;

    if (d == NULL) {
        return NULL;
    }
    d->base = (struct collector){.name = "disk", .read = disk_read, .free = disk_free};
    d->root = root;
    for (size_t i = 0; ok && i < len; i++) {
        ok = add_asked(d, c, points[i], err);
    }
    if (len == 0) {
        ok = add_found(d, c);
    }
    if (!ok) {
        disk_free(&d->base);
        return NULL;
    }
    return &d->base;
}
