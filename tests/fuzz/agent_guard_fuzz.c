/*
 * What the guard reads of a request, a line each: Host, Origin, Authorization. Who shows no token
 * is never admitted where one is wanted; whoever is refused is told why.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct guard *g, const struct face_request *request)
{
    struct face_refusal refusal = {0};
    bool is_admitted = guard_admits(g, request, &refusal);

    assert(is_admitted == (refusal.status == 0));
    assert(is_admitted || (refusal.why[0] && !refusal.header == !refusal.value));
    assert(!is_admitted || !g->token ||
           (request->authorization && strstr(request->authorization, g->token->bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct token token = {.bytes = "0123456789abcdef0123456789ABCDEF", .len = 32};
    static struct guard open, closed;
    char *text = calloc(1, size + 1), *field[3] = {NULL};
    struct face_request request = {.method = "GET", .path = "/"};
    char *rest = text;

    memcpy(text, data, size);
    for (size_t i = 0; i < 3 && rest; i++) {
        field[i] = strsep(&rest, "\n");
    }
    request.host = field[0];
    request.origin = field[1] && field[1][0] ? field[1] : NULL;
    request.authorization = field[2];
    guard_init(&open, NULL);
    ask(&open, &request);
    guard_init(&closed, &token);
    for (uint64_t i = 0; i < 5; i++) {
        request.now_ns = i * 300000000;
        ask(&closed, &request);
    }
    free(text);
    return 0;
}
