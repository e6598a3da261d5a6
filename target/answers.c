/*
 * answers: see the header. Padding is blanks behind the JSON text, which JSON allows (RFC 8259,
 * section 2), so a padded answer reads like an unpadded one.
 */
#include "answers.h"

#include <ctype.h>
#include <inttypes.h>

#include <jansson.h>

#include "quantity.h"

#define JSON_TYPE       "application/json"
#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define MODEL           "pelt-target-1"
#define BYTES_MAX       (UINT64_C(1) << 30) /* of /bytes/N */
#define BYTES_BLOCK     (64 * 1024)

/* Heap text becomes a response; text that could not be made (NULL) becomes none. */
static struct MHD_Response *text_response(char *text, const char *type)
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

static char *padded(char *text, uint64_t bytes)
{
    size_t length = text ? strlen(text) : 0;
    char *longer;

    if (!text || length >= bytes) {
        return text;
    }
    longer = realloc(text, bytes + 1);
    if (!longer) {
        free(text);
        return NULL;
    }
    memset(longer + length, ' ', bytes - length);
    longer[bytes] = '\0';
    return longer;
}

/* Takes `json`, which may be NULL. */
static struct MHD_Response *json_response(const struct target_answers *answers, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text_response(padded(text, answers->options->body_bytes), JSON_TYPE);
}

/* The form in which OpenAI's API reports errors. Not padded: it is no answer of the service. */
static struct MHD_Response *error_response(const char *type, const char *message)
{
    json_t *json = json_pack("{s:{s:s, s:s}}", "error", "type", type, "message", message);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text_response(text, JSON_TYPE);
}

static struct MHD_Response *wrong_method_response(const char *methods)
{
    char message[64];
    struct MHD_Response *response;

    snprintf(message, sizeof message, "this path allows %s", methods);
    response = error_response("method_not_allowed", message);
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, methods);
    }
    return response;
}

static bool build_wrong_methods(struct target_answers *answers)
{
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        const char *methods = target_route_methods(route);

        if (methods && !(answers->wrong_method[route] = wrong_method_response(methods))) {
            return false;
        }
    }
    return true;
}

bool target_answers_init(struct target_answers *answers, const struct target_options *options,
                         const struct target_tally *tally)
{
    *answers = (struct target_answers){.options = options, .tally = tally};
    answers->health = json_response(answers, json_pack("{s:s}", "status", "ok"));
    answers->models =
        json_response(answers, json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "object", "list", "data",
                                         "id", MODEL, "object", "model", "owned_by", "pelt"));
    answers->failed = error_response("server_error", "this request was drawn to fail");
    answers->not_found = error_response("not_found", "there is no such path");
    answers->too_large = error_response("invalid_request", "a body has at most 1 MiB here");
    return answers->health && answers->models && answers->failed && answers->not_found &&
           answers->too_large && build_wrong_methods(answers);
}

static void destroy(struct MHD_Response *response)
{
    if (response) {
        MHD_destroy_response(response);
    }
}

void target_answers_deinit(struct target_answers *answers)
{
    destroy(answers->health);
    destroy(answers->models);
    destroy(answers->failed);
    destroy(answers->not_found);
    destroy(answers->too_large);
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        destroy(answers->wrong_method[route]);
    }
}

static struct target_answer shared(unsigned status, struct MHD_Response *response)
{
    return (struct target_answer){.status = status, .response = response, .is_shared = true};
}

static struct target_answer own(unsigned status, struct MHD_Response *response)
{
    return (struct target_answer){.status = status, .response = response};
}

static struct target_answer bad_request(const char *message)
{
    return own(MHD_HTTP_BAD_REQUEST, error_response("invalid_request", message));
}

/* Stands in for tokens: a usage figure that a test can predict. */
static json_int_t count_words(const char *text)
{
    json_int_t words = 0;
    bool is_inside = false;

    for (; *text; text++) {
        bool is_blank = isspace((unsigned char)*text);

        words += !is_blank && !is_inside;
        is_inside = !is_blank;
    }
    return words;
}

static json_t *chat_answer(const char *message, const char *model)
{
    json_t *text = json_sprintf("You said: %s", message);
    json_int_t asked = count_words(message), answered;

    if (!text) {
        return NULL;
    }
    answered = count_words(json_string_value(text));
    return json_pack("{s:o, s:s, s:{s:I, s:I, s:I}}", "answer", text, "model", model, "usage",
                     "prompt_tokens", asked, "completion_tokens", answered, "total_tokens",
                     asked + answered);
}

static struct target_answer answer_chat(struct target_answers *answers,
                                        const struct target_asked *asked)
{
    json_error_t why;
    json_t *json = json_loadb(asked->body ? asked->body : "", asked->body_bytes, 0, &why);
    const char *message = json_string_value(json_object_get(json, "message"));
    const char *model = json_string_value(json_object_get(json, "model"));
    struct target_answer answer;
    char text[JSON_ERROR_TEXT_LENGTH + 32];

    if (!json) {
        snprintf(text, sizeof text, "the body is not JSON: %s", why.text);
        answer = bad_request(text);
    } else if (!message) {
        answer = bad_request("the body needs a text \"message\"");
    } else {
        answer =
            own(MHD_HTTP_OK, json_response(answers, chat_answer(message, model ? model : MODEL)));
    }
    json_decref(json);
    return answer;
}

