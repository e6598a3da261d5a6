/*
 * content: bodies that came with a Content-Encoding, for requests that want them decoded. All of
 * the body is there by then, at most body_max bytes of it, and as many may come out.
 */
#include "internal.h"
#include "pelt/decode.h"

struct pelt_span pelt_conn_body(struct pelt_conn *c)
{
    return c->keep != NULL && c->keep->body.len > 0
               ? pelt_span(c->keep->body.data, c->keep->body.len)
               : pelt_conn_client(c)->piece;
}

/* In the place of what it was decoded from. */
static void put_decoded(struct pelt_conn *c)
{
    struct pelt_client *client = pelt_conn_client(c);
    client->piece = pelt_span(client->decoded.data, client->decoded.len);
    if (c->keep != NULL) {
        pelt_buf_reset(&c->keep->body);
    }
}

static enum pelt_outcome outcome_of(enum pelt_status status)
{
    return status == PELT_ELIMIT   ? PELT_OUTCOME_BODY_TOO_LARGE
           : status == PELT_ENOMEM ? PELT_OUTCOME_GEN_MEMORY
                                   : PELT_OUTCOME_BAD_ENCODING;
}

static const char *why_of(enum pelt_coding coding, enum pelt_status status)
{
    switch (status) {
    case PELT_ENOMEM:
        return "needs more memory than there is";
    case PELT_EINVAL:
        return coding == PELT_CODING_SEVERAL
                   ? "has several codings upon each other, of which one would be undone"
                   : "needs a window of more than 8 MiB (RFC 9659)";
    default:
        return "is damaged, or not whole";
    }
}

static bool refuse(struct pelt_conn *c, enum pelt_coding coding, enum pelt_status status,
                   struct pelt_span name, uint64_t now_ns)
{
    char *text = pelt_conn_client(c)->error_text;
    const enum pelt_outcome outcome = outcome_of(status);
    const size_t size = sizeof(pelt_conn_client(c)->error_text);
    if (outcome == PELT_OUTCOME_BODY_TOO_LARGE) {
        snprintf(text, size, "the %.*s body decodes to more than %u bytes",
                 (int)(name.len < 100 ? name.len : 100), name.ptr, c->request->body_max);
    } else {
        snprintf(text, size, "the %.*s body %s", (int)(name.len < 100 ? name.len : 100), name.ptr,
                 why_of(coding, status));
    }
    pelt_conn_finish(c, outcome, text, now_ns);
    return true;
}

/* Of all fields that the head has of it; *name: the last one that says something. */
static enum pelt_coding coding_of(struct pelt_span head, struct pelt_span *name)
{
    enum pelt_coding coding = PELT_CODING_NONE;
    struct pelt_span field, value;
    size_t at = 0;
    while (pelt_http1_head_next(head, &at, &field, &value)) {
        if (!pelt_span_eq_nocase(field, "Content-Encoding")) {
            continue;
        }
        const enum pelt_coding one = pelt_coding_of(value);
        if (one != PELT_CODING_NONE) {
            coding = coding == PELT_CODING_NONE ? one : PELT_CODING_SEVERAL;
            *name = value;
        }
    }
    return coding;
}

bool pelt_conn_content_refused(struct pelt_conn *c, uint64_t now_ns)
{
    const struct pelt_request *request = c->request;
    struct pelt_client *client = pelt_conn_client(c);
    if (!request->keep || request->body_max == 0 || request->stream != NULL) {
        return false;
    }
    const struct pelt_span body = pelt_conn_body(c);
    struct pelt_span name = {NULL, 0};
    const enum pelt_coding coding = coding_of(pelt_conn_head(c), &name);
    if (coding == PELT_CODING_NONE || body.len == 0) {
        return false;
    }
    if (c->body_cut || body.len > request->body_max) {
        return refuse(c, coding, PELT_ELIMIT, name, now_ns);
    }
    pelt_buf_reset(&client->decoded);
    const enum pelt_status status = pelt_decode(coding, body, request->body_max, &client->decoded);
    if (status != PELT_OK) {
        return refuse(c, coding, status, name, now_ns);
    }
    put_decoded(c);
    return false;
}
