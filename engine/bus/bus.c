/*
 * bus: the connection's life and the flush; see the header.
 *
 *   down -> (dial, HELLO) -> up -> down ...
 *
 * A flush goes on as long as bytes move: sent ones count once the peer's kernel took them, so that
 * a slow line is not taken for a dead one.
 */
#include "pelt/bus.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dial.h"
#include "internal.h"
#include "pelt/clock.h"
#include "pelt/digits.h"

#define VERSION_MAJOR_MIN 7
#define PROGRESS_NS       (200 * PELT_NS_PER_MS) /* how often the kernel is asked whether bytes left */

/* ---- options ---- */

static enum pelt_status no_memory(struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "out of memory");
}

static enum pelt_status read_password(struct pelt_bus *bus, const char *path,
                                      struct pelt_error *err)
{
    char text[PELT_BUS_SECRET_MAX + 3];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pelt_fail(err, PELT_EINVAL, "bus %s: password file %s: %s", bus->url.text, path,
                         strerror(errno));
    }
    size_t len = fread(text, 1, sizeof text, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    const char *end = memchr(text, '\n', len);
    size_t line = end != NULL ? (size_t)(end - text) : len;
    line -= line > 0 && text[line - 1] == '\r';
    bool good = !failed && line > 0 && line <= PELT_BUS_SECRET_MAX && memchr(text, 0, line) == NULL;
    bus->password = good ? strndup(text, line) : NULL;
    explicit_bzero(text, sizeof text);
    if (!good) {
        return pelt_fail(err, PELT_EINVAL,
                         "bus %s: password file %s %s: its first line is the password, of 1 to %d "
                         "bytes",
                         bus->url.text, path, failed ? "cannot be read" : "has no password",
                         PELT_BUS_SECRET_MAX);
    }
    return bus->password != NULL ? PELT_OK : no_memory(err);
}

static enum pelt_status take_password(struct pelt_bus *bus, const struct pelt_bus_options *options,
                                      struct pelt_error *err)
{
    const char *env = getenv(PELT_BUS_PASSWORD_ENV);
    if (options->password == NULL && options->password_file != NULL) {
        return read_password(bus, options->password_file, err);
    }
    bus->password = strdup(options->password != NULL       ? options->password
                           : env != NULL && env[0] != '\0' ? env
                                                           : bus->url.password);
    if (bus->password == NULL) {
        return no_memory(err);
    }
    if (bus->url.user[0] != '\0' && bus->password[0] == '\0') {
        return pelt_fail(err, PELT_EINVAL,
                         "bus %s: its user %s has no password: give it by --bus-password-file or "
                         "the environment's " PELT_BUS_PASSWORD_ENV,
                         bus->url.text, bus->url.user);
    }
    return PELT_OK;
}

static enum pelt_status make_tls(struct pelt_bus *bus, const struct pelt_bus_options *options,
                                 struct pelt_error *err)
{
    struct pelt_error why = {""};
    const struct pelt_tls_settings settings = {.backend = PELT_TLS_OPENSSL,
                                               .ca = options->ca,
                                               .cert = options->cert,
                                               .key = options->key,
                                               .version_min = PELT_TLS_1_2};
    enum pelt_status status = pelt_tls_new(&bus->tls, &settings, &why);
    if (status == PELT_OK) {
        status = pelt_tls_thread_new(&bus->tls_thread, bus->tls, &why);
    }
    return status == PELT_OK ? PELT_OK
                             : pelt_fail(err, status, "bus %s: %s", bus->url.text, why.text);
}

static enum pelt_status check_tls(struct pelt_bus *bus, const struct pelt_bus_options *options,
                                  struct pelt_error *err)
{
    if (bus->url.tls) {
        return make_tls(bus, options, err);
    }
    if (options->ca != NULL || options->cert != NULL || options->key != NULL) {
        return pelt_fail(err, PELT_EINVAL,
                         "bus %s: a CA or certificate is given, but redis:// has no TLS: write "
                         "rediss://",
                         bus->url.text);
    }
    if (!bus->url.loopback && !options->plaintext) {
        return pelt_fail(err, PELT_EINVAL,
                         "bus %s: without TLS whoever is on the way to that host reads and changes "
                         "all: write rediss://, or --bus-plaintext if that is meant",
                         bus->url.text);
    }
    return PELT_OK;
}

