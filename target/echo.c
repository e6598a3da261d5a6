/* echo: see the header. */
#include "echo.h"

#include <stdlib.h>
#include <string.h>

#include "quantity.h"

#define BYTES_MAX   (UINT64_C(1) << 30) /* of /bytes/N */
#define BYTES_BLOCK (64 * 1024)

#define REPLACED "\xef\xbf\xbd" /* U+FFFD */

/* Of the character at the start of `text`; 0: it is not UTF-8. */
static size_t character_bytes(const char *text, size_t bytes)
{
    for (size_t n = 1; n <= 4 && n <= bytes; n++) {
        json_t *one = json_stringn(text, n);

        if (one) {
            json_decref(one);
            return n;
        }
    }
    return 0;
}

/* What is not UTF-8 cannot stand in JSON: each such byte becomes a replacement character. */
static json_t *replaced_json(const char *text, size_t bytes)
{
    char *good = malloc(bytes * (sizeof REPLACED - 1) + 1);
    size_t used = 0;
    json_t *json;

    if (!good) {
        return NULL;
    }
    for (size_t i = 0; i < bytes;) {
        size_t n = character_bytes(text + i, bytes - i);

        memcpy(good + used, n ? text + i : REPLACED, n ? n : sizeof REPLACED - 1);
        used += n ? n : sizeof REPLACED - 1;
        i += n ? n : 1;
    }
    json = json_stringn(good, used);
    free(good);
    return json;
}

static json_t *text_json(const char *text, size_t bytes)
{
    json_t *json = json_stringn(text, bytes);

    return json ? json : replaced_json(text, bytes);
}

static enum MHD_Result add_member(void *object, enum MHD_ValueKind kind, const char *name,
                                  size_t name_bytes, const char *value, size_t value_bytes)
{
    json_object_set_new(object, name, text_json(value ? value : "", value ? value_bytes : 0));
    return MHD_YES;
}

static json_t *values_object(struct MHD_Connection *connection, enum MHD_ValueKind kind)
{
    json_t *object = json_object();

    if (object) {
        MHD_get_connection_values_n(connection, kind, add_member, object);
    }
    return object;
}

struct target_draft target_echo_request(const struct target_sources *from,
                                        const struct target_asked *asked)
{
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:I}", "method", asked->method, "path", asked->path,
                  "query", values_object(asked->connection, MHD_GET_ARGUMENT_KIND), "headers",
                  values_object(asked->connection, MHD_HEADER_KIND), "body_bytes",
                  (json_int_t)asked->body_bytes);

    if (json && asked->body) {
        json_object_set_new(json, "body", json_stringn(asked->body, asked->body_bytes));
    }
    return target_draft_json(from, MHD_HTTP_OK, json);
}

static ssize_t fill_block(void *cls, uint64_t position, char *block, size_t size)
{
    memset(block, 'x', size);
    return (ssize_t)size;
}

struct target_draft target_echo_bytes(const struct target_asked *asked)
{
    struct MHD_Response *response;
    uint64_t bytes;

    if (!target_quantity_count(target_route_rest(asked->route, asked->path), BYTES_MAX, &bytes)) {
        return target_draft_bad_request("/bytes/N takes N of 0 to 1073741824");
    }
    response = MHD_create_response_from_callback(bytes, BYTES_BLOCK, fill_block, NULL, NULL);
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
    }
    return (struct target_draft){.status = MHD_HTTP_OK, .own = response, .bytes = bytes};
}

static bool has_no_body(uint64_t status)
{
    return status == MHD_HTTP_NO_CONTENT || status == MHD_HTTP_NOT_MODIFIED;
}

struct target_draft target_echo_status(const struct target_sources *from,
                                       const struct target_asked *asked)
{
    uint64_t status;

    if (!target_quantity_count(target_route_rest(asked->route, asked->path), TARGET_STATUS_MAX,
                               &status) ||
        status < MHD_HTTP_OK) {
        return target_draft_bad_request("/status/N takes N of 200 to 599");
    }
    if (has_no_body(status)) {
        return target_draft_own((unsigned)status,
                                MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
    }
    return target_draft_json(from, (unsigned)status,
                             json_pack("{s:I}", "status", (json_int_t)status));
}
