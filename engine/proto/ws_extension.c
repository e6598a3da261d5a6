/* ws_extension: see the header. */
#include "pelt/ws_extension.h"

#include <string.h>

#include "pelt/http1_request.h"

#define NAME "permessage-deflate"

static const char not_grammar[] = "not a list of extensions with parameters";

void pelt_ws_extension_offer(struct pelt_buf *out, const struct pelt_ws_deflate_offer *offer)
{
    if (!offer->deflate) {
        return;
    }
    pelt_buf_add_str(out, NAME);
    if (offer->server_no_context_takeover) {
        pelt_buf_add_str(out, "; server_no_context_takeover");
    }
    if (offer->client_no_context_takeover) {
        pelt_buf_add_str(out, "; client_no_context_takeover");
    }
    if (offer->server_max_window_bits != 0) {
        pelt_buf_addf(out, "; server_max_window_bits=%u", offer->server_max_window_bits);
    }
    if (offer->client_max_window_bits == PELT_WS_WINDOW_BITS_MAX) {
        pelt_buf_add_str(out, "; client_max_window_bits");
    } else if (offer->client_max_window_bits != 0) {
        pelt_buf_addf(out, "; client_max_window_bits=%u", offer->client_max_window_bits);
    }
}

/* ---- the line ---- */

static void skip_blanks(struct pelt_span *in)
{
    while (in->len > 0 && (in->ptr[0] == ' ' || in->ptr[0] == '\t')) {
        in->ptr++;
        in->len--;
    }
}

/* The next character, after blanks, if it is `c`. */
static bool take(struct pelt_span *in, char c)
{
    skip_blanks(in);
    if (in->len == 0 || in->ptr[0] != c) {
        return false;
    }
    in->ptr++;
    in->len--;
    return true;
}

static bool take_token(struct pelt_span *in, struct pelt_span *token)
{
    skip_blanks(in);
    *token = pelt_span(in->ptr, 0);
    while (in->len > 0 && pelt_http1_is_token(pelt_span(in->ptr, 1))) {
        in->ptr++;
        in->len--;
        token->len++;
    }
    return token->len > 0;
}

/* Parameters have one value at most, and of those known none is longer. */
struct value {
    char text[8];
    size_t len; /* cut: may exceed sizeof text */
};

static void add_char(struct value *value, char c)
{
    if (value->len < sizeof value->text) {
        value->text[value->len] = c;
    }
    value->len++;
}

/* What a quoted string holds must be a token too (RFC 6455 section 9.1). */
static bool take_quoted(struct pelt_span *in, struct value *value)
{
    size_t i = 0;
    for (; i < in->len && in->ptr[i] != '"'; i++) {
        i += in->ptr[i] == '\\';
        if (i >= in->len || !pelt_http1_is_token(pelt_span(in->ptr + i, 1))) {
            return false;
        }
        add_char(value, in->ptr[i]);
    }
    if (i >= in->len) {
        return false;
    }
    in->ptr += i + 1;
    in->len -= i + 1;
    return value->len > 0;
}

static bool take_value(struct pelt_span *in, struct value *value)
{
    struct pelt_span token;
    if (take(in, '"')) {
        return take_quoted(in, value);
    }
    if (!take_token(in, &token)) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        add_char(value, token.ptr[i]);
    }
    return true;
}

/* ---- the parameters ---- */

enum parameter {
    SERVER_NO_CONTEXT_TAKEOVER,
    CLIENT_NO_CONTEXT_TAKEOVER,
    SERVER_MAX_WINDOW_BITS,
    CLIENT_MAX_WINDOW_BITS,
    PARAMETERS
};

static const char *const names[PARAMETERS] = {
    [SERVER_NO_CONTEXT_TAKEOVER] = "server_no_context_takeover",
    [CLIENT_NO_CONTEXT_TAKEOVER] = "client_no_context_takeover",
    [SERVER_MAX_WINDOW_BITS] = "server_max_window_bits",
    [CLIENT_MAX_WINDOW_BITS] = "client_max_window_bits",
};

/* 8 to 15 without leading zeros; else 0. */
static uint8_t bits_of(const struct value *value)
{
    const char *text = value->text;
    if (value->len == 1 && (text[0] == '8' || text[0] == '9')) {
        return (uint8_t)(text[0] - '0');
    }
    if (value->len == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') {
        return (uint8_t)(10 + text[1] - '0');
    }
    return 0;
}

static const char *set_server_bits(uint8_t bits, const struct pelt_ws_deflate_offer *offer,
                                   struct pelt_ws_deflate_terms *terms)
{
    if (offer->server_max_window_bits != 0 && bits > offer->server_max_window_bits) {
        return "server_max_window_bits is above what was offered";
    }
    terms->server_window_bits = bits;
    return NULL;
}

