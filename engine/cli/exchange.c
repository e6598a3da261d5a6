/*
 * exchange: see the header. What a server sends must not steer the terminal: control characters
 * show as '.'.
 */
#include "exchange.h"

#include <time.h>

#include "pelt/clock.h"
#include "pelt/server_word.h"
#include "pelt/trace_context.h"
#include "pelt/units.h"
#include "pelt/utf8.h"
#include "stdout.h"

#define LINES_MAX      40  /* of a head */
#define LINE_BYTES_MAX 200 /* shown of one line */
#define BODY_BYTES_MAX 600 /* shown of a body */

/* How much of a line of a head may be shown: not what comes behind a secret's name. */
static size_t open_part(const char *line, size_t len)
{
    static const char *const secret[] = {"Authorization", "Proxy-Authorization"};
    const char *colon = memchr(line, ':', len);
    for (size_t i = 0; colon != NULL && i < sizeof secret / sizeof secret[0]; i++) {
        if (pelt_span_eq_nocase(pelt_span(line, (size_t)(colon - line)), secret[i])) {
            return (size_t)(colon - line) + 1;
        }
    }
    return len;
}

/* Each line of a head behind `mark`, up to its blank line. */
static void print_head(char mark, struct pelt_span head)
{
    const char *at = head.ptr, *end = head.ptr + head.len;
    for (int i = 0; i < LINES_MAX && at < end; i++) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((eol != NULL ? eol : end) - at);
        size_t text = len > 0 && at[len - 1] == '\r' ? len - 1 : len;
        if (text == 0) {
            return;
        }
        printf("%c ", mark);
        size_t open = open_part(at, text);
        cli_stdout_clean(at, open < LINE_BYTES_MAX ? open : LINE_BYTES_MAX);
        puts(open < text ? " (not shown)" : text > LINE_BYTES_MAX ? " ..." : "");
        at += len + 1;
    }
}

/* Is its beginning text? */
static bool is_text(struct pelt_span body)
{
    struct pelt_utf8 utf8 = {0};
    const size_t len = body.len < BODY_BYTES_MAX ? body.len : BODY_BYTES_MAX;
    return memchr(body.ptr, '\0', len) == NULL && pelt_utf8_feed(&utf8, body.ptr, len);
}

/* The first bytes of a body, line by line behind `mark`. */
static void print_body(char mark, struct pelt_span body)
{
    if (body.len > 0 && !is_text(body)) {
        printf("%c (%zu bytes that are no text)\n", mark, body.len);
        return;
    }
    size_t shown = body.len < BODY_BYTES_MAX ? body.len : BODY_BYTES_MAX;
    while (shown < body.len && ((unsigned char)body.ptr[shown] & 0xC0) == 0x80) {
        shown--; /* not in the middle of a character */
    }
    for (size_t at = 0; at < shown;) {
        const char *eol = memchr(body.ptr + at, '\n', shown - at);
        size_t len = eol != NULL ? (size_t)(eol - body.ptr) - at : shown - at;
        printf("%c ", mark);
        cli_stdout_clean(body.ptr + at, len);
        putchar('\n');
        at += len + 1;
    }
    if (shown < body.len) {
        printf("%c ... %zu bytes more\n", mark, body.len - shown);
    }
}

/* "2026-11-22" */
static void format_day(int64_t time_s, char out[32])
{
    const time_t t = (time_t)time_s;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, 32, "%F", &tm) == 0) {
        snprintf(out, 32, "?");
    }
}

static void print_phase(const char *name, uint64_t ns)
{
    if (ns != PELT_NEVER) {
        char text[32];
        pelt_format_duration(ns, text, sizeof text);
        printf("  %s %s", name, text);
    }
}

static void print_times(const struct pelt_exchange *x)
{
    const struct pelt_sample *s = &x->sample;
    printf("*");
    print_phase("response", s->response_ns);
    print_phase("blocked", s->blocked_ns);
    print_phase("dns", s->dns_ns);
    print_phase("connect", s->connect_ns);
    print_phase("tls", s->tls_ns);
    print_phase("send", s->send_ns);
    print_phase("wait", s->wait_ns);
    print_phase("receive", s->receive_ns);
    printf("%s\n", x->reused ? "  (on a connection used before)" : "");
}

/* "CN=api.test, from 2026-01-01 to 2027-01-01 (40 days left)" */
static void print_certificate(const char *what, const struct pelt_tls_certificate *c)
{
    char from[32], to[32];
    const int64_t now_s = (int64_t)(pelt_clock_wall_ns() / PELT_NS_PER_S);
    const int64_t left = (c->not_after_s - now_s) / 86400;
    format_day(c->not_before_s, from);
    format_day(c->not_after_s, to);
    printf("* %s: ", what);
    cli_stdout_clean(c->subject, strlen(c->subject));
    printf(", valid %s to %s (", from, to);
    if (c->not_after_s < now_s) {
        puts("expired)");
    } else if (c->not_before_s > now_s) {
        puts("not yet valid)");
    } else {
        printf("%lld day%s left)\n", (long long)left, left == 1 ? "" : "s");
    }
    printf("*   issuer ");
    cli_stdout_clean(c->issuer, strlen(c->issuer));
    printf("\n*   names ");
    cli_stdout_clean(c->names[0] != '\0' ? c->names : "none",
                     strlen(c->names[0] ? c->names : "none"));
    printf("\n*   key %s, signed by %s, SHA-256 %s\n", c->key, c->signature, c->sha256);
}

