/*
 * tls: see the header; here what both libraries have in common: settings, the stages through which
 * records pass, and the transport.
 *
 * Input. One recv of the transport below fetches as many bytes of records as surely fit, as plain
 * text, into what the caller offers: its length less the part of a record that the library holds
 * already. So nothing stays behind in the thread's stage, and a connection at rest holds no bytes
 * that no poller would tell of. Only with little room (PELT_TRANSPORT_ROOM), and behind a
 * handshake's last record, bytes are left; then they are the connection's (`in`).
 *
 * Output. Records gather in the thread's stage until a call ends, or waits for the peer, and go out
 * by one send; the last ones of a handshake (TLS 1.3, and resumed 1.2) with what is sent first.
 * What the transport below does not take is kept by the connection (`out`), and the bytes of the
 * caller in it are told to be moved only when all of their records are: a caller sends the same
 * bytes again, as with a plain transport, and they are not looked at again.
 *
 * Between two calls of a thread both stages are empty.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls_backend.h"

#define HANDSHAKE_FETCH_BYTES 16384 /* leftovers fit into PELT_TRANSPORT_ROOM */

/* ---- names ---- */

static const struct {
    uint16_t version;
    const char *text, *name;
} versions[] = {
    {PELT_TLS_1_0, "1.0", "TLS 1.0"},
    {PELT_TLS_1_1, "1.1", "TLS 1.1"},
    {PELT_TLS_1_2, "1.2", "TLS 1.2"},
    {PELT_TLS_1_3, "1.3", "TLS 1.3"},
};

bool pelt_tls_version_parse(const char *text, uint16_t *out)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(text, versions[i].text) == 0) {
            *out = versions[i].version;
            return true;
        }
    }
    return false;
}

const char *pelt_tls_version_name(uint16_t version)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (versions[i].version == version) {
            return versions[i].name;
        }
    }
    return "TLS";
}

static const struct pelt_tls_backend *const backends[] = {
    [PELT_TLS_MBEDTLS] = &pelt_tls_mbedtls,
    [PELT_TLS_OPENSSL] = &pelt_tls_openssl,
};

bool pelt_tls_library_parse(const char *name, enum pelt_tls_library *out)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        if (strcmp(name, backends[i]->option) == 0) {
            *out = (enum pelt_tls_library)i;
            return true;
        }
    }
    return false;
}

const char *pelt_tls_library_name(enum pelt_tls_library library)
{
    return backends[library]->name();
}

/* ---- settings ---- */

static enum pelt_status take_versions(struct pelt_tls *tls, const struct pelt_tls_settings *s,
                                      struct pelt_error *err)
{
    const struct pelt_tls_backend *lib = tls->backend;
    tls->version_max = s->version_max != 0 ? s->version_max : lib->version_max;
    tls->version_min = s->version_min != 0               ? s->version_min
                       : tls->version_max < PELT_TLS_1_2 ? tls->version_max
                                                         : PELT_TLS_1_2;
    if (tls->version_min > tls->version_max && s->version_max != 0) {
        return pelt_fail(err, PELT_EINVAL, "TLS versions from %s to %s: there is none",
                         pelt_tls_version_name(tls->version_min) + 4,
                         pelt_tls_version_name(tls->version_max) + 4);
    }
    if (tls->version_min > lib->version_max) {
        return pelt_fail(err, PELT_EINVAL, "%s speaks up to %s, not %s: try --tls openssl",
                         lib->name(), pelt_tls_version_name(lib->version_max),
                         pelt_tls_version_name(tls->version_min));
    }
    if (tls->version_max < lib->version_min) {
        return pelt_fail(err, PELT_EINVAL, "%s speaks %s and up, not %s: try --tls openssl",
                         lib->name(), pelt_tls_version_name(lib->version_min),
                         pelt_tls_version_name(tls->version_max));
    }
    if (tls->version_max > lib->version_max) {
        tls->version_max = lib->version_max;
    }
    if (tls->version_min < lib->version_min) {
        tls->version_min = lib->version_min;
    }
    return PELT_OK;
}

