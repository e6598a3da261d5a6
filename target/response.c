/* response: see the header. */
#include "response.h"

#include <stdlib.h>
#include <string.h>

#define PIPE_BLOCK 4096 /* at most this much goes out at once */

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

/* "Name: value", as another service said it: what the library does not take is left out. */
static void add_line(struct MHD_Response *response, const char *line)
{
    char name[128];
    size_t length = strcspn(line, ":");

    if (length >= sizeof name || line[length] == '\0') {
        return;
    }
    memcpy(name, line, length);
    name[length] = '\0';
    line += length + 1;
    MHD_add_response_header(response, name, line + strspn(line, " \t"));
}

static void add_head(struct MHD_Response *response, const struct target_body *body)
{
    for (const char *line = body->head; line && *line; line += strlen(line) + 1) {
        add_line(response, line);
    }
}

struct MHD_Response *target_response_piped(const struct target_body *body,
                                           MHD_ContentReaderCallback reader, void *cls)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIPE_BLOCK, reader, cls, NULL);

    if (response) {
        add_head(response, body);
    }
    return response;
}

static void release_body(void *body)
{
    target_body_release(body);
}

static ssize_t read_nothing(void *cls, uint64_t at, char *buffer, size_t room)
{
    return MHD_CONTENT_READER_END_OF_STREAM; /* the library asks nobody for what it does not send */
}

/*
 * From a callback, as the library takes a length without a text from nothing else. Without a length
 * it would send the end of a chunked body, which is none here but stands before the next answer: so
 * it closes the connection instead.
 */
static struct MHD_Response *respond_bare(const struct target_body *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(body->length, PIPE_BLOCK, read_nothing, NULL, NULL);

    if (response && body->length == MHD_SIZE_UNKNOWN) {
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    }
    if (response) {
        add_head(response, body);
    }
    return response;
}

struct MHD_Response *target_response_body(struct target_body *body)
{
    struct MHD_Response *response;

    if (body->is_bare) {
        return respond_bare(body);
    }
    response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->bytes, body->text, release_body, target_body_hold(body));

    if (!response) {
        target_body_release(body);
        return NULL;
    }
    if (!body->head) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, TARGET_JSON_TYPE);
    }
    add_head(response, body);
    return response;
}
