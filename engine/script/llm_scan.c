/*
 * llm_scan: see the header. A cursor goes over the text once; each function below takes what it is
 * called for and says false for "not sure", which ends the scan. What is passed over is checked as
 * strictly as what is taken (RFC 8259), so that no text is read here that the library would refuse.
 */
#include "llm_scan.h"

#include <string.h>

#define DEPTH_MAX  8
#define NUMBER_MAX 17 /* bytes: what no parser can find too large */

struct cursor {
    const char *at, *end;
    char *room, *room_end; /* for texts with escapes */
};

/* ---- single things ---- */

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t')) {
        c->at++;
    }
}

/* That byte comes next, blanks aside. */
static bool take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static bool take_word(struct cursor *c, const char *word, size_t len)
{
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0) {
        return false;
    }
    c->at += len;
    return true;
}
#define TAKE_WORD(c, word) take_word(c, word, sizeof(word) - 1)

static bool is_digit(const struct cursor *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

/* No exponent, as that may be one too large. */
static bool skip_number(struct cursor *c)
{
    const char *begin = c->at;
    c->at += *c->at == '-';
    const bool zero = c->at < c->end && *c->at == '0';
    if (!is_digit(c)) {
        return false;
    }
    while (is_digit(c)) {
        c->at++;
        if (zero && is_digit(c)) {
            return false;
        }
    }
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!is_digit(c)) {
            return false;
        }
        while (is_digit(c)) {
            c->at++;
        }
    }
    return c->at - begin <= NUMBER_MAX && (c->at == c->end || (*c->at | 0x20) != 'e');
}

/* ---- texts ---- */

/* Bytes of the well-formed UTF-8 sequence beyond ASCII at `p` (RFC 3629, section 4); 0: none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    const size_t len = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (len == 0 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    const bool beyond = (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90);
    return overlong || beyond ? 0 : len;
}

/* The character of four hexadecimal digits; 0: none, or one of a pair. */
static unsigned hex_of(const char *at, const char *end)
{
    unsigned value = 0;
    if (end - at < 4) {
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        const char digit = at[i], letter = (char)(digit | 0x20);
        if (digit >= '0' && digit <= '9') {
            value = value * 16 + (unsigned)(digit - '0');
        } else if (letter >= 'a' && letter <= 'f') {
            value = value * 16 + (unsigned)(letter - 'a') + 10;
        } else {
            return 0;
        }
    }
    return value >= 0xd800 && value <= 0xdfff ? 0 : value;
}