/* A list of one version's ciphers leaves that version alone. */
static enum pelt_status narrow_versions(struct pelt_tls *tls, struct pelt_error *err)
{
    const struct pelt_tls_ciphers *c = &tls->ciphers;
    uint16_t max = tls->version_max;
    if (c->len > 0 && c->suites == NULL && max > PELT_TLS_1_2) {
        tls->version_max = PELT_TLS_1_2;
    }
    if (c->len > 0 && c->list == NULL && tls->version_min < PELT_TLS_1_3) {
        tls->version_min = PELT_TLS_1_3;
    }
    if (tls->version_min > tls->version_max) {
        return pelt_fail(err, PELT_EINVAL, "none of the ciphers is for %s%s",
                         pelt_tls_version_name(max),
                         tls->backend->version_max < PELT_TLS_1_3 ? ": try --tls openssl" : "");
    }
    return PELT_OK;
}

void pelt_tls_free(struct pelt_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    tls->backend->shared_free(tls);
    pelt_tls_ciphers_deinit(&tls->ciphers);
    pelt_tls_files_deinit(&tls->files);
    free(tls);
}

static enum pelt_status fill(struct pelt_tls *tls, const struct pelt_tls_settings *s,
                             struct pelt_error *err)
{
    enum pelt_status status = take_versions(tls, s, err);
    if (status == PELT_OK && s->ciphers != NULL) {
        status = pelt_tls_ciphers_read(&tls->ciphers, s->ciphers, err);
    }
    if (status == PELT_OK) {
        status = narrow_versions(tls, err);
    }
    if (status == PELT_OK) {
        status = pelt_tls_files_read(&tls->files, s, err);
    }
    if (status == PELT_OK) {
        status = tls->backend->shared_new(tls, err);
    }
    return status;
}

enum pelt_status pelt_tls_new(struct pelt_tls **out, const struct pelt_tls_settings *settings,
                              struct pelt_error *err)
{
    struct pelt_tls *tls = calloc(1, sizeof(*tls));
    *out = NULL;
    if (tls == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "no memory for TLS");
    }
    tls->backend = backends[settings->backend];
    tls->insecure = settings->insecure;
    tls->no_resume = settings->no_resume;
    if (settings->alpn != NULL) {
        assert(strlen(settings->alpn) < sizeof(tls->alpn));
        snprintf(tls->alpn, sizeof(tls->alpn), "%s", settings->alpn);
    }
    enum pelt_status status = fill(tls, settings, err);
    if (status != PELT_OK) {
        pelt_tls_free(tls);
        return status;
    }
    *out = tls;
    return PELT_OK;
}

void pelt_tls_thread_free(struct pelt_tls_thread *thread)
{
    if (thread != NULL) {
        thread->tls->backend->config_free(thread);
        free(thread);
    }
}

enum pelt_status pelt_tls_thread_new(struct pelt_tls_thread **out, const struct pelt_tls *tls,
                                     struct pelt_error *err)
{
    struct pelt_tls_thread *thread = malloc(sizeof(*thread));
    *out = NULL;
    if (thread == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "no memory for a thread's TLS");
    }
    *thread = (struct pelt_tls_thread){.tls = tls};
    enum pelt_status status = tls->backend->config_new(thread, err);
    if (status != PELT_OK) {
        pelt_tls_thread_free(thread);
        return status;
    }
    *out = thread;
    return PELT_OK;
}

/* ---- sessions ---- */

/* Takes one out. */
static void drop_ticket(struct pelt_tls_session *session, unsigned at)
{
    session->thread->tls->backend->ticket_free(session->tickets[at]);
    session->len--;
    memmove(session->tickets + at, session->tickets + at + 1,
            (session->len - at) * sizeof(session->tickets[0]));
}

