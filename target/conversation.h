/*
 * conversation: the answers of the chat and the sessions, and those to the handshakes of
 * WebSockets.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_CONVERSATION_H
#define TARGET_CONVERSATION_H

#include "ask.h"
#include "asked.h"
#include "draft.h"
#include "sources.h"

/* The id of the session that a request names; NULL: none. */
const char *target_conversation_session(struct MHD_Connection *connection);

/* /api/chat and /v1/chat/completions, which differ in `form`. */
struct target_draft target_conversation_chat(const struct target_sources *from,
                                             const struct target_asked *asked,
                                             enum target_ask_form form);

/* /sessions */
struct target_draft target_conversation_sessions(const struct target_sources *from,
                                                 const struct target_asked *asked);

/* /ws/echo and /ws/chat */
struct target_draft target_conversation_handshake(const struct target_sources *from,
                                                  const struct target_asked *asked);

#endif
