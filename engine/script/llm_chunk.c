/*
 * llm_chunk: see the header. What a server adds to the shape is passed over, what it writes in
 * another type than expected counts as absent.
 */
#include "llm_chunk.h"

#include <stddef.h>
#include <string.h>

#include "json.h"
#include "llm_scan.h"

static struct pelt_span text_of(const json_t *value)
{
    return json_is_string(value) ? pelt_span(json_string_value(value), json_string_length(value))
                                 : pelt_span(NULL, 0);
}

static struct pelt_span text_at(const json_t *object, const char *key)
{
    return text_of(json_object_get(object, key));
}

/* A message, or the part of one that came now. */
static void read_message(struct pelt_llm_chunk *chunk, const json_t *message, bool first)
{
    const struct pelt_span content = text_at(message, "content"),
                           refusal = text_at(message, "refusal");
    struct pelt_span reasoning = text_at(message, "reasoning_content");
    if (reasoning.len == 0) {
        reasoning = text_at(message, "reasoning");
    }
    chunk->output = chunk->output || content.len > 0 || refusal.len > 0 ||
                    json_array_size(json_object_get(message, "tool_calls")) > 0;
    chunk->thought = chunk->thought || reasoning.len > 0;
    if (first) {
        chunk->text = content.len > 0 ? content : refusal;
        chunk->reasoning = reasoning;
    }
}

static void read_choice(struct pelt_llm_chunk *chunk, const json_t *choice, bool first)
{
    const json_t *message = json_object_get(choice, "delta");
    if (!json_is_object(message)) {
        message = json_object_get(choice, "message");
    }
    if (json_is_object(message)) {
        read_message(chunk, message, first);
    } else {
        const struct pelt_span text = text_at(choice, "text");
        chunk->output = chunk->output || text.len > 0;
        chunk->text = first ? text : chunk->text;
    }
    const struct pelt_span finish = text_at(choice, "finish_reason");
    chunk->finish_reason = finish.ptr != NULL ? finish : chunk->finish_reason;
}

/* Choices say which one they are; some servers leave it out where there is one. */
static void read_choices(struct pelt_llm_chunk *chunk, const json_t *choices)
{
    const json_t *choice;
    size_t i;
    json_array_foreach(choices, i, choice)
    {
        const json_t *index = json_object_get(choice, "index");
        read_choice(chunk, choice,
                    json_is_integer(index) ? json_integer_value(index) == 0 : i == 0);
    }
}

static bool count_at(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > PELT_LLM_TOKENS_MAX) {
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static void read_usage(struct pelt_llm_chunk *chunk)
{
    const json_t *usage = json_object_get(chunk->document, "usage");
    if (!json_is_object(usage)) {
        return;
    }
    chunk->usage = usage;
    chunk->counts_output = count_at(usage, "completion_tokens", &chunk->output_tokens);
    chunk->counts_prompt = count_at(usage, "prompt_tokens", &chunk->prompt_tokens);
    chunk->counts_cached = count_at(json_object_get(usage, "prompt_tokens_details"),
                                    "cached_tokens", &chunk->cached_tokens);
}

/* {"error": {"message": ...}}, {"error": "..."}, or vLLM's {"object": "error", "message": ...} */
static void read_error(struct pelt_llm_chunk *chunk)
{
    const json_t *error = json_object_get(chunk->document, "error");
    const struct pelt_span object = text_at(chunk->document, "object");
    if (object.len == 5 && memcmp(object.ptr, "error", 5) == 0) {
        error = chunk->document;
    }
    if (!json_is_object(error) && !json_is_string(error)) {
        return;
    }
    chunk->error = json_is_object(error) ? text_at(error, "message") : text_of(error);
    if (chunk->error.ptr == NULL) {
        chunk->error = pelt_span_of("an error without a message");
    }
}

bool pelt_llm_chunk_read(struct pelt_llm_chunk *chunk, struct pelt_span data)
{
    return pelt_llm_scan(chunk, data) || pelt_llm_chunk_parse(chunk, data);
}

bool pelt_llm_chunk_parse(struct pelt_llm_chunk *chunk, struct pelt_span data)
{
    memset(chunk, 0, offsetof(struct pelt_llm_chunk, room));
    json_t *document = pelt_json_load(data.ptr, data.len, PELT_JSON_LOAD_FLAGS, NULL);
    if (!json_is_object(document)) {
        json_decref(document);
        return false;
    }
    chunk->document = document;
    read_choices(chunk, json_object_get(document, "choices"));
    read_usage(chunk);
    read_error(chunk);
    return true;
}

void pelt_llm_chunk_deinit(struct pelt_llm_chunk *chunk)
{
    json_decref(chunk->document);
    chunk->document = NULL;
}
