/*
 * web: see the header. `lock` guards all that both threads touch: the feed, who reads it, the texts
 * of /metrics. It is held while some bytes are copied, never while anything is made, sent or waited
 * for.
 *
 * A viewer for whom there is nothing is suspended, and resumed by who puts something. So is a
 * scrape of /metrics: the figures are the control thread's, which writes them down the next time
 * that it comes by (twice a second), and only if somebody asked.
 */
#include "pelt/web.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "feed.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/page.h"
#include "pelt/rows.h"
#include "picture.h"
#include "scrape.h"

#define BACKLOG          64
#define CONNECTIONS_MAX  (PELT_WEB_VIEWERS + 16)
#define CONNECTION_BYTES ((size_t)16 * 1024)
#define SEND_BYTES       (64 * 1024) /* that the kernel may hold for a connection */
#define THREAD_STACK     ((size_t)256 * 1024)
#define IDLE_S           30u
#define STREAM_IDLE_S    120u /* of a viewer that does not read */
#define STREAM_BLOCK     8192
#define FAREWELL_TRIES   60
#define FAREWELL_NS      5000000
#define STATUS_EVERY_NS  (1200 * PELT_NS_PER_MS) /* where no second does it */
#define TICKS_STOPPED_NS (2 * PELT_NS_PER_S)     /* so long without a tick: nobody would write */

#define JSON_TYPE "application/json"
#define FORMS     (REPORT_EXPOSITION_OPENMETRICS + 1)

struct visitor { /* a connection that reads the feed, or waits for figures */
    struct pelt_web *web;
    struct MHD_Connection *connection; /* NULL: this place is free */
    bool is_stream, is_suspended;
    struct live_feed_reader reader;
};

struct pelt_web {
    pthread_mutex_t lock;
    struct live_feed feed;
    struct visitor visitors[CONNECTIONS_MAX];
    uint64_t viewers;               /* streams */
    struct pelt_buf metrics[FORMS]; /* newest, by form; empty: none */
    bool metrics_asked;             /* since they were made */
    uint64_t tick_ns;               /* when figures could be made last */
    bool no_ticks;                  /* setup or teardown runs: figures come once, at its begin */
    bool ending;

    struct pelt_addr addr;
    int fd; /* of listening; the daemon's once that has started */
    struct MHD_Daemon *daemon;
    char *page; /* bytes of "/" */
    size_t page_len;

    /* control's alone */
    struct live_picture picture;
    enum pelt_phase phase;
    uint64_t status_ns;
    char *status; /* the newest one, as text */
};

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct MHD_Response *response)
{
    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *copy(const char *bytes, size_t len)
{
    return MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
}

/* `{"error": line}`; `line` is ours. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *line)
{
    char *text = NULL;
    json_t *o = json_pack("{s:o}", "error", report_json_text(line));
    text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    struct MHD_Response *response = text != NULL ? copy(text, strlen(text)) : NULL;
    free(text);
    if (response != NULL && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    return answer(connection, status, JSON_TYPE, response);
}

/* ---- visitors: under the lock ---- */

static struct visitor *visitor_new(struct pelt_web *w, struct MHD_Connection *connection)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (w->visitors[i].connection == NULL) {
            w->visitors[i] = (struct visitor){.web = w, .connection = connection};
            return &w->visitors[i];
        }
    }
    return NULL;
}

static void visitor_free(struct visitor *v)
{
    if (v->is_stream) {
        live_feed_close(&v->web->feed, &v->reader);
        v->web->viewers--;
    }
    *v = (struct visitor){0};
}

static void suspend(struct visitor *v)
{
    v->is_suspended = true;
    MHD_suspend_connection(v->connection);
}

static void resume_all(struct pelt_web *w)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (w->visitors[i].is_suspended) {
            w->visitors[i].is_suspended = false;
            MHD_resume_connection(w->visitors[i].connection);
        }
    }
}

/* ---- /events ---- */

