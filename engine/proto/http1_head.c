/*
 * http1_head: looks fields up in the bytes of heads that http1_response accepted; declared in
 * pelt/http1_response.h.
 *
 * Lines end with LF, with or without CR before it (RFC 9112 section 2.2); a line that begins with a
 * blank goes on with the field before it (obs-fold, section 5.2); an empty line ends a head.
 */
#include <string.h>

#include "pelt/http1_response.h"

/* The line at *pos without its end; *pos goes behind it. False: none. */
static bool next_line(struct pelt_span head, size_t *pos, struct pelt_span *line)
{
    if (*pos >= head.len) {
        return false;
    }
    const char *begin = head.ptr + *pos;
    const char *lf = memchr(begin, '\n', head.len - *pos);
    size_t len = lf != NULL ? (size_t)(lf - begin) : head.len - *pos;
    *pos += len + (lf != NULL);
    if (len > 0 && begin[len - 1] == '\r') {
        len--;
    }
    *line = pelt_span(begin, len);
    return true;
}

/* "HTTP/1.1 103 Early Hints": a head that another one follows. 101 is final. llhttp reads the names
 * of other protocols (RTSP, ICE), too. */
static bool informational(struct pelt_span status_line)
{
    const char *blank = memchr(status_line.ptr, ' ', status_line.len);
    size_t left = blank != NULL ? (size_t)(status_line.ptr + status_line.len - blank) : 0;
    return left >= sizeof(" 103") - 1 && blank[1] == '1' && memcmp(blank, " 101", 4) != 0;
}

/* Where the fields of the final head begin. */
static size_t first_field(struct pelt_span head)
{
    size_t pos = 0;
    bool skipping = false; /* within the fields of an informational head */
    struct pelt_span line;
    while (next_line(head, &pos, &line)) {
        while (line.len > 0 && line.ptr[0] == '\r') { /* llhttp passes over them before a status */
            line = pelt_span(line.ptr + 1, line.len - 1);
        }
        if (line.len == 0) {
            skipping = false; /* also the empty lines that may precede a status line */
        } else if (!skipping && !informational(line)) {
            break;
        } else {
            skipping = true;
        }
    }
    return pos;
}

bool pelt_http1_trailer_next(struct pelt_span fields, size_t *pos, struct pelt_span *name,
                             struct pelt_span *value)
{
    struct pelt_span field, more;
    if (!next_line(fields, pos, &field) || field.len == 0) {
        *pos = fields.len;
        return false;
    }
    while (*pos < fields.len && (fields.ptr[*pos] == ' ' || fields.ptr[*pos] == '\t') &&
           next_line(fields, pos, &more)) {
        field.len = (size_t)(more.ptr + more.len - field.ptr);
    }
    const char *colon = memchr(field.ptr, ':', field.len);
    if (colon == NULL) {
        *pos = fields.len;
        return false;
    }
    *name = pelt_span(field.ptr, (size_t)(colon - field.ptr));
    *value = pelt_span_trim(pelt_span(colon + 1, (size_t)(field.ptr + field.len - colon - 1)));
    return true;
}

bool pelt_http1_head_next(struct pelt_span head, size_t *pos, struct pelt_span *name,
                          struct pelt_span *value)
{
    if (*pos == 0) {
        *pos = first_field(head);
    }
    return pelt_http1_trailer_next(head, pos, name, value);
}

struct pelt_span pelt_http1_head_field(struct pelt_span head, const char *name)
{
    size_t pos = 0;
    struct pelt_span found, value;
    while (pelt_http1_head_next(head, &pos, &found, &value)) {
        if (pelt_span_eq_nocase(found, name)) {
            return value;
        }
    }
    return pelt_span(NULL, 0);
}
