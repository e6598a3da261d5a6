/* completion: see the header. */
#include "completion.h"

#include <inttypes.h>

/* What all have; `choices` is taken and may be NULL. */
static json_t *object(const struct target_completion *completion, const struct target_reply *reply,
                      const char *type, json_t *choices)
{
    char id[40];

    snprintf(id, sizeof id, "chatcmpl-%" PRIu64, completion->index);
    return json_pack("{s:s, s:s, s:I, s:s, s:o}", "id", id, "object", type, "created",
                     (json_int_t)completion->created_s, "model", reply->ask.model, "choices",
                     choices);
}

json_t *target_completion_whole(const struct target_completion *completion,
                                const struct target_reply *reply, char *content)
{
    json_t *choices = content ? json_pack("[{s:i, s:{s:s, s:s}, s:s}]", "index", 0, "message",
                                          "role", "assistant", "content", content, "finish_reason",
                                          target_reply_end(reply))
                              : NULL;
    json_t *whole = object(completion, reply, "chat.completion", choices);

    free(content);
    if (whole) {
        json_object_set_new(whole, "usage", target_reply_usage(reply));
    }
    return whole;
}

/* `delta` is taken and may be NULL; without a `cause` it goes on. */
static json_t *chunk(const struct target_completion *completion, const struct target_reply *reply,
                     json_t *delta, const char *cause)
{
    return object(
        completion, reply, "chat.completion.chunk",
        json_pack("[{s:i, s:o, s:s?}]", "index", 0, "delta", delta, "finish_reason", cause));
}

json_t *target_completion_role(const struct target_completion *completion,
                               const struct target_reply *reply)
{
    return chunk(completion, reply, json_pack("{s:s, s:s}", "role", "assistant", "content", ""),
                 NULL);
}

json_t *target_completion_token(const struct target_completion *completion,
                                const struct target_reply *reply, const struct target_token *token)
{
    return chunk(completion, reply,
                 json_pack("{s:o}", "content", json_stringn(token->text, token->bytes)), NULL);
}

json_t *target_completion_end(const struct target_completion *completion,
                              const struct target_reply *reply, const char *cause)
{
    return chunk(completion, reply, json_object(), cause ? cause : target_reply_end(reply));
}

json_t *target_completion_usage(const struct target_completion *completion,
                                const struct target_reply *reply)
{
    json_t *last = object(completion, reply, "chat.completion.chunk", json_array());

    if (last) {
        json_object_set_new(last, "usage", target_reply_usage(reply));
    }
    return last;
}