static void print_secured(const struct pelt_secured *s)
{
    if (s->done) {
        printf("* %s, %s, ALPN ", pelt_tls_version_name(s->about.version), s->about.cipher);
        cli_stdout_clean(s->about.alpn, strlen(s->about.alpn));
        printf("%s, %s\n", s->about.alpn[0] != '\0' ? "" : "none",
               s->about.resumed ? "resumed: the certificate was verified before"
                                : "a full handshake");
    }
    for (unsigned i = 0; i < s->chain_len; i++) {
        print_certificate(i == 0 ? "certificate" : "above it", &s->chain[i]);
    }
}

/* The request line, of a text that is HTTP/1.1 whatever is spoken. Gives its length. */
static size_t print_http2_line(const struct pelt_request *request)
{
    static const char version[] = "HTTP/1.1\r\n";
    const char *end = memmem(request->bytes, request->len, version, sizeof version - 1);
    if (end == NULL) {
        return 0;
    }
    const size_t len = (size_t)(end - request->bytes);
    fputs("> ", stdout);
    cli_stdout_clean(request->bytes, len < LINE_BYTES_MAX ? len : LINE_BYTES_MAX);
    puts("HTTP/2");
    return len + sizeof version - 1;
}

static void print_request(const struct pelt_request *request, bool http2)
{
    const char *end = memmem(request->bytes, request->len, "\r\n\r\n", 4);
    size_t head = end != NULL ? (size_t)(end - request->bytes) + 4 : request->len;
    const size_t line = http2 ? print_http2_line(request) : 0;
    print_head('>', pelt_span(request->bytes + line, head - line));
    print_body('>', pelt_span(request->bytes + head, request->len - head));
}

static void print_timing(const struct pelt_server_word *w, const struct pelt_sample *s)
{
    char server[32], rest[32];
    const uint64_t server_ns = w->server_us * 1000;
    pelt_format_duration(server_ns, server, sizeof server);
    pelt_format_duration(s->service_ns > server_ns ? s->service_ns - server_ns : 0, rest,
                         sizeof rest);
    printf("* server time %s of %zu %s, rest %s\n", server, w->entries,
           w->entries == 1 ? "entry" : "entries", rest);
}

static void print_cache(const struct pelt_server_word *w)
{
    printf("* cache %s, by %s", pelt_cache_result_name(w->cache), w->cache_field);
    if (w->aged) {
        printf(", age %u s", (unsigned)w->age_s);
    }
    puts("");
}

/* What the answer says of itself; and how to have it measured, where the scenario does not. */
static void print_word(const struct pelt_exchange *x)
{
    static const char *const ASK[] = {"", "observe = { \"server_timing\" }",
                                      "observe = { \"cache\" }",
                                      "observe = { \"server_timing\", \"cache\" }"};
    struct pelt_server_word w;
    pelt_server_word_read(&w, PELT_ABOUT_TIMING | PELT_ABOUT_CACHE, x->head, x->trailer);
    if (w.timed) {
        print_timing(&w, &x->sample);
    }
    if (w.cache != PELT_CACHE_NONE) {
        print_cache(&w);
    }
    unsigned said =
        (w.timed ? PELT_ABOUT_TIMING : 0u) | (w.cache != PELT_CACHE_NONE ? PELT_ABOUT_CACHE : 0u);
    if (said != 0 && x->request->observer == NULL) {
        printf("* to measure it: %s in the scenario\n", ASK[said]);
    }
}

void cli_exchange_print(struct cli_exchange_counts *n, const struct pelt_exchange *x)
{
    n->all++;
    n->not_ok += pelt_outcome_is_error(x->outcome);
    printf("\n* exchange %llu: %s", (unsigned long long)n->all, pelt_outcome_name(x->outcome));
    if (x->status != 0) {
        printf(", status %u, %llu bytes of body", x->status, (unsigned long long)x->body_bytes);
    }
    puts("");
    if (x->secured != NULL && !x->reused) {
        print_secured(x->secured);
    }
    print_request(x->request, x->head.len > 6 && memcmp(x->head.ptr, "HTTP/2", 6) == 0);
    print_head('<', x->head);
    print_body('<', x->body);
    print_head('<', x->trailer);
    if (x->error != NULL) {
        printf("* %s\n", x->error);
    }
    print_times(x);
    print_word(x);
    if (pelt_request_trace_id(x->request) != NULL) {
        printf("* trace id %.*s\n", PELT_TRACE_ID_LEN, pelt_request_trace_id(x->request));
    }
}
