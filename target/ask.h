/*
 * ask: what a client asks of the chat, read from JSON.
 *
 *   {"message": "...", "model": "...", "stream": true}                     /api/chat, /ws/chat
 *   {"messages": [{"role": "user", "content": "..."}], "model": "...", "stream": true,
 *    "stream_options": {"include_usage": true}, "max_tokens": 64}          /v1/chat/completions
 *
 * Only the message is required; members that are not named here are left alone. Storage: an ask
 * owns its texts; init by parse, deinit. Thread: the owning loop's.
 */
#ifndef TARGET_ASK_H
#define TARGET_ASK_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "error.h"

#define TARGET_MODEL "pelt-target-1" /* who answers if the client does not say */

enum target_ask_form {
    TARGET_ASK_MESSAGE,  /* pelt-target's own: one message */
    TARGET_ASK_MESSAGES, /* OpenAI's: a conversation, whose last message of a user is answered */
};

struct target_ask { /* all zero: none */
    json_t *json;   /* owns what the others point into */
    char *joined;   /* the message, where it came in parts; else NULL */
    const char *message;
    const char *model;
    bool is_streamed;
    bool has_usage;        /* the stream is to end with the usage */
    uint64_t tokens_max;   /* 0: as many as there are */
    uint64_t tokens_asked; /* words of all messages */
};

/* False: the error says what is wrong; there is nothing to deinit. */
TARGET_MUST_USE bool target_ask_parse(struct target_ask *ask, enum target_ask_form form,
                                      const char *text, size_t bytes, struct target_error *err);
/*
 * Whether JSON text has a member `stream`, at any depth, without parsing it: a name with escapes,
 * "\u0073tream", is not found.
 */
bool target_ask_names_stream(const char *text, size_t bytes);

void target_ask_deinit(struct target_ask *ask);

/* Stands in for tokens: a figure that a test can predict. */
uint64_t target_count_words(const char *text);

#endif
