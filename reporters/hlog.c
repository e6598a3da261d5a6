/*
 * hlog: HdrHistogram's log format 1.3, as its HistogramLogWriter writes it: a line a second of all
 * response times together, which tools take by default, and one of each request's, with its name as
 * tag. The payloads are those of the run file, so nothing is counted anew.
 *
 * Values are microseconds. Interval_Max is in milliseconds. A tag cannot hold a comma, a blank or
 * the end of a line: each becomes "_".
 */
#include "formats.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/encode.h"

struct log {
    FILE *out;
    char **tags; /* by series */
    uint32_t len;
    struct pelt_buf base64;
};

/* ---- tags ---- */

static bool is_taken(const struct log *l, uint32_t before, const char *tag)
{
    uint32_t i = 0;
    while (i < before && strcmp(l->tags[i], tag) != 0) {
        i++;
    }
    return i < before;
}

/* Names that are the same as a tag are told apart by a number behind them. */
static char *make_tag(const struct log *l, uint32_t series, const char *name)
{
    char tag[PELT_NAME_MAX + 16];
    const int len = snprintf(tag, PELT_NAME_MAX + 1, "%s", name);
    for (char *c = tag; *c != '\0'; c++) {
        const bool cut = (unsigned char)*c <= ' ' || *c == ',' || *c == 0x7f;
        *c = cut ? '_' : *c;
    }
    for (unsigned n = 2; is_taken(l, series, tag); n++) {
        snprintf(tag + len, sizeof tag - (size_t)len, "_%u", n);
    }
    return strdup(tag);
}

static bool make_tags(struct log *l, const struct pelt_results *r)
{
    const uint32_t names = pelt_registry_count(r->names, PELT_NAME_REQUEST);
    l->tags = calloc(names + 1, sizeof *l->tags);
    for (bool made = l->tags != NULL; made && l->len < names; l->len += made) {
        l->tags[l->len] =
            make_tag(l, l->len, pelt_registry_name(r->names, PELT_NAME_REQUEST, l->len));
        made = l->tags[l->len] != NULL;
    }
    return l->tags != NULL && l->len == names;
}

static void log_deinit(struct log *l)
{
    for (uint32_t i = 0; l->tags != NULL && i < l->len; i++) {
        free(l->tags[i]);
    }
    free(l->tags);
    pelt_buf_deinit(&l->base64);
}

/* ---- lines ---- */

static void on_payload(void *arg, const struct pelt_payload *p)
{
    struct log *l = arg;
    if (p->series >= 0) {
        fprintf(l->out, "Tag=%s,", l->tags[p->series]);
    }
    pelt_buf_reset(&l->base64);
    pelt_encode_base64(&l->base64, p->bytes);
    fprintf(l->out, "%d.000,1.000,%.3f,%.*s\n", p->t, (double)p->max_us / 1000, (int)l->base64.len,
            l->base64.data != NULL ? l->base64.data : "");
}

enum pelt_status report_hlog(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    struct log l = {.out = out};
    const char *start_ns = pelt_results_meta(r, "start_wall_ns");
    const uint64_t wall_ns = start_ns != NULL ? strtoull(start_ns, NULL, 10) : 0;
    char start[32];
    pelt_clock_rfc3339(wall_ns, start);
    pelt_buf_init(&l.base64, 0);
    if (!make_tags(&l, r)) {
        log_deinit(&l);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    fprintf(out,
            "#[Response times in microseconds, written by pelt; Interval_Max in milliseconds]\n"
            "#[Histogram log format version 1.3]\n"
            "#[StartTime: %.3f (seconds since epoch), %s]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
            "\"Interval_Compressed_Histogram\"\n",
            (double)wall_ns / 1e9, start);
    enum pelt_status status = pelt_results_each_payload(r, on_payload, &l, err);
    if (status == PELT_OK && l.base64.failed) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    log_deinit(&l);
    return status;
}
