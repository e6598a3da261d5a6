/* exposition: see the header. */
#include "exposition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what the client wants ---- */

/* The quality that one range of Accept, "type/sub; version=1.0.0; q=0.5", gives to itself. */
static double quality(const char *range, size_t len)
{
    const char *end = range + len, *at = range;

    while ((at = memchr(at, ';', (size_t)(end - at))) != NULL) {
        at += 1 + strspn(at + 1, " \t");
        if (end - at > 2 && (*at == 'q' || *at == 'Q') && at[1] == '=') {
            return strtod(at + 2, NULL);
        }
    }
    return 1;
}

static bool is_type(const char *range, size_t len, const char *type)
{
    size_t size = strlen(type);

    return len >= size && strncasecmp(range, type, size) == 0 &&
           (len == size || strchr("; \t", range[size]));
}

/* The best quality that any range of `accept` gives to `type`; 0: none. */
static double wanted(const char *accept, const char *type)
{
    double best = 0;

    while (*accept) {
        size_t len;

        accept += strspn(accept, ", \t");
        len = strcspn(accept, ",");
        if (is_type(accept, len, type)) {
            best = fmax(best, quality(accept, len));
        }
        accept += len;
    }
    return best;
}

enum exposition exposition_wanted(const char *accept)
{
    double open = accept ? wanted(accept, "application/openmetrics-text") : 0;

    return open > 0 && open >= wanted(accept, "text/plain") ? EXPOSITION_OPENMETRICS
                                                            : EXPOSITION_TEXT;
}

const char *exposition_content_type(enum exposition format)
{
    return format == EXPOSITION_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- families ---- */

struct family {
    const char *name;  /* without "pelt_agent_" and "_total" */
    const char *label; /* that has the figure's name */
    const char *help;
    enum pelt_server_kind kind;
    size_t cell;
    bool is_counter;
};

static const struct family families[] = {
    {"limit_used", "limit", "How much of a limit is in use now.", PELT_SERVER_LIMIT, PELT_CELL_USED,
     false},
    {"limit_max", "limit", "The limit itself.", PELT_SERVER_LIMIT, PELT_CELL_MAX, false},
    {"limit_events", "limit", "How often a limit was met since the agent's start.",
     PELT_SERVER_LIMIT, PELT_CELL_EVENTS, true},
    {"value", "name", "What is as it is now.", PELT_SERVER_GAUGE, 0, false},
    {"counted", "name", "What happened since the agent's start.", PELT_SERVER_COUNTER, 0, true},
    {"cache_hits", "cache", "Hits since the agent's start.", PELT_SERVER_CACHE, PELT_CELL_HITS,
     true},
    {"cache_misses", "cache", "Misses since the agent's start.", PELT_SERVER_CACHE,
     PELT_CELL_MISSES, true},
    {"cache_evictions", "cache", "Evictions since the agent's start.", PELT_SERVER_CACHE,
     PELT_CELL_EVICTIONS, true},
    {"cache_used", "cache", "How much of a cache is in use now.", PELT_SERVER_CACHE,
     PELT_CELL_CACHE_USED, false},
    {"cache_max", "cache", "How much a cache may hold.", PELT_SERVER_CACHE, PELT_CELL_CACHE_MAX,
     false},
};

/* The older format has the suffix in the family's name as well. */
static void write_head(struct page *p, enum exposition format, const char *name, bool is_counter,
                       const char *help)
{
    const char *suffix = is_counter && format == EXPOSITION_TEXT ? "_total" : "";

    page_addf(p, "# HELP pelt_agent_%s%s %s\n", name, suffix, help);
    page_addf(p, "# TYPE pelt_agent_%s%s %s\n", name, suffix, is_counter ? "counter" : "gauge");
}

static void write_labels(struct page *p, const struct figure *f, const char *label)
{
    page_addf(p, "{%s=", label);
    page_label(p, f->name);
    if (f->target[0]) {
        page_add(p, ",target=");
        page_label(p, f->target);
    }
}

static bool has_cell(const struct figure *f, const struct family *family)
{
    return f->kind == family->kind && f->why[0] == '\0' && isfinite(f->cells[family->cell]);
}

static void write_family(struct page *p, enum exposition format, const struct family *family,
                         const struct catalogue *figures)
{
    bool is_begun = false;

    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);

        if (!has_cell(f, family)) {
            continue;
        }
        if (!is_begun) {
            write_head(p, format, family->name, family->is_counter, family->help);
            is_begun = true;
        }
        page_addf(p, "pelt_agent_%s%s", family->name, family->is_counter ? "_total" : "");
        write_labels(p, f, family->label);
        page_add(p, ",unit=");
        page_label(p, f->unit);
        page_add(p, "} ");
        page_number(p, f->cells[family->cell]);
        page_add(p, "\n");
    }
}

static void write_readable(struct page *p, enum exposition format, const struct catalogue *figures)
{
    if (catalogue_len(figures) > 0) {
        write_head(p, format, "readable", false, "1: the figure can be read; 0: it cannot.");
    }
    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);

        page_add(p, "pelt_agent_readable");
        write_labels(p, f, "name");
        page_addf(p, "} %d\n", f->why[0] == '\0');
    }
}

static void write_one(struct page *p, enum exposition format, const char *name, bool is_counter,
                      const char *help, double value)
{
    write_head(p, format, name, is_counter, help);
    page_addf(p, "pelt_agent_%s%s ", name, is_counter ? "_total" : "");
    page_number(p, value);
    page_add(p, "\n");
}

static void write_about(struct page *p, enum exposition format,
                        const struct exposition_about *about)
{
    bool is_open = format == EXPOSITION_OPENMETRICS;

    page_addf(p, "# HELP pelt_agent%s Which agent this is.\n", is_open ? "" : "_info");
    page_addf(p, "# TYPE pelt_agent%s %s\n", is_open ? "" : "_info", is_open ? "info" : "gauge");
    page_add(p, "pelt_agent_info{name=");
    page_label(p, about->name);
    page_add(p, ",version=\"" PELT_VERSION "\"} 1\n");
}

static void write_self(struct page *p, enum exposition format, const struct exposition_about *about)
{
    const struct self *self = &about->self;

    write_one(p, format, "cpu_seconds", true, "CPU time of the agent itself.",
              (double)self->cpu_ns * 1e-9);
    write_one(p, format, "resident_memory_bytes", false, "Memory of the agent itself.",
              (double)self->rss_bytes);
    write_one(p, format, "worst_sample_seconds", false, "The longest sample so far.",
              (double)self->worst_ns * 1e-9);
    write_one(p, format, "overruns", true, "Ticks that were passed over.", (double)self->overruns);
    write_one(p, format, "lost_frames", true, "Frames that slow clients did not get.",
              (double)self->lost);
    write_one(p, format, "streams", false, "Streams that are open.", (double)about->streams);
    write_one(p, format, "degraded", false,
              "1: the agent has slowed itself down because of its own cost.", self->degraded);
}

void exposition_write(struct page *p, enum exposition format, const struct exposition_about *about,
                      const struct catalogue *figures)
{
    write_about(p, format, about);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        write_family(p, format, &families[i], figures);
    }
    write_readable(p, format, figures);
    write_self(p, format, about);
    if (format == EXPOSITION_OPENMETRICS) {
        page_add(p, "# EOF\n");
    }
}