static enum pelt_status init(struct pelt_bus *bus, const struct pelt_bus_options *options,
                             struct pelt_error *err)
{
    enum pelt_status status = pelt_bus_url_parse(options->url, &bus->url, err);
    if (status == PELT_OK) {
        status = take_password(bus, options, err);
    }
    if (status == PELT_OK) {
        status = check_tls(bus, options, err);
    }
    bus->connect_ns = options->connect_ns != 0 ? options->connect_ns : PELT_BUS_CONNECT_NS;
    bus->command_ns = options->command_ns != 0 ? options->command_ns : PELT_BUS_COMMAND_NS;
    bus->cancel = options->cancel;
    bus->replies.most = options->reply_max;
    bus->backoff_ns = PELT_BUS_BACKOFF_MIN;
    bus->rtt_ns = UINT64_MAX;
    pelt_rng_init(&bus->rng, pelt_clock_wall_ns() ^ (uintptr_t)bus, pelt_clock_ns());
    pelt_buf_init(&bus->out, 0);
    return status;
}

enum pelt_status pelt_bus_new(const struct pelt_bus_options *options, struct pelt_bus **out,
                              struct pelt_error *err)
{
    struct pelt_bus *bus = calloc(1, sizeof *bus);
    *out = NULL;
    if (bus == NULL) {
        return no_memory(err);
    }
    enum pelt_status status = init(bus, options, err);
    if (status != PELT_OK) {
        pelt_bus_free(bus);
        return status;
    }
    *out = bus;
    return PELT_OK;
}

static void disconnect(struct pelt_bus *bus)
{
    if (bus->up) {
        bus->up = false;
        bus->transport.ops->close(&bus->transport);
    }
    pelt_replies_reset(&bus->replies);
    pelt_buf_reset(&bus->out);
    bus->asked = bus->answered = 0;
    bus->flushed = bus->too_many = false;
    bus->block_ns = 0;
}

void pelt_bus_free(struct pelt_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    disconnect(bus);
    if (bus->password != NULL) {
        explicit_bzero(bus->password, strlen(bus->password));
    }
    free(bus->password);
    pelt_bus_url_deinit(&bus->url);
    pelt_tls_thread_free(bus->tls_thread);
    pelt_tls_free(bus->tls);
    pelt_buf_deinit(&bus->out);
    pelt_replies_deinit(&bus->replies);
    free(bus->reply);
    free(bus);
}

/* ---- backoff ---- */

/* The next try is half of the wait to all of it from now, so that many do not come at once. */
static void back_off(struct pelt_bus *bus)
{
    const uint64_t half = bus->backoff_ns / 2;
    bus->retry_ns = pelt_clock_ns() + half + pelt_rng_below(&bus->rng, half + 1);
    bus->backoff_ns *= 2;
    bus->backoff_ns =
        bus->backoff_ns < PELT_BUS_BACKOFF_MAX ? bus->backoff_ns : PELT_BUS_BACKOFF_MAX;
}

void pelt_bus_close(struct pelt_bus *bus)
{
    const bool was_up = bus->up;
    disconnect(bus);
    if (was_up) {
        back_off(bus);
    }
}

/* ---- putting ---- */

static void begin_anew(struct pelt_bus *bus)
{
    pelt_buf_reset(&bus->out);
    pelt_replies_clear(&bus->replies);
    bus->asked = bus->answered = 0;
    bus->flushed = bus->too_many = false;
    bus->block_ns = 0;
}

/* "*5\r\n", "$11\r\n": a thousand streams are asked for by two thousand of them. */
static void add_head(struct pelt_buf *b, char kind, size_t n)
{
    char text[1 + PELT_DIGITS_MAX + 2], *end = text + 1 + PELT_DIGITS_MAX;
    char *begin = pelt_digits_before(end, (int64_t)n);
    *--begin = kind;
    memcpy(end, "\r\n", 2);
    pelt_buf_add(b, begin, (size_t)(end + 2 - begin));
}

