/* grpc: see the header. */
#include "pelt/grpc.h"

#include <stdio.h>
#include <string.h>

#include "pelt/h2_session.h"
#include "pelt/http1_response.h"

static const char LARGE[] = "a message is larger than max_message allows",
                  NO_MEMORY[] = "no memory for a message";

/* ---- statuses ---- */

int pelt_grpc_status(struct pelt_span text)
{
    int status = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || i == 2) {
            return -1;
        }
        status = 10 * status + (text.ptr[i] - '0');
    }
    return text.len > 0 && status < PELT_GRPC_STATUSES ? status : -1;
}

const char *pelt_grpc_status_name(int status)
{
    static const char *const NAMES[PELT_GRPC_STATUSES] = {"OK",
                                                          "CANCELLED",
                                                          "UNKNOWN",
                                                          "INVALID_ARGUMENT",
                                                          "DEADLINE_EXCEEDED",
                                                          "NOT_FOUND",
                                                          "ALREADY_EXISTS",
                                                          "PERMISSION_DENIED",
                                                          "RESOURCE_EXHAUSTED",
                                                          "FAILED_PRECONDITION",
                                                          "ABORTED",
                                                          "OUT_OF_RANGE",
                                                          "UNIMPLEMENTED",
                                                          "INTERNAL",
                                                          "UNAVAILABLE",
                                                          "DATA_LOSS",
                                                          "UNAUTHENTICATED"};
    return NAMES[status >= 0 && status < PELT_GRPC_STATUSES ? status : 2];
}

/* ---- messages ---- */

static size_t length_of(const char *prefix)
{
    const uint8_t *p = (const uint8_t *)prefix;
    return (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
}

static const char *check_prefix(const struct pelt_grpc *g, const char *prefix)
{
    return prefix[0] != 0 ? "a message is compressed, and none was asked to be"
           : length_of(prefix) > g->message_max ? LARGE
                                                : NULL;
}

/* Bytes of the message that begins there, with its prefix; of that alone while it is not whole. */
static size_t bytes_of(const char *at, size_t len)
{
    return PELT_GRPC_PREFIX + (len >= PELT_GRPC_PREFIX ? length_of(at) : 0);
}

static const char *tell(struct pelt_grpc_frames *f, const char *at, size_t len)
{
    const struct pelt_span message = {at + PELT_GRPC_PREFIX, len - PELT_GRPC_PREFIX};
    return f->on_message(f->arg, message) == PELT_OK ? NULL : NO_MEMORY;
}

/* Adds to the message in parts what it lacks; *used: of these bytes. */
static const char *add_part(struct pelt_grpc_frames *f, const char *bytes, size_t len, size_t *used)
{
    struct pelt_buf *part = &f->part;
    const size_t lacks = bytes_of(part->data, part->len) - part->len;
    *used = len < lacks ? len : lacks;
    if (pelt_buf_add(part, bytes, *used) != PELT_OK) {
        return NO_MEMORY;
    }
    const char *why = part->len >= PELT_GRPC_PREFIX ? check_prefix(f->grpc, part->data) : NULL;
    if (why == NULL && part->len >= PELT_GRPC_PREFIX &&
        part->len == bytes_of(part->data, part->len)) {
        why = tell(f, part->data, part->len);
        pelt_buf_reset(part);
    }
    return why;
}

const char *pelt_grpc_frames_feed(struct pelt_grpc_frames *f, const char *bytes, size_t len)
{
    const char *why = NULL;
    while (why == NULL && len > 0) {
        size_t used = bytes_of(bytes, len);
        if (f->part.len > 0 || len < used) {
            why = add_part(f, bytes, len, &used);
        } else {
            why = check_prefix(f->grpc, bytes);
            why = why == NULL ? tell(f, bytes, used) : why;
        }
        bytes += used;
        len -= used;
    }
    return why;
}

void pelt_grpc_frames_deinit(struct pelt_grpc_frames *f)
{
    pelt_buf_deinit(&f->part);
}

/* ---- answers ---- */

bool pelt_grpc_type(struct pelt_span content_type)
{
    static const char TYPE[] = "application/grpc";
    return content_type.len >= sizeof TYPE - 1 &&
           strncasecmp(content_type.ptr, TYPE, sizeof TYPE - 1) == 0;
}

static const char *judge_body(const struct pelt_grpc *g, struct pelt_span body)
{
    if (body.len < PELT_GRPC_PREFIX) {
        return body.len == 0 ? "status OK, and no message" : "its message is cut off";
    }
    const char *why = check_prefix(g, body.ptr);
    const size_t whole = bytes_of(body.ptr, body.len);
    return why != NULL        ? why
           : body.len < whole ? "its message is cut off"
           : body.len > whole ? "more than one message came"
                              : NULL;
}

/* As it was sent, which is percent-encoded and so plain; other bytes become '.'. */
static void say_status(int status, struct pelt_span sent, struct pelt_span words, char *text,
                       size_t size)
{
    const int len = words.len < size ? (int)words.len : (int)size;
    snprintf(text, size, "status %.*s %s%s%.*s", (int)(sent.len < 10 ? sent.len : 10), sent.ptr,
             pelt_grpc_status_name(status), len > 0 ? ": " : "", len, len > 0 ? words.ptr : "");
    pelt_h2_plain(text);
}

enum pelt_grpc_verdict pelt_grpc_judge(const struct pelt_grpc *g, struct pelt_span head,
                                       const struct pelt_span *body, int *status, char *text,
                                       size_t size)
{
    const struct pelt_span type = pelt_http1_head_field(head, "content-type");
    const struct pelt_span sent = pelt_http1_head_field(head, "grpc-status");
    *status = 0;
    if (!pelt_grpc_type(type)) {
        snprintf(text, size, "no answer of gRPC: Content-Type '%.*s'",
                 (int)(type.len < 60 ? type.len : 60), type.len > 0 ? type.ptr : "");
        return PELT_GRPC_BAD;
    }
    if (sent.ptr == NULL) {
        snprintf(text, size, "it ended without grpc-status");
        return PELT_GRPC_BAD;
    }
    *status = pelt_grpc_status(sent);
    if (*status != 0) {
        say_status(*status, sent, pelt_http1_head_field(head, "grpc-message"), text, size);
        return *status > 0 && (g->expected >> *status & 1) != 0 ? PELT_GRPC_OK : PELT_GRPC_STATUS;
    }
    const char *why = body != NULL ? judge_body(g, *body) : NULL;
    snprintf(text, size, "%s", why != NULL ? why : "");
    return why == NULL ? PELT_GRPC_OK : why == LARGE ? PELT_GRPC_LARGE : PELT_GRPC_BAD;
}
