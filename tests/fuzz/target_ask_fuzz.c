/*
 * target_ask: no body sent to the chat crashes pelt-target; what is taken is answered with the
 * tokens that were promised, each planned no earlier than the one before it, and they are the
 * answer in one piece; no header of a handshake is taken that is not one.
 *
 * The first byte says what the rest is: a conversation, a message, or a handshake's key and lists
 * with line breaks between.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static uint64_t now(void)
{
    return 5;
}

static void read_stream(struct target_stream *stream)
{
    uint64_t planned_ns = 0;
    char bytes[64];

    while (stream->step != TARGET_STREAM_OVER) {
        require(target_stream_due_ns(stream) >= planned_ns);
        planned_ns = target_stream_due_ns(stream);
        require(target_stream_make(stream, now));
        while (target_stream_has_bytes(stream)) {
            require(target_stream_take(stream, bytes, sizeof bytes) > 0);
        }
    }
    require(stream->tokens == stream->reply.tokens && stream->tokens > 0);
    target_stream_free(stream);
}

static void try_ask(enum target_ask_form form, const char *text, size_t size, uint64_t tokens)
{
    struct target_pace pace = {.tokens = {.mean_ns = (double)tokens}, .gap = {.mean_ns = 3}};
    struct target_chat_asked asked = {
        .form = form, .body = text, .body_bytes = size, .pace = &pace, .seed = 1};
    struct target_chat_answer answer = target_chat_answer(&asked);

    require((answer.stream != NULL) + (answer.json != NULL) + (answer.error_type != NULL) == 1);
    require((answer.status == 200) == (answer.error_type == NULL));
    if (answer.stream) {
        read_stream(answer.stream);
    }
    json_decref(answer.json);
}

static void try_handshake(char *text)
{
    struct target_handshake handshake = {.is_http_1_1 = true, .version = "13"};
    char accept[TARGET_ACCEPT_BYTES];
    const char *why = NULL;

    handshake.key = strsep(&text, "\n");
    handshake.connection = strsep(&text, "\n");
    handshake.upgrade = strsep(&text, "\n");
    if (target_handshake_check(&handshake, accept, &why) == 101) {
        require(strlen(accept) == TARGET_ACCEPT_BYTES - 1 && strlen(handshake.key) == 24);
        require(strcasestr(handshake.connection, "upgrade") != NULL);
        require(strcasestr(handshake.upgrade, "websocket") != NULL);
    } else {
        require(why != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0) {
        return 0;
    }
    text = malloc(size);
    require(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] == 'h') {
        try_handshake(text);
    } else {
        try_ask(data[0] == 'o' ? TARGET_ASK_MESSAGES : TARGET_ASK_MESSAGE, text, size - 1,
                data[0] % 16);
    }
    free(text);
    return 0;
}