size_t pelt_bus_put(struct pelt_bus *bus, const struct pelt_span *words, size_t len)
{
    if (bus->flushed) {
        begin_anew(bus);
    }
    if (bus->asked == PELT_BUS_PENDING_MAX) {
        bus->too_many = true;
        return PELT_BUS_PENDING_MAX;
    }
    add_head(&bus->out, '*', len);
    for (size_t i = 0; i < len; i++) {
        add_head(&bus->out, '$', words[i].len);
        pelt_buf_add(&bus->out, words[i].ptr != NULL ? words[i].ptr : "", words[i].len);
        pelt_buf_add(&bus->out, "\r\n", 2);
    }
    return bus->asked++;
}

size_t pelt_bus_put_words(struct pelt_bus *bus, const char *first, ...)
{
    struct pelt_span words[16];
    size_t len = 0;
    va_list args;
    va_start(args, first);
    for (const char *word = first; word != NULL; word = va_arg(args, const char *)) {
        assert(len < sizeof words / sizeof words[0]);
        words[len++] = pelt_span_of(word);
    }
    va_end(args);
    return pelt_bus_put(bus, words, len);
}

/* ---- flushing ---- */

/* Fails the connection. */
PELT_PRINTF(4, 5)
static enum pelt_status broke(struct pelt_bus *bus, struct pelt_error *err, enum pelt_status status,
                              const char *fmt, ...)
{
    char why[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    pelt_bus_close(bus);
    return pelt_fail(err, status, "bus %s: %s", bus->url.text, why);
}

static enum pelt_status went(struct pelt_bus *bus, ssize_t answer, struct pelt_error *err)
{
    const struct pelt_tls_failure *tls = pelt_tls_failure(&bus->transport);
    if (answer == PELT_EOF) {
        return broke(bus, err, PELT_EIO, "Redis closed the connection");
    }
    if (tls != NULL) {
        char text[400];
        snprintf(text, sizeof text, "%s", tls->text); /* closing takes it away */
        const bool refused = tls->class == PELT_TLS_CLIENT_CERT_MISSING ||
                             tls->class == PELT_TLS_CLIENT_CERT_REFUSED;
        return broke(bus, err, refused ? PELT_EINVAL : PELT_EIO, "TLS: %s", text);
    }
    return broke(bus, err, PELT_EIO, "connection lost: %s", strerror(bus->transport.err));
}

static bool reserve_replies(struct pelt_bus *bus)
{
    if (bus->asked <= bus->reply_room) {
        return true;
    }
    struct pelt_bus_reply **grown = realloc(bus->reply, bus->asked * sizeof *grown);
    if (grown != NULL) {
        bus->reply = grown;
        bus->reply_room = bus->asked;
    }
    return grown != NULL;
}

/* Takes the answers that are complete. */
static enum pelt_status take_replies(struct pelt_bus *bus, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    while (bus->answered < bus->asked && status == PELT_OK) {
        status = pelt_replies_next(&bus->replies, &bus->reply[bus->answered]);
        bus->answered += status == PELT_OK;
    }
    switch (status) {
    case PELT_OK:
    case PELT_AGAIN:
        return PELT_OK;
    case PELT_ELIMIT:
        return broke(bus, err, PELT_ELIMIT, "an answer of more bytes or items than may be");
    case PELT_ENOMEM:
        return broke(bus, err, PELT_ENOMEM, "out of memory");
    default:
        return broke(bus, err, PELT_EPARSE, "what it answers is no Redis': is the port right?");
    }
}

/* Receives what is there. *moved: anything was. */
static enum pelt_status receive(struct pelt_bus *bus, bool *moved, struct pelt_error *err)
{
    char bytes[PELT_TRANSPORT_ROOM];
    for (;;) {
        ssize_t n = bus->transport.ops->recv(&bus->transport, bytes, sizeof bytes);
        if (n == PELT_AGAIN) {
            return PELT_OK;
        }
        if (n < 0) {
            return went(bus, n, err);
        }
        *moved = true;
        bus->received_ns = pelt_clock_ns();
        bus->bytes_received += (uint64_t)n;
        enum pelt_status status = pelt_replies_feed(&bus->replies, bytes, (size_t)n);
        if (status != PELT_OK) {
            return broke(bus, err, status, "%s",
                         status == PELT_ELIMIT ? "an answer of more bytes than may be"
                                               : "out of memory");
        }
        status = take_replies(bus, err);
        if (status != PELT_OK || bus->answered == bus->asked) {
            return status;
        }
    }
}

static enum pelt_status send_some(struct pelt_bus *bus, size_t *sent, bool *moved,
                                  struct pelt_error *err)
{
    while (*sent < bus->out.len) {
        ssize_t n =
            bus->transport.ops->send(&bus->transport, bus->out.data + *sent, bus->out.len - *sent);
        if (n == PELT_AGAIN) {
            return PELT_OK;
        }
        if (n < 0) {
            return went(bus, n, err);
        }
        *moved = true;
        *sent += (size_t)n;
        bus->bytes_sent += (uint64_t)n;
    }
    return PELT_OK;
}

/* Bytes that the peer has not confirmed; it falls while a slow line takes them. */
static int unsent(const struct pelt_bus *bus)
{
    int bytes = 0;
    return ioctl(bus->transport.fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

/* Waits for the socket while there is progress. */
static enum pelt_status wait_some(struct pelt_bus *bus, bool sending, uint64_t *deadline_ns,
                                  struct pelt_error *err)
{
    const short events = (short)(POLLIN | (sending ? POLLOUT : 0));
    int before = unsent(bus);
    for (;;) {
        const uint64_t until_ns = pelt_clock_ns() + PROGRESS_NS;
        enum pelt_status status =
            pelt_dial_wait(bus->transport.fd, events,
                           until_ns < *deadline_ns ? until_ns : *deadline_ns, bus->cancel);
        if (status == PELT_ESTOPPED) {
            return broke(bus, err, PELT_ESTOPPED, "cancelled");
        }
        if (status == PELT_OK) {
            return PELT_OK;
        }
        const int left = unsent(bus);
        if (left < before) {
            *deadline_ns = pelt_clock_ns() + bus->command_ns + bus->block_ns;
        } else if (pelt_clock_ns() >= *deadline_ns) {
            return broke(bus, err, PELT_EIO, "no answer within %.1f s",
                         (double)(bus->command_ns + bus->block_ns) / 1e9);
        }
        before = left;
    }
}

static enum pelt_status exchange(struct pelt_bus *bus, struct pelt_error *err)
{
    size_t sent = 0;
    uint64_t deadline_ns = pelt_clock_ns() + bus->command_ns + bus->block_ns;
    enum pelt_status status = PELT_OK;
    bus->sent_ns = pelt_clock_ns();
    while (status == PELT_OK && bus->answered < bus->asked) {
        bool moved = false;
        status = send_some(bus, &sent, &moved, err);
        if (status == PELT_OK) {
            status = receive(bus, &moved, err);
        }
        if (status != PELT_OK || bus->answered == bus->asked) {
            return status;
        }
        if (moved) {
            deadline_ns = pelt_clock_ns() + bus->command_ns + bus->block_ns;
        }
        status = wait_some(bus, sent < bus->out.len, &deadline_ns, err);
    }
    return status;
}

static bool starts(struct pelt_span text, const char *word)
{
    return text.len >= strlen(word) && memcmp(text.ptr, word, strlen(word)) == 0;
}

/* It was begun again and reads its data: as good as not there. */
static const struct pelt_bus_reply *loading(const struct pelt_bus *bus)
{
    for (size_t i = 0; i < bus->answered; i++) {
        if (bus->reply[i]->kind == PELT_BUS_ERROR && starts(bus->reply[i]->text, "LOADING")) {
            return bus->reply[i];
        }
    }
    return NULL;
}

enum pelt_status pelt_bus_flush(struct pelt_bus *bus, struct pelt_error *err)
{
    if (bus->flushed) {
        begin_anew(bus);
    }
    bus->flushed = true;
    if (bus->too_many) {
        begin_anew(bus);
        return pelt_fail(err, PELT_ELIMIT, "bus %s: more than %d commands at once", bus->url.text,
                         PELT_BUS_PENDING_MAX);
    }
    if (bus->out.failed || !reserve_replies(bus)) {
        begin_anew(bus);
        return no_memory(err);
    }
    if (!bus->up) {
        begin_anew(bus);
        return pelt_fail(err, PELT_EIO, "bus %s: not connected", bus->url.text);
    }
    enum pelt_status status = exchange(bus, err);
    if (status != PELT_OK) {
        return status;
    }
    if (bus->asked == 1 && bus->block_ns == 0) {
        const uint64_t rtt_ns = bus->received_ns - bus->sent_ns;
        bus->rtt_ns = rtt_ns < bus->rtt_ns ? rtt_ns : bus->rtt_ns;
    }
    const struct pelt_bus_reply *l = loading(bus);
    return l == NULL ? PELT_OK : broke(bus, err, PELT_EIO, "%.200s", l->text.ptr);
}

const struct pelt_bus_reply *pelt_bus_reply(const struct pelt_bus *bus, size_t i)
{
    assert(bus->flushed && i < bus->answered);
    return bus->reply[i];
}

/* ---- connecting ---- */

/* Item of a flat list of names and values. */
static const struct pelt_bus_reply *item_of(const struct pelt_bus_reply *list, const char *name)
{
    for (size_t i = 0; i + 1 < list->len; i += 2) {
        if (list->item[i]->kind == PELT_BUS_TEXT && pelt_span_eq(list->item[i]->text, name)) {
            return list->item[i + 1];
        }
    }
    return NULL;
}

static enum pelt_status refused(struct pelt_bus *bus, const struct pelt_bus_reply *r,
                                struct pelt_error *err)
{
    char said[200];
    snprintf(said, sizeof said, "%s", r->text.ptr);
    if (starts(r->text, "ERR unknown command")) {
        return broke(bus, err, PELT_EINVAL,
                     "it is older than Redis %d (it does not know HELLO): pelt needs Redis %d.0 or "
                     "later, or Valkey",
                     VERSION_MAJOR_MIN, VERSION_MAJOR_MIN);
    }
    if (starts(r->text, "WRONGPASS") || starts(r->text, "NOAUTH") || starts(r->text, "DENIED")) {
        return broke(bus, err, PELT_EINVAL,
                     "it refuses %s%s: %s: give the password by --bus-password-file or the "
                     "environment's " PELT_BUS_PASSWORD_ENV,
                     bus->url.user[0] != '\0' ? "user " : "us", bus->url.user, said);
    }
    return broke(bus, err, PELT_EINVAL, "it refuses us: %s", said);
}

static enum pelt_status check_hello(struct pelt_bus *bus, struct pelt_error *err)
{
    const struct pelt_bus_reply *r = bus->reply[0];
    if (r->kind == PELT_BUS_ERROR) {
        return refused(bus, r, err);
    }
    const struct pelt_bus_reply *version = r->kind == PELT_BUS_LIST ? item_of(r, "version") : NULL,
                                *server = r->kind == PELT_BUS_LIST ? item_of(r, "server") : NULL,
                                *role = r->kind == PELT_BUS_LIST ? item_of(r, "role") : NULL,
                                *mode = r->kind == PELT_BUS_LIST ? item_of(r, "mode") : NULL;
    if (version == NULL || version->kind != PELT_BUS_TEXT || server == NULL ||
        server->kind != PELT_BUS_TEXT) {
        return broke(bus, err, PELT_EINVAL, "what answers does not say that it is a Redis");
    }
    snprintf(bus->version, sizeof bus->version, "%.20s %.20s", server->text.ptr, version->text.ptr);
    for (char *c = bus->version; *c != '\0'; c++) {
        *c = *c >= ' ' && *c < 0x7f ? *c : '?';
    }
    if (strtoul(version->text.ptr, NULL, 10) < VERSION_MAJOR_MIN) {
        return broke(bus, err, PELT_EINVAL, "it is %s: pelt needs Redis %d.0 or later, or Valkey",
                     bus->version, VERSION_MAJOR_MIN);
    }
    if (role != NULL && role->kind == PELT_BUS_TEXT && !pelt_span_eq(role->text, "master")) {
        return broke(bus, err, PELT_EIO,
                     "it is a %.20s, which cannot be written to: name the master", role->text.ptr);
    }
    if (mode != NULL && mode->kind == PELT_BUS_TEXT && pelt_span_eq(mode->text, "sentinel")) {
        return broke(bus, err, PELT_EINVAL, "it is a sentinel: name the Redis that it watches");
    }
    return PELT_OK;
}

static enum pelt_status check_select(struct pelt_bus *bus, struct pelt_error *err)
{
    const struct pelt_bus_reply *r = bus->reply[1];
    if (r->kind != PELT_BUS_ERROR) {
        return PELT_OK;
    }
    char said[200];
    snprintf(said, sizeof said, "%s", r->text.ptr);
    return broke(bus, err, PELT_EINVAL, "database %u: %s", bus->url.db, said);
}

static enum pelt_status greet(struct pelt_bus *bus, struct pelt_error *err)
{
    const char *user = bus->url.user[0] != '\0' ? bus->url.user : "default";
    char db[12];
    if (bus->password[0] != '\0') {
        pelt_bus_put_words(bus, "HELLO", "2", "AUTH", user, bus->password, "SETNAME", "pelt", NULL);
    } else {
        pelt_bus_put_words(bus, "HELLO", "2", "SETNAME", "pelt", NULL);
    }
    if (bus->url.db != 0) {
        snprintf(db, sizeof db, "%u", bus->url.db);
        pelt_bus_put_words(bus, "SELECT", db, NULL);
    }
    enum pelt_status status = pelt_bus_flush(bus, err);
    if (bus->out.data != NULL) {
        explicit_bzero(bus->out.data, bus->out.cap); /* it has the password */
    }
    if (status == PELT_OK) {
        status = check_hello(bus, err);
    }
    if (status == PELT_OK && bus->url.db != 0) {
        status = check_select(bus, err);
    }
    return status;
}

enum pelt_status pelt_bus_connect(struct pelt_bus *bus, struct pelt_error *err)
{
    disconnect(bus);
    const struct pelt_dial d = {.url = &bus->url,
                                .tls = bus->tls_thread,
                                .deadline_ns = pelt_clock_ns() + bus->connect_ns,
                                .cancel = bus->cancel};
    enum pelt_status status = pelt_dial(&d, &bus->transport, err);
    if (status != PELT_OK) {
        back_off(bus);
        return status;
    }
    bus->up = true;
    status = greet(bus, err);
    if (status != PELT_OK) {
        if (status == PELT_EPARSE || status == PELT_ELIMIT) {
            status = PELT_EINVAL;
        }
        if (bus->up) { /* want of memory: what else fails has closed it */
            pelt_bus_close(bus);
        }
        return status;
    }
    bus->connects++;
    bus->backoff_ns = PELT_BUS_BACKOFF_MIN;
    begin_anew(bus);
    return PELT_OK;
}

enum pelt_status pelt_bus_ensure(struct pelt_bus *bus, struct pelt_error *err)
{
    if (bus->up) {
        return PELT_OK;
    }
    if (pelt_bus_wait_ns(bus) > 0) {
        return pelt_fail(err, PELT_AGAIN, "bus %s: not connected", bus->url.text);
    }
    return pelt_bus_connect(bus, err);
}

bool pelt_bus_up(const struct pelt_bus *bus)
{
    return bus->up;
}

uint64_t pelt_bus_wait_ns(const struct pelt_bus *bus)
{
    const uint64_t now_ns = pelt_clock_ns();
    return bus->up || bus->retry_ns <= now_ns ? 0 : bus->retry_ns - now_ns;
}

uint64_t pelt_bus_connects(const struct pelt_bus *bus)
{
    return bus->connects;
}

const char *pelt_bus_text(const struct pelt_bus *bus)
{
    return bus->url.text;
}

const char *pelt_bus_version(const struct pelt_bus *bus)
{
    return bus->version;
}

uint64_t pelt_bus_rtt_ns(const struct pelt_bus *bus)
{
    return bus->rtt_ns;
}

uint64_t pelt_bus_bytes_sent(const struct pelt_bus *bus)
{
    return bus->bytes_sent;
}

uint64_t pelt_bus_bytes_received(const struct pelt_bus *bus)
{
    return bus->bytes_received;
}