static size_t write_utf8(unsigned value, char *out)
{
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    if (value < 0x800) {
        out[0] = (char)(0xc0 | value >> 6);
        out[1] = (char)(0x80 | (value & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | value >> 12);
    out[1] = (char)(0x80 | (value >> 6 & 0x3f));
    out[2] = (char)(0x80 | (value & 0x3f));
    return 3;
}

/* The escape behind a backslash, as the up to three bytes that it is; 0: not sure. */
static size_t take_escape(struct cursor *c, char out[3])
{
    static const char NAMES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    if (c->at == c->end) {
        return 0;
    }
    const char name = *c->at++;
    if (name == 'u') {
        const unsigned value = hex_of(c->at, c->end);
        c->at += value != 0 ? 4 : 0;
        return value != 0 ? write_utf8(value, out) : 0;
    }
    const char *found = name != '\0' ? strchr(NAMES, name) : NULL;
    out[0] = found != NULL ? MEANT[found - NAMES] : '\0';
    return found != NULL;
}

/* Bytes up to what ends a text or is an escape, checked; false: not sure. */
static bool skip_plain(struct cursor *c)
{
    const char *at = c->at, *const end = c->end;
    for (; at < end && *at != '"' && *at != '\\'; at++) {
        const unsigned char byte = (unsigned char)*at;
        if (byte < 0x20) {
            return false;
        }
        if (byte >= 0x80) {
            const size_t len = utf8_length((const unsigned char *)at, (size_t)(end - at));
            if (len == 0) {
                return false;
            }
            at += len - 1;
        }
    }
    c->at = at;
    return at < end;
}

/* A text with its quotes. `out` is it unescaped, in place or in the room; NULL: passed over. */
static bool take_text(struct cursor *c, struct pelt_span *out)
{
    if (!take(c, '"')) {
        return false;
    }
    const char *begin = c->at;
    char *into = c->room;
    bool escaped = false;
    for (;;) {
        const char *piece = c->at;
        char plain[3];
        if (!skip_plain(c)) {
            return false;
        }
        const bool over = *c->at == '"';
        const size_t len = (size_t)(c->at++ - piece), more = over ? 0 : take_escape(c, plain);
        if (!over && more == 0) {
            return false;
        }
        escaped = escaped || !over;
        if (out != NULL && escaped) {
            if ((size_t)(c->room_end - into) < len + more) {
                return false;
            }
            into = mempcpy(into, piece, len);
            into = mempcpy(into, plain, more);
        }
        if (over) {
            break;
        }
    }
    if (out != NULL) {
        *out = escaped ? pelt_span(c->room, (size_t)(into - c->room))
                       : pelt_span(begin, (size_t)(c->at - 1 - begin));
        c->room = escaped ? into : c->room;
    }
    return true;
}

/* ---- what is passed over ---- */

static bool skip_value(struct cursor *c, int depth);

static bool skip_members(struct cursor *c, char close, int depth)
{
    c->at++;
    if (take(c, close)) {
        return true;
    }
    do {
        if (close == '}' && !(take_text(c, NULL) && take(c, ':'))) {
            return false;
        }
        if (!skip_value(c, depth + 1)) {
            return false;
        }
    } while (take(c, ','));
    return take(c, close);
}

static bool skip_value(struct cursor *c, int depth)
{
    skip_blanks(c);
    if (c->at == c->end || depth > DEPTH_MAX) {
        return false;
    }
    switch (*c->at) {
    case '"':
        return take_text(c, NULL);
    case '{':
        return skip_members(c, '}', depth);
    case '[':
        return skip_members(c, ']', depth);
    case 'n':
        return TAKE_WORD(c, "null");
    case 't':
        return TAKE_WORD(c, "true");
    case 'f':
        return TAKE_WORD(c, "false");
    default:
        return skip_number(c);
    }
}

/* ---- what is looked for ---- */

/* A key, which stands in place unless it has escapes, and what follows it. */
static bool take_key(struct cursor *c, struct pelt_span *key)
{
    return take_text(c, key) && key->ptr + key->len + 1 == c->at && take(c, ':');
}

static bool is(struct pelt_span key, const char *name, size_t len)
{
    return key.len == len && memcmp(key.ptr, name, len) == 0;
}
#define IS(key, name) is(key, name, sizeof(name) - 1)

/* A member that may come once. */
static bool once(bool *seen)
{
    const bool first = !*seen;
    *seen = true;
    return first;
}

/* A text, or null: then `out` stays. */
static bool take_text_or_null(struct cursor *c, struct pelt_span *out)
{
    skip_blanks(c);
    return (c->at < c->end && *c->at == 'n') ? TAKE_WORD(c, "null") : take_text(c, out);
}

static bool take_delta(struct cursor *c, struct pelt_llm_chunk *chunk)
{
    bool content = false, reasoning = false, refusal = false, tools = false, known = true;
    if (!take(c, '{')) {
        return false;
    }
    if (take(c, '}')) {
        return true;
    }
    do {
        struct pelt_span key;
        if (!take_key(c, &key)) {
            return false;
        }
        if (IS(key, "content")) {
            known = once(&content) && take_text_or_null(c, &chunk->text);
        } else if (IS(key, "reasoning_content") || IS(key, "reasoning")) {
            known = once(&reasoning) && take_text_or_null(c, &chunk->reasoning);
        } else if (IS(key, "refusal")) {
            known = once(&refusal) && TAKE_WORD(c, "null");
        } else if (IS(key, "tool_calls")) {
            known = once(&tools) && (TAKE_WORD(c, "null") || TAKE_WORD(c, "[]"));
        } else {
            known = skip_value(c, 0);
        }
    } while (known && take(c, ','));
    return known && take(c, '}');
}

static bool take_choice(struct cursor *c, struct pelt_llm_chunk *chunk)
{
    bool index = false, delta = false, finish = false, known = true;
    if (!take(c, '{')) {
        return false;
    }
    do {
        struct pelt_span key;
        if (!take_key(c, &key)) {
            return false;
        }
        if (IS(key, "index")) {
            known = once(&index) && TAKE_WORD(c, "0") && !is_digit(c) &&
                    (c->at == c->end || (*c->at != '.' && (*c->at | 0x20) != 'e'));
        } else if (IS(key, "delta")) {
            known = once(&delta) && take_delta(c, chunk);
        } else if (IS(key, "text")) { /* of a completion */
            known = once(&delta) && take_text(c, &chunk->text);
        } else if (IS(key, "message")) {
            known = false;
        } else if (IS(key, "finish_reason")) {
            known = once(&finish) && TAKE_WORD(c, "null");
        } else {
            known = skip_value(c, 0);
        }
    } while (known && take(c, ','));
    return known && delta && take(c, '}');
}

static bool take_chunk(struct cursor *c, struct pelt_llm_chunk *chunk)
{
    bool choices = false, usage = false, error = false, object = false, known = true;
    struct pelt_span kind = {0};
    if (!take(c, '{')) {
        return false;
    }
    do {
        struct pelt_span key;
        if (!take_key(c, &key)) {
            return false;
        }
        if (IS(key, "choices")) {
            known = once(&choices) && take(c, '[') && take_choice(c, chunk) && take(c, ']');
        } else if (IS(key, "usage")) {
            known = once(&usage) && TAKE_WORD(c, "null");
        } else if (IS(key, "error")) {
            known = once(&error) && TAKE_WORD(c, "null");
        } else if (IS(key, "object")) {
            known = once(&object) && take_text(c, &kind) && !IS(kind, "error");
        } else {
            known = skip_value(c, 0);
        }
    } while (known && take(c, ','));
    return known && choices && take(c, '}');
}

bool pelt_llm_scan(struct pelt_llm_chunk *chunk, struct pelt_span data)
{
    struct cursor c = {.at = data.ptr,
                       .end = data.ptr + data.len,
                       .room = chunk->room,
                       .room_end = chunk->room + sizeof chunk->room};
    chunk->text = chunk->reasoning = chunk->finish_reason = chunk->error = pelt_span(NULL, 0);
    chunk->document = NULL;
    chunk->usage = NULL;
    chunk->counts_output = chunk->counts_prompt = chunk->counts_cached = false;
    if (!take_chunk(&c, chunk)) {
        return false;
    }
    skip_blanks(&c);
    chunk->output = chunk->text.len > 0;
    chunk->thought = chunk->reasoning.len > 0;
    return c.at == c.end;
}
