/* pressure: see the header. */
#include "pressure.h"

#include <stdio.h>
#include <stdlib.h>

#include "procfile.h"

static const struct {
    const char *host, *cgroup, *some, *full;
} files[PRESSURES] = {
    [PRESSURE_CPU] = {"/proc/pressure/cpu", "/cpu.pressure", "pressure_cpu_some",
                      "pressure_cpu_full"},
    [PRESSURE_MEMORY] = {"/proc/pressure/memory", "/memory.pressure", "pressure_memory_some",
                         "pressure_memory_full"},
    [PRESSURE_IO] = {"/proc/pressure/io", "/io.pressure", "pressure_io_some", "pressure_io_full"},
};

/* ---- pure ---- */

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234", and the same of "full". */
bool pressure_parse(const char *bytes, size_t len, uint64_t *some_us, uint64_t *full_us)
{
    struct text t = text_of(bytes, len), line, word;

    *some_us = *full_us = UINT64_MAX;
    while (text_line(&t, &line)) {
        uint64_t *total = NULL;
        if (text_word(&line, &word)) {
            total = text_is(word, "some") ? some_us : text_is(word, "full") ? full_us : NULL;
        }
        while (total != NULL && text_word(&line, &word)) {
            if (text_skip(&word, "total=") && !text_number(&word, total)) {
                *total = UINT64_MAX;
            }
        }
    }
    return *some_us != UINT64_MAX;
}

/* ---- a set ---- */

static const char *path_of(const struct pressure_set *s, enum pressure_of of)
{
    return s->of_host ? files[of].host : files[of].cgroup + 1;
}

bool pressure_init(struct pressure_set *s, struct catalogue *c, const char *target)
{
    bool ok = true;

    *s = (struct pressure_set){.of_host = target[0] == '\0'};
    for (size_t i = 0; i < PRESSURES; i++) {
        struct figure_about about = {PELT_SERVER_COUNTER, FIGURE_FAST, files[i].some, target, "s",
                                     path_of(s, i)};
        s->files[i] = PROCFILE_NONE;
        s->some[i] = catalogue_add(c, &about);
        ok = ok && s->some[i] != NULL;
        about.name = files[i].full;
        if (!s->of_host || i != PRESSURE_CPU) {
            s->full[i] = catalogue_add(c, &about);
            ok = ok && s->full[i] != NULL;
        }
    }
    return ok;
}

void pressure_close(struct pressure_set *s)
{
    for (size_t i = 0; i < PRESSURES; i++) {
        procfile_close(&s->files[i]);
    }
}

void pressure_open(struct pressure_set *s, const char *folder)
{
    pressure_close(s);
    for (size_t i = 0; i < PRESSURES; i++) {
        procfile_open(&s->files[i], folder, s->of_host ? files[i].host : files[i].cgroup);
    }
}

static void read_one(struct pressure_set *s, enum pressure_of of)
{
    char text[256];
    size_t len;
    uint64_t some, full;

    if (!procfile_read(&s->files[of], text, sizeof text, &len) ||
        !pressure_parse(text, len, &some, &full)) {
        procfile_unreadable(s->some[of], s->files[of].error, path_of(s, of));
        if (s->full[of] != NULL) {
            procfile_unreadable(s->full[of], s->files[of].error, path_of(s, of));
        }
        return;
    }
    figure_counter(s->some[of], (double)some / 1e6);
    if (s->full[of] != NULL && full != UINT64_MAX) {
        figure_counter(s->full[of], (double)full / 1e6);
    } else if (s->full[of] != NULL) {
        figure_unreadable(s->full[of], "this kernel has no line 'full' in %s", path_of(s, of));
    }
}

void pressure_read(struct pressure_set *s)
{
    for (size_t i = 0; i < PRESSURES; i++) {
        read_one(s, i);
    }
}

void pressure_unreadable(struct pressure_set *s, const char *why)
{
    for (size_t i = 0; i < PRESSURES; i++) {
        figure_unreadable(s->some[i], "%s", why);
        if (s->full[i] != NULL) {
            figure_unreadable(s->full[i], "%s", why);
        }
    }
}

void pressure_rebase(struct pressure_set *s)
{
    for (size_t i = 0; i < PRESSURES; i++) {
        figure_rebase(s->some[i]);
        if (s->full[i] != NULL) {
            figure_rebase(s->full[i]);
        }
    }
}

/* ---- the host's ---- */

struct host_pressure {
    struct collector base;
    struct pressure_set set;
};

static void host_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    if (tier == FIGURE_FAST) {
        pressure_read(&((struct host_pressure *)self)->set);
    }
}

static void host_free(struct collector *self)
{
    pressure_close(&((struct host_pressure *)self)->set);
    free(self);
}

struct collector *pressure_collector_new(struct catalogue *c, const char *root)
{
    struct host_pressure *p = calloc(1, sizeof *p);

    if (p == NULL) {
        return NULL;
    }
    p->base = (struct collector){.name = "pressure", .read = host_read, .free = host_free};
    if (!pressure_init(&p->set, c, "")) {
        host_free(&p->base);
        return NULL;
    }
    pressure_open(&p->set, root);
    return &p->base;
}
