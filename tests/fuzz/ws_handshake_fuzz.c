/*
 * ws_handshake: any response that http1_response takes for a switch of protocols is accepted or
 * refused for a reason; what is accepted holds the key's answer, and a subprotocol only of those
 * asked for. The key is that of RFC 6455 section 1.3.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/http1_response.h"
#include "pelt/ws_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct pelt_span head, unsigned status)
{
    static const struct pelt_ws_handshake handshake = {.key = "dGhlIHNhbXBsZSBub25jZQ=="};
    struct pelt_ws_ask ask = {.subprotocols = pelt_span_of("chat, superchat"),
                              .deflate = {.deflate = true, .client_max_window_bits = 15}};
    struct pelt_ws_answer answer;
    enum pelt_ws_refusal refusal = pelt_ws_handshake_check(&handshake, &ask, status, head, &answer);
    assert((refusal == PELT_WS_ACCEPTED) == (answer.reason[0] == '\0'));
    assert(strlen(answer.reason) < sizeof answer.reason);
    if (refusal == PELT_WS_ACCEPTED) {
        static const char due[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert(status == 101);
        assert(memmem(head.ptr, head.len, due, strlen(due)) != NULL);
        assert(answer.subprotocol.len == 0 || pelt_span_eq(answer.subprotocol, "chat") ||
               pelt_span_eq(answer.subprotocol, "superchat"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_http1_response r = {.on_body = NULL};
    size_t used = 0;
    char *bytes = malloc(size + 1);
    memcpy(bytes, data, size);
    pelt_http1_response_reset(&r, false);
    enum pelt_http1_answer answer = pelt_http1_response_feed(&r, bytes, size, &used);
    if (r.head_done && (answer == PELT_HTTP1_DONE || answer == PELT_HTTP1_MORE)) {
        char *head = malloc(r.head_end + 1);
        memcpy(head, bytes, r.head_end);
        check(pelt_span(head, r.head_end), r.status);
        free(head);
    }
    free(bytes);
    return 0;
}
