/*
 * draft: what is to be answered, before it is known who else gets it and which header fields come
 * with it.
 *
 * It is made in one of four forms, all NULL where there was no memory; then marked, shared, and in
 * the end turned into a response.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_DRAFT_H
#define TARGET_DRAFT_H

#include <jansson.h>
#include <microhttpd.h>

#include "admission.h"
#include "body.h"
#include "fixed.h"
#include "sources.h"

struct target_draft { /* all NULL: no memory */
    unsigned status;
    const struct target_fixed *fixed;
    struct MHD_Response *own;
    size_t bytes;                 /* of `own`, where that is known */
    char *text;                   /* JSON on the heap, no response yet */
    struct target_body *body;     /* the same, shared; held */
    struct target_stream *stream; /* what asked->reader is to read; the caller's */
    bool has_place;               /* a place among the WebSockets was taken */
};

struct target_draft target_draft_fixed(const struct target_fixed *fixed, unsigned status);

/* Takes `response`, `text`, `json`; each may be NULL. JSON is padded as the service says. */
struct target_draft target_draft_own(unsigned status, struct MHD_Response *response);
struct target_draft target_draft_text(unsigned status, char *text);
struct target_draft target_draft_json(const struct target_sources *from, unsigned status,
                                      json_t *json);

/* Holds `body`, whose status it has. */
struct target_draft target_draft_body(struct target_body *body);

/* The head of `body`; the rest comes by `reader`, which is called with `cls`. */
struct target_draft target_draft_piped(const struct target_body *body,
                                       MHD_ContentReaderCallback reader, void *cls);

/* An error of this type (a static text). */
struct target_draft target_draft_failed(unsigned status, const char *type, const char *message);
struct target_draft target_draft_bad_request(const char *message);

/* As the system that refused it says. */
struct target_draft target_draft_refused(const struct target_admission *admission);

/* Of its body; 0: not known. */
size_t target_draft_bytes(const struct target_draft *draft);

/* A header of this answer alone: from now on nobody can share it. */
void target_draft_mark(struct target_draft *draft, const char *name, const char *value);

/* Turns JSON into a body that can be shared, where somebody wants one. */
void target_draft_share(struct target_draft *draft, const struct target_admission *admission);

/* The draft's response, its own for this request alone; NULL: no memory. Ends the draft. */
struct MHD_Response *target_draft_respond(const struct target_draft *draft);

#endif
