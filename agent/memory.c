/* memory: see the header. */
#include "memory.h"

#include <math.h>
#include <stdlib.h>

#include "procfile.h"

#define MEMINFO "/proc/meminfo"
#define VMSTAT  "/proc/vmstat"

struct memory {
    struct collector base;
    struct procfile meminfo, vmstat;
    struct figure *memory, *swap, *events[MEMORY_OOM_KILLS];
    char text[16384];
};

/* ---- pure ---- */

bool memory_parse_info(const char *bytes, size_t len, struct memory_info *out)
{
    const struct text t = text_of(bytes, len);
    bool ok = text_value(t, "MemTotal:", &out->total) &&
              text_value(t, "MemAvailable:", &out->available) &&
              text_value(t, "SwapTotal:", &out->swap_total) &&
              text_value(t, "SwapFree:", &out->swap_free);

    ok = ok && out->total < UINT64_MAX / 1024 && out->available <= out->total &&
         out->swap_total < UINT64_MAX / 1024 && out->swap_free <= out->swap_total;
    if (ok) {
        out->total *= 1024;
        out->available *= 1024;
        out->swap_total *= 1024;
        out->swap_free *= 1024;
    }
    return ok;
}

/* Older kernels count one refault for pages of both kinds. */
static const struct {
    const char *key;
    enum memory_event event;
} keys[] = {
    {"pswpin", MEMORY_SWAP_IN},
    {"pswpout", MEMORY_SWAP_OUT},
    {"pgscan_direct", MEMORY_DIRECT_RECLAIM},
    {"workingset_refault", MEMORY_REFAULTS},
    {"workingset_refault_anon", MEMORY_REFAULTS},
    {"workingset_refault_file", MEMORY_REFAULTS},
    {"pgmajfault", MEMORY_MAJOR_FAULTS},
    {"oom_kill", MEMORY_OOM_KILLS},
};

void memory_parse_events(const char *bytes, size_t len, double out[MEMORY_EVENTS])
{
    struct text t = text_of(bytes, len), line, word;
    uint64_t value;

    for (size_t i = 0; i < MEMORY_EVENTS; i++) {
        out[i] = NAN;
    }
    while (text_line(&t, &line)) {
        if (!text_word(&line, &word)) {
            continue;
        }
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            double *event = &out[keys[i].event];
            if (text_is(word, keys[i].key) && text_number(&line, &value)) {
                *event = (isnan(*event) ? 0 : *event) + (double)value;
                break;
            }
        }
    }
}

/* ---- the collector ---- */

static const struct figure_about abouts[MEMORY_OOM_KILLS] = {
    [MEMORY_SWAP_IN] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "swap_in", "", "pages", VMSTAT},
    [MEMORY_SWAP_OUT] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "swap_out", "", "pages", VMSTAT},
    [MEMORY_DIRECT_RECLAIM] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "direct_reclaim", "", "pages",
                               VMSTAT},
    [MEMORY_REFAULTS] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "page_refaults", "", "pages", VMSTAT},
    [MEMORY_MAJOR_FAULTS] = {PELT_SERVER_COUNTER, FIGURE_MEDIUM, "major_faults", "", "faults",
                             VMSTAT},
};

/* Returns how often a process was killed for want of memory; NAN: not known. */
static double read_events(struct memory *m)
{
    double events[MEMORY_EVENTS];
    size_t len;

    if (!procfile_read(&m->vmstat, m->text, sizeof m->text, &len)) {
        for (size_t i = 0; i < MEMORY_OOM_KILLS; i++) {
            procfile_unreadable(m->events[i], m->vmstat.error, VMSTAT);
        }
        return NAN;
    }
    memory_parse_events(m->text, len, events);
    for (size_t i = 0; i < MEMORY_OOM_KILLS; i++) {
        if (isnan(events[i])) {
            figure_unreadable(m->events[i], "this kernel does not count it in " VMSTAT);
        } else {
            figure_counter(m->events[i], events[i]);
        }
    }
    return events[MEMORY_OOM_KILLS];
}

static void read_info(struct memory *m, double oom_kills)
{
    struct memory_info info;
    size_t len;

    if (!procfile_read(&m->meminfo, m->text, sizeof m->text, &len) ||
        !memory_parse_info(m->text, len, &info)) {
        procfile_unreadable(m->memory, m->meminfo.error, MEMINFO);
        procfile_unreadable(m->swap, m->meminfo.error, MEMINFO);
        return;
    }
    figure_limit(m->memory, (double)(info.total - info.available), (double)info.total, oom_kills);
    figure_limit(m->swap, (double)(info.swap_total - info.swap_free),
                 info.swap_total > 0 ? (double)info.swap_total : NAN, NAN);
}

static void memory_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct memory *m = (struct memory *)self;

    if (tier == FIGURE_MEDIUM) {
        read_info(m, read_events(m));
    }
}

static void memory_free(struct collector *self)
{
    struct memory *m = (struct memory *)self;

    procfile_close(&m->meminfo);
    procfile_close(&m->vmstat);
    free(m);
}

struct collector *memory_collector_new(struct catalogue *c, const char *root)
{
    struct memory *m = calloc(1, sizeof *m);
    bool ok;

    if (m == NULL) {
        return NULL;
    }
    m->base = (struct collector){.name = "memory", .read = memory_read, .free = memory_free};
    procfile_open(&m->meminfo, root, MEMINFO);
    procfile_open(&m->vmstat, root, VMSTAT);
    m->memory = catalogue_add(c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_MEDIUM, "memory",
                                                        "", "bytes", MEMINFO ", " VMSTAT});
    m->swap = catalogue_add(
        c, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_MEDIUM, "swap", "", "bytes", MEMINFO});
    ok = m->memory != NULL && m->swap != NULL;
    for (size_t i = 0; i < MEMORY_OOM_KILLS; i++) {
        m->events[i] = catalogue_add(c, &abouts[i]);
        ok = ok && m->events[i] != NULL;
    }
    if (!ok) {
        memory_free(&m->base);
        return NULL;
    }
    return &m->base;
}
