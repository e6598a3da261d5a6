#include "fake_client.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/crew.h"

struct pelt_origin {
    char host[256];
};

struct fake_call fake_calls[64];
size_t fake_calls_len;
int fake_sessions, fake_ended, fake_ended_error;

static struct pelt_origin origins[64];
static size_t origins_len;

void fake_reset(void)
{
    fake_calls_len = origins_len = 0;
    fake_sessions = fake_ended = fake_ended_error = 0;
}

enum pelt_status pelt_client_origin(struct pelt_client *client, const struct pelt_url *url,
                                    struct pelt_origin **out, struct pelt_error *err)
{
    if (url->https) {
        return pelt_fail(err, PELT_EINVAL, "https is not there yet");
    }
    assert(origins_len < 64);
    struct pelt_origin *origin = &origins[origins_len++];
    snprintf(origin->host, sizeof origin->host, "%.*s:%u", (int)url->host.len, url->host.ptr,
             url->port);
    *out = origin;
    return PELT_OK;
}

struct pelt_span pelt_origin_host(const struct pelt_origin *origin)
{
    return pelt_span_of(origin->host);
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

void pelt_session_call(struct pelt_session *s, const struct pelt_request *request, uint64_t due_ns,
                       uint64_t now_ns, pelt_done_fn done, void *arg)
{
    assert(fake_calls_len < 64);
    fake_calls[fake_calls_len++] = (struct fake_call){s, request, due_ns, now_ns, done, arg};
}

void pelt_session_cancel(struct pelt_session *s, enum pelt_outcome outcome, uint64_t now_ns)
{
    for (size_t i = 0; i < fake_calls_len; i++) {
        struct fake_call call = fake_calls[i];
        if (call.session == s) {
            memmove(&fake_calls[i], &fake_calls[i + 1], (fake_calls_len - i - 1) * sizeof call);
            fake_calls_len--;
            struct pelt_exchange x = {.request = call.request, .outcome = outcome};
            call.done(call.arg, &x);
            return;
        }
    }
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
    const char *status = target_of(request) + strlen("/status/");
    return target_is(request, "/status/") ? (uint16_t)strtoul(status, NULL, 10) : 200;
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
    struct pelt_buf body;
    pelt_buf_init(&body, 0);
    if (target_is(request, "/refused")) {
        x.outcome = PELT_OUTCOME_CONNECT;
    } else {
        x.status = status_of(request);
        x.outcome = is_ok(request, x.status) ? PELT_OUTCOME_OK : PELT_OUTCOME_HTTP_STATUS;
        if (target_is(request, "/text")) {
            pelt_buf_add_str(&body, "plain text");
        } else {
            echo(request, &body);
        }
        x.body_bytes = body.len;
        x.body_cut = request->keep && body.len > request->body_max;
        if (request->keep) {
            x.head = pelt_span_of(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Two: a\r\n\r\n");
            x.body = pelt_span(body.data, x.body_cut ? request->body_max : body.len);
        }
    }
    x.sample.done_ns = call.now_ns + 5 * PELT_NS_PER_MS;
    x.sample.response_ns = 5 * PELT_NS_PER_MS;
    x.sample.service_ns = 4 * PELT_NS_PER_MS;
    x.sample.sent = x.status != 0;
    call.done(call.arg, &x);
    pelt_buf_deinit(&body);
    return true;
}