static ssize_t on_wanted(void *cls, uint64_t position, char *into, size_t size)
{
    struct visitor *v = cls;
    struct pelt_web *w = v->web;
    pthread_mutex_lock(&w->lock);
    const size_t len = live_feed_read(&w->feed, &v->reader, into, size);
    const bool over = len == 0 && (w->feed.ended || w->ending);
    if (len == 0 && !over) {
        suspend(v);
    }
    pthread_mutex_unlock(&w->lock);
    return over ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

static const char *field(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A place among the viewers; NULL: there is none. */
static struct visitor *open_stream(struct pelt_web *w, struct MHD_Connection *connection)
{
    pthread_mutex_lock(&w->lock);
    struct visitor *v =
        w->viewers < PELT_WEB_VIEWERS && !w->ending ? visitor_new(w, connection) : NULL;
    if (v != NULL) {
        v->is_stream = true;
        w->viewers++;
        live_feed_open(&w->feed, &v->reader, field(connection, "Last-Event-ID"));
    }
    pthread_mutex_unlock(&w->lock);
    return v;
}

static enum MHD_Result answer_events(struct pelt_web *w, struct MHD_Connection *connection,
                                     void **request)
{
    struct visitor *v = open_stream(w, connection);
    if (v == NULL) {
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "32 viewers are here already, and no more are served");
    }
    *request = v;
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, STREAM_IDLE_S);
    return answer(
        connection, MHD_HTTP_OK, "text/event-stream",
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_wanted, v, NULL));
}

/* ---- /metrics ---- */

/* With the lock held: figures are there that nobody has to wait for. */
static bool has_metrics(const struct pelt_web *w)
{
    const bool nobody_writes = pelt_clock_ns() - w->tick_ns > TICKS_STOPPED_NS;
    return !w->metrics_asked || nobody_writes || w->no_ticks || w->feed.ended || w->ending;
}

static enum MHD_Result answer_metrics(struct pelt_web *w, struct MHD_Connection *connection,
                                      void **request)
{
    static const char none[] = "# EOF\n"; /* before the load */
    const enum report_exposition_form form =
        live_scrape_wanted(field(connection, MHD_HTTP_HEADER_ACCEPT));
    struct visitor *v = *request;
    struct MHD_Response *response = NULL;
    pthread_mutex_lock(&w->lock);
    if (v == NULL) {
        *request = v = visitor_new(w, connection);
        w->metrics_asked = true;
    }
    const bool waits = v != NULL && !has_metrics(w);
    if (waits) {
        suspend(v); /* and is called again when it was resumed */
    } else {
        const struct pelt_buf *text = &w->metrics[form];
        response = text->len > 0 ? copy(text->data, text->len) : copy(none, strlen(none));
    }
    pthread_mutex_unlock(&w->lock);
    return waits ? MHD_YES : answer(connection, MHD_HTTP_OK, live_scrape_type(form), response);
}

/* ---- /api/v1 ---- */

struct query { /* a window of seconds */
    int64_t from, to;
    struct pelt_error error; /* empty: all was understood */
};

static bool parse_int(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && (text[0] == '-' || text[0] <= '9');
}

static enum MHD_Result on_query_key(void *cls, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct query *q = cls;
    int64_t *of = strcmp(key, "from") == 0 ? &q->from : strcmp(key, "to") == 0 ? &q->to : NULL;
    if (of == NULL) {
        pelt_fail(&q->error, PELT_EINVAL, "no \"%.50s\" here: from, to (whole seconds)", key);
    } else if (value == NULL || !parse_int(value, of)) {
        pelt_fail(&q->error, PELT_EINVAL, "%s=%.50s: a whole number of seconds", key,
                  value != NULL ? value : "");
    }
    return q->error.text[0] != '\0' ? MHD_NO : MHD_YES;
}

