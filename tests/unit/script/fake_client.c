#include "fake_client.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/crew.h"
#include "pelt/observer.h"
#include "pelt/wsconn.h"

struct pelt_origin {
    char host[256];
    bool https;
};

struct fake_call fake_calls[64];
size_t fake_calls_len;
size_t fake_calls_max;
int fake_sessions, fake_ended, fake_ended_error, fake_resumed;

static struct pelt_origin origins[64];
static size_t origins_len;

void fake_reset(void)
{
    fake_calls_len = origins_len = 0;
    fake_calls_max = 64;
    fake_sessions = fake_ended = fake_ended_error = fake_resumed = 0;
}

uint32_t pelt_client_streams(const struct pelt_client *client)
{
    return 0;
}

void pelt_client_whose(struct pelt_client *client, pelt_whose_fn whose)
{
}

void pelt_client_foresee(struct pelt_client *client, pelt_foresee_fn foresee)
{
}

enum pelt_status pelt_client_origin(struct pelt_client *client, const struct pelt_url *url,
                                    struct pelt_origin **out, struct pelt_error *err)
{
    if (pelt_span_eq(url->host, "further")) {
        return pelt_fail(err, PELT_ELIMIT, "one more than 1000 servers");
    }
    assert(origins_len < 64);
    struct pelt_origin *origin = &origins[origins_len];
    snprintf(origin->host, sizeof origin->host, "%.*s:%u", (int)url->host.len, url->host.ptr,
             url->port);
    origin->https = url->https;
    size_t i = 0;
    while (strcmp(origins[i].host, origin->host) != 0 || origins[i].https != url->https) {
        i++;
    }
    origins_len += i == origins_len;
    *out = &origins[i];
    return PELT_OK;
}

struct pelt_span pelt_origin_host(const struct pelt_origin *origin)
{
    return pelt_span_of(origin->host);
}

bool pelt_origin_by_proxy(const struct pelt_origin *origin)
{
    (void)origin;
    return false;
}

bool pelt_origin_https(const struct pelt_origin *origin)
{
    return origin->https;
}

enum pelt_status pelt_session_init(struct pelt_session *s, struct pelt_client *client)
{
    s->client = client;
    s->conns = NULL;
    fake_sessions++;
    return PELT_OK;
}

void pelt_session_deinit(struct pelt_session *s)
{
    fake_sessions -= s->client != NULL;
}

bool pelt_session_has_room(struct pelt_session *s)
{
    return fake_calls_len < fake_calls_max;
}

void pelt_session_call(struct pelt_session *s, const struct pelt_request *request, uint64_t due_ns,
                       uint64_t now_ns, pelt_done_fn done, void *arg)
{
    assert(fake_calls_len < 64);
    fake_calls[fake_calls_len++] = (struct fake_call){s, request, due_ns, now_ns, done, arg};
}

void pelt_session_cancel(struct pelt_session *s, enum pelt_outcome outcome, uint64_t now_ns)
{
    for (size_t i = 0; i < fake_calls_len;) {
        struct fake_call call = fake_calls[i];
        if (call.session != s) {
            i++;
        } else {
            memmove(&fake_calls[i], &fake_calls[i + 1], (fake_calls_len - i - 1) * sizeof call);
            fake_calls_len--;
            struct pelt_exchange x = {.request = call.request, .outcome = outcome};
            call.done(call.arg, &x);
        }
    }
}

static struct fake_call take_call(size_t i)
{
    struct fake_call call = fake_calls[i];
    memmove(&fake_calls[i], &fake_calls[i + 1], (fake_calls_len - i - 1) * sizeof call);
    fake_calls_len--;
    return call;
}

void pelt_stream_cancel(struct pelt_stream *s, enum pelt_outcome outcome, uint64_t now_ns)
{
    size_t i = 0;
    while (fake_calls[i].request->stream != s) {
        i++;
        assert(i < fake_calls_len);
    }
    fake_end(i, outcome, now_ns);
}

void pelt_observer_hear(struct pelt_conn *conn, struct pelt_span value)
{
}

