/* ws_handshake: see the header. */
#include "pelt/ws_handshake.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pelt/http1_request.h"
#include "pelt/http1_response.h"

#define GUID         "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */
#define KEY_BYTES    16
#define ACCEPT_CHARS 28 /* base64 of a SHA-1 */
#define SHOWN_CHARS  60

/* ---- lists ---- */

/* The next member of a comma-separated list that is not empty. */
static bool next_member(struct pelt_span *list, struct pelt_span *member)
{
    while (list->len > 0) {
        const char *comma = memchr(list->ptr, ',', list->len);
        size_t len = comma != NULL ? (size_t)(comma - list->ptr) : list->len;
        size_t used = comma != NULL ? len + 1 : len;
        *member = pelt_span_trim(pelt_span(list->ptr, len));
        list->ptr += used;
        list->len -= used;
        if (member->len > 0) {
            return true;
        }
    }
    return false;
}

static bool same(struct pelt_span a, struct pelt_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned times_in(struct pelt_span list, struct pelt_span wanted)
{
    struct pelt_span member;
    unsigned times = 0;
    while (next_member(&list, &member)) {
        times += same(member, wanted);
    }
    return times;
}

static bool has_nocase(struct pelt_span list, const char *wanted)
{
    struct pelt_span member;
    while (next_member(&list, &member)) {
        if (pelt_span_eq_nocase(member, wanted)) {
            return true;
        }
    }
    return false;
}

/* ---- the request ---- */

static bool are_bits(uint8_t bits)
{
    return bits == 0 || (bits >= PELT_WS_WINDOW_BITS_MIN && bits <= PELT_WS_WINDOW_BITS_MAX);
}

enum pelt_status pelt_ws_ask_check(const struct pelt_ws_ask *ask, struct pelt_error *err)
{
    struct pelt_span list = ask->subprotocols, member;
    while (next_member(&list, &member)) {
        if (!pelt_http1_is_token(member)) {
            return pelt_fail(
                err, PELT_EINVAL, "subprotocol \"%.*s\": only letters, digits and !#$%%&'*+-.^_`|~",
                (int)(member.len < SHOWN_CHARS ? member.len : SHOWN_CHARS), member.ptr);
        }
        if (times_in(ask->subprotocols, member) > 1) {
            return pelt_fail(err, PELT_EINVAL, "subprotocol \"%.*s\" is named twice",
                             (int)(member.len < SHOWN_CHARS ? member.len : SHOWN_CHARS),
                             member.ptr);
        }
    }
    if (!are_bits(ask->deflate.server_max_window_bits) ||
        !are_bits(ask->deflate.client_max_window_bits)) {
        return pelt_fail(err, PELT_EINVAL, "window bits of deflate are %d to %d",
                         PELT_WS_WINDOW_BITS_MIN, PELT_WS_WINDOW_BITS_MAX);
    }
    return PELT_OK;
}

bool pelt_ws_handshake_writes(struct pelt_span field_name)
{
    return pelt_span_eq_nocase(field_name, "Upgrade") ||
           pelt_span_eq_nocase(field_name, "Connection") ||
           (field_name.len >= 14 &&
            pelt_span_eq_nocase(pelt_span(field_name.ptr, 14), "Sec-WebSocket-"));
}

void pelt_ws_handshake_init(struct pelt_ws_handshake *h, struct pelt_rng *rng)
{
    uint64_t random[KEY_BYTES / sizeof(uint64_t)] = {pelt_rng_u64(rng), pelt_rng_u64(rng)};
    base64_encode_raw(h->key, KEY_BYTES, (const uint8_t *)random);
    h->key[sizeof h->key - 1] = '\0';
}

void pelt_ws_handshake_fields(const struct pelt_ws_handshake *h, const struct pelt_ws_ask *ask,
                              struct pelt_buf *out)
{
    struct pelt_span list = ask->subprotocols, member;
    const char *before = "Sec-WebSocket-Protocol: ";
    pelt_buf_addf(out,
                  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                  "Sec-WebSocket-Version: 13\r\n",
                  h->key);
    while (next_member(&list, &member)) {
        pelt_buf_addf(out, "%s%.*s", before, (int)member.len, member.ptr);
        before = ", ";
    }
    if (before[0] == ',') {
        pelt_buf_add_str(out, "\r\n");
    }
    if (ask->deflate.deflate) {
        pelt_buf_add_str(out, "Sec-WebSocket-Extensions: ");
        pelt_ws_extension_offer(out, &ask->deflate);
        pelt_buf_add_str(out, "\r\n");
    }
}

/* ---- the answer ---- */

/* What the fields that matter say; ptr NULL: absent. */
struct found {
    struct pelt_span upgrade, accept, subprotocol;
    bool connection_upgrade, has_connection;
    unsigned accepts, subprotocols; /* how often the field came */
    const char *extension;          /* why its answer is refused; NULL: it is not */
    struct pelt_span extensions;    /* the line that was refused */
};

/* Of a server's value, what can be shown in a line. */
static const char *shown(struct pelt_span value, char text[SHOWN_CHARS + 4])
{
    size_t len = value.len < SHOWN_CHARS ? value.len : SHOWN_CHARS;
    for (size_t i = 0; i < len; i++) {
        text[i] = value.ptr[i] >= ' ' && value.ptr[i] < 0x7f ? value.ptr[i] : '?';
    }
    snprintf(text + len, 4, "%s", len < value.len ? "..." : "");
    return text;
}

static void note(struct found *found, struct pelt_span name, struct pelt_span value,
                 const struct pelt_ws_ask *ask, struct pelt_ws_answer *answer)
{
    if (pelt_span_eq_nocase(name, "Upgrade")) {
        found->upgrade = value;
    } else if (pelt_span_eq_nocase(name, "Connection")) {
        found->has_connection = true;
        found->connection_upgrade |= has_nocase(value, "Upgrade");
    } else if (pelt_span_eq_nocase(name, "Sec-WebSocket-Accept")) {
        found->accept = value;
        found->accepts++;
    } else if (pelt_span_eq_nocase(name, "Sec-WebSocket-Protocol")) {
        found->subprotocol = value;
        found->subprotocols++;
    } else if (pelt_span_eq_nocase(name, "Sec-WebSocket-Extensions") && found->extension == NULL) {
        found->extensions = value;
        found->extension = pelt_ws_extension_accept(value, &ask->deflate, &answer->deflate);
    }
}

static void accept_of(const struct pelt_ws_handshake *h, char accept[ACCEPT_CHARS + 1])
{
    struct sha1_ctx sha1;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&sha1);
    sha1_update(&sha1, strlen(h->key), (const uint8_t *)h->key);
    sha1_update(&sha1, strlen(GUID), (const uint8_t *)GUID);
    sha1_digest(&sha1, sizeof digest, digest);
    base64_encode_raw(accept, sizeof digest, digest);
    accept[ACCEPT_CHARS] = '\0';
}

