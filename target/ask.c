/* ask: see the header. */
#include "ask.h"

#include <ctype.h>

uint64_t target_count_words(const char *text)
{
    uint64_t words = 0;
    bool is_inside = false;

    for (; *text; text++) {
        bool is_blank = isspace((unsigned char)*text);

        words += !is_blank && !is_inside;
        is_inside = !is_blank;
    }
    return words;
}

static bool is_text_part(const json_t *part)
{
    const char *type = json_string_value(json_object_get(part, "type"));

    return type && strcmp(type, "text") == 0 && json_is_string(json_object_get(part, "text"));
}

/* The texts of a content in parts as one; NULL: there is none, or no memory. */
static char *join_parts(const json_t *parts)
{
    size_t bytes = 0, used = 0, i;
    const json_t *part;
    char *joined;

    json_array_foreach(parts, i, part)
    {
        bytes += is_text_part(part) ? json_string_length(json_object_get(part, "text")) : 0;
    }
    joined = bytes > 0 ? malloc(bytes + 1) : NULL;
    if (!joined) {
        return NULL;
    }
    json_array_foreach(parts, i, part)
    {
        if (is_text_part(part)) {
            const json_t *text = json_object_get(part, "text");

            memcpy(joined + used, json_string_value(text), json_string_length(text));
            used += json_string_length(text);
        }
    }
    joined[used] = '\0';
    return joined;
}

/* Reads one message: counts its words, and keeps its text if a user wrote it. */
static bool read_message(struct target_ask *ask, const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content");
    char *joined = json_is_array(content) ? join_parts(content) : NULL;
    const char *text = joined ? joined : json_string_value(content);

    if (!role) {
        free(joined);
        return false;
    }
    ask->tokens_asked += text ? target_count_words(text) : 0;
    if (!text || strcmp(role, "user") != 0) {
        free(joined);
        return true; /* a tool's answer, say */
    }
    free(ask->joined);
    ask->joined = joined;
    ask->message = text;
    return true;
}

static bool read_messages(struct target_ask *ask, struct target_error *err)
{
    const json_t *messages = json_object_get(ask->json, "messages"), *message;
    size_t i;

    if (json_array_size(messages) == 0) {
        return target_fail(err, "the body needs \"messages\", a list that is not empty");
    }
    json_array_foreach(messages, i, message)
    {
        if (!read_message(ask, message)) {
            return target_fail(err, "messages[%zu] needs a text \"role\"", i);
        }
    }
    return ask->message || target_fail(err, "\"messages\" needs one of role \"user\" with a text "
                                            "\"content\"");
}

static bool read_one(struct target_ask *ask, struct target_error *err)
{
    ask->message = json_string_value(json_object_get(ask->json, "message"));
    if (!ask->message) {
        return target_fail(err, "the body needs a text \"message\"");
    }
    ask->tokens_asked = target_count_words(ask->message);
    return true;
}

static bool read_tokens_max(struct target_ask *ask, const char *name, struct target_error *err)
{
    const json_t *value = json_object_get(ask->json, name);

    if (!value || json_is_null(value)) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 1) {
        return target_fail(err, "\"%s\" must be a whole number of at least 1", name);
    }
    ask->tokens_max = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_options(struct target_ask *ask, struct target_error *err)
{
    const json_t *model = json_object_get(ask->json, "model");
    const json_t *stream = json_object_get(ask->json, "stream");

    if (model && !json_is_string(model) && !json_is_null(model)) {
        return target_fail(err, "\"model\" must be a text");
    }
    if (stream && !json_is_boolean(stream) && !json_is_null(stream)) {
        return target_fail(err, "\"stream\" must be true or false");
    }
    ask->model = json_is_string(model) ? json_string_value(model) : TARGET_MODEL;
    ask->is_streamed = json_is_true(stream);
    return true;
}

static bool read_all(struct target_ask *ask, enum target_ask_form form, struct target_error *err)
{
    const json_t *options = json_object_get(ask->json, "stream_options");

    ask->has_usage = json_is_true(json_object_get(options, "include_usage"));
    return read_options(ask, err) &&
           (form == TARGET_ASK_MESSAGES ? read_messages(ask, err) : read_one(ask, err)) &&
           read_tokens_max(ask, "max_tokens", err) &&
           read_tokens_max(ask, "max_completion_tokens", err);
}

/* The text of a JSON document holds the bytes of a text in quotes only where that text stands. */
bool target_ask_names_stream(const char *text, size_t bytes)
{
    static const char stream[] = "\"stream\"";
    const size_t length = sizeof stream - 1;
    const char *end = text + bytes, *at = text;

    while ((at = memmem(at, (size_t)(end - at), stream, length)) != NULL) {
        const char *behind = at + length;
        bool is_whole = at == text || at[-1] != '\\'; /* else a quote within a text */

        while (behind < end && strchr(" \t\r\n", *behind) && *behind) {
            behind++;
        }
        if (is_whole && behind < end && *behind == ':') {
            return true;
        }
        at += length;
    }
    return false;
}

bool target_ask_parse(struct target_ask *ask, enum target_ask_form form, const char *text,
                      size_t bytes, struct target_error *err)
{
    json_error_t why;

    *ask = (struct target_ask){.json = json_loadb(text, bytes, 0, &why)};
    if (!ask->json) {
        return target_fail(err, "the body is not JSON: %s", why.text);
    }
    if (!read_all(ask, form, err)) {
        target_ask_deinit(ask);
        return false;
    }
    return true;
}

void target_ask_deinit(struct target_ask *ask)
{
    json_decref(ask->json);
    free(ask->joined);
    *ask = (struct target_ask){.json = NULL};
}
