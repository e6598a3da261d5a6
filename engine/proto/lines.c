/*
 * lines: see the header.
 *
 * Invariant: `part` holds the beginning of a line that no end has been seen of; while its line is
 * told it still lies there.
 */
#include "pelt/lines.h"

#include <string.h>

void pelt_lines_reset(struct pelt_lines *l)
{
    pelt_buf_reset(&l->part);
    l->after_cr = false;
}

void pelt_lines_deinit(struct pelt_lines *l)
{
    pelt_buf_deinit(&l->part);
}

static enum pelt_status add_part(struct pelt_lines *l, const char *bytes, size_t len)
{
    return len > l->max - l->part.len ? PELT_ELIMIT : pelt_buf_add(&l->part, bytes, len);
}

static enum pelt_status tell(struct pelt_lines *l, struct pelt_span line)
{
    if (!l->bare_cr && line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return l->on_line(l->arg, line);
}

/* A line ends with these bytes. */
static enum pelt_status end_line(struct pelt_lines *l, const char *bytes, size_t len)
{
    if (l->part.len == 0) {
        return len > l->max ? PELT_ELIMIT : tell(l, pelt_span(bytes, len));
    }
    enum pelt_status status = add_part(l, bytes, len);
    if (status == PELT_OK) {
        status = tell(l, pelt_span(l->part.data, l->part.len));
        pelt_buf_reset(&l->part);
    }
    return status;
}

static const char *find(const char *from, const char *to, char c)
{
    return from < to ? memchr(from, c, (size_t)(to - from)) : NULL;
}

enum pelt_status pelt_lines_feed(struct pelt_lines *l, const char *bytes, size_t len)
{
    const char *at = bytes, *end = bytes + len;
    if (len == 0) {
        return PELT_OK;
    }
    if (l->after_cr && *at == '\n') {
        at++;
    }
    l->after_cr = false;
    /* The next LF is looked for once, also where many lines end before it with a CR. */
    const char *lf = find(at, end, '\n');
    enum pelt_status status = PELT_OK;
    while (status == PELT_OK && at < end) {
        const char *cr = l->bare_cr ? find(at, lf != NULL ? lf : end, '\r') : NULL;
        const char *stop = cr != NULL ? cr : lf;
        if (stop == NULL) {
            return add_part(l, at, (size_t)(end - at));
        }
        status = end_line(l, at, (size_t)(stop - at));
        at = stop + 1;
        l->after_cr = cr != NULL && at == end;
        if (cr != NULL && at == lf) { /* CRLF */
            at++;
        }
        if (lf != NULL && lf < at) {
            lf = find(at, end, '\n');
        }
    }
    return status;
}

enum pelt_status pelt_lines_end(struct pelt_lines *l)
{
    return l->part.len > 0 ? end_line(l, "", 0) : PELT_OK;
}
