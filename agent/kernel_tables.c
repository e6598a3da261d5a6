/* kernel_tables: see the header. All buffers are small: the kernel makes one of their size. */
#include "kernel_tables.h"

#include <math.h>
#include <stdlib.h>

#include "cpu.h"
#include "procfile.h"

#define FILE_NR     "/proc/sys/fs/file-nr"
#define LOADAVG     "/proc/loadavg"
#define THREADS_MAX "/proc/sys/kernel/threads-max"
#define PID_MAX     "/proc/sys/kernel/pid_max"
#define NO_LIMIT    (UINT64_C(1) << 62) /* systemd raises fs.file-max to the largest number */

struct kernel_tables {
    struct collector base;
    const char *root;
    struct procfile file_nr, loadavg;
    struct figure *files, *threads;
    double threads_max; /* NAN: not known */
};

/* "allocated free max"; the second is of what was allocated, and 0 since Linux 2.6. */
bool kernel_tables_parse_file_nr(const char *bytes, size_t len, uint64_t *used, uint64_t *max)
{
    struct text t = text_of(bytes, len);
    uint64_t allocated, unused;
    bool ok = text_number(&t, &allocated) && text_number(&t, &unused) && text_number(&t, max) &&
              unused <= allocated;

    *used = ok ? allocated - unused : 0;
    return ok;
}

static void read_files(struct kernel_tables *k)
{
    char text[128];
    size_t len;
    uint64_t used, max;

    if (procfile_read(&k->file_nr, text, sizeof text, &len) &&
        kernel_tables_parse_file_nr(text, len, &used, &max)) {
        figure_limit(k->files, (double)used, max < NO_LIMIT ? (double)max : NAN, NAN);
    } else {
        procfile_unreadable(k->files, k->file_nr.error, FILE_NR);
    }
}

static void read_threads(struct kernel_tables *k)
{
    char text[128];
    size_t len;
    uint64_t runnable, threads;

    if (procfile_read(&k->loadavg, text, sizeof text, &len) &&
        cpu_parse_loadavg(text, len, &runnable, &threads)) {
        figure_limit(k->threads, (double)threads, k->threads_max, NAN);
    } else {
        procfile_unreadable(k->threads, k->loadavg.error, LOADAVG);
    }
}

static double number_in(const char *root, const char *path)
{
    char text[64];
    size_t len;
    uint64_t value;
    bool ok = procfile_once_in(root, path, text, sizeof text, &len) == 0;
    struct text t = text_of(text, len);

    return ok && text_number(&t, &value) ? (double)value : NAN;
}

static void kernel_tables_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct kernel_tables *k = (struct kernel_tables *)self;

    if (tier == FIGURE_SLOW) {
        k->threads_max = fmin(number_in(k->root, THREADS_MAX), number_in(k->root, PID_MAX));
    } else if (tier == FIGURE_MEDIUM) {
        read_files(k);
        read_threads(k);
    }
}

static void kernel_tables_free(struct collector *self)
{
    struct kernel_tables *k = (struct kernel_tables *)self;

    procfile_close(&k->file_nr);
    procfile_close(&k->loadavg);
    free(k);
}

struct collector *kernel_tables_collector_new(struct catalogue *c, const char *root)
{
    struct kernel_tables *k = calloc(1, sizeof *k);

    if (k == NULL) {
        return NULL;
    }
    k->base = (struct collector){
        .name = "kernel tables", .read = kernel_tables_read, .free = kernel_tables_free};
    k->root = root;
    procfile_open(&k->file_nr, root, FILE_NR);
    procfile_open(&k->loadavg, root, LOADAVG);
    kernel_tables_read(&k->base, FIGURE_SLOW, 0);
    k->files = catalogue_add(c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_MEDIUM, "file_nr",
                                                       "", "files", FILE_NR});
    k->threads =
        catalogue_add(c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_MEDIUM, "threads", "",
                                                "threads", LOADAVG ", " THREADS_MAX ", " PID_MAX});
    if (k->files == NULL || k->threads == NULL) {
        kernel_tables_free(&k->base);
        return NULL;
    }
    return &k->base;
}