static enum pelt_ws_refusal refuse(struct pelt_ws_answer *answer, enum pelt_ws_refusal refusal,
                                   const char *fmt, ...) PELT_PRINTF(3, 4);

static enum pelt_ws_refusal refuse(struct pelt_ws_answer *answer, enum pelt_ws_refusal refusal,
                                   const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(answer->reason, sizeof answer->reason, fmt, args);
    va_end(args);
    return refusal;
}

static enum pelt_ws_refusal judge_upgrade(const struct found *found, struct pelt_ws_answer *answer)
{
    char text[SHOWN_CHARS + 4];
    if (found->upgrade.ptr == NULL) {
        return refuse(answer, PELT_WS_BAD_UPGRADE, "no Upgrade field; due is \"websocket\"");
    }
    if (!pelt_span_eq_nocase(found->upgrade, "websocket")) {
        return refuse(answer, PELT_WS_BAD_UPGRADE, "Upgrade is \"%s\"; due is \"websocket\"",
                      shown(found->upgrade, text));
    }
    if (!found->connection_upgrade) {
        return refuse(answer, PELT_WS_BAD_CONNECTION, "%s; due is \"Upgrade\"",
                      found->has_connection ? "Connection does not say so" : "no Connection field");
    }
    return PELT_WS_ACCEPTED;
}

static enum pelt_ws_refusal judge_accept(const struct pelt_ws_handshake *h,
                                         const struct found *found, struct pelt_ws_answer *answer)
{
    char text[SHOWN_CHARS + 4], due[ACCEPT_CHARS + 1];
    accept_of(h, due);
    if (found->accepts != 1) {
        return refuse(answer, PELT_WS_BAD_ACCEPT,
                      "%s Sec-WebSocket-Accept field; due is one, \"%s\"",
                      found->accepts == 0 ? "no" : "more than one", due);
    }
    if (!pelt_span_eq(found->accept, due)) {
        return refuse(answer, PELT_WS_BAD_ACCEPT, "Sec-WebSocket-Accept is \"%s\"; due is \"%s\"",
                      shown(found->accept, text), due);
    }
    return PELT_WS_ACCEPTED;
}

static enum pelt_ws_refusal judge_subprotocol(const struct found *found,
                                              const struct pelt_ws_ask *ask,
                                              struct pelt_ws_answer *answer)
{
    char text[SHOWN_CHARS + 4];
    if (found->subprotocols > 1) {
        return refuse(answer, PELT_WS_BAD_SUBPROTOCOL, "more than one Sec-WebSocket-Protocol");
    }
    if (found->subprotocols == 1 && times_in(ask->subprotocols, found->subprotocol) == 0) {
        return refuse(answer, PELT_WS_BAD_SUBPROTOCOL,
                      "Sec-WebSocket-Protocol is \"%s\", which was not asked for",
                      shown(found->subprotocol, text));
    }
    answer->subprotocol = found->subprotocol;
    return PELT_WS_ACCEPTED;
}

enum pelt_ws_refusal pelt_ws_handshake_check(const struct pelt_ws_handshake *h,
                                             const struct pelt_ws_ask *ask, unsigned status,
                                             struct pelt_span head, struct pelt_ws_answer *answer)
{
    struct found found = {.accepts = 0};
    struct pelt_span name, value;
    char text[SHOWN_CHARS + 4];
    size_t pos = 0;
    *answer = (struct pelt_ws_answer){.subprotocol = pelt_span(NULL, 0)};
    if (status != 101) {
        return refuse(answer, PELT_WS_BAD_STATUS, "status %u; due is 101", status);
    }
    while (pelt_http1_head_next(head, &pos, &name, &value)) {
        note(&found, name, value, ask, answer);
    }
    enum pelt_ws_refusal refusal = judge_upgrade(&found, answer);
    if (refusal == PELT_WS_ACCEPTED) {
        refusal = judge_accept(h, &found, answer);
    }
    if (refusal == PELT_WS_ACCEPTED) {
        refusal = judge_subprotocol(&found, ask, answer);
    }
    if (refusal == PELT_WS_ACCEPTED && found.extension != NULL) {
        refusal = refuse(answer, PELT_WS_BAD_EXTENSION, "Sec-WebSocket-Extensions is \"%s\": %s",
                         shown(found.extensions, text), found.extension);
    }
    return refusal;
}
