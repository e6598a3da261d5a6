/* handshake: see the header. SHA-1 and base64 are those of nettle, which libmicrohttpd brings. */
#include "handshake.h"

#include <stdint.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

#define KEY_LENGTH 24 /* base64 of 16 bytes */
#define KEY_BYTES  16
#define MAGIC      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_Static_assert(TARGET_ACCEPT_BYTES == BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1,
               "the proof is a SHA-1 in base64");

/* Whether `token` stands in a list of tokens with commas between, in any case. */
static bool lists(const char *field, const char *token)
{
    size_t length = strlen(token);

    while (field && *field) {
        size_t part = strcspn(field, ","), blanks = strspn(field, " \t");

        if (blanks <= part && part - blanks >= length &&
            strncasecmp(field + blanks, token, length) == 0 &&
            blanks + length + strspn(field + blanks + length, " \t") >= part) {
            return true;
        }
        field += part + (field[part] == ',');
    }
    return false;
}

static bool is_key(const char *key)
{
    struct base64_decode_ctx decode;
    uint8_t bytes[BASE64_DECODE_LENGTH(KEY_LENGTH)];
    size_t count = sizeof bytes;

    if (!key || strlen(key) != KEY_LENGTH) {
        return false;
    }
    base64_decode_init(&decode);
    return base64_decode_update(&decode, &count, bytes, KEY_LENGTH, key) &&
           base64_decode_final(&decode) && count == KEY_BYTES;
}

static void prove(const char *key, char accept[TARGET_ACCEPT_BYTES])
{
    struct sha1_ctx hash;
    uint8_t digest[SHA1_DIGEST_SIZE];

    sha1_init(&hash);
    sha1_update(&hash, KEY_LENGTH, (const uint8_t *)key);
    sha1_update(&hash, sizeof MAGIC - 1, (const uint8_t *)MAGIC);
    sha1_digest(&hash, sizeof digest, digest);
    base64_encode_raw(accept, sizeof digest, digest);
    accept[TARGET_ACCEPT_BYTES - 1] = '\0';
}

unsigned target_handshake_check(const struct target_handshake *asked,
                                char accept[TARGET_ACCEPT_BYTES], const char **why)
{
    if (!asked->is_http_1_1 || !lists(asked->upgrade, "websocket")) {
        *why = "this path speaks WebSocket; ask in HTTP/1.1 with Upgrade: websocket";
        return 426;
    }
    if (!lists(asked->connection, "upgrade")) {
        *why = "a WebSocket is asked for with Connection: Upgrade";
        return 400;
    }
    if (!asked->version || strcmp(asked->version, "13") != 0) {
        *why = "this path speaks version 13; ask with Sec-WebSocket-Version: 13";
        return 426;
    }
    if (!is_key(asked->key)) {
        *why = "Sec-WebSocket-Key must be 16 bytes in base64";
        return 400;
    }
    prove(asked->key, accept);
    return 101;
}
