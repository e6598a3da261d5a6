/*
 * wire_frame and the other messages of a worker: any bytes. A part that is taken adds what its
 * totals of samples say, and one that is refused adds nothing; texts come out clean.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/wire_frame.h"
#include "pelt/wire_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    assert(len < size);
    for (size_t i = 0; i < len; i++) {
        assert((unsigned char)text[i] >= ' ' || text[i] == '\n' || text[i] == '\t');
        assert(text[i] != 0x7f);
    }
}

static void try_others(struct pelt_span m)
{
    struct pelt_wire_hello h;
    struct pelt_wire_ready r;
    struct pelt_wire_event e;
    struct pelt_wire_bye b;
    struct pelt_error err = {""};
    if (pelt_wire_hello_decode(m, &h, &err) == PELT_OK) {
        check_text(h.version, sizeof h.version);
        check_text(h.host, sizeof h.host);
    }
    if (pelt_wire_ready_decode(m, &r, &err) == PELT_OK) {
        check_text(r.why, sizeof r.why);
    }
    if (pelt_wire_event_decode(m, &e, &err) == PELT_OK) {
        check_text(e.kind, sizeof e.kind);
        check_text(e.text, sizeof e.text);
    }
    if (pelt_wire_bye_decode(m, &b, &err) == PELT_OK) {
        check_text(b.reason, sizeof b.reason);
        assert(b.last_second >= -2);
    }
}

static uint64_t samples(const struct pelt_frame *f)
{
    uint64_t n = 0;
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        n += f->hist[kind].count;
    }
    for (uint32_t i = 0; i < f->requests_len; i++) {
        for (unsigned kind = 0; f->requests[i] != NULL && kind < PELT_HIST_REQUEST_KINDS; kind++) {
            n += f->requests[i]->hist[kind].count;
        }
    }
    return n;
}

/* Counters of what was added are whole: their sum is count, min and max are among them. */
static void check_hist(const struct pelt_hist *h)
{
    struct pelt_hist_walker w;
    uint64_t count, sum = 0;
    unsigned index;
    pelt_hist_walker_init(&w, h);
    while (pelt_hist_walker_next(&w, &index, &count)) {
        sum += count;
    }
    assert(sum == h->count);
    assert(h->count == 0 || (h->min_us <= h->max_us && h->max_us <= PELT_HIST_MAX_US));
    assert(pelt_hist_percentile_us(h, 99) <= PELT_HIST_MAX_US);
}

static void try_frame(struct pelt_span m)
{
    struct pelt_registry *names = pelt_registry_new();
    struct pelt_frame *f = pelt_frame_new(NULL);
    struct pelt_wire_into into = {.frame = f, .names = names};
    struct pelt_wire_part p;
    struct pelt_error err = {""};
    const bool good = pelt_wire_frame_check(m, &p, &err) == PELT_OK;
    const bool added = pelt_wire_frame_add(m, &into, &err) == PELT_OK;
    assert(good || !added); /* a metric's name may be refused only here */
    if (!added) {
        assert(*err.text != '\0' && samples(f) == 0 && pelt_frame_counts(f).started == 0);
    }
    for (uint32_t i = 0; i < f->requests_len; i++) {
        for (unsigned kind = 0; f->requests[i] != NULL && kind < PELT_HIST_REQUEST_KINDS; kind++) {
            check_hist(&f->requests[i]->hist[kind]);
        }
    }
    for (uint32_t i = 0; i < f->errors_len; i++) {
        check_text(f->errors[i].e.sample, sizeof f->errors[i].e.sample);
    }
    pelt_wire_part_deinit(&p);
    pelt_frame_free(f);
    pelt_registry_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size > 0 ? size : 1);
    memcpy(exact, data, size);
    if (size > 0 && data[0] == PELT_WIRE_FRAME) {
        try_frame(pelt_span(exact, size));
    } else {
        try_others(pelt_span(exact, size));
    }
    free(exact);
    return 0;
}
