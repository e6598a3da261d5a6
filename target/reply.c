/* reply: see the header. */
#include "reply.h"

#include <ctype.h>

#include "draw.h"

#define BEGIN " You said: "

static uint64_t drawn_tokens(const struct target_pace *pace, uint64_t seed, uint64_t index,
                             const char *text)
{
    if (pace->tokens.mean_ns == 0) {
        return target_count_words(text);
    }
    return target_law_count(&pace->tokens, target_draw(seed, index, TARGET_LANE_TOKENS),
                            target_draw(seed, index, TARGET_LANE_TOKENS_2));
}

static uint64_t drawn_first_ns(const struct target_pace *pace, uint64_t seed, uint64_t index)
{
    return target_law_ns(&pace->first, target_draw(seed, index, TARGET_LANE_FIRST),
                         target_draw(seed, index, TARGET_LANE_FIRST_2));
}

/* Between the tokens `given` - 1 and `given`. */
static uint64_t drawn_gap_ns(const struct target_reply *reply)
{
    return target_law_ns(&reply->gap, target_draw(reply->gap_seed, reply->given, TARGET_LANE_GAP),
                         target_draw(reply->gap_seed, reply->given, TARGET_LANE_GAP_2));
}

bool target_reply_begin(struct target_reply *reply, struct target_ask *ask,
                        const struct target_pace *pace, uint64_t seed, uint64_t index,
                        uint64_t now_ns)
{
    size_t length = strlen(ask->message);

    *reply = (struct target_reply){
        .ask = *ask,
        .text = malloc(sizeof BEGIN + length),
        .at = 1,
        .gap = pace->gap,
        .gap_seed = (uint64_t)(target_draw(seed, index, TARGET_LANE_GAPS) * 0x1p53),
        .due_ns = now_ns + drawn_first_ns(pace, seed, index),
    };
    *ask = (struct target_ask){.json = NULL};
    if (!reply->text) {
        target_reply_deinit(reply);
        return false;
    }
    memcpy(reply->text, BEGIN, sizeof BEGIN - 1);
    memcpy(reply->text + sizeof BEGIN - 1, reply->ask.message, length + 1);
    reply->tokens = drawn_tokens(pace, seed, index, reply->text);
    if (reply->ask.tokens_max > 0 && reply->ask.tokens_max < reply->tokens) {
        reply->tokens = reply->ask.tokens_max;
        reply->is_cut = true;
    }
    reply->is_whole = pace->tokens.mean_ns == 0 && !reply->is_cut;
    return true;
}

void target_reply_deinit(struct target_reply *reply)
{
    target_ask_deinit(&reply->ask);
    free(reply->text);
    *reply = (struct target_reply){.text = NULL};
}

/* Behind the word that begins at `at` or behind blanks there. */
static size_t word_end(const char *text, size_t at)
{
    while (isspace((unsigned char)text[at])) {
        at++;
    }
    while (text[at] && !isspace((unsigned char)text[at])) {
        at++;
    }
    return at;
}

bool target_reply_next(struct target_reply *reply, struct target_token *token)
{
    size_t end;

    if (reply->given == reply->tokens) {
        return false;
    }
    end = word_end(reply->text, reply->at);
    if (reply->text[end + strspn(reply->text + end, " \t\n\v\f\r")] == '\0') {
        end += strlen(reply->text + end); /* the last word takes the blanks behind it */
    }
    *token = (struct target_token){.text = reply->text + reply->at,
                                   .bytes = end - reply->at,
                                   .number = reply->given,
                                   .planned_ns = reply->due_ns};
    reply->at = reply->text[end] ? end : 0;
    if (++reply->given < reply->tokens) {
        reply->due_ns += drawn_gap_ns(reply);
    }
    return true;
}

char *target_reply_rest(struct target_reply *reply)
{
    struct target_token token;
    char *rest = NULL;
    size_t bytes;
    FILE *out;

    if (reply->is_whole && reply->given == 0) { /* the usual case, and much the cheapest */
        reply->given = reply->tokens;
        return strdup(reply->text + 1);
    }
    out = open_memstream(&rest, &bytes);
    if (!out) {
        return NULL;
    }
    while (ftell(out) <= TARGET_REPLY_BYTES_MAX && target_reply_next(reply, &token)) {
        fwrite(token.text, 1, token.bytes, out);
    }
    if (fclose(out) != 0 || bytes > TARGET_REPLY_BYTES_MAX) {
        free(rest);
        return NULL;
    }
    return rest;
}

const char *target_reply_end(const struct target_reply *reply)
{
    return reply->is_cut ? "length" : "stop";
}

json_t *target_reply_usage(const struct target_reply *reply)
{
    return json_pack("{s:I, s:I, s:I}", "prompt_tokens", (json_int_t)reply->ask.tokens_asked,
                     "completion_tokens", (json_int_t)reply->given, "total_tokens",
                     (json_int_t)(reply->ask.tokens_asked + reply->given));
}
