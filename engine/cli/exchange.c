/*
 * exchange: see the header. What a server sends must not steer the terminal: control characters
 * show as '.'.
 */
#include "exchange.h"

#include "pelt/clock.h"
#include "pelt/units.h"
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

/* The first bytes of a body, line by line behind `mark`. */
static void print_body(char mark, struct pelt_span body)
{
    size_t shown = body.len < BODY_BYTES_MAX ? body.len : BODY_BYTES_MAX;
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

static void print_request(const struct pelt_request *request)
{
    const char *end = memmem(request->bytes, request->len, "\r\n\r\n", 4);
    size_t head = end != NULL ? (size_t)(end - request->bytes) + 4 : request->len;
    print_head('>', pelt_span(request->bytes, head));
    print_body('>', pelt_span(request->bytes + head, request->len - head));
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
    print_request(x->request);
    print_head('<', x->head);
    print_body('<', x->body);
    if (x->error != NULL) {
        printf("* %s\n", x->error);
    }
    print_times(x);
}
