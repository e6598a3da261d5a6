/*
 * http1_response: see the header.
 *
 *   head --blank line--> 1xx: next head
 *                        else: body NONE      -> done
 *                              body LENGTH    -> counted down here
 *                              body CHUNKED   -> llhttp goes on
 *                              body UNTIL_EOF -> until the connection ends
 *
 * This is the hottest code of the engine. A head of the common form that comes in one piece is read
 * by http1_common; it leaves in `parser` what llhttp would have, so that one begin_body decides for
 * both. All else is llhttp's from the message's first byte on, also a head that comes in pieces, by
 * which tests compare the two. llhttp is stopped (paused) behind each head, which gives the head's
 * end exactly, and has few callbacks: each costs about ten instructions a field, a span callback
 * more.
 *
 * Invariants: before head_done every byte fed is in head_bytes; while that is 0 llhttp is not
 * initialised, only parser.reason is; parser.content_length counts down a LENGTH body.
 */
#include "pelt/http1_response.h"

#include <assert.h>

#include "http1_common.h"

_Static_assert(sizeof(struct pelt_http1_response) <= 152, "part of each connection's memory");

#define CONTINUED     0x80 /* in `informational`, beside a number up to 32 */
#define OTHER_VERSION "The answer is not of HTTP/1.0 or HTTP/1.1"

/* FORBIDDEN: the head tells of a body where none may be. */
enum body { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_EOF, BODY_FORBIDDEN };

/* What `seen` says of a head that llhttp reads. */
enum {
    SEEN_ENCODING = 1,  /* a Transfer-Encoding, */
    SEEN_CODING = 2,    /* with a coding in it (of several fields: in the last one), */
    SEEN_CHUNKED = 4,   /* one of them chunked, */
    SEEN_TROUBLE = 8,   /* and something behind it, or nothing in the field */
    SEEN_NAMELESS = 16, /* a field without a name, also in a trailer */
    SEEN_BAD_REASON = 32,
    /* The one Transfer-Encoding that delimits a body: chunked is there once, as the last coding. */
    CHUNKED_ONCE = SEEN_ENCODING | SEEN_CODING | SEEN_CHUNKED,
};

/* ---- Transfer-Encoding, which llhttp judges by its first byte and its end only ---- */

/* How much of a coding's name is `chunked`: all of it is CHUNKED_LEN. */
#define CHUNKED_LEN     (sizeof("chunked") - 1)
#define CHUNKED_BLANK   (CHUNKED_LEN + 1) /* and a blank behind it */
#define CHUNKED_NOTHING (CHUNKED_LEN + 2) /* it is another one */

static void end_coding(struct pelt_http1_response *r)
{
    if (r->coding == 0) { /* an empty member of the list: RFC 9110 section 5.6.1 */
        return;
    }
    bool chunked = r->coding == CHUNKED_LEN || r->coding == CHUNKED_BLANK;
    r->seen |= r->seen & SEEN_CHUNKED ? SEEN_TROUBLE : 0;
    r->seen |= chunked ? SEEN_CODING | SEEN_CHUNKED : SEEN_CODING;
    r->coding = 0;
}

static void read_coding(struct pelt_http1_response *r, char c)
{
    if (c == ',') {
        end_coding(r);
    } else if (c == ' ' || c == '\t') {
        r->coding = r->coding == 0                                           ? 0
                    : r->coding == CHUNKED_LEN || r->coding == CHUNKED_BLANK ? CHUNKED_BLANK
                                                                             : CHUNKED_NOTHING;
    } else if (r->coding < CHUNKED_LEN && (c | 0x20) == "chunked"[r->coding]) {
        r->coding++;
    } else {
        r->coding = CHUNKED_NOTHING;
    }
}

static int on_encoding(llhttp_t *parser, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        read_coding((struct pelt_http1_response *)parser, bytes[i]);
    }
    return 0;
}

static int on_encoding_complete(llhttp_t *parser)
{
    struct pelt_http1_response *r = (struct pelt_http1_response *)parser;
    end_coding(r);
    r->seen |= r->seen & SEEN_CODING ? 0 : SEEN_TROUBLE;
    return 0;
}

/* ---- what llhttp calls; the parser is the first member, so its address is the struct's ---- */

static const llhttp_settings_t settings, settings_in_encoding;

static const char encoding_name[] = "transfer-encoding";
#define NAME_OTHER UINT8_MAX