/* The texts that are kept, of seconds in the window, or of everything else. Held: to be dropped. */
static size_t hold_texts(struct pelt_web *w, const struct query *q, bool of_seconds,
                         struct live_feed_text **texts)
{
    size_t len = 0;
    pthread_mutex_lock(&w->lock);
    for (uint64_t k = w->feed.first; k < w->feed.next; k++) {
        struct live_feed_text *text = w->feed.ring[k % LIVE_FEED_ENTRIES];
        const bool second = text->t != LIVE_FEED_NO_SECOND;
        if (second == of_seconds && (!second || (text->t >= q->from && text->t < q->to))) {
            texts[len++] = live_feed_hold(text);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return len;
}

static void add_texts(struct pelt_buf *out, const char *name, struct live_feed_text *const *texts,
                      size_t len)
{
    pelt_buf_addf(out, "{\"%s\": [", name);
    for (size_t i = 0; i < len; i++) {
        pelt_buf_add_str(out, i == 0 ? "\n" : ",\n");
        pelt_buf_add(out, texts[i]->bytes + texts[i]->json_at, texts[i]->json_len);
    }
    pelt_buf_add_str(out, "\n]}\n");
}

static enum MHD_Result answer_texts(struct pelt_web *w, struct MHD_Connection *connection,
                                    const char *name, bool of_seconds)
{
    struct query q = {.from = 0, .to = INT64_MAX};
    struct live_feed_text **texts = calloc(LIVE_FEED_ENTRIES, sizeof *texts);
    struct pelt_buf out;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_query_key, &q);
    if (q.error.text[0] != '\0' || texts == NULL) {
        free(texts);
        return refuse(connection,
                      q.error.text[0] != '\0' ? MHD_HTTP_BAD_REQUEST
                                              : MHD_HTTP_INTERNAL_SERVER_ERROR,
                      q.error.text[0] != '\0' ? q.error.text : "out of memory");
    }
    const size_t len = hold_texts(w, &q, of_seconds, texts);
    pelt_buf_init(&out, 0);
    add_texts(&out, name, texts, len);
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < len; i++) {
        live_feed_drop(texts[i]);
    }
    pthread_mutex_unlock(&w->lock);
    struct MHD_Response *response = out.failed ? NULL : copy(out.data, out.len);
    pelt_buf_deinit(&out);
    free(texts);
    return answer(connection, MHD_HTTP_OK, JSON_TYPE, response);
}

static enum MHD_Result answer_seconds(struct pelt_web *w, struct MHD_Connection *connection,
                                      void **request)
{
    return answer_texts(w, connection, "seconds", true);
}

static enum MHD_Result answer_happened(struct pelt_web *w, struct MHD_Connection *connection,
                                       void **request)
{
    return answer_texts(w, connection, "events", false);
}

static enum MHD_Result answer_status(struct pelt_web *w, struct MHD_Connection *connection,
                                     void **request)
{
    static const char none[] = "{\"phase\":\"setup\"}";
    pthread_mutex_lock(&w->lock);
    const struct live_feed_text *text = w->feed.status;
    struct MHD_Response *response =
        text != NULL ? copy(text->bytes + text->json_at, text->json_len) : copy(none, strlen(none));
    pthread_mutex_unlock(&w->lock);
    return answer(connection, MHD_HTTP_OK, JSON_TYPE, response);
}

/* ---- the page ---- */

static enum MHD_Result answer_page(struct pelt_web *w, struct MHD_Connection *connection,
                                   void **request)
{
    return answer(connection, MHD_HTTP_OK, "text/html; charset=utf-8",
                  MHD_create_response_from_buffer(w->page_len, w->page, MHD_RESPMEM_PERSISTENT));
}

/* ---- requests ---- */

static const struct route {
    const char *path;
    enum MHD_Result (*answer)(struct pelt_web *w, struct MHD_Connection *connection,
                              void **request);
} routes[] = {
    {"/", answer_page},
    {"/events", answer_events},
    {"/metrics", answer_metrics},
    {"/api/v1/status", answer_status},
    {"/api/v1/seconds", answer_seconds},
    {"/api/v1/events", answer_happened},
};