void pelt_stream_resume(struct pelt_stream *s, uint64_t now_ns)
{
    assert(s->conn != NULL);
    fake_resumed++;
}

void fake_head(struct pelt_stream *s, const char *head, uint64_t sent_ns, uint64_t now_ns)
{
    s->conn = (struct pelt_conn *)s; /* not NULL */
    s->sent_ns = sent_ns;
    s->first_ns = now_ns;
    s->ops->head(s, (unsigned)strtoul(head + strlen("HTTP/1.1 "), NULL, 10), pelt_span_of(head),
                 now_ns);
}

void fake_end(size_t i, enum pelt_outcome outcome, uint64_t now_ns)
{
    struct fake_call call = take_call(i);
    struct pelt_exchange x = {.request = call.request,
                              .outcome = outcome,
                              .status = 200,
                              .error = outcome == PELT_OUTCOME_OK ? NULL : "as the test says",
                              .due_ns = call.due_ns};
    x.sample.done_ns = now_ns;
    x.sample.sent = true;
    call.done(call.arg, &x);
}

bool pelt_crew_stopping(const struct pelt_crew *crew)
{
    return false;
}

uint64_t pelt_crew_ends_ns(const struct pelt_vu *vu)
{
    return PELT_NEVER;
}

bool pelt_crew_wants(const struct pelt_vu *vu)
{
    return !vu->stopped;
}

void pelt_crew_ended(struct pelt_vu *vu, uint64_t now_ns, bool script_error)
{
    vu->running = false;
    fake_ended++;
    fake_ended_error += script_error;
}

static void add_quoted(struct pelt_buf *out, const char *text, size_t len)
{
    pelt_buf_add_str(out, "\"");
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            pelt_buf_add_str(out, "\\");
        }
        if ((unsigned char)text[i] < ' ') {
            pelt_buf_addf(out, "\\u%04x", (unsigned)text[i]);
            continue;
        }
        pelt_buf_add(out, &text[i], 1);
    }
    pelt_buf_add_str(out, "\"");
}

/* The fields as a JSON object; returns how many there are. */
static int add_headers(struct pelt_buf *out, const char *line, const char *end)
{
    const char *comma = "";
    int fields = 0;
    while (line < end) {
        const char *stop = strstr(line, "\r\n"), *colon = strchr(line, ':');
        char name[128];
        size_t len = (size_t)(colon - line);
        assert(len < sizeof name);
        for (size_t i = 0; i < len; i++) {
            name[i] = (char)tolower((unsigned char)line[i]);
        }
        pelt_buf_add_str(out, comma);
        add_quoted(out, name, len);
        pelt_buf_add_str(out, ":");
        add_quoted(out, colon + 2, (size_t)(stop - colon - 2));
        line = stop + 2;
        comma = ",";
        fields++;
    }
    return fields;
}

/* The echo of a request as JSON. */
static void echo(const struct pelt_request *request, struct pelt_buf *out)
{
    struct pelt_buf copy; /* NUL-terminated */
    pelt_buf_init(&copy, 0);
    pelt_buf_add(&copy, request->bytes, request->len);
    const char *space = strchr(copy.data, ' '), *target_end = strchr(space + 1, ' ');
    const char *lines = strstr(copy.data, "\r\n") + 2, *body = strstr(copy.data, "\r\n\r\n") + 4;
    pelt_buf_add_str(out, "{\"method\":");
    add_quoted(out, copy.data, (size_t)(space - copy.data));
    pelt_buf_add_str(out, ",\"target\":");
    add_quoted(out, space + 1, (size_t)(target_end - space - 1));
    pelt_buf_add_str(out, ",\"headers\":{");
    int fields = add_headers(out, lines, body - 2);
    pelt_buf_addf(out, "},\"fields\":%d,\"body\":", fields);
    add_quoted(out, body, (size_t)(copy.data + copy.len - body));
    pelt_buf_add_str(out, ",\"none\":null,\"list\":[1,2.5,\"three\",[]]}");
    pelt_buf_deinit(&copy);
}

