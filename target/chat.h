/*
 * chat: how long the chat's answers are and how fast they are said, and the count of those
 * streamed.
 *
 * Thread: any; the counts are atomic. Settings are copied by each loop.
 */
#ifndef TARGET_CHAT_H
#define TARGET_CHAT_H

#include "reply.h"
#include "sessions.h"
#include "stream.h"
#include "systems.h"

struct target_chat; /* the counts */

extern const struct target_system target_chat_system; /* its settings: struct target_pace */

struct target_chat_asked { /* borrowed */
    enum target_ask_form form;
    const char *body;
    size_t body_bytes;
    const char *model; /* that answers; NULL: what the body says */
    const struct target_pace *pace;
    uint64_t seed, index;
    uint64_t begin_ns;  /* of the answer */
    uint64_t created_s; /* wall-clock time */
    const struct target_scene *scene;
    struct target_sessions *sessions;
    const char *session; /* NULL: the client named none */
};

struct target_chat_answer { /* one of stream, json, error; all NULL with 200: no memory */
    unsigned status;
    struct target_stream *stream; /* the caller's */
    uint64_t tokens;              /* of the answer */
    json_t *json;                 /* the caller's */
    const char *error_type;       /* static; `error` says what */
    struct target_error error;
    uint64_t turn; /* of the session; 0: there is none */
};

struct target_chat_answer target_chat_answer(const struct target_chat_asked *asked);

/* A stream began; it ended, whole or left by its client after `tokens` tokens. */
void target_chat_begun(struct target_chat *chat);
void target_chat_ended(struct target_chat *chat, bool is_whole, uint64_t tokens);

#endif
