/* chat: see the header. */
#include "chat.h"

#include <stdatomic.h>

#define FIELD(name) offsetof(struct target_pace, name)

struct target_chat { /* relaxed: only the values matter */
    _Atomic uint64_t begun, whole, left, tokens;
};

static const struct target_knob knobs[] = {
    {.name = "chat-tokens",
     .type = TARGET_KNOB_COUNTS,
     .offset = FIELD(tokens),
     .word = "answer",
     .initial = "answer",
     .is_live = true,
     .text =
         "words of a chat answer: 64, exponential:64 or lognormal:64,0.5 (mean, sigma), drawn by "
         "the seed; answer: those of its text"},
    {.name = "chat-first",
     .type = TARGET_KNOB_LAW,
     .offset = FIELD(first),
     .initial = "0",
     .is_live = true,
     .text =
         "a streamed answer's delay of the first token, as service-time, which comes before it"},
    {.name = "chat-gap",
     .type = TARGET_KNOB_LAW,
     .offset = FIELD(gap),
     .initial = "0",
     .is_live = true,
     .text = "a streamed answer's gap between one token and the next, as service-time"},
};

/* ---- one answer ---- */

static struct target_chat_answer failed(unsigned status, const char *type)
{
    return (struct target_chat_answer){.status = status, .error_type = type};
}

/* {"answer", "model", "usage"}, or OpenAI's form; takes `content`, which may be NULL. */
static json_t *whole_json(const struct target_chat_asked *asked, const struct target_reply *reply,
                          char *content)
{
    struct target_completion completion = {.index = asked->index, .created_s = asked->created_s};
    json_t *json;

    if (asked->form == TARGET_ASK_MESSAGES) {
        return target_completion_whole(&completion, reply, content);
    }
    json = content ? json_pack("{s:s, s:s, s:o}", "answer", content, "model", reply->ask.model,
                               "usage", target_reply_usage(reply))
                   : NULL;
    free(content);
    return json;
}

static void say_whole(struct target_chat_answer *answer, const struct target_chat_asked *asked,
                      struct target_reply *reply)
{
    char *content = target_reply_rest(reply);

    if (!content) {
        *answer = failed(400, "invalid_request");
        target_fail(
            &answer->error,
            "an answer of %llu tokens is longer than 16 MiB; ask with \"stream\": true or a "
            "smaller \"max_tokens\"",
            (unsigned long long)reply->tokens);
    } else {
        answer->json = whole_json(asked, reply, content);
    }
    target_reply_deinit(reply);
}

static void say(struct target_chat_answer *answer, const struct target_chat_asked *asked,
                struct target_ask *ask)
{
    struct target_completion completion = {.index = asked->index, .created_s = asked->created_s};
    bool is_streamed = ask->is_streamed;
    struct target_reply reply;

    if (!target_reply_begin(&reply, ask, asked->pace, asked->seed, asked->index, asked->begin_ns)) {
        return;
    }
    answer->tokens = reply.tokens;
    if (is_streamed) {
        answer->stream = target_stream_new(&reply, &completion);
    } else {
        say_whole(answer, asked, &reply);
    }
}

struct target_chat_answer target_chat_answer(const struct target_chat_asked *asked)
{
    struct target_chat_answer answer = {.status = 200};
    struct target_ask ask;

    if (!target_ask_parse(&ask, asked->form, asked->body ? asked->body : "", asked->body_bytes,
                          &answer.error)) {
        answer.status = 400;
        answer.error_type = "invalid_request";
        return answer;
    }
    ask.model = asked->model ? asked->model : ask.model;
    if (asked->session && !target_sessions_turn(asked->sessions, asked->session, ask.message,
                                                asked->scene, &answer.turn)) {
        target_ask_deinit(&ask);
        answer = failed(404, "session_not_found");
        target_fail(&answer.error, "%s", TARGET_NO_SESSION);
        return answer;
    }
    say(&answer, asked, &ask);
    return answer;
}

/* ---- the system ---- */

static void add(_Atomic uint64_t *count, uint64_t more)
{
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

static uint64_t read(_Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void target_chat_begun(struct target_chat *chat)
{
    add(&chat->begun, 1);
}

void target_chat_ended(struct target_chat *chat, bool is_whole, uint64_t tokens)
{
    add(&chat->tokens, tokens);
    add(is_whole ? &chat->whole : &chat->left, 1);
}

static void *start(const void *settings, uint64_t now_ns)
{
    return calloc(1, sizeof(struct target_chat));
}

static void stop(void *state, const struct target_scene *scene)
{
    free(state);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_chat *chat = state;
    uint64_t ended = read(&chat->whole) + read(&chat->left), begun = read(&chat->begun);

    if (begun == 0) {
        return;
    }
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "streams",
                                                                    .used = begun - ended,
                                                                    .limit = TARGET_UNLIMITED});
    target_figures_add_event(figures, "chat", "stream_whole", read(&chat->whole));
    target_figures_add_event(figures, "chat", "stream_left", read(&chat->left));
    target_figures_add_event(figures, "chat", "token", read(&chat->tokens));
}

const struct target_system target_chat_system = {
    .name = "chat",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_pace),
    .start = start,
    .stop = stop,
    .figures = figures,
};