/* Compares only as far as it is the same: most names end with their first byte. */
static int on_name_bytes(llhttp_t *parser, const char *bytes, size_t len)
{
    struct pelt_http1_response *r = (struct pelt_http1_response *)parser;
    for (size_t i = 0; i < len && r->name != NAME_OTHER; i++) {
        bool same = (bytes[i] | 0x20) == encoding_name[r->name]; /* never its final 0 */
        r->name = same ? r->name + 1 : NAME_OTHER;
    }
    return 0;
}

static int on_field(llhttp_t *parser)
{
    struct pelt_http1_response *r = (struct pelt_http1_response *)parser;
    bool encoding = r->name == sizeof(encoding_name) - 1 && !r->head_done;
    if (r->name == 0) {
        r->seen |= SEEN_NAMELESS;
        return HPE_USER;
    }
    r->name = 0;
    if (!r->head_done) {
        parser->settings = (void *)(encoding ? &settings_in_encoding : &settings);
    }
    if (encoding) {
        r->seen = (uint8_t)((r->seen | SEEN_ENCODING) & ~SEEN_CODING);
        r->coding = 0;
    }
    return ++r->fields > PELT_HTTP1_FIELDS_MAX ? HPE_USER : 0;
}

/* RFC 9112 section 4: blanks, visible bytes, and those above ASCII. */
static int on_reason(llhttp_t *parser, const char *bytes, size_t len)
{
    struct pelt_http1_response *r = (struct pelt_http1_response *)parser;
    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)bytes[i] < ' ' && bytes[i] != '\t') || bytes[i] == 0x7f) {
            r->seen |= SEEN_BAD_REASON;
            return HPE_USER;
        }
    }
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    return HPE_PAUSED;
}

static int on_chunk_bytes(llhttp_t *parser, const char *bytes, size_t len)
{
    struct pelt_http1_response *r = (struct pelt_http1_response *)parser;
    r->body_bytes += len;
    if (r->on_body != NULL) {
        r->on_body(r->arg, bytes, len);
    }
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_status = on_reason,
    .on_header_field = on_name_bytes,
    .on_header_field_complete = on_field,
    .on_headers_complete = on_headers_complete,
    .on_body = on_chunk_bytes,
    .on_message_complete = on_message_complete,
};

/* From the name of a Transfer-Encoding to that of the next field. */
static const llhttp_settings_t settings_in_encoding = {
    .on_header_field = on_name_bytes,
    .on_header_field_complete = on_field,
    .on_header_value = on_encoding,
    .on_header_value_complete = on_encoding_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_chunk_bytes,
    .on_message_complete = on_message_complete,
};

/* ---- trailers that somebody wants ---- */

static void tell_trailer(llhttp_t *parser, const char *bytes, size_t len)
{
    struct pelt_http1_response *r = (struct pelt_http1_response *)parser;
    r->on_trailer(r->arg, bytes, len);
}

static int on_trailer_bytes(llhttp_t *parser, const char *bytes, size_t len)
{
    tell_trailer(parser, bytes, len);
    return 0;
}

static int on_trailer_name_bytes(llhttp_t *parser, const char *bytes, size_t len)
{
    tell_trailer(parser, bytes, len);
    return on_name_bytes(parser, bytes, len);
}

static int on_trailer_name(llhttp_t *parser)
{
    tell_trailer(parser, ": ", 2);
    return on_field(parser);
}

static int on_trailer_value(llhttp_t *parser)
{
    tell_trailer(parser, "\r\n", 2);
    return 0;
}

static const llhttp_settings_t settings_with_trailer = {
    .on_header_field = on_trailer_name_bytes,
    .on_header_value = on_trailer_bytes,
    .on_header_field_complete = on_trailer_name,
    .on_header_value_complete = on_trailer_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_chunk_bytes,
    .on_message_complete = on_message_complete,
};

/* ---- heads ---- */

static enum pelt_http1_answer refuse(struct pelt_http1_response *r, enum pelt_http1_answer answer,
                                     const char *reason)
{
    r->parser.reason = reason;
    r->keep_alive = false;
    return answer;
}

/* For people who do not know how a parser says it. Of what is not listed llhttp's own words are
 * told. */