void pelt_tls_session_forget(struct pelt_tls_session *session)
{
    while (session->len > 0) {
        drop_ticket(session, session->len - 1);
    }
}

void pelt_tls_keep(struct pelt_tls_conn *conn, void *ticket)
{
    struct pelt_tls_session *session = conn->session;
    if (session == NULL || conn->thread->tls->no_resume) {
        conn->thread->tls->backend->ticket_free(ticket);
        return;
    }
    if (session->len == PELT_TLS_TICKETS) {
        drop_ticket(session, 0);
    }
    session->thread = conn->thread;
    session->tickets[session->len++] = ticket;
}

/* Offers the newest ticket that can still be used, and forgets those that cannot. */
static void offer_ticket(struct pelt_tls_conn *conn, struct pelt_tls_session *session)
{
    while (session->len > 0 &&
           !conn->thread->tls->backend->set_session(conn, session->tickets[session->len - 1])) {
        drop_ticket(session, session->len - 1);
    }
}

/* ---- rests ---- */

static void rest_clear(struct pelt_tls_rest *rest)
{
    free(rest->bytes);
    *rest = (struct pelt_tls_rest){0};
}

static bool rest_add(struct pelt_tls_rest *rest, const void *bytes, size_t len)
{
    if (len == 0) {
        return true;
    }
    unsigned char *grown = realloc(rest->bytes, rest->len + len);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + rest->len, bytes, len);
    rest->bytes = grown;
    rest->len += len;
    return true;
}

static void rest_take(struct pelt_tls_rest *rest, size_t len)
{
    rest->at += len;
    if (rest->at == rest->len) {
        rest_clear(rest);
    }
}

/* ---- output ---- */

/* How many of these bytes the transport below took. */
static size_t send_below(struct pelt_tls_conn *conn, const unsigned char *bytes, size_t len)
{
    size_t sent = 0;
    while (sent < len && conn->send_error == 0) {
        ssize_t n = conn->below.ops->send(&conn->below, bytes + sent, len - sent);
        if (n == PELT_AGAIN) {
            break;
        }
        if (n < 0) {
            conn->send_error = conn->below.err;
            break;
        }
        sent += (size_t)n;
    }
    return sent;
}

/* Puts what the connection kept before what is in the stage, if there is room: one send for both.
 */
static void join(struct pelt_tls_stage *out, struct pelt_tls_rest *rest)
{
    size_t kept = rest->len - rest->at;
    if (kept > 0 && kept <= sizeof(out->bytes) - out->len) {
        memmove(out->bytes + kept, out->bytes, out->len);
        memcpy(out->bytes, rest->bytes + rest->at, kept);
        out->len += kept;
        rest_clear(rest);
    }
}

/* Moves what the connection kept, then the stage; keeps what is not taken. True: all is out. Where
 * sending has failed nothing is kept: it will never go out. */
static bool flush(struct pelt_tls_conn *conn)
{
    struct pelt_tls_stage *out = &conn->thread->out;
    struct pelt_tls_rest *rest = &conn->out;
    size_t sent = 0;
    conn->held = false;
    join(out, rest);
    if (rest->len > 0) {
        rest_take(rest, send_below(conn, rest->bytes + rest->at, rest->len - rest->at));
    }
    if (rest->len == 0) {
        sent = send_below(conn, out->bytes, out->len);
    }
    if (conn->send_error != 0) {
        rest_clear(rest);
    } else if (!rest_add(rest, out->bytes + sent, out->len - sent)) {
        conn->no_memory = true;
    }
    out->len = 0;
    return rest->len == 0 && conn->send_error == 0 && !conn->no_memory;
}

void pelt_tls_push(struct pelt_tls_conn *conn, const void *bytes, size_t len)
{
    struct pelt_tls_stage *out = &conn->thread->out;
    const unsigned char *from = bytes;
    while (len > 0) {
        if (out->len == sizeof(out->bytes)) {
            flush(conn);
        }
        size_t n = sizeof(out->bytes) - out->len;
        n = n < len ? n : len;
        memcpy(out->bytes + out->len, from, n);
        out->len += n;
        from += n;
        len -= n;
    }
}

