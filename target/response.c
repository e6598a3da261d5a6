/* response: see the header. */
#include "response.h"

#include <stdlib.h>
#include <string.h>

void target_response_add(struct MHD_Response *response, const char *name, const char *value)
{
    if (response) {
        MHD_add_response_header(response, name, value);
    }
}

struct MHD_Response *target_response_text(char *text, const char *type)
{
    struct MHD_Response *response;

    if (!text) {
        return NULL;
    }
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    return response;
}

static void release_body(void *body)
{
    target_body_release(body);
}

struct MHD_Response *target_response_body(struct target_body *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->bytes, body->text, release_body, target_body_hold(body));

    if (!response) {
        target_body_release(body);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, TARGET_JSON_TYPE);
    return response;
}
