/* block_io: see the header. */
#include "block_io.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rate.h"

#define DISKSTATS  "/proc/diskstats"
#define TEXT_BYTES 32768
#define SECTOR     512 /* of these files, whatever the disk's own are */

struct block_disk {
    char name[BLOCK_NAME];
    struct figure *busy, *queue, *read_bytes, *write_bytes;
    struct rate busy_rate, queue_rate;
    bool seen; /* in this reading */
};

struct block_io {
    struct collector base;
    struct procfile file;
    struct block_disk all[BLOCK_DISKS_MAX];
    size_t len;
    char text[TEXT_BYTES];
};

/* ---- pure ---- */

/* "254 0 vda READS MERGED SECTORS MS WRITES MERGED SECTORS MS NOW BUSY_MS QUEUE_MS ..." */
bool block_parse_line(struct text line, struct block_stat *out)
{
    struct text name;
    uint64_t read_sectors, write_sectors;

    if (!text_pass(&line, 2) || !text_word(&line, &name) ||
        !text_copy(name, out->name, sizeof out->name) || !text_pass(&line, 2) ||
        !text_number(&line, &read_sectors) || !text_pass(&line, 3) ||
        !text_number(&line, &write_sectors) || !text_pass(&line, 2) ||
        !text_number(&line, &out->busy_ms) || !text_number(&line, &out->queue_ms) ||
        read_sectors > UINT64_MAX / SECTOR || write_sectors > UINT64_MAX / SECTOR) {
        return false;
    }
    out->read_bytes = read_sectors * SECTOR;
    out->write_bytes = write_sectors * SECTOR;
    return true;
}

bool block_is_disk(const char *name)
{
    static const char *const others[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strncmp(name, others[i], strlen(others[i])) == 0) {
            return false;
        }
    }
    return true;
}

/* ---- reading ---- */

static void read_disk(struct block_disk *d, const struct block_stat *stat, uint64_t now_ns)
{
    double per_ns;

    d->seen = true;
    figure_counter(d->read_bytes, (double)stat->read_bytes);
    figure_counter(d->write_bytes, (double)stat->write_bytes);
    if (rate_take(&d->busy_rate, (double)stat->busy_ms, now_ns, &per_ns)) {
        figure_limit(d->busy, fmin(per_ns * 1e6, 1), 1, NAN);
    }
    if (rate_take(&d->queue_rate, (double)stat->queue_ms, now_ns, &per_ns)) {
        figure_gauge(d->queue, per_ns * 1e6);
    }
}

static struct block_disk *find(struct block_io *b, const char *name)
{
    for (size_t i = 0; i < b->len; i++) {
        if (strcmp(b->all[i].name, name) == 0) {
            return &b->all[i];
        }
    }
    return NULL;
}

static void unreadable(struct block_disk *d, const struct procfile *file)
{
    struct figure *all[] = {d->busy, d->queue, d->read_bytes, d->write_bytes};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (file->error != 0) {
            procfile_unreadable(all[i], file->error, DISKSTATS);
        } else {
            figure_unreadable(all[i], "the disk %s is gone", d->name);
        }
    }
}

static void read_all(struct block_io *b, uint64_t now_ns)
{
    struct text t, line;
    struct block_stat stat;
    struct block_disk *d;
    size_t len;

    procfile_read(&b->file, b->text, sizeof b->text, &len);
    for (size_t i = 0; i < b->len; i++) {
        b->all[i].seen = false;
    }
    for (t = text_of(b->text, len); text_line(&t, &line);) {
        d = block_parse_line(line, &stat) ? find(b, stat.name) : NULL;
        if (d != NULL) {
            read_disk(d, &stat, now_ns);
        }
    }
    for (size_t i = 0; i < b->len; i++) {
        if (!b->all[i].seen) {
            unreadable(&b->all[i], &b->file);
        }
    }
}

static void block_io_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    if (tier == FIGURE_MEDIUM) {
        read_all((struct block_io *)self, now_ns);
    }
}

static void block_io_free(struct collector *self)
{
    procfile_close(&((struct block_io *)self)->file);
    free(self);
}

/* ---- making ---- */

static struct figure *add_figure(struct catalogue *c, enum pelt_server_kind kind, const char *name,
                                 const char *disk, const char *unit)
{
    return catalogue_add(c,
                         &(struct figure_about){kind, FIGURE_MEDIUM, name, disk, unit, DISKSTATS});
}

static bool add(struct block_io *b, struct catalogue *c, const char *name)
{
    struct block_disk *d = &b->all[b->len++];

    snprintf(d->name, sizeof d->name, "%s", name);
    d->busy = add_figure(c, PELT_SERVER_LIMIT, "disk_io", name, "share");
    d->queue = add_figure(c, PELT_SERVER_GAUGE, "disk_queue", name, "requests");
    d->read_bytes = add_figure(c, PELT_SERVER_COUNTER, "disk_read", name, "bytes");
    d->write_bytes = add_figure(c, PELT_SERVER_COUNTER, "disk_write", name, "bytes");
    return d->busy != NULL && d->queue != NULL && d->read_bytes != NULL && d->write_bytes != NULL;
}

/* A partition has no folder in /sys/block. */
static bool is_whole(const char *root, const char *name)
{
    char path[PROCFILE_PATH];
    struct stat about;
    int len = snprintf(path, sizeof path, "%s/sys/block/%s", root, name);

    return len > 0 && (size_t)len < sizeof path && stat(path, &about) == 0;
}

struct collector *block_io_collector_new(struct catalogue *c, const char *root)
{
    struct block_io *b = calloc(1, sizeof *b);
    struct block_stat stat;
    struct text t, line;
    size_t len;
    bool ok = true;

    if (b == NULL) {
        return NULL;
    }
    b->base = (struct collector){.name = "block io", .read = block_io_read, .free = block_io_free};
    procfile_open(&b->file, root, DISKSTATS);
    procfile_read(&b->file, b->text, sizeof b->text, &len);
    for (t = text_of(b->text, len); ok && b->len < BLOCK_DISKS_MAX && text_line(&t, &line);) {
        if (block_parse_line(line, &stat) && block_is_disk(stat.name) &&
            is_whole(root, stat.name)) {
            ok = add(b, c, stat.name);
        }
    }
    if (!ok) {
        block_io_free(&b->base);
        return NULL;
    }
    return &b->base;
}