/* ---- input ---- */

/* Before a call of the library that may pull: it may fetch so many bytes at a time. */
static void begin_input(struct pelt_tls_conn *conn, size_t fetch_max)
{
    struct pelt_tls_thread *thread = conn->thread;
    assert(thread->in.at == thread->in.len && thread->out.len == 0);
    thread->fetch_max = fetch_max;
    thread->drained = false;
}

/* After it: what was not pulled stays with the connection. */
static void end_input(struct pelt_tls_conn *conn)
{
    struct pelt_tls_stage *in = &conn->thread->in;
    if (!rest_add(&conn->in, in->bytes + in->at, in->len - in->at)) {
        conn->no_memory = true;
    }
    in->at = in->len = 0;
}

/* Fetches into the empty stage: PELT_OK, PELT_AGAIN, PELT_EOF, PELT_EIO. */
static enum pelt_status fetch(struct pelt_tls_conn *conn)
{
    struct pelt_tls_thread *thread = conn->thread;
    if (conn->below_ended) {
        return PELT_EOF;
    }
    if (conn->below_error != 0) {
        return PELT_EIO;
    }
    if (thread->out.len > 0 || conn->out.len > 0) {
        flush(conn); /* what the peer will answer to */
    }
    if (thread->drained || thread->fetch_max == 0) {
        return PELT_AGAIN;
    }
    ssize_t n = conn->below.ops->recv(&conn->below, thread->in.bytes, thread->fetch_max);
    if (n > 0) {
        thread->in.at = 0;
        thread->in.len = (size_t)n;
        /* Whoever calls recv knows of an end behind the bytes; a handshake looks for it. Below may
         * be TLS, too (to a proxy), which says what it knows of the socket. */
        thread->drained =
            conn->done && (size_t)n < thread->fetch_max && !conn->below.more && !conn->below.ended;
        return PELT_OK;
    }
    thread->drained = true;
    if (n == PELT_EIO) {
        conn->below_error = conn->below.err;
    } else if (n == PELT_EOF) {
        conn->below_ended = true;
    }
    return (enum pelt_status)n;
}

ssize_t pelt_tls_pull(struct pelt_tls_conn *conn, void *bytes, size_t len)
{
    struct pelt_tls_stage *in = &conn->thread->in;
    const unsigned char *from;
    size_t n;
    if (conn->in.len > 0) {
        n = conn->in.len - conn->in.at;
        n = n < len ? n : len;
        from = conn->in.bytes + conn->in.at;
    } else {
        if (in->at == in->len) {
            enum pelt_status status = fetch(conn);
            if (status != PELT_OK) {
                return status;
            }
        }
        n = in->len - in->at;
        n = n < len ? n : len;
        from = in->bytes + in->at;
    }
    memcpy(bytes, from, n);
    pelt_tls_records_pass(&conn->records, from, n);
    if (conn->in.len > 0) {
        rest_take(&conn->in, n);
    } else {
        in->at += n;
    }
    return (ssize_t)n;
}

/* ---- failures ---- */

struct pelt_tls_trouble *pelt_tls_trouble(struct pelt_tls_conn *conn)
{
    if (conn->trouble == NULL) {
        conn->trouble = malloc(sizeof(*conn->trouble));
        if (conn->trouble != NULL) {
            *conn->trouble = (struct pelt_tls_trouble){.alert = -1, .class = PELT_TLS_PROTOCOL};
        }
    }
    return conn->trouble;
}

static void trouble_free(struct pelt_tls_trouble *trouble)
{
    if (trouble != NULL) {
        pelt_tls_chain_deinit(&trouble->chain);
        X509_free(trouble->flawed);
        free(trouble);
    }
}

