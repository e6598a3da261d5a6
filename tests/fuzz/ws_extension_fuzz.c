/*
 * ws_extension: any line, judged by any offer, is refused for a reason or agrees on terms that the
 * offer allows; and an offer of those terms gets them when a server says them back. The first two
 * bytes of the input are the offer.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/ws_extension.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t bits(unsigned n)
{
    return (uint8_t)(n % 9 == 0 ? 0 : 7 + n % 9);
}

static void check_terms(const struct pelt_ws_deflate_offer *offer,
                        const struct pelt_ws_deflate_terms *terms)
{
    unsigned server_most = offer->server_max_window_bits,
             client_most = offer->client_max_window_bits;
    assert(offer->deflate && terms->deflate);
    assert(terms->server_window_bits >= 8 && terms->server_window_bits <= 15);
    assert(terms->client_window_bits >= 8 && terms->client_window_bits <= 15);
    assert(server_most == 0 || terms->server_window_bits <= server_most);
    assert(client_most == 0 ? terms->client_window_bits == 15
                            : terms->client_window_bits <= client_most);
    assert(terms->server_no_context_takeover || !offer->server_no_context_takeover);
    assert(terms->client_no_context_takeover || !offer->client_no_context_takeover);
}

/* A server that says the terms in full. */
static void say_back(const struct pelt_ws_deflate_offer *offer,
                     const struct pelt_ws_deflate_terms *terms)
{
    struct pelt_buf line = {0};
    struct pelt_ws_deflate_offer said = {
        .deflate = true,
        .server_no_context_takeover = terms->server_no_context_takeover,
        .client_no_context_takeover = terms->client_no_context_takeover,
        .server_max_window_bits = terms->server_window_bits,
    };
    struct pelt_ws_deflate_terms again = {.deflate = false};
    pelt_ws_extension_offer(&line, &said);
    if (offer->client_max_window_bits != 0) {
        pelt_buf_addf(&line, "; client_max_window_bits=\"%u\"", terms->client_window_bits);
    }
    assert(pelt_ws_extension_accept(pelt_span(line.data, line.len), offer, &again) == NULL);
    assert(memcmp(&again, terms, sizeof again) == 0);
    pelt_buf_deinit(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct pelt_ws_deflate_offer offer = {.deflate = (data[0] & 4) == 0,
                                          .server_no_context_takeover = (data[0] & 1) != 0,
                                          .client_no_context_takeover = (data[0] & 2) != 0,
                                          .server_max_window_bits = bits(data[1]),
                                          .client_max_window_bits = bits(data[1] / 9)};
    struct pelt_ws_deflate_terms terms;
    char *line = malloc(size - 1);
    memset(&terms, 0, sizeof terms);
    memcpy(line, data + 2, size - 2);
    const char *why = pelt_ws_extension_accept(pelt_span(line, size - 2), &offer, &terms);
    free(line);
    if (why == NULL) {
        check_terms(&offer, &terms);
        say_back(&offer, &terms);
    } else {
        assert(why[0] != '\0');
    }
    return 0;
}