/* The target behind the test's base path. */
static const char *target_of(const struct pelt_request *request)
{
    const char *target = (const char *)memchr(request->bytes, ' ', request->len) + 1;
    return strncmp(target, "/base/", 6) == 0 ? target + 5 : target;
}

static bool target_is(const struct pelt_request *request, const char *target)
{
    return strncmp(target_of(request), target, strlen(target)) == 0;
}

static uint16_t status_of(const struct pelt_request *request)
{
    static const char *const with[] = {"/status/", "/redirect/", "/away/"};
    for (size_t i = 0; i < 3; i++) {
        if (target_is(request, with[i])) {
            return (uint16_t)strtoul(target_of(request) + strlen(with[i]), NULL, 10);
        }
    }
    return 200;
}

/* What stands in the target behind the n-th '/'. */
static struct pelt_span rest_of(const struct pelt_request *request, int n)
{
    const char *at = target_of(request);
    for (; n > 0; n--) {
        at = strchr(at, '/') + 1;
    }
    return pelt_span(at, strcspn(at, " "));
}

/* A field of the answer's head that the target asks for. */
static void add_asked_field(const struct pelt_request *request, struct pelt_buf *head)
{
    if (target_is(request, "/cookie/")) {
        struct pelt_span text = rest_of(request, 2);
        pelt_buf_addf(head, "Set-Cookie: %.*s\r\n", (int)text.len, text.ptr);
    } else if (target_is(request, "/redirect/") || target_is(request, "/away/")) {
        struct pelt_span rest = rest_of(request, 3);
        const char *to = !target_is(request, "/away/")                          ? "/base"
                         : rest.len >= 7 && memcmp(rest.ptr, "further", 7) == 0 ? "http://further"
                                                                                : "http://other";
        pelt_buf_addf(head, "Location: %s/%.*s\r\n", to, (int)rest.len, rest.ptr);
    } else if (target_is(request, "/decoded")) {
        pelt_buf_addf(head, "X-Decoded: %s\r\n", request->decode ? "yes" : "no");
    }
}

static bool is_ok(const struct pelt_request *request, uint16_t status)
{
    bool ok = status >= 200 && status < 400;
    for (uint16_t i = 0; i < request->expect_len; i++) {
        ok = ok || request->expect[i] == status;
    }
    return ok;
}

bool fake_answer(void)
{
    if (fake_calls_len == 0) {
        return false;
    }
    struct fake_call call = fake_calls[0];
    const struct pelt_request *request = call.request;
    memmove(fake_calls, fake_calls + 1, --fake_calls_len * sizeof call);
    struct pelt_exchange x = {.request = request, .due_ns = call.due_ns};
    struct pelt_buf body, head;
    pelt_buf_init(&body, 0);
    pelt_buf_init(&head, 0);
    if (target_is(request, "/refused")) {
        x.outcome = PELT_OUTCOME_CONNECT;
    } else {
        x.status = status_of(request);
        x.outcome = is_ok(request, x.status) ? PELT_OUTCOME_OK : PELT_OUTCOME_HTTP_STATUS;
        pelt_buf_addf(&head, "HTTP/1.1 %u OK\r\nContent-Type: application/json\r\nX-Two: a\r\n",
                      x.status);
        add_asked_field(request, &head);
        pelt_buf_add(&head, "\r\n", 2);
        if (target_is(request, "/text")) {
            pelt_buf_add_str(&body, "plain text");
        } else if (target_is(request, "/wide")) {
            pelt_buf_add_str(&body, "{\"id\":12345678901234567890,\"one\":1}");
        } else {
            echo(request, &body);
        }
        x.body_bytes = body.len;
        if (request->cookies && target_is(request, "/cookie/")) {
            x.set_cookie = pelt_span(head.data, head.len);
        }
        x.body_cut = request->keep && body.len > request->body_max;
        if (request->keep) {
            x.head = pelt_span(head.data, head.len);
            x.body = pelt_span(body.data, x.body_cut ? request->body_max : body.len);
        }
    }
    x.sample.done_ns = call.now_ns + 5 * PELT_NS_PER_MS;
    x.sample.response_ns = 5 * PELT_NS_PER_MS;
    x.sample.service_ns = 4 * PELT_NS_PER_MS;
    x.sample.sent = x.status != 0;
    if (request->stream != NULL && x.status != 0) { /* all of it in one receive */
        fake_head(request->stream, head.data, call.now_ns, x.sample.done_ns);
        request->stream->ops->piece(request->stream, body.data, body.len, x.sample.done_ns);
    }
    call.done(call.arg, &x);
    pelt_buf_deinit(&body);
    pelt_buf_deinit(&head);
    return true;
}