static const char *plain_reason(const llhttp_t *parser)
{
    switch (llhttp_get_errno(parser)) {
    case HPE_INVALID_CONSTANT:
        return "The answer does not begin with HTTP/1.";
    case HPE_INVALID_VERSION:
        return OTHER_VERSION;
    case HPE_INVALID_STATUS:
        return "The status is not a number of three digits";
    case HPE_CR_EXPECTED:
    case HPE_LF_EXPECTED:
    case HPE_STRICT:
        return "A line does not end with CR LF where it should";
    case HPE_INVALID_HEADER_TOKEN:
        return "A header field has a character that is not allowed there";
    case HPE_INVALID_CONTENT_LENGTH:
        return "Content-Length is not a number";
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return "Content-Length came twice, or beside Transfer-Encoding";
    case HPE_INVALID_TRANSFER_ENCODING:
        return "Transfer-Encoding came beside Content-Length, or is not one that ends a body";
    case HPE_INVALID_CHUNK_SIZE:
        return "The size of a chunk is not a hexadecimal number";
    default:
        return llhttp_get_error_reason(parser);
    }
}

/* llhttp stopped for a reason of its own, or because of on_field or on_reason. */
static enum pelt_http1_answer refuse_parsed(struct pelt_http1_response *r)
{
    r->keep_alive = false;
    if (r->seen & (SEEN_NAMELESS | SEEN_BAD_REASON)) {
        return refuse(r, r->head_done ? PELT_HTTP1_BAD_BODY : PELT_HTTP1_BAD_HEAD,
                      r->seen & SEEN_NAMELESS ? "Field without a name"
                                              : "Invalid character in the reason phrase");
    }
    if (r->fields > PELT_HTTP1_FIELDS_MAX) {
        return r->head_done ? refuse(r, PELT_HTTP1_BAD_BODY, "Too many trailer fields")
                            : refuse(r, PELT_HTTP1_HEAD_TOO_LARGE, "Too many header fields");
    }
    return refuse(r, r->head_done ? PELT_HTTP1_BAD_BODY : PELT_HTTP1_BAD_HEAD,
                  plain_reason(&r->parser));
}

/* No such answer may have Transfer-Encoding (RFC 9112 section 6.1) or Content-Length (RFC 9110
 * section 8.6): whether bytes of a body follow, nobody can know. `Content-Length: 0` says the same
 * as the status, and many servers send it. */
static bool is_forbidden_body(const llhttp_t *p)
{
    return (p->status_code < 200 || p->status_code == 204) &&
           (p->content_length > 0 || (p->flags & F_TRANSFER_ENCODING));
}

/* The body's framing, RFC 9112 section 6.3. */
static enum body body_of(const struct pelt_http1_response *r)
{
    const llhttp_t *p = &r->parser;
    unsigned status = p->status_code;
    if (r->head_request || status < 200 || status == 204 || status == 304) {
        return is_forbidden_body(p) ? BODY_FORBIDDEN : BODY_NONE;
    }
    if (p->flags & F_TRANSFER_ENCODING) {
        return BODY_CHUNKED; /* refuse_framing saw to it */
    }
    if (p->flags & F_CONTENT_LENGTH) {
        return p->content_length > 0 ? BODY_LENGTH : BODY_NONE;
    }
    return BODY_UNTIL_EOF;
}

/* RFC 9112 section 9.3. After Transfer-Encoding in HTTP/1.0 the framing is not to be trusted
 * (section 6.1). */
static bool persists(const llhttp_t *p, enum body body)
{
    if (body == BODY_UNTIL_EOF || p->status_code == 101 || (p->flags & F_CONNECTION_CLOSE)) {
        return false;
    }
    return p->http_minor > 0 ||
           ((p->flags & F_CONNECTION_KEEP_ALIVE) && !(p->flags & F_TRANSFER_ENCODING));
}

static void begin_llhttp(struct pelt_http1_response *r)
{
    llhttp_init(&r->parser, HTTP_RESPONSE, &settings);
    r->name = r->coding = r->seen = 0;
}

/* llhttp stands behind a 1xx head. */
static enum pelt_http1_answer skip_informational(struct pelt_http1_response *r)
{
    if ((r->informational & ~CONTINUED) == PELT_HTTP1_1XX_MAX) {
        return refuse(r, PELT_HTTP1_HEAD_TOO_LARGE, "Too many informational (1xx) responses");
    }
    r->informational++;
    r->informational |= r->parser.status_code == 100 ? CONTINUED : 0;
    r->fields = 0;
    begin_llhttp(r);
    return PELT_HTTP1_MORE;
}

/* Behind the final head, which `parser` describes. */
static void begin_body(struct pelt_http1_response *r)
{
    enum body body = body_of(r);
    r->body = (uint8_t)body;
    r->keep_alive = persists(&r->parser, body);
    r->upgraded = r->parser.status_code == 101;
    r->status = r->parser.status_code;
    r->fields = 0; /* from here on those of a trailer */
    r->head_done = true;
}

