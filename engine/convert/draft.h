/*
 * draft: the requests that a scenario will send, before they are Lua. Texts are the arena's.
 */
#ifndef CONVERT_DRAFT_H
#define CONVERT_DRAFT_H

#include <stdint.h>

#include "arena.h"

struct convert_field { /* a header, or a field of a form */
    const char *name, *value;
    const char *file;             /* of a form: a file's path instead of the value; NULL: none */
    const char *type, *file_name; /* of that file; NULL: not said */
};

struct convert_fields {
    struct convert_field *at;
    size_t len, cap;
};

struct convert_texts {
    const char **at;
    size_t len, cap;
};

struct convert_request {
    const char *method;
    const char *url;  /* absolute, without user and fragment */
    const char *name; /* of the series; NULL: pelt's own */
    const char *page; /* the group it belongs to; NULL: none */
    struct convert_fields headers;
    const char *body;            /* NULL: none */
    const char *body_file;       /* instead of it */
    struct convert_fields parts; /* of multipart/form-data */
    const char *user, *password, *bearer;
    uint64_t pause_ms; /* before it */
    uint64_t timeout_ms;
    unsigned redirects;
    bool compressed, digest; /* digest: user and password are for that, rather than Basic */
    struct convert_texts notes;
};

struct convert_draft {
    struct convert_arena arena;
    struct convert_request *requests;
    size_t len, cap;
    const char *source;         /* "a curl command line": for the first comment */
    struct convert_texts notes; /* of the whole, each once */
};

void convert_draft_deinit(struct convert_draft *d);
/* A new request at the end; NULL: out of memory (arena.failed) or beyond
 * PELT_CONVERT_REQUESTS_MAX. Moves those before it. */
struct convert_request *convert_draft_add(struct convert_draft *d);
void convert_draft_drop_last(struct convert_draft *d);

/* `name` and `value` are the arena's, or constants. The pointer holds until the next add; NULL: out
 * of memory. */
struct convert_field *convert_fields_add(struct convert_draft *d, struct convert_fields *f,
                                         const char *name, const char *value);
/* ASCII case ignored; NULL: none. */
struct convert_field *convert_fields_find(const struct convert_fields *f, const char *name);
void convert_fields_remove(struct convert_fields *f, const char *name);

/* A note on one request, or where `r` is NULL on all; the same one again is not added. */
void convert_note(struct convert_draft *d, struct convert_request *r, const char *fmt, ...)
    PELT_PRINTF(3, 4);

/*
 * What requests of both sources have in common: takes out of `url` user and fragment, completes a
 * missing scheme, escapes blanks; headers that pelt makes itself, or that are of one connection,
 * go with a note. PELT_EINVAL: err names the URL and what is wrong.
 */
PELT_MUST_USE enum pelt_status
convert_request_tidy(struct convert_draft *d, struct convert_request *r, struct pelt_error *err);

#endif