static bool has_body(struct MHD_Connection *connection)
{
    const char *length = field(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length != NULL && strcmp(length, "0") != 0) ||
           field(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

/* NULL: it may be answered. */
static const char *objection(struct MHD_Connection *connection, const char *path,
                             const char *method, unsigned *status)
{
    const char *host = field(connection, MHD_HTTP_HEADER_HOST);
    const char *origin = field(connection, MHD_HTTP_HEADER_ORIGIN);
    const bool is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    *status = MHD_HTTP_FORBIDDEN;
    if (!pelt_loopback_host(host)) {
        return "the Host is no loopback name or address: ask for 127.0.0.1, [::1] or localhost";
    }
    if (origin != NULL && !pelt_loopback_origin(origin, host)) {
        return "pages of other sites may not ask: their Origin is refused";
    }
    *status = MHD_HTTP_METHOD_NOT_ALLOWED;
    if (!is_head && strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        return "only GET and HEAD: nothing here can be changed";
    }
    if (is_head && strcmp(path, "/events") == 0) {
        return "events have no HEAD: GET them";
    }
    *status = MHD_HTTP_BAD_REQUEST;
    return has_body(connection) ? "a GET has no body here" : NULL;
}

/* First without a mark in `request`, when the head is there: what is refused then ends the
 * connection behind it. Then to be answered, again if it was suspended. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **request)
{
    static char met;
    unsigned status;
    if (*request == NULL) {
        const char *why = objection(connection, path, method, &status);
        *request = &met;
        return why != NULL ? refuse(connection, status, why) : MHD_YES;
    }
    if (*body_bytes > 0) {
        return MHD_NO;
    }
    *request = *request == &met ? NULL : *request;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(path, routes[i].path) == 0) {
            return routes[i].answer(cls, connection, request);
        }
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND,
                  "no such page: / /events /metrics /api/v1/status /api/v1/seconds?from=&to= "
                  "/api/v1/events");
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct pelt_web *w = cls;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (w->visitors[i].connection == connection) {
            visitor_free(&w->visitors[i]);
        }
    }
    pthread_mutex_unlock(&w->lock);
}

/* ---- from the control thread ---- */

static uint64_t now_audience(struct pelt_web *w, struct live_audience *out)
{
    pthread_mutex_lock(&w->lock);
    out->viewers = w->viewers;
    out->missed = w->feed.missed;
    pthread_mutex_unlock(&w->lock);
    return pelt_clock_ns();
}

/* Takes `json` (NULL: memory was out, and viewers see a gap). */
static void put_status(struct pelt_web *w, char *json)
{
    if (json == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    if (live_feed_set_status(&w->feed, json) == PELT_OK) {
        resume_all(w);
    }
    pthread_mutex_unlock(&w->lock);
    free(w->status);
    w->status = json;
}

static void put(struct pelt_web *w, const char *event, int32_t t, char *json)
{
    pthread_mutex_lock(&w->lock);
    if (json != NULL && live_feed_put(&w->feed, event, t, json) == PELT_OK) {
        resume_all(w);
    }
    pthread_mutex_unlock(&w->lock);
    free(json);
}

static void meet(struct pelt_web *w, const struct pelt_live *live)
{
    if (w->feed.run[0] == '\0' && live->run_id != NULL) {
        pthread_mutex_lock(&w->lock);
        live_feed_name(&w->feed, live->run_id);
        pthread_mutex_unlock(&w->lock);
    }
}

static void make_status(struct pelt_web *w, const struct pelt_live *live)
{
    struct live_audience audience;
    w->status_ns = now_audience(w, &audience);
    w->phase = live->phase;
    put_status(w, live_picture_status(&w->picture, live, &audience));
}

static void write_metrics(const struct pelt_live *live, enum report_exposition_form form,
                          struct pelt_buf *out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    if (file == NULL) {
        return;
    }
    const bool fine = live_scrape_write(live, form, file) == PELT_OK;
    if (fclose(file) == 0 && fine) {
        pelt_buf_add(out, text, len);
    }
    free(text);
}

/* What somebody asked for, made without the lock; and the last ones, for who asks when nobody makes
 * any. */
static void make_metrics(struct pelt_web *w, const struct pelt_live *live)
{
    struct pelt_buf made[FORMS] = {0}, old[FORMS];
    pthread_mutex_lock(&w->lock);
    w->no_ticks = live->phase == PELT_PHASE_SETUP || live->phase == PELT_PHASE_TEARDOWN;
    const bool asked = w->metrics_asked || w->no_ticks;
    w->tick_ns = pelt_clock_ns();
    pthread_mutex_unlock(&w->lock);
    if (!asked) {
        return;
    }
    write_metrics(live, REPORT_EXPOSITION_TEXT, &made[REPORT_EXPOSITION_TEXT]);
    write_metrics(live, REPORT_EXPOSITION_OPENMETRICS, &made[REPORT_EXPOSITION_OPENMETRICS]);
    pthread_mutex_lock(&w->lock);
    memcpy(old, w->metrics, sizeof old);
    memcpy(w->metrics, made, sizeof made);
    w->metrics_asked = false;
    resume_all(w);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < FORMS; i++) {
        pelt_buf_deinit(&old[i]);
    }
}

void pelt_web_live(void *web, const struct pelt_live *live)
{
    struct pelt_web *w = web;
    meet(w, live);
    make_metrics(w, live);
    if (w->status == NULL || live->phase != w->phase ||
        pelt_clock_ns() - w->status_ns >= STATUS_EVERY_NS) {
        make_status(w, live);
    }
}

void pelt_web_second(void *web, const struct pelt_live *live)
{
    struct pelt_web *w = web;
    meet(w, live);
    put(w, "second", live->second->second, live_picture_second(&w->picture, live));
    make_status(w, live);
}

void pelt_web_event(void *web, const struct pelt_live *live, const struct pelt_live_event *event)
{
    struct pelt_web *w = web;
    meet(w, live);
    put(w, "happened", LIVE_FEED_NO_SECOND, live_picture_event(event));
}

/* The last status, with the judgement. */
static char *final_status(const struct pelt_web *w, json_t *judgement)
{
    json_t *o = w->status != NULL ? json_loads(w->status, 0, NULL) : json_object();
    json_object_set_new(o, "phase", json_string("ended"));
    json_object_set(o, "judgement", judgement);
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(o);
    return text;
}

void pelt_web_end(struct pelt_web *w, const struct pelt_results *results, const char *why)
{
    json_t *judgement = results != NULL ? report_json_judgement(results)
                                        : json_pack("{s:o}", "failure", report_json_text(why));
    if (results != NULL) {
        json_object_set_new(judgement, "run_file", report_json_text(results->path));
    }
    char *status = final_status(w, judgement);
    put(w, "end", LIVE_FEED_NO_SECOND, status != NULL ? strdup(status) : NULL);
    put_status(w, status);
    json_decref(judgement);
    pthread_mutex_lock(&w->lock);
    live_feed_end(&w->feed);
    resume_all(w);
    pthread_mutex_unlock(&w->lock);
}

/* ---- start and end ---- */

static enum pelt_status make_page(struct pelt_web *w, struct pelt_error *err)
{
    FILE *file = open_memstream(&w->page, &w->page_len);
    if (file == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    const struct pelt_page page = {.title = "pelt", .script = pelt_page_live, .connect = "'self'"};
    enum pelt_status status = PELT_OK;
    if (pelt_page_available()) {
        status = pelt_page_write(&page, file, err);
    } else {
        fprintf(file,
                "<!doctype html><title>pelt</title><p>%s.<p>What there is without it: "
                "<a href=\"/api/v1/status\">/api/v1/status</a>, /api/v1/seconds, "
                "/api/v1/events, /events, /metrics\n",
                PELT_PAGE_MISSING);
    }
    if (fclose(file) != 0 && status == PELT_OK) {
        status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return status;
}

static enum pelt_status listen_on(struct pelt_web *w, struct pelt_error *err)
{
    char text[64];
    pelt_addr_format(&w->addr, text, sizeof text);
    w->fd = socket(w->addr.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd < 0) {
        return pelt_fail(err, PELT_EIO, "--web: cannot open a socket: %s", strerror(errno));
    }
    setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(w->fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BYTES}, sizeof(int)); /* inherited */
    if (bind(w->fd, &w->addr.u.sa, w->addr.len) != 0 || listen(w->fd, BACKLOG) != 0) {
        return pelt_fail(
            err, PELT_EINVAL,
            "--web: cannot listen on %s: %s; another port by --web 127.0.0.1:PORT, any "
            "free one by --web 0",
            text, strerror(errno));
    }
    w->addr.len = sizeof w->addr.u;
    getsockname(w->fd, &w->addr.u.sa, &w->addr.len);
    return PELT_OK;
}

/* Its thread hears no signals: they are the control thread's. */
static enum pelt_status start(struct pelt_web *w, struct pelt_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    w->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, w,
        MHD_OPTION_LISTEN_SOCKET, w->fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return w->daemon != NULL
               ? PELT_OK
               : pelt_fail(err, PELT_EIO, "--web: cannot begin to answer: %s", strerror(errno));
}

enum pelt_status pelt_web_new(const char *address, struct pelt_web **out, struct pelt_error *err)
{
    struct pelt_web *w = calloc(1, sizeof *w);
    struct pelt_error why = {{0}};
    if (w == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    w->fd = -1;
    pthread_mutex_init(&w->lock, NULL);
    live_feed_init(&w->feed, LIVE_FEED_BYTES_MAX);
    enum pelt_status status = live_address_parse(address, &w->addr, &why);
    if (status != PELT_OK) {
        pelt_fail(err, status, "--web: %s", why.text);
    }
    if (status == PELT_OK) {
        status = make_page(w, err);
    }
    if (status == PELT_OK) {
        status = listen_on(w, err);
    }
    if (status == PELT_OK) {
        status = start(w, err);
    }
    if (status != PELT_OK) {
        pelt_web_free(w);
        return status;
    }
    *out = w;
    return PELT_OK;
}

void pelt_web_url(const struct pelt_web *w, char out[PELT_WEB_URL_SIZE])
{
    char text[64];
    pelt_addr_format(&w->addr, text, sizeof text);
    snprintf(out, PELT_WEB_URL_SIZE, "http://%s/", text);
}

/* Who reads gets the end; who does not is not waited for. */
static void bid_farewell(struct pelt_web *w)
{
    uint64_t open = 1;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    resume_all(w);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < FAREWELL_TRIES && open > 0; i++) {
        pthread_mutex_lock(&w->lock);
        open = w->viewers;
        pthread_mutex_unlock(&w->lock);
        if (open > 0) {
            nanosleep(&(struct timespec){.tv_nsec = FAREWELL_NS}, NULL);
        }
    }
}

void pelt_web_free(struct pelt_web *w)
{
    if (w == NULL) {
        return;
    }
    if (w->daemon != NULL) {
        bid_farewell(w);
        MHD_stop_daemon(w->daemon); /* and closes the socket */
        w->fd = -1;
    }
    if (w->fd >= 0) {
        close(w->fd);
    }
    live_feed_deinit(&w->feed);
    for (int i = 0; i < FORMS; i++) {
        pelt_buf_deinit(&w->metrics[i]);
    }
    live_picture_deinit(&w->picture);
    pthread_mutex_destroy(&w->lock);
    free(w->status);
    free(w->page);
    free(w);
}
