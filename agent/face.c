/* face: see the header. */
#include "face.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "exposition.h"
#include "pages.h"
#include "pelt/clock.h"
#include "visitors.h"

#define BACKLOG        256
#define CROWDED        (FACE_CONNECTIONS_MAX - 8) /* from here on somebody has to go */
#define SEND_BYTES     (32 * 1024)                /* that the kernel may hold for a connection */
#define THREAD_STACK   ((size_t)256 * 1024)
#define STREAM_BLOCK   4096
#define FAREWELL_TRIES 40 /* of FAREWELL_NS: so long streams may take to hear of the end */
#define FAREWELL_NS    5000000
#define TLS_PRIORITIES "NORMAL:-VERS-TLS1.1:-VERS-TLS1.0" /* 1.2 and 1.3 */
#define JSON           "application/json"
#define NDJSON         "application/x-ndjson"
#define STREAM_TICK_NS UINT64_C(1000000000) /* where a client asks for none */

struct face {
    struct face_options options;
    int fd; /* of listening; the daemon's once that has started */
    struct MHD_Daemon *daemon;
    struct visitor visitors[FACE_CONNECTIONS_MAX];
    size_t open; /* visitors */
};

/* ---- answers ---- */

static enum MHD_Result queue(struct visitor *v, int status, const char *type,
                             struct MHD_Response *response)
{
    enum MHD_Result result;

    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    result = MHD_queue_response(v->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *copy(const struct page *p)
{
    return MHD_create_response_from_buffer(p->len, p->bytes, MHD_RESPMEM_MUST_COPY);
}

/* `{"error": line}`, with one more field where `header` is not NULL. */
static enum MHD_Result refuse(struct visitor *v, int status, const char *line, const char *header,
                              const char *value)
{
    char bytes[6 * 256 + 32];
    struct page page = {.bytes = bytes, .size = sizeof bytes};
    struct MHD_Response *response;

    pages_error(&page, line);
    response = copy(&page);
    if (response && header) {
        MHD_add_response_header(response, header, value);
    }
    return queue(v, status, JSON, response);
}

/* What was written into the sampler's page; the lock is taken, and given back. */
static enum MHD_Result send_page(struct visitor *v, int status, const char *type)
{
    struct sampler *s = v->face->options.sampler;
    struct MHD_Response *response = s->page.full ? NULL : copy(&s->page);

    pthread_mutex_unlock(&s->lock);
    return response ? queue(v, status, type, response)
                    : refuse(v, 500, "the page did not fit into memory", NULL, NULL);
}

static struct sampler *lock(const struct visitor *v)
{
    struct sampler *s = v->face->options.sampler;

    pthread_mutex_lock(&s->lock);
    return s;
}

static enum MHD_Result answer_info(struct visitor *v)
{
    struct sampler *s = lock(v);

    pages_info(&s->page, v->face->options.about, s);
    return send_page(v, 200, JSON);
}

/* It is there: the request is looked at again. Under the lock. */
static void on_fresh(void *of)
{
    struct visitor *v = of;

    v->wants = VISITOR_IS_SERVED;
    MHD_resume_connection(v->connection);
}

/* False: the end has come. */
static bool wait_for_fresh(struct visitor *v)
{
    struct sampler *s = lock(v);
    bool is_ending = s->streams.ending;

    if (!is_ending) {
        v->wants = VISITOR_WAITS;
        v->waiter = (struct sampler_waiter){.on_ready = on_fresh, .of = v};
        MHD_suspend_connection(v->connection);
        sampler_want(s, &v->waiter);
    }
    pthread_mutex_unlock(&s->lock);
    sampler_wake(s);
    return !is_ending;
}

static enum MHD_Result answer_sample(struct visitor *v)
{
    const char *fresh = MHD_lookup_connection_value(v->connection, MHD_GET_ARGUMENT_KIND, "fresh");

    if (fresh && strcmp(fresh, "1") != 0) {
        return refuse(v, 400, "fresh=1 asks for a sample of now; without it the newest one is told",
                      NULL, NULL);
    }
    if (fresh && v->wants != VISITOR_IS_SERVED) {
        return wait_for_fresh(v) ? MHD_YES : refuse(v, 503, "the agent ends", NULL, NULL);
    }
    v->wants = VISITOR_WANTS_NONE;
    sampler_write_newest(lock(v));
    return send_page(v, 200, JSON);
}

/* Not under the lock, so that nothing comes between the two times. */
static enum MHD_Result answer_clock(struct visitor *v)
{
    char bytes[128];
    struct page page = {.bytes = bytes, .size = sizeof bytes};

    pages_clock(&page, v->t2_ns, agent_clock_ns());
    return queue(v, 200, JSON, copy(&page));
}

static enum MHD_Result answer_metrics(struct visitor *v)
{
    enum exposition format = exposition_wanted(
        MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
    struct sampler *s = lock(v);
    struct exposition_about about = {
        .name = v->face->options.about->name, .streams = s->streams.open, .self = sampler_self(s)};

    s->page.len = 0;
    s->page.full = false;
    exposition_write(&s->page, format, &about, s->shown.figures);
    return send_page(v, 200, exposition_content_type(format));
}

static enum MHD_Result answer_health(struct visitor *v, enum health depth)
{
    struct sampler *s = lock(v);
    int status = pages_health(&s->page, depth, v->face->options.about, s, agent_clock_ns());

    return send_page(v, status, JSON);
}

static enum MHD_Result answer_health_brief(struct visitor *v)
{
    return answer_health(v, HEALTH_BRIEF);
}

static enum MHD_Result answer_health_live(struct visitor *v)
{
    return answer_health(v, HEALTH_LIVE);
}

static enum MHD_Result answer_health_ready(struct visitor *v)
{
    return answer_health(v, HEALTH_READY);
}

static enum MHD_Result answer_health_detailed(struct visitor *v)
{
    return answer_health(v, HEALTH_DETAILED);
}

/* ---- streams ---- */

struct stream_query {
    bool has[3];
    int64_t value[3];
    struct pelt_error error; /* empty: all was understood */
};

static const char *const stream_keys[] = {"epoch_ns", "tick_ns", "k"};
enum { EPOCH, TICK, K };

static bool parse_int(const char *text, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' &&
           (*text == '-' || (*text >= '0' && *text <= '9'));
}

static enum MHD_Result on_stream_key(void *cls, enum MHD_ValueKind kind, const char *key,
                                     const char *value)
{
    struct stream_query *query = cls;

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(key, stream_keys[i]) == 0) {
            query->has[i] = true;
            if (!value || !parse_int(value, &query->value[i])) {
                pelt_fail(&query->error, PELT_EINVAL, "%s=%.50s: a whole number", key,
                          value ? value : "");
            }
            return MHD_YES;
        }
    }
    pelt_fail(&query->error, PELT_EINVAL, "no \"%.50s\" here: epoch_ns, tick_ns, k", key);
    return MHD_NO;
}

static enum pelt_status read_grid(struct visitor *v, struct grid *grid, struct pelt_error *err)
{
    uint64_t now_ns = agent_clock_ns();
    struct stream_query query = {.value = {[EPOCH] = (int64_t)now_ns, [TICK] = STREAM_TICK_NS}};

