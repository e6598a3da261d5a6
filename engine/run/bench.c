/*
 * bench: see the header. One iteration is one exchange.
 */
#include "bench.h"

#include <stdlib.h>

#include "pelt/crew.h"
#include "pelt/http1_request.h"

struct bench_vu {
    struct pelt_vu base; /* first member */
    struct pelt_session session;
};

struct piped_vu {
    struct pelt_vu base;    /* first member */
    struct pelt_pipe *pipe; /* shared with its neighbours */
    bool owner;             /* of the pipe: the first of its users */
};

/* ---- the end of an exchange ---- */

static void call_again(struct pelt_vu *base, uint64_t now_ns);

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct pelt_vu *base = arg;
    if (__builtin_expect(x->outcome == PELT_OUTCOME_STALE_REUSE, 0) && x->request->stale_again) {
        call_again(base, x->sample.done_ns);
    } else {
        pelt_crew_ended(base, x->sample.done_ns, false);
    }
}

/* A pelt_whose_fn. */
static void bench_whose(pelt_done_fn done, void *arg, struct pelt_kept *k)
{
    if (done == on_done) { /* not that of a pipe, which many users share */
        const struct pelt_vu *vu = arg;
        k->has_user = true;
        k->user = vu->id;
        k->iteration = vu->iteration;
    }
}

/* ---- the request ---- */

static enum pelt_status split_header(const char *line, struct pelt_span *name,
                                     struct pelt_span *value, struct pelt_error *err)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL) {
        return pelt_fail(err, PELT_EINVAL, "--header \"%s\": expected \"Name: value\"", line);
    }
    *name = pelt_span(line, (size_t)(colon - line));
    *value = pelt_span_trim(pelt_span_of(colon + 1));
    return PELT_OK;
}

/* Adds all fields but Host, which stands behind the request line already. */
static enum pelt_status add_headers(struct pelt_buf *bytes, const char *const *headers,
                                    struct pelt_error *err)
{
    for (; headers != NULL && *headers != NULL; headers++) {
        struct pelt_span name, value;
        enum pelt_status status = split_header(*headers, &name, &value, err);
        if (status == PELT_OK && !pelt_span_eq_nocase(name, "Host")) {
            status = pelt_http1_request_field(bytes, name, value, err);
        }
        if (status != PELT_OK) {
            return status;
        }
    }
    return PELT_OK;
}

static bool find_header(const char *const *headers, const char *wanted, struct pelt_span *value)
{
    for (; headers != NULL && *headers != NULL; headers++) {
        struct pelt_span name;
        if (split_header(*headers, &name, value, NULL) == PELT_OK &&
            pelt_span_eq_nocase(name, wanted)) {
            return true;
        }
    }
    return false;
}

/* The Host to send: a --header's, else the origin's. */
static struct pelt_span host_of(const char *const *headers, const struct pelt_origin *origin)
{
    struct pelt_span value;
    return find_header(headers, "Host", &value) ? value : pelt_origin_host(origin);
}

static enum pelt_status build(struct pelt_bench_load *load, const struct pelt_bench *bench,
                              const struct pelt_url *url, const char *const *headers,
                              struct pelt_error *err)
{
    struct pelt_span method = pelt_span_of(bench->method);
    struct pelt_span body = pelt_span(bench->body, bench->body_len);
    enum pelt_status status = pelt_http1_request_begin(&load->bytes, method, url->target,
                                                       host_of(headers, load->request.origin), err);
    if (status == PELT_OK) {
        status = add_headers(&load->bytes, headers, err);
    }
    if (status == PELT_OK) {
        status = pelt_http1_request_end(&load->bytes, method, bench->body != NULL ? &body : NULL);
    }
    return status;
}

/* For pipelining, once the request is made. */
static enum pelt_status make_train(struct pelt_bench_load *load, uint32_t in_flight,
                                   struct pelt_error *err)
{
    load->depth = in_flight > 0 ? in_flight : 1;
    load->http2 = pelt_client_streams(load->client) > 0;
    if (load->depth == 1 || load->http2) {
        return PELT_OK;
    }
    if (load->request.close) {
        return pelt_fail(
            err, PELT_EINVAL,
            "--pipeline %u: the request says Connection: close, so no other can follow "
            "it on its connection: leave out one of them",
            load->depth);
    }
    if (pelt_origin_by_proxy(load->request.origin)) {
        return pelt_fail(err, PELT_EINVAL,
                         "--pipeline %u: a proxy hands on one request at a time: leave out one of "
                         "--pipeline and --proxy",
                         load->depth);
    }
    enum pelt_status status = pelt_train_init(&load->train, &load->request, load->depth);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "out of memory");
}