static enum pelt_http1_answer refuse_forbidden_body(struct pelt_http1_response *r)
{
    return refuse(r, PELT_HTTP1_BAD_HEAD, "A body is announced where a 1xx or 204 has none");
}

/* MORE: what a head that llhttp read says of its body is one thing only. llhttp refused differing
 * lengths. */
static enum pelt_http1_answer refuse_framing(struct pelt_http1_response *r)
{
    const llhttp_t *p = &r->parser;
    if (r->seen & SEEN_ENCODING) {
        if (p->flags & F_CONTENT_LENGTH) {
            return refuse(r, PELT_HTTP1_BAD_HEAD, "Transfer-Encoding with Content-Length");
        }
        if ((r->seen & (CHUNKED_ONCE | SEEN_TROUBLE)) != CHUNKED_ONCE || !(p->flags & F_CHUNKED)) {
            return refuse(r, PELT_HTTP1_BAD_HEAD,
                          "Transfer-Encoding does not end with chunked, once");
        }
    }
    return is_forbidden_body(p) ? refuse_forbidden_body(r) : PELT_HTTP1_MORE;
}

/* llhttp stands behind a head: MORE, or a refusal. */
static enum pelt_http1_answer finish_head(struct pelt_http1_response *r)
{
    const llhttp_t *p = &r->parser;
    if (p->http_major != 1) {
        return refuse(r, PELT_HTTP1_BAD_HEAD, OTHER_VERSION);
    }
    if (p->status_code < 100) {
        return refuse(r, PELT_HTTP1_BAD_HEAD, "The status is below 100");
    }
    enum pelt_http1_answer answer = refuse_framing(r);
    if (answer != PELT_HTTP1_MORE) {
        return answer;
    }
    if (p->status_code < 200 && p->status_code != 101) {
        return skip_informational(r);
    }
    begin_body(r);
    return PELT_HTTP1_MORE;
}

/* Feeds one head, or what there is of it; advances *at. MORE: the head is done, or all bytes are
 * used, or it was a 1xx. */
static enum pelt_http1_answer feed_head(struct pelt_http1_response *r, const char *bytes,
                                        size_t len, size_t *at)
{
    size_t n = len - *at;
    if (n > PELT_HTTP1_HEAD_MAX - r->head_bytes) {
        n = PELT_HTTP1_HEAD_MAX - r->head_bytes;
    }
    llhttp_errno_t error = llhttp_execute(&r->parser, bytes + *at, n);
    if (error == HPE_PAUSED) {
        n = (size_t)(r->parser.error_pos - (bytes + *at));
    } else if (error != HPE_OK) {
        return refuse_parsed(r);
    }
    r->head_bytes += (uint32_t)n;
    *at += n;
    if (error == HPE_PAUSED) {
        enum pelt_http1_answer answer = finish_head(r);
        if (answer != PELT_HTTP1_MORE || r->head_done) {
            return answer;
        }
    }
    if (r->head_bytes == PELT_HTTP1_HEAD_MAX) {
        return refuse(r, PELT_HTTP1_HEAD_TOO_LARGE, "Response head too large");
    }
    return PELT_HTTP1_MORE;
}

/* Feeds heads up to the end of the final one; advances *at. */
static enum pelt_http1_answer feed_heads(struct pelt_http1_response *r, const char *bytes,
                                         size_t len, size_t *at)
{
    enum pelt_http1_answer answer = PELT_HTTP1_MORE;
    while (answer == PELT_HTTP1_MORE && !r->head_done && *at < len) {
        answer = feed_head(r, bytes, len, at);
    }
    return answer;
}

/* The first bytes of a message: a whole head of the common form is done with here, and *at goes
 * behind it; else llhttp is made ready for these bytes. */
static void begin_head(struct pelt_http1_response *r, const char *bytes, size_t len, size_t *at)
{
    *at = pelt_http1_common_read(&r->parser, bytes,
                                 len < PELT_HTTP1_HEAD_MAX ? len : PELT_HTTP1_HEAD_MAX);
    r->may_set_cookie = *at == 0 || (r->parser.flags & PELT_HTTP1_SET_COOKIE);
    if (*at == 0) {
        begin_llhttp(r);
        return;
    }
    r->head_bytes = (uint32_t)*at;
    begin_body(r);
}

/* ---- bodies ---- */

static void pass_body(struct pelt_http1_response *r, const char *bytes, size_t len)
{
    if (len > 0) {
        r->body_bytes += len;
        if (r->on_body != NULL) {
            r->on_body(r->arg, bytes, len);
        }
    }
}

