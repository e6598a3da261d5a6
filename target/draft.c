/* draft: see the header. */
#include "draft.h"

#include <inttypes.h>
#include <string.h>

#include "jsontext.h"
#include "response.h"

struct target_draft target_draft_fixed(const struct target_fixed *fixed, unsigned status)
{
    return (struct target_draft){.status = status, .fixed = fixed};
}

struct target_draft target_draft_own(unsigned status, struct MHD_Response *response)
{
    return (struct target_draft){.status = status, .own = response};
}

struct target_draft target_draft_text(unsigned status, char *text)
{
    return (struct target_draft){.status = status, .text = text};
}

struct target_draft target_draft_json(const struct target_sources *from, unsigned status,
                                      json_t *json)
{
    return (struct target_draft){
        .status = status,
        .text = target_jsontext_padded(target_jsontext_take(json), from->service->body_bytes)};
}

struct target_draft target_draft_body(struct target_body *body)
{
    return (struct target_draft){.status = body->status, .body = target_body_hold(body)};
}

struct target_draft target_draft_piped(const struct target_body *body,
                                       MHD_ContentReaderCallback reader, void *cls)
{
    return target_draft_own(body->status, target_response_piped(body, reader, cls));
}

struct target_draft target_draft_failed(unsigned status, const char *type, const char *message)
{
    return target_draft_text(status, target_jsontext_error(type, message));
}

struct target_draft target_draft_bad_request(const char *message)
{
    return target_draft_failed(MHD_HTTP_BAD_REQUEST, "invalid_request", message);
}

static const char *refusal_type(unsigned status)
{
    switch (status) {
    case MHD_HTTP_TOO_MANY_REQUESTS:
        return "rate_limited";
    case MHD_HTTP_BAD_REQUEST:
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "invalid_request";
    case MHD_HTTP_NOT_FOUND:
        return "not_found";
    case MHD_HTTP_NOT_IMPLEMENTED:
        return "not_implemented";
    case MHD_HTTP_BAD_GATEWAY:
        return "bad_gateway";
    case MHD_HTTP_GATEWAY_TIMEOUT:
        return "timeout";
    default:
        return "overloaded";
    }
}

struct target_draft target_draft_refused(const struct target_admission *admission)
{
    struct target_draft answer =
        target_draft_failed(admission->status, refusal_type(admission->status), admission->message);
    char seconds[24];

    if (admission->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%" PRIu64, admission->retry_after_s);
        target_draft_mark(&answer, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    return answer;
}

void target_draft_mark(struct target_draft *draft, const char *name, const char *value)
{
    if (draft->text) {
        draft->bytes = strlen(draft->text);
        draft->own = target_response_text(draft->text, TARGET_JSON_TYPE);
        draft->text = NULL;
    }
    target_response_add(draft->own, name, value);
}

size_t target_draft_bytes(const struct target_draft *draft)
{
    return draft->body    ? draft->body->bytes
           : draft->text  ? strlen(draft->text)
           : draft->fixed ? strlen(draft->fixed->text)
                          : draft->bytes;
}

void target_draft_share(struct target_draft *draft, const struct target_admission *admission)
{
    if (!admission->is_body_wanted || draft->body) {
        return;
    }
    if (draft->text) {
        draft->body = target_body_new(draft->status, draft->text);
        draft->text = NULL;
    } else if (draft->fixed) {
        draft->body = target_body_new(draft->status, strdup(draft->fixed->text));
    }
}

struct MHD_Response *target_draft_respond(const struct target_draft *draft)
{
    struct MHD_Response *response;

    if (draft->body) {
        response = target_response_body(draft->body);
        target_body_release(draft->body);
        return response;
    }
    if (draft->fixed) {
        return target_fixed_response(draft->fixed);
    }
    return draft->text ? target_response_text(draft->text, TARGET_JSON_TYPE) : draft->own;
}
