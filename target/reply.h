/*
 * reply: an answer of the chat as tokens, each with the moment for which it is planned.
 *
 * A token is a word with the blanks before it, so that all tokens together are the text again. The
 * text is "You said: " and the message; if more tokens are asked for than it has, it is said again.
 * Moments are planned from the begin, never from when an earlier token left: lateness does not add
 * up. What is drawn depends on seed and index only.
 *
 * Storage: the caller's; begin/deinit. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 * Thread: the owning loop's.
 */
#ifndef TARGET_REPLY_H
#define TARGET_REPLY_H

#include "ask.h"
#include "law.h"

struct target_pace {          /* how an answer is said; the settings of the chat */
    struct target_law tokens; /* how many; all zero: those of the text */
    struct target_law first;  /* from the begin to the first token */
    struct target_law gap;    /* from each token to the next */
};

struct target_token {
    const char *text; /* borrowed until deinit; not ended by a 0 */
    size_t bytes;
    uint64_t number;     /* from 0 */
    uint64_t planned_ns; /* when it is to leave */
};

struct target_reply {      /* open so that it can be embedded; use the functions */
    struct target_ask ask; /* what is answered */
    char *text;            /* with a blank before it, for when it is said again */
    size_t at;             /* in `text`: where the next token begins */
    uint64_t tokens, given;
    bool is_cut;   /* the client wanted fewer tokens */
    bool is_whole; /* the tokens are those of the text, said once */
    struct target_law gap;
    uint64_t gap_seed;
    uint64_t due_ns; /* of the next token; behind the last one: its moment */
};

/* Takes `ask`, also when it fails. False: no memory, there is nothing to deinit. */
TARGET_MUST_USE bool target_reply_begin(struct target_reply *reply, struct target_ask *ask,
                                        const struct target_pace *pace, uint64_t seed,
                                        uint64_t index, uint64_t now_ns);
void target_reply_deinit(struct target_reply *reply);

/* Takes the next token. False: all were taken. */
bool target_reply_next(struct target_reply *reply, struct target_token *token);

/*
 * All that is left as one text of heap memory. NULL: no memory, or longer than
 * TARGET_REPLY_BYTES_MAX.
 */
char *target_reply_rest(struct target_reply *reply);

#define TARGET_REPLY_BYTES_MAX (16 * 1024 * 1024)

/* "stop", or "length" if the client wanted fewer tokens. */
const char *target_reply_end(const struct target_reply *reply);

/* {"prompt_tokens", "completion_tokens", "total_tokens"} of what was given; NULL: no memory. */
json_t *target_reply_usage(const struct target_reply *reply);

#endif