static struct target_answer answer_status(struct target_answers *answers,
                                          const struct target_asked *asked)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:I}", "status", "ok", "model", MODEL, "version",
                             PELT_VERSION, "uptime_s", (double)asked->uptime_ns / 1e9, "in_flight",
                             (json_int_t)target_tally_in_flight(answers->tally));

    return own(MHD_HTTP_OK, json_response(answers, json));
}

static enum MHD_Result add_member(void *object, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    /* A value that is not UTF-8 cannot stand in JSON and is left out. */
    json_object_set_new(object, name, json_string(value ? value : ""));
    return MHD_YES;
}

static json_t *values_object(struct MHD_Connection *connection, enum MHD_ValueKind kind)
{
    json_t *object = json_object();

    if (object) {
        MHD_get_connection_values(connection, kind, add_member, object);
    }
    return object;
}

static struct target_answer answer_echo(struct target_answers *answers,
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
    return own(MHD_HTTP_OK, json_response(answers, json));
}

static ssize_t fill_block(void *cls, uint64_t position, char *block, size_t size)
{
    memset(block, 'x', size);
    return (ssize_t)size;
}

static struct target_answer answer_bytes(const struct target_asked *asked)
{
    struct MHD_Response *response;
    uint64_t bytes;

    if (!target_quantity_count(target_route_rest(asked->route, asked->path), BYTES_MAX, &bytes)) {
        return bad_request("/bytes/N takes N of 0 to 1073741824");
    }
    response = MHD_create_response_from_callback(bytes, BYTES_BLOCK, fill_block, NULL, NULL);
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
    }
    return own(MHD_HTTP_OK, response);
}

static bool has_no_body(uint64_t status)
{
    return status == MHD_HTTP_NO_CONTENT || status == MHD_HTTP_NOT_MODIFIED;
}

static struct target_answer answer_with_status(struct target_answers *answers,
                                               const struct target_asked *asked)
{
    uint64_t status;

    if (!target_quantity_count(target_route_rest(asked->route, asked->path), TARGET_STATUS_MAX,
                               &status) ||
        status < MHD_HTTP_OK) {
        return bad_request("/status/N takes N of 200 to 599");
    }
    if (has_no_body(status)) {
        return own((unsigned)status,
                   MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
    }
    return own((unsigned)status,
               json_response(answers, json_pack("{s:I}", "status", (json_int_t)status)));
}

static struct target_answer answer_count(const struct target_answers *answers)
{
    return own(MHD_HTTP_OK, text_response(target_tally_json(answers->tally), JSON_TYPE));
}

static struct target_answer answer_metrics(const struct target_answers *answers,
                                           const struct target_asked *asked)
{
    uint64_t stalls = target_calendar_begun(&answers->options->stalls, asked->uptime_ns);

    return own(MHD_HTTP_OK,
               text_response(target_tally_prometheus(answers->tally, stalls), PROMETHEUS_TYPE));
}

static struct target_answer by_route(struct target_answers *answers,
                                     const struct target_asked *asked)
{
    switch (asked->route) {
    case TARGET_ROUTE_CHAT:
        return answer_chat(answers, asked);
    case TARGET_ROUTE_MODELS:
        return shared(MHD_HTTP_OK, answers->models);
    case TARGET_ROUTE_STATUS:
        return answer_status(answers, asked);
    case TARGET_ROUTE_HEALTH:
        return shared(MHD_HTTP_OK, answers->health);
    case TARGET_ROUTE_ECHO:
        return answer_echo(answers, asked);
    case TARGET_ROUTE_BYTES:
        return answer_bytes(asked);
    case TARGET_ROUTE_ANSWER_STATUS:
        return answer_with_status(answers, asked);
    case TARGET_ROUTE_COUNT:
        return answer_count(answers);
    case TARGET_ROUTE_METRICS:
        return answer_metrics(answers, asked);
    case TARGET_ROUTE_OTHER:
    case TARGET_ROUTES:
        break;
    }
    return shared(MHD_HTTP_NOT_FOUND, answers->not_found);
}

static void add_close(struct MHD_Response *response)
{
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

struct target_answer target_answers_make(struct target_answers *answers,
                                         const struct target_asked *asked)
{
    struct target_answer answer;

    if (asked->is_to_fail) {
        answer = shared(MHD_HTTP_INTERNAL_SERVER_ERROR, answers->failed);
    } else if (!target_route_allows(asked->route, asked->method)) {
        answer = shared(MHD_HTTP_METHOD_NOT_ALLOWED, answers->wrong_method[asked->route]);
    } else if (asked->is_body_too_large) {
        answer = shared(MHD_HTTP_CONTENT_TOO_LARGE, answers->too_large);
    } else {
        answer = by_route(answers, asked);
    }
    if (answers->is_closing && !answer.is_shared) {
        add_close(answer.response);
    }
    return answer;
}

void target_answers_close(struct target_answers *answers)
{
    answers->is_closing = true;
    add_close(answers->health);
    add_close(answers->models);
    add_close(answers->failed);
    add_close(answers->not_found);
    add_close(answers->too_large);
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        add_close(answers->wrong_method[route]);
    }
}