const struct pelt_timeouts pelt_timeouts_default = {
    .connect_ns = 10 * PELT_NS_PER_S,
    .first_byte_ns = 60 * PELT_NS_PER_S,
    .total_ns = 120 * PELT_NS_PER_S,
};

/* ---- WebSockets: none ever opens ---- */

void pelt_wsset_init(struct pelt_wsset *set, struct pelt_client *client,
                     void (*wake)(void *arg, uint64_t now_ns), void *arg)
{
}

void pelt_wsset_cancel(struct pelt_wsset *set, enum pelt_outcome outcome, uint64_t now_ns)
{
}

void pelt_wsset_close(struct pelt_wsset *set, unsigned code, uint64_t now_ns)
{
}

void pelt_wsset_hurry(struct pelt_wsset *set, uint64_t now_ns)
{
}

void pelt_wsset_leave(struct pelt_wsset *set, uint64_t now_ns)
{
}

bool pelt_wsconn_open(struct pelt_wsset *set, const struct pelt_wsconn_call *call)
{
    return false;
}

void pelt_wsconn_release(struct pelt_wsconn *ws, uint64_t now_ns)
{
}

enum pelt_wsconn_state pelt_wsconn_state(const struct pelt_wsconn *ws)
{
    return PELT_WSCONN_CLOSED;
}

void pelt_wsconn_wait(struct pelt_wsconn *ws, uint64_t until_ns, bool feed)
{
}

bool pelt_wsconn_peek(const struct pelt_wsconn *ws, size_t *at, struct pelt_wsconn_message *out)
{
    return false;
}

size_t pelt_wsconn_behind(const struct pelt_wsconn *ws, size_t at)
{
    return at;
}

void pelt_wsconn_take(struct pelt_wsconn *ws, size_t at)
{
}

void pelt_wsconn_read_on(struct pelt_wsconn *ws, uint64_t now_ns)
{
}

enum pelt_wsconn_sent pelt_wsconn_send(struct pelt_wsconn *ws, struct pelt_span data, bool binary,
                                       uint64_t *sent_ns)
{
    return PELT_WSCONN_GONE;
}

enum pelt_wsconn_sent pelt_wsconn_ping(struct pelt_wsconn *ws, uint64_t *sent_ns)
{
    return PELT_WSCONN_GONE;
}

uint64_t pelt_wsconn_sent_ns(const struct pelt_wsconn *ws, uint64_t sent_ns)
{
    return sent_ns;
}

uint64_t pelt_wsconn_pong_ns(const struct pelt_wsconn *ws)
{
    return 0;
}

enum pelt_status pelt_wsconn_close(struct pelt_wsconn *ws, unsigned code, struct pelt_span reason,
                                   uint64_t now_ns)
{
    return PELT_OK;
}

const struct pelt_wsconn_end *pelt_wsconn_end(const struct pelt_wsconn *ws)
{
    return NULL;
}

void pelt_wsconn_rtt(struct pelt_wsconn *ws, uint64_t ns, uint64_t now_ns)
{
}

void pelt_wsconn_gap(struct pelt_wsconn *ws, uint64_t ns, uint64_t now_ns)
{
}

void pelt_wsconn_timed_out(struct pelt_wsconn *ws, uint64_t now_ns)
{
}