static const char *set_client_bits(uint8_t bits, const struct pelt_ws_deflate_offer *offer,
                                   struct pelt_ws_deflate_terms *terms)
{
    if (offer->client_max_window_bits == 0) {
        return "client_max_window_bits was not offered";
    }
    if (bits > offer->client_max_window_bits) {
        return "client_max_window_bits is above what was offered";
    }
    terms->client_window_bits = bits;
    return NULL;
}

/* `value` NULL: the parameter has none. */
static const char *set(enum parameter parameter, const struct value *value,
                       const struct pelt_ws_deflate_offer *offer,
                       struct pelt_ws_deflate_terms *terms)
{
    terms->server_no_context_takeover |= parameter == SERVER_NO_CONTEXT_TAKEOVER;
    terms->client_no_context_takeover |= parameter == CLIENT_NO_CONTEXT_TAKEOVER;
    if (parameter == SERVER_NO_CONTEXT_TAKEOVER || parameter == CLIENT_NO_CONTEXT_TAKEOVER) {
        return value != NULL ? "a value where none belongs" : NULL;
    }
    uint8_t bits = value != NULL ? bits_of(value) : 0;
    if (bits == 0) {
        return "window bits are not 8 to 15";
    }
    return parameter == SERVER_MAX_WINDOW_BITS ? set_server_bits(bits, offer, terms)
                                               : set_client_bits(bits, offer, terms);
}

static const char *take_parameter(struct pelt_span *in, const struct pelt_ws_deflate_offer *offer,
                                  struct pelt_ws_deflate_terms *terms, unsigned *seen)
{
    struct pelt_span name;
    struct value value = {.len = 0};
    if (!take_token(in, &name)) {
        return not_grammar;
    }
    bool has_value = take(in, '=');
    if (has_value && !take_value(in, &value)) {
        return not_grammar;
    }
    for (unsigned i = 0; i < PARAMETERS; i++) {
        if (pelt_span_eq(name, names[i])) {
            if ((*seen & 1u << i) != 0) {
                return "the same parameter twice";
            }
            *seen |= 1u << i;
            return set((enum parameter)i, has_value ? &value : NULL, offer, terms);
        }
    }
    return "an unknown parameter";
}

/* What was asked for as a condition. */
static const char *check_granted(const struct pelt_ws_deflate_offer *offer, unsigned seen)
{
    if (offer->server_no_context_takeover && (seen & 1u << SERVER_NO_CONTEXT_TAKEOVER) == 0) {
        return "server_no_context_takeover was asked for and is missing";
    }
    if (offer->server_max_window_bits != 0 && (seen & 1u << SERVER_MAX_WINDOW_BITS) == 0) {
        return "server_max_window_bits was asked for and is missing";
    }
    return NULL;
}

static const char *take_extension(struct pelt_span *in, const struct pelt_ws_deflate_offer *offer,
                                  struct pelt_ws_deflate_terms *terms)
{
    struct pelt_span name;
    unsigned seen = 0;
    if (!take_token(in, &name)) {
        return not_grammar;
    }
    if (!offer->deflate || !pelt_span_eq(name, NAME)) {
        return "an extension that was not offered";
    }
    if (terms->deflate) {
        return NAME " twice";
    }
    *terms = (struct pelt_ws_deflate_terms){
        .deflate = true,
        .client_no_context_takeover = offer->client_no_context_takeover,
        .server_window_bits = PELT_WS_WINDOW_BITS_MAX,
        .client_window_bits = offer->client_max_window_bits != 0 ? offer->client_max_window_bits
                                                                 : PELT_WS_WINDOW_BITS_MAX,
    };
    while (take(in, ';')) {
        const char *why = take_parameter(in, offer, terms, &seen);
        if (why != NULL) {
            return why;
        }
    }
    return check_granted(offer, seen);
}

const char *pelt_ws_extension_accept(struct pelt_span line,
                                     const struct pelt_ws_deflate_offer *offer,
                                     struct pelt_ws_deflate_terms *terms)
{
    bool any = false;
    for (;;) {
        while (take(&line, ',')) { /* a list may have empty members (RFC 9110 section 5.6.1) */
        }
        if (line.len == 0) {
            return any ? NULL : not_grammar;
        }
        const char *why = take_extension(&line, offer, terms);
        if (why != NULL) {
            return why;
        }
        any = true;
        skip_blanks(&line);
        if (line.len > 0 && line.ptr[0] != ',') {
            return not_grammar;
        }
    }
}