static enum pelt_http1_answer feed_length(struct pelt_http1_response *r, const char *bytes,
                                          size_t len, size_t *used)
{
    uint64_t left = r->parser.content_length;
    *used = len < left ? len : (size_t)left;
    r->parser.content_length = left - *used;
    pass_body(r, bytes, *used);
    return *used == left ? PELT_HTTP1_DONE : PELT_HTTP1_MORE;
}

static enum pelt_http1_answer feed_chunked(struct pelt_http1_response *r, const char *bytes,
                                           size_t len, size_t *used)
{
    llhttp_resume(&r->parser); /* behind the head it is paused */
    r->parser.settings = (void *)(r->on_trailer != NULL ? &settings_with_trailer : &settings);
    llhttp_errno_t error = llhttp_execute(&r->parser, bytes, len);
    *used = len;
    if (error == HPE_PAUSED) {
        *used = (size_t)(r->parser.error_pos - bytes);
        return PELT_HTTP1_DONE;
    }
    return error == HPE_OK ? PELT_HTTP1_MORE : refuse_parsed(r);
}

static enum pelt_http1_answer feed_body(struct pelt_http1_response *r, const char *bytes,
                                        size_t len, size_t *used)
{
    if (r->body == BODY_LENGTH) { /* most have one */
        return feed_length(r, bytes, len, used);
    }
    *used = 0;
    switch ((enum body)r->body) {
    case BODY_NONE:
    case BODY_LENGTH: /* above */
        return PELT_HTTP1_DONE;
    case BODY_CHUNKED:
        return feed_chunked(r, bytes, len, used);
    case BODY_FORBIDDEN: /* by a head of the common form, which is undone */
        r->head_done = false;
        r->status = 0;
        r->head_end = 0;
        *used = len;
        return refuse_forbidden_body(r);
    case BODY_UNTIL_EOF:
        break;
    }
    pass_body(r, bytes, len);
    *used = len;
    return PELT_HTTP1_MORE;
}

/* ---- public ---- */

void pelt_http1_response_reset(struct pelt_http1_response *r, bool head_request)
{
    r->parser.reason = NULL;
    r->body_bytes = 0;
    r->head_bytes = r->head_end = 0;
    r->fields = r->status = 0;
    r->informational = r->body = 0;
    r->head_request = head_request;
    r->begun = r->head_done = r->keep_alive = r->upgraded = false;
}

enum pelt_http1_answer pelt_http1_response_feed(struct pelt_http1_response *r, const char *bytes,
                                                size_t len, size_t *used)
{
    size_t at = 0;
    *used = len;
    r->head_end = 0;
    r->begun = r->begun || len > 0;
    if (!r->head_done) {
        if (r->head_bytes == 0 && len > 0) {
            begin_head(r, bytes, len, &at);
        }
        enum pelt_http1_answer answer = feed_heads(r, bytes, len, &at);
        if (answer != PELT_HTTP1_MORE || !r->head_done) {
            return answer;
        }
        r->head_end = (uint32_t)at;
    }
    size_t body_used = 0;
    enum pelt_http1_answer answer = feed_body(r, bytes + at, len - at, &body_used);
    *used = at + body_used;
    return answer;
}

uint64_t pelt_http1_response_skippable(const struct pelt_http1_response *r)
{
    bool left = r->head_done && r->body == BODY_LENGTH && r->on_body == NULL;
    return left ? r->parser.content_length : 0;
}

enum pelt_http1_answer pelt_http1_response_skip(struct pelt_http1_response *r, uint64_t bytes)
{
    assert(bytes > 0 && bytes <= pelt_http1_response_skippable(r));
    r->parser.content_length -= bytes;
    r->body_bytes += bytes;
    r->head_end = 0;
    return r->parser.content_length == 0 ? PELT_HTTP1_DONE : PELT_HTTP1_MORE;
}

enum pelt_http1_answer pelt_http1_response_eof(struct pelt_http1_response *r)
{
    if (!r->head_done) {
        return refuse(r, PELT_HTTP1_BAD_HEAD,
                      r->begun ? "Connection closed within the head" : "Connection closed");
    }
    if (r->body == BODY_UNTIL_EOF) {
        return PELT_HTTP1_DONE;
    }
    return refuse(r, PELT_HTTP1_BAD_BODY, "Connection closed within the body");
}

const char *pelt_http1_response_reason(const struct pelt_http1_response *r)
{
    return r->parser.reason != NULL ? r->parser.reason : "";
}