enum pelt_status pelt_bench_new(const struct pelt_bench *bench, uint32_t in_flight,
                                const char *const *headers, struct pelt_client *client,
                                struct pelt_registry *registry, struct pelt_bench_load **out,
                                struct pelt_error *err)
{
    struct pelt_url url;
    enum pelt_status status = pelt_url_parse(pelt_span_of(bench->url), &url, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_bench_load *load = calloc(1, sizeof(struct pelt_bench_load));
    if (load == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    load->client = client;
    pelt_client_whose(client, bench_whose);
    pelt_buf_init(&load->bytes, 0);
    status = pelt_client_origin(client, &url, &load->request.origin, err);
    if (status == PELT_OK) {
        status = build(load, bench, &url, headers, err);
    }
    if (status != PELT_OK) {
        pelt_bench_free(load);
        return status;
    }
    char name[PELT_NAME_MAX + 1];
    size_t name_len = pelt_series_name(bench->method, url.target, name);
    load->request.bytes = load->bytes.data;
    load->request.len = load->bytes.len;
    load->request.timeouts = pelt_timeouts_default;
    load->request.head = strcmp(bench->method, "HEAD") == 0;
    struct pelt_span connection;
    load->request.close =
        find_header(headers, "Connection", &connection) && pelt_span_eq_nocase(connection, "close");
    load->request.stale_again = bench->retry_stale;
    load->request.series =
        pelt_registry_intern(registry, PELT_NAME_REQUEST, pelt_span(name, name_len));
    status = make_train(load, in_flight, err);
    if (status != PELT_OK) {
        pelt_bench_free(load);
        return status;
    }
    *out = load;
    return PELT_OK;
}

void pelt_bench_free(struct pelt_bench_load *load)
{
    if (load != NULL) {
        pelt_train_deinit(&load->train);
        pelt_session_deinit(&load->way);
        pelt_buf_deinit(&load->bytes);
        free(load);
    }
}

/* ---- users with a connection of their own, or with streams on one ---- */

/* The first of `depth` users brings the connection. */
static enum pelt_status join(struct pelt_bench_load *load, struct pelt_session *s)
{
    enum pelt_status status = PELT_OK;
    if (load->way.client == NULL || load->joined == load->depth) {
        pelt_session_deinit(&load->way);
        status = pelt_session_init(&load->way, load->client);
        load->joined = 0;
        if (status != PELT_OK) {
            load->way = (struct pelt_session){.client = NULL};
            return status;
        }
        pelt_session_share(&load->way, NULL, load->request.origin);
    }
    load->joined++;
    pelt_session_share(s, &load->way, load->request.origin);
    return PELT_OK;
}

static struct pelt_vu *bench_create(void *ctx, uint64_t id)
{
    struct pelt_bench_load *load = ctx;
    struct bench_vu *vu = calloc(1, sizeof(struct bench_vu));
    if (vu == NULL || pelt_session_init(&vu->session, load->client) != PELT_OK) {
        free(vu);
        return NULL;
    }
    if (load->http2 && load->depth > 1 && join(load, &vu->session) != PELT_OK) {
        pelt_session_deinit(&vu->session);
        free(vu);
        return NULL;
    }
    return &vu->base;
}

static void bench_begin(struct pelt_vu *base, uint64_t due_ns, uint64_t now_ns)
{
    struct bench_vu *vu = (struct bench_vu *)base;
    const struct pelt_bench_load *load = pelt_crew_ops_ctx(base->crew);
    pelt_session_call(&vu->session, &load->request, due_ns, now_ns, on_done, base);
}

static void bench_cancel(struct pelt_vu *base, uint64_t now_ns)
{
    pelt_session_cancel(&((struct bench_vu *)base)->session, PELT_OUTCOME_UNFINISHED, now_ns);
}

static void bench_destroy(struct pelt_vu *base)
{
    struct bench_vu *vu = (struct bench_vu *)base;
    pelt_session_deinit(&vu->session);
    free(vu);
}

/* ---- users that share a connection: pipelining ---- */

/* The crew makes those of one connection one after the other, and destroys them together. */
static struct pelt_vu *piped_create(void *ctx, uint64_t id)
{
    struct pelt_bench_load *load = ctx;
    struct piped_vu *vu = calloc(1, sizeof(struct piped_vu));
    if (vu == NULL) {
        return NULL;
    }
    if (load->pipe == NULL || load->joined == load->depth) {
        struct pelt_pipe *pipe = pelt_pipe_new(&load->train, load->depth, on_done);
        if (pipe == NULL) {
            free(vu);
            return NULL;
        }
        load->pipe = pipe;
        load->joined = 0;
        vu->owner = true;
    }
    load->joined++;
    vu->pipe = load->pipe;
    return &vu->base;
}

static void piped_begin(struct pelt_vu *base, uint64_t due_ns, uint64_t now_ns)
{
    pelt_pipe_call(((struct piped_vu *)base)->pipe, due_ns, now_ns, base);
}

/* Those of the other users end with it. */
static void piped_cancel(struct pelt_vu *base, uint64_t now_ns)
{
    pelt_pipe_cancel(((struct piped_vu *)base)->pipe, PELT_OUTCOME_UNFINISHED, now_ns);
}

static void piped_destroy(struct pelt_vu *base)
{
    struct piped_vu *vu = (struct piped_vu *)base;
    if (vu->owner) {
        pelt_pipe_free(vu->pipe);
    }
    free(vu);
}

static bool is_piped(const struct pelt_bench_load *load)
{
    return load->depth > 1 && !load->http2;
}

/* The user's iteration goes on with an exchange of its own, due now. */
static void call_again(struct pelt_vu *base, uint64_t now_ns)
{
    (is_piped(pelt_crew_ops_ctx(base->crew)) ? piped_begin : bench_begin)(base, now_ns, now_ns);
}

const struct pelt_vu_ops *pelt_bench_ops(const struct pelt_bench_load *load)
{
    static const struct pelt_vu_ops own = {.create = bench_create,
                                           .begin = bench_begin,
                                           .cancel = bench_cancel,
                                           .destroy = bench_destroy};
    static const struct pelt_vu_ops piped = {.create = piped_create,
                                             .begin = piped_begin,
                                             .cancel = piped_cancel,
                                             .destroy = piped_destroy};
    return is_piped(load) ? &piped : &own;
}
