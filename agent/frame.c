/* frame: see the header. */
#include "frame.h"

static void write_tick(struct page *p, const struct frame *f)
{
    if (f->is_tick) {
        page_add(p, "\"k\":");
        page_int(p, f->k);
        page_add(p, ",\"due_ns\":");
        page_uint(p, f->due_ns);
        page_add(p, ",");
    }
    page_add(p, "\"at_ns\":");
    page_uint(p, f->at_ns);
    if (f->is_tick) {
        page_add(p, ",\"late\":");
        page_bool(p, f->is_late);
    }
}

static void write_cells(struct page *p, const struct figure *f)
{
    page_add(p, "[");
    page_uint(p, f->index);
    for (size_t i = 0; i < pelt_server_cells(f->kind); i++) {
        page_add(p, ",");
        page_number(p, f->cells[i]);
    }
    page_add(p, "]");
}

static void write_why(struct page *p, const struct figure *f)
{
    page_add(p, "[");
    page_uint(p, f->index);
    page_add(p, ",");
    page_json(p, f->why);
    page_add(p, "]");
}

static void write_figures(struct page *p, const struct catalogue *figures, uint64_t seen,
                          bool is_readable)
{
    const char *between = "";

    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);

        if ((f->why[0] == '\0') == is_readable &&
            (is_readable ? f->read_in : f->turned_in) > seen) {
            page_add(p, between);
            (is_readable ? write_cells : write_why)(p, f);
            between = ",";
        }
    }
}

static void write_events(struct page *p, const struct notices *notices, uint64_t seen)
{
    const char *between = "";

    for (const struct notice *n = notices_next(notices, seen); n;
         n = notices_next(notices, n->number)) {
        page_add(p, between);
        page_add(p, "{\"at_ns\":");
        page_uint(p, n->at_ns);
        page_add(p, ",\"kind\":");
        page_json(p, n->kind);
        page_add(p, ",\"text\":");
        page_json(p, n->text);
        page_add(p, "}");
        between = ",";
    }
}

static void write_self(struct page *p, const struct self *self)
{
    page_add(p, "{\"cpu_ns\":");
    page_uint(p, self->cpu_ns);
    page_add(p, ",\"rss_bytes\":");
    page_uint(p, self->rss_bytes);
    page_add(p, ",\"overruns\":");
    page_uint(p, self->overruns);
    page_add(p, ",\"worst_ns\":");
    page_uint(p, self->worst_ns);
    page_add(p, ",\"tick_ns\":");
    page_uint(p, self->tick_ns);
    page_add(p, ",\"degraded\":");
    page_bool(p, self->degraded);
    page_add(p, ",\"lost\":");
    page_uint(p, self->lost);
    page_add(p, "}");
}

void frame_write(struct page *p, const struct frame *f, const struct catalogue *figures,
                 const struct notices *notices)
{
    page_add(p, "{");
    write_tick(p, f);
    page_add(p, ",\"v\":[");
    write_figures(p, figures, f->seen_sample, true);
    page_add(p, "],\"unreadable\":[");
    write_figures(p, figures, f->seen_sample, false);
    page_add(p, "],\"events\":[");
    write_events(p, notices, f->seen_notice);
    page_add(p, "],\"self\":");
    write_self(p, &f->self);
    page_add(p, "}\n");
}