    MHD_get_connection_values(v->connection, MHD_GET_ARGUMENT_KIND, on_stream_key, &query);
    if (query.error.text[0]) {
        return pelt_fail(err, PELT_EINVAL, "%s", query.error.text);
    }
    if (query.value[TICK] < 0) {
        query.value[TICK] = 0;
    }
    return grid_init(grid, query.value[EPOCH], (uint64_t)query.value[TICK],
                     query.has[K] ? &query.value[K] : NULL, now_ns, err);
}

/* Bytes wait, or the end has come. Under the lock. */
static void on_ready(void *of)
{
    struct visitor *v = of;

    if (v->is_suspended) {
        v->is_suspended = false;
        MHD_resume_connection(v->connection);
    }
}

static ssize_t on_wanted(void *cls, uint64_t position, char *into, size_t size)
{
    struct visitor *v = cls;
    struct sampler *s = lock(v);
    size_t len = stream_take(v->stream, into, size);
    bool is_ending = s->streams.ending;

    if (len == 0 && !is_ending) {
        v->is_suspended = true;
        MHD_suspend_connection(v->connection);
    }
    pthread_mutex_unlock(&s->lock);
    return len == 0 && is_ending ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

static bool open_stream(struct visitor *v, const struct grid *grid)
{
    struct sampler *s = lock(v);

    v->is_suspended = false;
    v->stream = s->streams.ending ? NULL : streams_open(&s->streams, grid, on_ready, v);
    pthread_mutex_unlock(&s->lock);
    return v->stream != NULL;
}

static void close_stream(struct visitor *v)
{
    if (v->stream) {
        struct sampler *s = lock(v);

        streams_close(&s->streams, v->stream);
        v->stream = NULL;
        v->is_suspended = false;
        pthread_mutex_unlock(&s->lock);
    }
}

static enum MHD_Result answer_stream(struct visitor *v)
{
    struct pelt_error err = {{0}};
    struct grid grid;
    enum MHD_Result result;

    if (read_grid(v, &grid, &err)) {
        return refuse(v, 400, err.text, NULL, NULL);
    }
    if (!open_stream(v, &grid)) {
        return refuse(v, 503, "64 streams are open, and no more are served", NULL, NULL);
    }
    MHD_set_connection_option(v->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                              (unsigned)FACE_STREAM_IDLE_S);
    result = queue(
        v, 200, NDJSON,
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_wanted, v, NULL));
    if (result == MHD_NO) {
        close_stream(v);
    }
    sampler_wake(v->face->options.sampler);
    return result;
}

/* ---- requests ---- */

static const struct route {
    const char *path;
    enum MHD_Result (*answer)(struct visitor *v);
} routes[] = {
    {"/v1/info", answer_info},
    {"/v1/sample", answer_sample},
    {"/v1/stream", answer_stream},
    {"/v1/clock", answer_clock},
    {"/metrics", answer_metrics},
    {"/health", answer_health_brief},
    {"/health/live", answer_health_live},
    {"/health/ready", answer_health_ready},
    {"/health/detailed", answer_health_detailed},
};

static const char *field(const struct visitor *v, const char *name)
{
    return MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, name);
}