static void fail(struct pelt_tls_conn *conn)
{
    if (conn->no_memory) {
        conn->end = PELT_TLS_NO_MEMORY;
        conn->err = ENOMEM;
        return;
    }
    conn->end = PELT_TLS_FAILED;
    pelt_tls_fail(conn);
}

/* ---- the transport ---- */

static ssize_t answer_end(struct pelt_transport *t, const struct pelt_tls_conn *conn)
{
    if (conn->end == PELT_TLS_CLOSED) {
        return PELT_EOF;
    }
    t->err = conn->err;
    return PELT_EIO;
}

/* The bytes of the caller that were encrypted by an earlier call and are out now. */
static ssize_t told_before(struct pelt_tls_conn *conn, size_t len)
{
    size_t n = conn->out_plain;
    assert(n <= len);
    conn->out_plain = 0;
    return (ssize_t)n;
}

/* Encrypts into the stage up to as many records as it holds, and sends them. How many bytes of the
 * caller are out; `*full`: the transport below takes no more. -1: the library failed. */
static ssize_t send_records(struct pelt_tls_conn *conn, const unsigned char *bytes, size_t len,
                            bool *full)
{
    const struct pelt_tls_backend *lib = conn->thread->tls->backend;
    size_t done = 0;
    for (unsigned i = 0; i < PELT_TLS_RECORDS && done < len; i++) {
        size_t n = len - done < PELT_TLS_RECORD_BYTES ? len - done : PELT_TLS_RECORD_BYTES;
        if (lib->write(conn, bytes + done, n) < 0) {
            return -1;
        }
        done += n;
    }
    *full = !flush(conn);
    return (ssize_t)done;
}

static ssize_t send_failed(struct pelt_transport *t, const struct pelt_tls_conn *conn)
{
    t->err = conn->no_memory ? ENOMEM : conn->send_error;
    return PELT_EIO;
}

