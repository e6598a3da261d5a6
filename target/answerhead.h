/*
 * answerhead: the header fields of another service's answer, as they may be passed on: without
 * those of its connection (hop.h), its length and date, and without trailers.
 *
 *   reset -> line, line, ... -> take
 *
 * Lines come as libcurl gives them: those of 1xx answers before it, a status line, fields, an empty
 * one, and trailers behind the body. Knows no connection.
 *
 * Storage: the caller's, all zero at first; deinit.   Thread: the owner's.
 */
#ifndef TARGET_ANSWERHEAD_H
#define TARGET_ANSWERHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_ANSWERHEAD_MAX       (64u * 1024) /* bytes */
#define TARGET_ANSWERHEAD_NO_LENGTH UINT64_MAX   /* it has no Content-Length */

struct target_answerhead { /* read it; use the functions */
    char *text;      /* "Name: value", each with its end, then an empty one; NULL: no fields */
    uint64_t length; /* its Content-Length, also of what has no body (HEAD, 304) */
    bool is_large;   /* more than may be: the rest is left out */

    size_t bytes, room;         /* of `text` */
    char *hop;                  /* the values of its Connection fields, with commas */
    size_t hop_bytes, hop_room; /* of these */
    bool is_interim;            /* it is that of a 1xx, and another follows */
    bool is_over;               /* what comes now as a field is a trailer */
};

/* Empty again, memory kept. */
void target_answerhead_reset(struct target_answerhead *head);
void target_answerhead_deinit(struct target_answerhead *head);

/* One line of `bytes`, with its end. False: more than may be, or no memory (`is_large`, too). */
TARGET_MUST_USE bool target_answerhead_line(struct target_answerhead *head, const char *line,
                                            size_t bytes);

/* `text`, which is the caller's now. No line may follow but trailers. */
char *target_answerhead_take(struct target_answerhead *head);

#endif