static bool has_body(const struct visitor *v)
{
    const char *length = field(v, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return (length && strcmp(length, "0") != 0) || field(v, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static bool is_admitted(struct visitor *v, const char *method, const char *path,
                        struct face_refusal *refusal)
{
    const struct face_options *options = &v->face->options;
    struct face_request request = {
        .method = method,
        .path = path,
        .authorization = field(v, MHD_HTTP_HEADER_AUTHORIZATION),
        .host = field(v, MHD_HTTP_HEADER_HOST),
        .origin = field(v, MHD_HTTP_HEADER_ORIGIN),
        .fetch_site = field(v, "Sec-Fetch-Site"),
        .peer =
            MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
        .now_ns = v->t2_ns,
    };

    return !options->admits || options->admits(options->guard, &request, refusal);
}

/* When the head is there. What is refused here ends the connection behind it. */
static enum MHD_Result meet(struct visitor *v, const char *method, const char *path)
{
    struct face_refusal refusal = {0};
    bool is_head = strcmp(method, "HEAD") == 0;

    v->has_asked = true;
    v->is_busy = true;
    if (!is_admitted(v, method, path, &refusal)) {
        return refuse(v, refusal.status, refusal.why, refusal.header, refusal.value);
    }
    if ((!is_head && strcmp(method, "GET") != 0) || (is_head && strcmp(path, "/v1/stream") == 0)) {
        return refuse(v, 405, "only GET: nothing here can be changed", MHD_HTTP_HEADER_ALLOW,
                      "GET, HEAD");
    }
    if (has_body(v)) {
        return refuse(v, 400, "a GET has no body here", NULL, NULL);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **request)
{
    uint64_t t2_ns = agent_clock_ns();
    struct visitor *v =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    if (!v) {
        return MHD_NO;
    }
    if (!*request) {
        *request = v;
        v->t2_ns = t2_ns;
        return meet(v, method, path);
    }
    if (*body_bytes > 0) {
        return MHD_NO;
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(path, routes[i].path) == 0) {
            return routes[i].answer(v);
        }
    }
    return refuse(v, 404,
                  "no such page: /v1/info /v1/sample /v1/stream /v1/clock /metrics /health "
                  "/health/live /health/ready /health/detailed",
                  NULL, NULL);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct visitor *v = *request;

    if (v) {
        close_stream(v);
        v->is_busy = false;
        v->since_ns = agent_clock_ns();
    }
}

/* ---- connections ---- */

/* Somebody goes: the daemon finds the end of what it reads in its next turn. */
static void make_room(struct face *f)
{
    struct visitor *v = visitors_first_to_go(f->visitors, FACE_CONNECTIONS_MAX);

    if (v) {
        v->is_ending = true;
        shutdown(v->fd, SHUT_RDWR);
    }
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct face *f = cls;
    struct visitor *v = *context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (v) {
            *v = (struct visitor){0};
            f->open--;
        }
        return;
    }
    if (f->open >= CROWDED) {
        make_room(f);
    }
    v = visitors_take(f->visitors, FACE_CONNECTIONS_MAX);
    if (v) {
        *v = (struct visitor){
            .face = f,
            .connection = connection,
            .fd =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            .since_ns = agent_clock_ns(),
        };
        f->open++;
    }
    *context = v;
}

/* ---- start and end ---- */

static enum pelt_status listen_on(struct face *f, struct pelt_error *err)
{
    const struct pelt_addr *addr = &f->options.listen;
    char text[64];

    pelt_addr_format(addr, text, sizeof text);
    f->fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (f->fd < 0) {
        return pelt_fail(err, PELT_EIO, "cannot open a socket: %s", strerror(errno));
    }
    setsockopt(f->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(f->fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BYTES}, sizeof(int)); /* inherited */
    if (bind(f->fd, &addr->u.sa, addr->len) != 0 || listen(f->fd, BACKLOG) != 0) {
        return pelt_fail(err, PELT_EIO, "cannot listen on %s: %s; another with --listen", text,
                         strerror(errno));
    }
    return PELT_OK;
}

enum pelt_status face_new(const struct face_options *options, struct face **out,
                          struct pelt_error *err)
{
    struct face *f = calloc(1, sizeof *f);
    enum pelt_status status;

    if (!f) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    f->options = *options;
    f->fd = -1;
    status = listen_on(f, err);
    if (status) {
        face_free(f);
        return status;
    }
    *out = f;
    return PELT_OK;
}

void face_address(const struct face *f, struct pelt_addr *out)
{
    *out = f->options.listen;
    out->len = sizeof out->u;
    getsockname(f->fd, &out->u.sa, &out->len);
}

enum pelt_status face_start(struct face *f, struct pelt_error *err)
{
    const struct face_options *o = &f->options;
    bool is_tls = o->tls_certificate != NULL;
    struct MHD_OptionItem more[] = {
        {is_tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
         (void *)(uintptr_t)o->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };

    f->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (is_tls ? MHD_USE_TLS : 0), 0,
        NULL, NULL, on_request, f, MHD_OPTION_LISTEN_SOCKET, f->fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)FACE_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)FACE_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)FACE_IDLE_S,
        MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, f, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        f, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (!f->daemon) {
        return pelt_fail(err, PELT_EIO, "cannot begin to answer: %s",
                         is_tls ? "is the certificate's key the right one?" : strerror(errno));
    }
    return PELT_OK;
}

/* Streams get their last chunk, if their clients read; who waits for a sample gets the newest. */
static void bid_farewell(struct sampler *s)
{
    size_t open = STREAMS_MAX;

    pthread_mutex_lock(&s->lock);
    streams_end(&s->streams);
    pthread_mutex_unlock(&s->lock);
    sampler_let_go(s);
    for (int i = 0; i < FAREWELL_TRIES && open > 0; i++) {
        pthread_mutex_lock(&s->lock);
        open = s->streams.open;
        pthread_mutex_unlock(&s->lock);
        if (open > 0) {
            nanosleep(&(struct timespec){.tv_nsec = FAREWELL_NS}, NULL);
        }
    }
}

void face_stop(struct face *f)
{
    if (f->daemon) {
        bid_farewell(f->options.sampler);
        MHD_stop_daemon(f->daemon);
        f->daemon = NULL;
        f->fd = -1; /* the daemon closed it */
    }
}

void face_free(struct face *f)
{
    if (!f) {
        return;
    }
    face_stop(f);
    if (f->fd >= 0) {
        close(f->fd);
    }
    free(f);
}
