/*
 * completion: a reply in the shape of OpenAI's chat completions, whole or chunk by chunk.
 *
 * Functions that make JSON; NULL: no memory.
 */
#ifndef TARGET_COMPLETION_H
#define TARGET_COMPLETION_H

#include "reply.h"

struct target_completion {
    uint64_t index;     /* of the request: makes the id, chatcmpl-N */
    uint64_t created_s; /* wall-clock time, seconds since 1970 */
};

/* {"object": "chat.completion", ...}; takes `content`, a heap text that may be NULL. */
json_t *target_completion_whole(const struct target_completion *completion,
                                const struct target_reply *reply, char *content);

/* {"object": "chat.completion.chunk", ...}: who speaks, without a word yet. */
json_t *target_completion_role(const struct target_completion *completion,
                               const struct target_reply *reply);
json_t *target_completion_token(const struct target_completion *completion,
                                const struct target_reply *reply, const struct target_token *token);
/* Why it ends: "stop" or "length"; `cause` says it instead, unless NULL. */
json_t *target_completion_end(const struct target_completion *completion,
                              const struct target_reply *reply, const char *cause);
/* No choices, but the usage. */
json_t *target_completion_usage(const struct target_completion *completion,
                                const struct target_reply *reply);

#endif
