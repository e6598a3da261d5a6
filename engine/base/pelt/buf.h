/*
 * buf: a growing byte buffer with a limit, and a borrowed view of bytes.
 * Storage: the struct is the caller's, the bytes are the buffer's (malloc). Thread: one at a time.
 */
#ifndef PELT_BUF_H
#define PELT_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

struct pelt_span { /* borrowed bytes, not NUL-terminated */
    const char *ptr;
    size_t len;
};

static inline struct pelt_span pelt_span(const char *ptr, size_t len)
{
    struct pelt_span s = {ptr, len};
    return s;
}
struct pelt_span pelt_span_of(const char *cstr);             /* whole C string; NULL: empty */
bool pelt_span_eq(struct pelt_span a, const char *b);        /* same bytes as the C string */
bool pelt_span_eq_nocase(struct pelt_span a, const char *b); /* ASCII case ignored */
struct pelt_span pelt_span_trim(struct pelt_span s);         /* without ASCII blanks at both ends */

struct pelt_buf {
    char *data;   /* NULL while empty; always data[len] == 0 once something was added */
    size_t len;   /* bytes in use */
    size_t cap;   /* bytes allocated */
    size_t limit; /* most bytes it may hold; 0: no limit */
    bool failed;  /* sticky: an add failed; later adds are refused (PELT_ELIMIT), one check at the
                     end is enough */
};

void pelt_buf_init(struct pelt_buf *b, size_t limit_bytes);
void pelt_buf_deinit(struct pelt_buf *b); /* accepts a zeroed struct */
void pelt_buf_reset(struct pelt_buf *b);  /* len = 0, memory kept, failed cleared */

/* Each copies its input; PELT_ENOMEM, or PELT_ELIMIT above `limit`: nothing was added. */
enum pelt_status pelt_buf_add(struct pelt_buf *b, const void *bytes, size_t len);
enum pelt_status pelt_buf_add_str(struct pelt_buf *b, const char *cstr);
enum pelt_status pelt_buf_addf(struct pelt_buf *b, const char *fmt, ...) PELT_PRINTF(2, 3);
/* Room for `len` more bytes, and a NUL behind them, at data + len; the caller advances b->len.
 * Fails as add does. */
PELT_MUST_USE enum pelt_status pelt_buf_reserve(struct pelt_buf *b, size_t len);
/* Hands the bytes to the caller (free()); the buffer is empty then. NULL if nothing was added. */
char *pelt_buf_take(struct pelt_buf *b);

#endif