static ssize_t tls_send(struct pelt_transport *t, const void *bytes, size_t len)
{
    struct pelt_tls_conn *conn = t->ctx;
    size_t sent = 0;
    assert(len > 0 && conn->done);
    if (conn->end == PELT_TLS_FAILED || conn->end == PELT_TLS_NO_MEMORY) {
        return answer_end(t, conn);
    }
    if ((conn->out.len > 0 && !conn->held) || conn->send_error != 0) {
        if (!flush(conn)) {
            return conn->send_error != 0 || conn->no_memory ? send_failed(t, conn) : PELT_AGAIN;
        }
        sent = (size_t)told_before(conn, len);
    }
    while (sent < len) {
        bool full = false;
        ssize_t n = send_records(conn, (const unsigned char *)bytes + sent, len - sent, &full);
        if (n < 0) {
            conn->thread->out.len = 0;
            fail(conn);
            return answer_end(t, conn);
        }
        if (conn->send_error != 0 || conn->no_memory) {
            return sent > 0 ? (ssize_t)sent : send_failed(t, conn);
        }
        if (full) {
            conn->out_plain = (size_t)n;
            return sent > 0 ? (ssize_t)sent : PELT_AGAIN;
        }
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

/* How many bytes of records may be fetched, so that nothing stays behind (see above). */
static size_t fetch_room(const struct pelt_tls_conn *conn, size_t len)
{
    if (conn->in.len > 0) {
        return 0; /* first what came before */
    }
    if (len < PELT_TRANSPORT_ROOM) {
        return PELT_TLS_STAGE_BYTES;
    }
    size_t room = len - conn->records.partial;
    return room < PELT_TLS_STAGE_BYTES ? room : PELT_TLS_STAGE_BYTES;
}

/* Bytes that were fetched and not pulled. */
static bool input_waits(const struct pelt_tls_conn *conn)
{
    const struct pelt_tls_stage *in = &conn->thread->in;
    return in->at < in->len || conn->in.len > 0;
}

/* Whether reading on may give something, without another fetch. */
static bool input_is_here(struct pelt_tls_conn *conn)
{
    return input_waits(conn) || conn->thread->tls->backend->holds(conn);
}

static size_t read_records(struct pelt_tls_conn *conn, unsigned char *bytes, size_t len)
{
    const struct pelt_tls_backend *lib = conn->thread->tls->backend;
    size_t got = 0;
    while (got < len && conn->end == PELT_TLS_UP) {
        ssize_t n = lib->read(conn, bytes + got, len - got);
        if (n > 0) {
            got += (size_t)n;
            conn->thread->fetch_max = 0; /* there was room for one fetch */
            if (!input_is_here(conn)) {
                break;
            }
        } else if (n == PELT_AGAIN && input_waits(conn)) {
            continue; /* it was a message of TLS' own */
        } else if (n == PELT_AGAIN && got == 0 && conn->thread->fetch_max == 0) {
            conn->thread->fetch_max = fetch_room(conn, len); /* what came before was not enough */
        } else if (n == PELT_AGAIN) {
            break;
        } else if (n == PELT_EOF) {
            conn->end = PELT_TLS_CLOSED;
        } else {
            fail(conn);
        }
    }
    return got;
}

static ssize_t tls_recv(struct pelt_transport *t, void *bytes, size_t len)
{
    struct pelt_tls_conn *conn = t->ctx;
    assert(len > 0 && conn->done);
    t->more = t->ended = false;
    if (conn->end != PELT_TLS_UP) {
        return answer_end(t, conn);
    }
    begin_input(conn, fetch_room(conn, len));
    size_t got = read_records(conn, bytes, len);
    bool drained = conn->thread->drained;
    end_input(conn);
    if (conn->thread->out.len > 0) {
        flush(conn); /* the library's own: an alert, an answer to new keys */
    }
    if (conn->no_memory && conn->end == PELT_TLS_UP) {
        fail(conn);
    }
    if (got == 0) {
        return conn->end == PELT_TLS_UP ? PELT_AGAIN : answer_end(t, conn);
    }
    t->ended = conn->end != PELT_TLS_UP;
    t->more = !t->ended && (!drained || input_is_here(conn));
    return (ssize_t)got;
}

static void conn_free(struct pelt_tls_conn *conn)
{
    conn->thread->tls->backend->conn_free(conn);
    rest_clear(&conn->in);
    rest_clear(&conn->out);
    trouble_free(conn->trouble);
    free(conn->text);
    free(conn);
}

static void tls_close(struct pelt_transport *t)
{
    struct pelt_tls_conn *conn = t->ctx;
    if (conn == NULL) {
        return;
    }
    if (conn->done && conn->end <= PELT_TLS_CLOSED && conn->send_error == 0 &&
        conn->below_error == 0 && conn->out.len == 0) {
        conn->thread->tls->backend->say_end(conn);
        send_below(conn, conn->thread->out.bytes, conn->thread->out.len);
    }
    conn->thread->out.len = 0;
    conn->below.ops->close(&conn->below);
    conn_free(conn);
    t->fd = -1;
    t->ctx = NULL;
}

static const struct pelt_transport_ops over_tls = {tls_send, tls_recv, NULL, tls_close};

enum pelt_status pelt_transport_tls(struct pelt_transport *t, struct pelt_tls_thread *thread,
                                    const char *host, struct pelt_tls_session *session)
{
    size_t host_len = strlen(host);
    if (host_len > 1 && host[host_len - 1] == '.') {
        host_len--; /* of a name that is complete; neither sent nor in certificates */
    }
    struct pelt_tls_conn *conn = calloc(1, sizeof(*conn) + host_len + 1);
    if (conn == NULL) {
        return PELT_ENOMEM;
    }
    conn->thread = thread;
    conn->session = session;
    memcpy(conn->host, host, host_len);
    pelt_tls_records_init(&conn->records);
    enum pelt_status status = thread->tls->backend->conn_new(conn);
    if (status != PELT_OK) {
        conn_free(conn);
        return status;
    }
    if (session != NULL) {
        offer_ticket(conn, session);
    }
    conn->below = *t;
    *t = (struct pelt_transport){.ops = &over_tls, .fd = t->fd, .ctx = conn};
    return PELT_OK;
}

/* The handshake's last flight, where it is ours, goes out with the first request. */
static void hold(struct pelt_tls_conn *conn)
{
    struct pelt_tls_stage *out = &conn->thread->out;
    conn->held = out->len > 0;
    conn->no_memory |= !rest_add(&conn->out, out->bytes, out->len);
    out->len = 0;
}

enum pelt_status pelt_tls_handshake(struct pelt_transport *t)
{
    struct pelt_tls_conn *conn = t->ctx;
    assert(t->ops == &over_tls);
    t->more = t->ended = false;
    if (conn->end == PELT_TLS_UP && !conn->done) {
        begin_input(conn, HANDSHAKE_FETCH_BYTES);
        enum pelt_status status = conn->thread->tls->backend->handshake(conn);
        if (status == PELT_OK && conn->send_error == 0 && conn->out.len == 0) {
            hold(conn);
        } else {
            flush(conn); /* also an alert, after a failure */
        }
        end_input(conn);
        conn->no_memory |= status == PELT_ENOMEM;
        bool hopeless = conn->send_error != 0 || conn->records.foreign;
        if (conn->no_memory || status == PELT_EIO || (status == PELT_AGAIN && hopeless)) {
            fail(conn);
        } else if (status == PELT_AGAIN) {
            return PELT_AGAIN;
        } else {
            conn->done = true;
            t->more = input_is_here(conn);
        }
    }
    t->err = conn->err;
    return conn->end == PELT_TLS_NO_MEMORY ? PELT_ENOMEM
           : conn->end == PELT_TLS_FAILED  ? PELT_EIO
                                           : PELT_OK;
}

/* ---- about a connection ---- */

static const struct pelt_tls_conn *conn_of(const struct pelt_transport *t)
{
    return t->ops == &over_tls ? t->ctx : NULL;
}

const struct pelt_tls_failure *pelt_tls_failure(const struct pelt_transport *t)
{
    const struct pelt_tls_conn *conn = conn_of(t);
    return conn != NULL && conn->end == PELT_TLS_FAILED ? &conn->failure : NULL;
}

bool pelt_tls_resumed(const struct pelt_transport *t)
{
    const struct pelt_tls_conn *conn = conn_of(t);
    return conn != NULL && conn->resumed;
}

void pelt_tls_about(const struct pelt_transport *t, struct pelt_tls_about *out)
{
    struct pelt_tls_conn *conn = t->ctx;
    assert(t->ops == &over_tls && conn->done);
    *out = (struct pelt_tls_about){.resumed = conn->resumed};
    conn->thread->tls->backend->about(conn, out);
}

unsigned pelt_tls_peer_chain(const struct pelt_transport *t, struct pelt_tls_certificate *out,
                             unsigned max)
{
    struct pelt_tls_conn *conn = t->ctx;
    struct pelt_tls_chain chain = {0}, *sent = &chain;
    unsigned n = 0;
    assert(t->ops == &over_tls);
    if (conn->trouble != NULL && conn->trouble->chain.len > 0) {
        sent = &conn->trouble->chain;
    } else if (conn->done) {
        conn->thread->tls->backend->peer_chain(conn, &chain);
    }
    for (unsigned i = 0; i < sent->len && n < max; i++) {
        const unsigned char *der = sent->at[i].der;
        X509 *x = d2i_X509(NULL, &der, (long)sent->at[i].len);
        if (x != NULL) {
            pelt_tls_certificate_read(&out[n++], x);
            X509_free(x);
        }
    }
    pelt_tls_chain_deinit(&chain);
    return n;
}
