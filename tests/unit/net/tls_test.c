/*
 * tls: both libraries as clients against servers of both, over socket pairs. Each test of the list
 * `each` runs for every pair of libraries (and for every version that both have).
 */
#include "../test.h"

#include <errno.h>
#include <pthread.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../failing_malloc.h"
#include "memory_transport.h"
#include "tls_backend.h"
#include "tls_server.h"

#define TURNS_MAX 4000

/* ---- what all tests have ---- */

static char folder[] = "/tmp/pelt-tls-test-XXXXXX";
static struct test_cert root, other_root, middle, leaf, leaf_middle;
static char ca_file[64], empty_file[64];

static void path_of(char out[64], const char *name)
{
    snprintf(out, 64, "%s/%s", folder, name);
}

static int make_all(void **state)
{
    assert_non_null(mkdtemp(folder));
    test_cert_make(&root, &(struct test_cert_settings){
                              .name = "Root", .organisation = "Pelt Test", .ca = true});
    test_cert_make(&other_root, &(struct test_cert_settings){.name = "Other Root", .ca = true});
    test_cert_make(&middle,
                   &(struct test_cert_settings){
                       .name = "Middle", .organisation = "Pelt Test", .ca = true, .issuer = &root});
    test_cert_make(&leaf, &(struct test_cert_settings){.name = "api.test",
                                                       .names = "DNS:api.test,DNS:*.wild.test,"
                                                                "IP:127.0.0.1,IP:::1",
                                                       .issuer = &root});
    test_cert_make(&leaf_middle, &(struct test_cert_settings){.name = "api.test",
                                                              .names = "DNS:api.test",
                                                              .issuer = &middle});
    path_of(ca_file, "ca.pem");
    path_of(empty_file, "empty.pem");
    test_cert_write(&root, ca_file, false);
    FILE *f = fopen(empty_file, "w");
    fclose(f);
    return 0;
}

static int free_all(void **state)
{
    char command[128];
    test_cert_free(&root);
    test_cert_free(&other_root);
    test_cert_free(&middle);
    test_cert_free(&leaf);
    test_cert_free(&leaf_middle);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

/* A client and a server. */
struct pair {
    struct pelt_tls *tls;
    struct pelt_tls_thread *thread;
    struct pelt_tls_session session;
    struct test_server *server;
    struct pelt_transport t;
    struct test_peer *peer;
    int peer_fd;
};

static void pair_init(struct pair *p, const struct pelt_tls_settings *client,
                      const struct test_server_settings *server)
{
    struct pelt_error err = {""};
    struct pelt_tls_settings c = *client;
    struct test_server_settings s = *server;
    *p = (struct pair){.t.fd = -1};
    if (c.ca == NULL && !c.insecure) {
        c.ca = ca_file;
    }
    if (s.chain[0] == NULL) {
        s.chain[0] = &leaf;
    }
    enum pelt_status status = pelt_tls_new(&p->tls, &c, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, PELT_OK);
    status = pelt_tls_thread_new(&p->thread, p->tls, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, PELT_OK);
    p->server = test_server_new(&s);
}

static void pair_connect(struct pair *p, const char *host)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    pelt_transport_plain(&p->t, fds[0]);
    assert_int_equal(pelt_transport_tls(&p->t, p->thread, host, &p->session), PELT_OK);
    p->peer_fd = fds[1];
    p->peer = test_peer_new(p->server, fds[1]);
}

/* Both go on until the client is done. */
static enum pelt_status pair_shake(struct pair *p)
{
    enum pelt_status status = PELT_AGAIN, other = PELT_AGAIN;
    for (int i = 0; i < TURNS_MAX && status == PELT_AGAIN; i++) {
        status = pelt_tls_handshake(&p->t);
        if (other == PELT_AGAIN) {
            other = test_peer_handshake(p->peer);
        }
        if (other == PELT_EIO && status == PELT_AGAIN) {
            shutdown(p->peer_fd, SHUT_WR); /* as a server does that gives up */
            status = pelt_tls_handshake(&p->t);
            assert_int_not_equal(status, PELT_AGAIN);
        }
    }
    for (int i = 0; i < TURNS_MAX && status == PELT_OK && other == PELT_AGAIN; i++) {
        other = test_peer_handshake(p->peer);
    }
    return status;
}

static void pair_disconnect(struct pair *p)
{
    if (p->t.ctx != NULL) {
        p->t.ops->close(&p->t);
    }
    if (p->peer != NULL) {
        test_peer_free(p->peer);
        p->peer = NULL;
    }
}

static void pair_deinit(struct pair *p)
{
    pair_disconnect(p);
    pelt_tls_session_forget(&p->session);
    pelt_tls_thread_free(p->thread);
    pelt_tls_free(p->tls);
    test_server_free(p->server);
}

static void must_shake(struct pair *p)
{
    enum pelt_status status = pair_shake(p);
    const struct pelt_tls_failure *failure = pelt_tls_failure(&p->t);
    assert_string_equal(failure != NULL ? failure->text : "", "");
    assert_int_equal(status, PELT_OK);
}

/* The client fails so, and its line has this word. */
static void must_fail(struct pair *p, enum pelt_tls_class class, const char *word)
{
    assert_int_equal(pair_shake(p), PELT_EIO);
    const struct pelt_tls_failure *failure = pelt_tls_failure(&p->t);
    assert_non_null(failure);
    if (failure->class != class || strstr(failure->text, word) == NULL) {
        fail_msg("%s: %s (wanted %s, ...%s...)", pelt_tls_class_name(failure->class), failure->text,
                 pelt_tls_class_name(class), word);
    }
}

/* The client's recv until it answers, the server's once in a while for what it has to say. */
static ssize_t client_recv(struct pair *p, void *bytes, size_t len)
{
    ssize_t n = PELT_AGAIN;
    for (int i = 0; i < TURNS_MAX && n == PELT_AGAIN; i++) {
        n = p->t.ops->recv(&p->t, bytes, len);
    }
    return n;
}

/* Until all of it came: old versions cut off the first byte. */
static void must_get(struct pair *p, bool client, const char *bytes)
{
    char got[16];
    size_t have = 0, len = strlen(bytes);
    while (have < len) {
        ssize_t n = client ? client_recv(p, got + have, sizeof(got) - have)
                           : test_peer_read(p->peer, got + have, sizeof(got) - have);
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_int_equal(have, len);
    assert_memory_equal(got, bytes, len);
}

static void must_talk(struct pair *p)
{
    assert_int_equal(p->t.ops->send(&p->t, "question", 8), 8);
    must_get(p, false, "question");
    assert_int_equal(test_peer_write(p->peer, "answer", 6), 6);
    must_get(p, true, "answer");
    assert_false(p->t.ended);
}

/* ---- every pair of libraries and version ---- */

struct kind {
    enum pelt_tls_library client, server;
    uint16_t version;
};

static bool has_13(enum pelt_tls_library library)
{
    return library == PELT_TLS_OPENSSL || strstr(pelt_tls_library_name(library), " 3.") != NULL;
}

static void for_each_kind(void (*test)(const struct kind *kind))
{
    for (int c = PELT_TLS_MBEDTLS; c <= PELT_TLS_OPENSSL; c++) {
        for (int s = PELT_TLS_MBEDTLS; s <= PELT_TLS_OPENSSL; s++) {
            struct kind kind = {(enum pelt_tls_library)c, (enum pelt_tls_library)s, PELT_TLS_1_2};
            test(&kind);
            if (has_13(kind.client) && has_13(kind.server)) {
                kind.version = PELT_TLS_1_3;
                test(&kind);
            }
        }
    }
}

static void pair_of(struct pair *p, const struct kind *kind)
{
    pair_init(p, &(struct pelt_tls_settings){.backend = kind->client, .alpn = "http/1.1"},
              &(struct test_server_settings){
                  .backend = kind->server, .version_max = kind->version, .alpn = "http/1.1"});
}

static void shakes_and_talks(const struct kind *kind)
{
    struct pair p;
    struct pelt_tls_about about;
    struct pelt_tls_certificate chain[PELT_TLS_CHAIN_MAX];
    pair_of(&p, kind);
    pair_connect(&p, "api.test");
    must_shake(&p);
    must_talk(&p);
    pelt_tls_about(&p.t, &about);
    assert_int_equal(about.version, kind->version);
    assert_string_equal(about.alpn, "http/1.1");
    assert_memory_equal(about.cipher, "TLS_", 4);
    assert_false(about.resumed);
    assert_int_equal(pelt_tls_peer_chain(&p.t, chain, PELT_TLS_CHAIN_MAX), 1);
    assert_string_equal(chain[0].subject, "CN=api.test");
    assert_string_equal(chain[0].issuer, "O=Pelt Test, CN=Root");
    assert_string_equal(chain[0].names, "api.test, *.wild.test, 127.0.0.1, ::1");
    assert_string_equal(chain[0].key, "EC P-256");
    assert_true(chain[0].not_after_s - chain[0].not_before_s == 2 * 86400);
    assert_null(pelt_tls_failure(&p.t));
    pair_deinit(&p);
}

static void full_handshakes(void **state)
{
    for_each_kind(shakes_and_talks);
}

static void resumes(const struct kind *kind)
{
    struct pair p;
    pair_of(&p, kind);
    for (int i = 0; i < 3; i++) {
        pair_connect(&p, "api.test");
        must_shake(&p);
        assert_int_equal(pelt_tls_resumed(&p.t), i > 0);
        must_talk(&p);
        pair_disconnect(&p);
    }
    pelt_tls_session_forget(&p.session);
    pair_connect(&p, "api.test");
    must_shake(&p);
    assert_false(pelt_tls_resumed(&p.t));
    pair_deinit(&p);
}

static void resumed_handshakes(void **state)
{
    for_each_kind(resumes);
}

/* ---- bytes ---- */

/* Want-read at every byte: what goes over the sockets is handed on one byte at a time. */
static void byte_by_byte(const struct kind *kind)
{
    struct pair p;
    int middle_fds[2];
    enum pelt_status status = PELT_AGAIN;
    unsigned steps = 0;
    int fds[2];
    pair_of(&p, kind);
    /* client - fds ... this test ... middle_fds - server */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, middle_fds), 0);
    pelt_transport_plain(&p.t, fds[0]);
    assert_int_equal(pelt_transport_tls(&p.t, p.thread, "api.test", NULL), PELT_OK);
    p.peer = test_peer_new(p.server, middle_fds[0]);
    while (status == PELT_AGAIN && steps < 100000) {
        char byte;
        steps++;
        status = pelt_tls_handshake(&p.t);
        if (read(fds[1], &byte, 1) == 1) {
            assert_int_equal(write(middle_fds[1], &byte, 1), 1);
        }
        (void)test_peer_handshake(p.peer);
        if (read(middle_fds[1], &byte, 1) == 1) {
            assert_int_equal(write(fds[1], &byte, 1), 1);
        }
    }
    assert_int_equal(status, PELT_OK);
    assert_true(steps > 500);
    /* A request, which may take the handshake's end with it, and an answer, as slowly. */
    assert_int_equal(p.t.ops->send(&p.t, "ask", 3), 3);
    for (char byte; read(fds[1], &byte, 1) == 1;) {
        assert_int_equal(write(middle_fds[1], &byte, 1), 1);
    }
    assert_int_equal(test_peer_handshake(p.peer), PELT_OK);
    assert_int_equal(test_peer_write(p.peer, "answer", 6), 6);
    char got[16], byte;
    ssize_t n = PELT_AGAIN;
    while (n == PELT_AGAIN && read(middle_fds[1], &byte, 1) == 1) {
        assert_int_equal(write(fds[1], &byte, 1), 1);
        n = p.t.ops->recv(&p.t, got, sizeof(got));
    }
    assert_int_equal(n, 6);
    assert_int_equal(read(middle_fds[1], &byte, 1), -1); /* not a byte early */
    close(fds[1]);
    close(middle_fds[1]);
    pair_deinit(&p);
}

static void wants_reading_at_every_byte(void **state)
{
    for_each_kind(byte_by_byte);
}

#define MANY (1u << 20)

static unsigned char pattern(size_t at)
{
    return (unsigned char)(at * 7 + at / 4096);
}

/* The server sends much and the client reads with this much room, until `more` and PELT_AGAIN say
 * that there is nothing. */
static void read_much(const struct kind *kind, size_t room)
{
    struct pair p;
    unsigned char *sent = malloc(MANY), *got = malloc(MANY);
    size_t put = 0, have = 0;
    pair_of(&p, kind);
    pair_connect(&p, "api.test");
    must_shake(&p);
    for (size_t i = 0; i < MANY; i++) {
        sent[i] = pattern(i);
    }
    while (have < MANY) {
        while (put < MANY) {
            size_t left = MANY - put;
            ssize_t n = test_peer_write(p.peer, sent + put, left < 16384 ? left : 16384);
            if (n == PELT_AGAIN) {
                break;
            }
            assert_true(n > 0);
            put += (size_t)n;
        }
        /* As an edge-triggered reader: on until told that nothing waits. */
        ssize_t n;
        do {
            n = p.t.ops->recv(&p.t, got + have, MANY - have < room ? MANY - have : room);
            assert_true(n > 0 || n == PELT_AGAIN);
            have += n > 0 ? (size_t)n : 0;
            if (room >= PELT_TRANSPORT_ROOM) {
                const struct pelt_tls_conn *conn = p.t.ctx;
                assert_int_equal(conn->in.len, 0); /* no poller would tell of it */
            }
        } while (have < MANY && n != PELT_AGAIN && (p.t.more || (size_t)n == room));
        unsigned char byte;
        assert_true(have == MANY || p.t.ops->recv(&p.t, &byte, 1) == PELT_AGAIN);
        assert_false(p.t.ended);
    }
    assert_memory_equal(got, sent, MANY);
    free(sent);
    free(got);
    pair_deinit(&p);
}

static void read_by_64k(const struct kind *kind)
{
    read_much(kind, 65536);
}

static void read_by_room(const struct kind *kind)
{
    read_much(kind, PELT_TRANSPORT_ROOM);
}

static void read_by_little(const struct kind *kind)
{
    read_much(kind, 1000);
}

static void much_is_received(void **state)
{
    for_each_kind(read_by_64k);
    for_each_kind(read_by_room);
    for_each_kind(read_by_little);
}

/* Into a socket that takes little: from a buffer that lies elsewhere each time. */
static void send_much(const struct kind *kind)
{
    struct pair p;
    unsigned char *got = malloc(MANY);
    size_t put = 0, have = 0;
    unsigned again = 0, calls = 0;
    int little = 20000;
    pair_of(&p, kind);
    pair_connect(&p, "api.test");
    setsockopt(p.t.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
    must_shake(&p);
    while (have < MANY) {
        for (;;) {
            if (put == MANY) {
                break;
            }
            unsigned char *copy = malloc(MANY - put);
            for (size_t i = put; i < MANY; i++) {
                copy[i - put] = pattern(i);
            }
            ssize_t n = p.t.ops->send(&p.t, copy, MANY - put);
            memset(copy, 0, MANY - put);
            free(copy);
            calls++;
            if (n == PELT_AGAIN) {
                again++;
                break;
            }
            assert_true(n > 0);
            put += (size_t)n;
        }
        for (;;) {
            ssize_t n = test_peer_read(p.peer, got + have, MANY - have);
            if (n <= 0) {
                break;
            }
            have += (size_t)n;
        }
    }
    assert_int_equal(put, MANY);
    assert_true(again > 0);
    for (size_t i = 0; i < MANY; i++) {
        if (got[i] != pattern(i)) {
            fail_msg("byte %zu is wrong", i);
        }
    }
    free(got);
    pair_deinit(&p);
}

static void sends_go_out_in_parts(void **state)
{
    for_each_kind(send_much);
}

/* A transport below that counts. */
static unsigned sends, recvs;
static const struct pelt_transport_ops *counted;

static ssize_t counting_send(struct pelt_transport *t, const void *bytes, size_t len)
{
    sends++;
    return counted->send(t, bytes, len);
}

static ssize_t counting_recv(struct pelt_transport *t, void *bytes, size_t len)
{
    recvs++;
    return counted->recv(t, bytes, len);
}

static void counting_close(struct pelt_transport *t)
{
    counted->close(t);
}

/* One send a request and one recv an answer; four records go out, and come in, by one. */
static void count_calls(const struct kind *kind)
{
    const struct pelt_transport_ops ops = {counting_send, counting_recv, NULL, counting_close};
    struct pair p;
    int fds[2];
    char got[65536], much[40000] = "";
    pair_of(&p, kind);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    pelt_transport_plain(&p.t, fds[0]);
    counted = p.t.ops;
    p.t.ops = &ops;
    assert_int_equal(pelt_transport_tls(&p.t, p.thread, "api.test", &p.session), PELT_OK);
    p.peer_fd = fds[1];
    p.peer = test_peer_new(p.server, fds[1]);
    sends = 0;
    must_shake(&p);
    must_talk(&p);
    assert_int_equal(sends,
                     kind->version == PELT_TLS_1_3 ? 2 : 3); /* hello, last flight, request */
    (void)p.t.ops->recv(&p.t, got, sizeof(got));             /* tickets of TLS 1.3 */
    sends = recvs = 0;
    must_talk(&p);
    assert_int_equal(sends, 1);
    assert_int_equal(recvs, 1);
    assert_false(p.t.more);
    assert_int_equal(p.t.ops->send(&p.t, much, sizeof(much)), sizeof(much));
    assert_int_equal(sends, 2);
    for (size_t put = 0; put < sizeof(much);) {
        ssize_t n = test_peer_write(p.peer, much + put, sizeof(much) - put);
        assert_true(n > 0);
        put += (size_t)n;
    }
    assert_int_equal(p.t.ops->recv(&p.t, got, sizeof(got)), sizeof(much));
    assert_int_equal(recvs, 2);
    pair_deinit(&p);
}

static void as_few_calls_as_without_tls(void **state)
{
    for_each_kind(count_calls);
}

/* ---- ends ---- */

static void an_orderly_end(const struct kind *kind)
{
    struct pair p;
    char got[65536];
    pair_of(&p, kind);
    pair_connect(&p, "api.test");
    must_shake(&p);
    must_talk(&p);
    assert_int_equal(test_peer_write(p.peer, "bye", 3), 3);
    test_peer_say_end(p.peer);
    /* The end lies behind the bytes, and no event of the socket will tell. */
    assert_int_equal(client_recv(&p, got, sizeof(got)), 3);
    assert_true(p.t.ended);
    assert_int_equal(p.t.ops->recv(&p.t, got, sizeof(got)), PELT_EOF);
    assert_int_equal(p.t.ops->recv(&p.t, got, sizeof(got)), PELT_EOF);
    assert_null(pelt_tls_failure(&p.t));
    pair_deinit(&p);
}

static void a_truncated_one(const struct kind *kind)
{
    struct pair p;
    char got[65536];
    pair_of(&p, kind);
    pair_connect(&p, "api.test");
    must_shake(&p);
    must_talk(&p);
    assert_int_equal(test_peer_write(p.peer, "bye", 3), 3);
    test_peer_free(p.peer);
    p.peer = NULL;
    assert_int_equal(client_recv(&p, got, sizeof(got)), 3);
    assert_int_equal(p.t.ops->recv(&p.t, got, sizeof(got)), PELT_EIO);
    assert_int_equal(p.t.err, ECONNABORTED);
    assert_int_equal(pelt_tls_failure(&p.t)->class, PELT_TLS_TRUNCATED);
    /* Its session is as good as another. */
    pair_disconnect(&p);
    pair_connect(&p, "api.test");
    must_shake(&p);
    assert_true(pelt_tls_resumed(&p.t));
    pair_deinit(&p);
}

/* The client says its end; and a session of a connection that was closed is resumed. */
static void ours(const struct kind *kind)
{
    struct pair p;
    char got[16];
    pair_of(&p, kind);
    pair_connect(&p, "api.test");
    must_shake(&p);
    must_talk(&p);
    p.t.ops->close(&p.t);
    assert_int_equal(p.t.fd, -1);
    p.t.ops->close(&p.t);
    assert_int_equal(test_peer_read(p.peer, got, sizeof(got)), PELT_EOF);
    pair_deinit(&p);
}

static void broken_bytes(const struct kind *kind)
{
    struct pair p;
    char got[16];
    const unsigned char record[] = {23, 3,  3,  0,  40, 1, 2, 3, 4, 5,  6, 7, 8, 9, 10,
                                    11, 12, 13, 14, 15, 1, 2, 3, 4, 5,  6, 7, 8, 9, 10,
                                    1,  2,  3,  4,  5,  6, 7, 8, 9, 10, 1, 2, 3, 4, 5};
    pair_of(&p, kind);
    pair_connect(&p, "api.test");
    must_shake(&p);
    must_talk(&p);
    assert_int_equal(write(p.peer_fd, record, sizeof(record)), sizeof(record));
    assert_int_equal(client_recv(&p, got, sizeof(got)), PELT_EIO);
    assert_int_equal(p.t.err, EPROTO);
    assert_int_equal(pelt_tls_failure(&p.t)->class, PELT_TLS_PROTOCOL);
    pair_deinit(&p);
}

static void ends_are_told_apart(void **state)
{
    for_each_kind(an_orderly_end);
    for_each_kind(a_truncated_one);
    for_each_kind(ours);
    for_each_kind(broken_bytes);
}

/* ---- failures: both clients, against OpenSSL's server unless told ---- */

static const struct kind both[] = {
    {PELT_TLS_MBEDTLS, PELT_TLS_OPENSSL, PELT_TLS_1_2},
    {PELT_TLS_OPENSSL, PELT_TLS_OPENSSL, PELT_TLS_1_2},
    {PELT_TLS_OPENSSL, PELT_TLS_OPENSSL, PELT_TLS_1_3},
    {PELT_TLS_MBEDTLS, PELT_TLS_MBEDTLS, PELT_TLS_1_2},
    {PELT_TLS_OPENSSL, PELT_TLS_MBEDTLS, PELT_TLS_1_2},
};
#define BOTH_LEN (sizeof(both) / sizeof(both[0]))

static bool is_for_servers(const struct test_cert *c)
{
    return X509_check_purpose(c->x, X509_PURPOSE_SSL_SERVER, 0) == 1;
}

/* The server shows this chain to a client that asks for `host`. */
static void shows(const struct test_cert *own, const struct test_cert *above, const char *host,
                  enum pelt_tls_class class, const char *word)
{
    for (size_t i = 0; i < BOTH_LEN; i++) {
        struct pair p;
        if (both[i].server == PELT_TLS_MBEDTLS && !is_for_servers(own)) {
            continue; /* mbedTLS' server would not show it */
        }
        pair_init(&p, &(struct pelt_tls_settings){.backend = both[i].client},
                  &(struct test_server_settings){.backend = both[i].server,
                                                 .version_max = both[i].version,
                                                 .chain = {own, above}});
        pair_connect(&p, host);
        if (class == PELT_TLS_CLASS_COUNT) {
            must_shake(&p);
        } else {
            must_fail(&p, class, word);
            struct pelt_tls_certificate sent[PELT_TLS_CHAIN_MAX];
            assert_int_equal(pelt_tls_peer_chain(&p.t, sent, PELT_TLS_CHAIN_MAX),
                             above != NULL ? 2 : 1);
        }
        pair_deinit(&p);
    }
}

static void shows_made(const struct test_cert_settings *settings, enum pelt_tls_class class,
                       const char *word)
{
    struct test_cert c;
    struct test_cert_settings s = *settings;
    s.name = "api.test";
    s.names = "DNS:api.test";
    test_cert_make(&c, &s);
    shows(&c, NULL, "api.test", class, word);
    test_cert_free(&c);
}

static void certificates_of_wrong_dates(void **state)
{
    shows_made(&(struct test_cert_settings){.issuer = &root, .from_day = -9, .to_day = -2},
               PELT_TLS_EXPIRED, "CN=api.test expired on 20");
    shows_made(&(struct test_cert_settings){.issuer = &root, .from_day = 2, .to_day = 9},
               PELT_TLS_NOT_YET_VALID, "CN=api.test is not valid before 20");
}

static void certificates_of_unknown_issuers(void **state)
{
    shows_made(&(struct test_cert_settings){0}, PELT_TLS_SELF_SIGNED,
               "(CN=api.test) is self-signed");
    shows_made(&(struct test_cert_settings){.issuer = &other_root}, PELT_TLS_UNKNOWN_CA,
               "CN=Other Root");
    shows_made(&(struct test_cert_settings){.issuer = &middle}, PELT_TLS_MISSING_INTERMEDIATE,
               "CN=Middle");
    shows_made(&(struct test_cert_settings){.issuer = &other_root,
                                            .issuers_at = "http://ca.test/middle.der"},
               PELT_TLS_MISSING_INTERMEDIATE, "whole chain");
    shows(&leaf_middle, &middle, "api.test", PELT_TLS_CLASS_COUNT, "");
}

static void an_unknown_root_that_is_sent(void **state)
{
    struct test_cert c;
    test_cert_make(&c, &(struct test_cert_settings){
                           .name = "api.test", .names = "DNS:api.test", .issuer = &other_root});
    shows(&c, &other_root, "api.test", PELT_TLS_UNKNOWN_CA, "CN=Other Root");
    test_cert_free(&c);
}

static void certificates_not_for_servers(void **state)
{
    shows_made(&(struct test_cert_settings){.issuer = &root, .usage = "clientAuth"},
               PELT_TLS_UNSUITABLE, "not fit for a server");
}

static void names_and_addresses(void **state)
{
    const enum pelt_tls_class fine = PELT_TLS_CLASS_COUNT;
    shows(&leaf, NULL, "api.test", fine, "");
    shows(&leaf, NULL, "API.test.", fine, "");
    shows(&leaf, NULL, "a.wild.test", fine, "");
    shows(&leaf, NULL, "127.0.0.1", fine, "");
    shows(&leaf, NULL, "::1", fine, "");
    shows(&leaf, NULL, "a.b.wild.test", PELT_TLS_WRONG_HOST, "*.wild.test");
    shows(&leaf, NULL, "wild.test", PELT_TLS_WRONG_HOST, "wild.test but for");
    shows(&leaf, NULL, "127.0.0.2", PELT_TLS_WRONG_HOST, "127.0.0.2 but for");
    shows(&leaf, NULL, "::2", PELT_TLS_WRONG_HOST, "::2");
}

static void the_name_is_sent_but_no_address(void **state)
{
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pair p;
        pair_init(&p, &(struct pelt_tls_settings){.backend = (enum pelt_tls_library)library},
                  &(struct test_server_settings){.backend = PELT_TLS_OPENSSL,
                                                 .version_max = PELT_TLS_1_2});
        pair_connect(&p, "api.test.");
        must_shake(&p);
        assert_string_equal(test_peer_name(p.peer), "api.test");
        pair_disconnect(&p);
        pelt_tls_session_forget(&p.session);
        pair_connect(&p, "127.0.0.1");
        must_shake(&p);
        assert_null(test_peer_name(p.peer));
        pair_deinit(&p);
    }
}

static void insecure_takes_all(void **state)
{
    struct test_cert c;
    test_cert_make(&c, &(struct test_cert_settings){.name = "x", .from_day = -9, .to_day = -2});
    for (size_t i = 0; i < BOTH_LEN; i++) {
        struct pair p;
        pair_init(&p, &(struct pelt_tls_settings){.backend = both[i].client, .insecure = true},
                  &(struct test_server_settings){
                      .backend = both[i].server, .version_max = both[i].version, .chain = {&c}});
        pair_connect(&p, "api.test");
        must_shake(&p);
        must_talk(&p);
        struct pelt_tls_certificate sent[1];
        assert_int_equal(pelt_tls_peer_chain(&p.t, sent, 1), 1);
        assert_string_equal(sent[0].subject, "CN=x");
        pair_disconnect(&p);
        pair_connect(&p, "api.test");
        must_shake(&p);
        assert_true(pelt_tls_resumed(&p.t));
        pair_deinit(&p);
    }
    test_cert_free(&c);
}

static void no_resumption_by_choice(void **state)
{
    for (size_t i = 0; i < BOTH_LEN; i++) {
        struct pair p;
        pair_init(&p, &(struct pelt_tls_settings){.backend = both[i].client, .no_resume = true},
                  &(struct test_server_settings){.backend = both[i].server,
                                                 .version_max = both[i].version});
        for (int n = 0; n < 2; n++) {
            pair_connect(&p, "api.test");
            must_shake(&p);
            must_talk(&p);
            assert_false(pelt_tls_resumed(&p.t));
            pair_disconnect(&p);
        }
        assert_int_equal(p.session.len, 0);
        pair_deinit(&p);
    }
}

/* ---- what client and server have in common ---- */

static void disagree(const struct pelt_tls_settings *client,
                     const struct test_server_settings *server, enum pelt_tls_class class,
                     const char *word)
{
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pair p;
        struct pelt_tls_settings c = *client;
        c.backend = (enum pelt_tls_library)library;
        if (c.version_min == PELT_TLS_1_3 && !has_13(c.backend)) {
            continue;
        }
        pair_init(&p, &c, server);
        pair_connect(&p, "api.test");
        must_fail(&p, class, word);
        pair_deinit(&p);
    }
}

static void no_version_in_common(void **state)
{
    struct pair p;
    disagree(
        &(struct pelt_tls_settings){.version_max = PELT_TLS_1_2},
        &(struct test_server_settings){.backend = PELT_TLS_OPENSSL, .version_min = PELT_TLS_1_3},
        PELT_TLS_VERSION, "TLS 1.2 was offered");
    disagree(&(struct pelt_tls_settings){0},
             &(struct test_server_settings){.backend = PELT_TLS_OPENSSL,
                                            .version_min = PELT_TLS_1_0,
                                            .version_max = PELT_TLS_1_0,
                                            .ciphers = "ALL:@SECLEVEL=0"},
             PELT_TLS_VERSION, "was offered");
    if (!has_13(PELT_TLS_MBEDTLS)) {
        pair_init(&p, &(struct pelt_tls_settings){0},
                  &(struct test_server_settings){.backend = PELT_TLS_OPENSSL,
                                                 .version_min = PELT_TLS_1_3});
        pair_connect(&p, "api.test");
        must_fail(&p, PELT_TLS_VERSION, "needs --tls openssl");
        pair_deinit(&p);
    }
}

static void no_cipher_in_common(void **state)
{
    disagree(&(struct pelt_tls_settings){.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
                                         .version_max = PELT_TLS_1_2},
             &(struct test_server_settings){.backend = PELT_TLS_OPENSSL,
                                            .version_max = PELT_TLS_1_2,
                                            .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"},
             PELT_TLS_CIPHER, "in common");
}

static void no_name_or_protocol_in_common(void **state)
{
    disagree(&(struct pelt_tls_settings){0},
             &(struct test_server_settings){.backend = PELT_TLS_OPENSSL, .only_name = "www.test"},
             PELT_TLS_UNKNOWN_NAME, "api.test");
    disagree(&(struct pelt_tls_settings){.alpn = "http/1.1"},
             &(struct test_server_settings){.backend = PELT_TLS_OPENSSL, .alpn = "h2"},
             PELT_TLS_ALPN, "http/1.1");
}

static void old_versions_when_asked_for(void **state)
{
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pair p;
        struct pelt_tls_about about;
        if (library == PELT_TLS_MBEDTLS && has_13(PELT_TLS_MBEDTLS)) {
            continue; /* 3.x speaks 1.2 and up */
        }
        pair_init(&p,
                  &(struct pelt_tls_settings){.backend = (enum pelt_tls_library)library,
                                              .version_min = PELT_TLS_1_0},
                  &(struct test_server_settings){.backend = PELT_TLS_OPENSSL,
                                                 .version_min = PELT_TLS_1_0,
                                                 .version_max = PELT_TLS_1_0,
                                                 .ciphers = "ALL:@SECLEVEL=0"});
        pair_connect(&p, "api.test");
        must_shake(&p);
        must_talk(&p);
        pelt_tls_about(&p.t, &about);
        assert_int_equal(about.version, PELT_TLS_1_0);
        pair_deinit(&p);
    }
}

static void the_cipher_that_was_asked_for(void **state)
{
    const char *names[] = {"ECDHE-ECDSA-CHACHA20-POLY1305",
                           "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"};
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        for (int i = 0; i < 2; i++) {
            struct pair p;
            struct pelt_tls_about about;
            pair_init(&p,
                      &(struct pelt_tls_settings){.backend = (enum pelt_tls_library)library,
                                                  .ciphers = names[i]},
                      &(struct test_server_settings){.backend = PELT_TLS_OPENSSL});
            pair_connect(&p, "api.test");
            must_shake(&p);
            pelt_tls_about(&p.t, &about);
            assert_string_equal(about.cipher, names[1]);
            pair_deinit(&p);
        }
    }
}

/* ---- peers that speak no TLS, or stop ---- */

/* The client begins with a peer that answers with these bytes and ends, or stays. */
static void answered(const char *bytes, size_t len, bool ends, enum pelt_tls_class class,
                     const char *word)
{
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pair p;
        char hello[4096];
        pair_init(&p, &(struct pelt_tls_settings){.backend = (enum pelt_tls_library)library},
                  &(struct test_server_settings){.backend = PELT_TLS_OPENSSL});
        pair_connect(&p, "api.test");
        assert_int_equal(pelt_tls_handshake(&p.t), PELT_AGAIN);
        assert_true(read(p.peer_fd, hello, sizeof(hello)) > 100);
        assert_int_equal(write(p.peer_fd, bytes, len), len);
        if (ends) {
            assert_int_equal(shutdown(p.peer_fd, SHUT_RDWR), 0);
        }
        assert_int_equal(pelt_tls_handshake(&p.t), PELT_EIO);
        assert_int_equal(pelt_tls_handshake(&p.t), PELT_EIO);
        const struct pelt_tls_failure *f = pelt_tls_failure(&p.t);
        if (f->class != class || strstr(f->text, word) == NULL) {
            fail_msg("%s: %s", pelt_tls_class_name(f->class), f->text);
        }
        pair_deinit(&p);
    }
}

static void peers_without_tls(void **state)
{
    const char http[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    answered(http, sizeof(http) - 1, true, PELT_TLS_NOT_TLS, "plain HTTP");
    answered(http, sizeof(http) - 1, false, PELT_TLS_NOT_TLS, "plain HTTP");
    answered("220 mail\r\n", 10, false, PELT_TLS_NOT_TLS, "\"220 m\"");
    answered("x", 1, true, PELT_TLS_NOT_TLS, "\"x\"");
    answered("", 0, true, PELT_TLS_CUT_OFF, "closed the connection during");
    answered("\x16\x03\x03", 3, true, PELT_TLS_CUT_OFF, "closed the connection during");
    answered("\x15\x03\x03\x00\x02\x02\x50", 7, false, PELT_TLS_ALERT, "80, internal_error");
}

static void a_reset_during_the_handshake(void **state)
{
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pair p;
        struct memory_transport m;
        struct pelt_transport t;
        pair_init(&p, &(struct pelt_tls_settings){.backend = (enum pelt_tls_library)library},
                  &(struct test_server_settings){.backend = PELT_TLS_OPENSSL});
        memory_transport_init(&m);
        memory_transport_attach(&m, &t);
        memory_transport_again(&m);
        memory_transport_error(&m, ECONNRESET);
        assert_int_equal(pelt_transport_tls(&t, p.thread, "api.test", NULL), PELT_OK);
        assert_int_equal(pelt_tls_handshake(&t), PELT_AGAIN);
        assert_int_equal(m.sends, 1); /* a flight goes out by one send */
        assert_int_equal(pelt_tls_handshake(&t), PELT_EIO);
        assert_int_equal(t.err, ECONNRESET);
        assert_int_equal(pelt_tls_failure(&t)->class, PELT_TLS_CUT_OFF);
        t.ops->close(&t);
        assert_true(m.closed);
        memory_transport_deinit(&m);
        pair_deinit(&p);
    }
}

/* ---- client certificates ---- */

static char *made_file(char out[64], const char *name, const struct test_cert *a,
                       const struct test_cert *b)
{
    path_of(out, name);
    unlink(out);
    test_cert_write(a, out, true);
    if (b != NULL) {
        test_cert_write(b, out, false);
    }
    return out;
}

/* With TLS 1.3 a refusal comes after the client's handshake, by recv. */
static void client_shows(const char *cert, enum pelt_tls_class class)
{
    for (size_t i = 0; i < BOTH_LEN; i++) {
        struct pair p;
        char got[16];
        pair_init(&p, &(struct pelt_tls_settings){.backend = both[i].client, .cert = cert},
                  &(struct test_server_settings){.backend = both[i].server,
                                                 .version_max = both[i].version,
                                                 .client_ca = &root});
        pair_connect(&p, "api.test");
        enum pelt_status status = pair_shake(&p);
        if (class == PELT_TLS_CLASS_COUNT) {
            assert_int_equal(status, PELT_OK);
            must_talk(&p);
        } else {
            if (status == PELT_OK) {
                assert_int_equal(p.t.ops->send(&p.t, "ask", 3), 3);
                (void)test_peer_handshake(p.peer);
                assert_int_equal(client_recv(&p, got, sizeof(got)), PELT_EIO);
            }
            const struct pelt_tls_failure *f = pelt_tls_failure(&p.t);
            assert_non_null(f);
            if (f->class != class) {
                fail_msg("kind %zu: %s: %s", i, pelt_tls_class_name(f->class), f->text);
            }
        }
        pair_deinit(&p);
    }
}

static void client_certificates(void **state)
{
    char file[64];
    struct test_cert own, deep, strange;
    test_cert_make(&own, &(struct test_cert_settings){.name = "me", .issuer = &root, .rsa = true});
    test_cert_make(&deep, &(struct test_cert_settings){.name = "me", .issuer = &middle});
    test_cert_make(&strange, &(struct test_cert_settings){.name = "me", .issuer = &other_root});
    client_shows(NULL, PELT_TLS_CLIENT_CERT_MISSING);
    client_shows(made_file(file, "own.pem", &own, NULL), PELT_TLS_CLASS_COUNT);
    client_shows(made_file(file, "deep.pem", &deep, &middle), PELT_TLS_CLASS_COUNT);
    client_shows(made_file(file, "strange.pem", &strange, NULL), PELT_TLS_CLIENT_CERT_REFUSED);
    test_cert_free(&own);
    test_cert_free(&deep);
    test_cert_free(&strange);
}

/* ---- settings ---- */

static void refused(const struct pelt_tls_settings *settings, const char *word)
{
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pelt_tls *tls;
        struct pelt_error err = {""};
        struct pelt_tls_settings s = *settings;
        s.backend = (enum pelt_tls_library)library;
        assert_int_equal(pelt_tls_new(&tls, &s, &err), PELT_EINVAL);
        if (strstr(err.text, word) == NULL) {
            fail_msg("%s", err.text);
        }
    }
}

static void settings_that_are_wrong(void **state)
{
    char own[64], other[64], locked[64], command[256];
    struct test_cert a, b;
    test_cert_make(&a, &(struct test_cert_settings){.name = "a", .issuer = &root});
    test_cert_make(&b, &(struct test_cert_settings){.name = "b", .issuer = &root});
    made_file(own, "a.pem", &a, NULL);
    made_file(other, "b.pem", &b, NULL);
    path_of(locked, "locked.pem");
    snprintf(command, sizeof(command), "openssl pkey -in %s -aes128 -passout pass:x -out %s", own,
             locked);
    assert_int_equal(system(command), 0);

    refused(&(struct pelt_tls_settings){.ca = "/no/such.pem"}, "--ca /no/such.pem: No such file");
    refused(&(struct pelt_tls_settings){.ca = empty_file}, "no certificate in it");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .cert = "/no/cert"},
            "--cert /no/cert: No such");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .cert = empty_file}, "no certificate in it");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .cert = ca_file}, "no private key in it");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .cert = own, .key = other},
            "is not the key of");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .cert = own, .key = locked}, "is encrypted");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .key = own}, "needs its certificate");
    refused(&(struct pelt_tls_settings){.ca = ca_file,
                                        .version_min = PELT_TLS_1_2,
                                        .version_max = PELT_TLS_1_1},
            "from 1.2 to 1.1");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .ciphers = "NONESUCH"}, "cipher NONESUCH");
    refused(&(struct pelt_tls_settings){.ca = ca_file, .ciphers = ""}, "empty list");
    refused(&(struct pelt_tls_settings){.ca = ca_file,
                                        .ciphers = "TLS_AES_128_GCM_SHA256",
                                        .version_max = PELT_TLS_1_2},
            "none of the ciphers is for TLS 1.2");
    test_cert_free(&a);
    test_cert_free(&b);
}

static void cas_of_a_folder_and_of_the_environment(void **state)
{
    char ca_folder[64], file[96];
    struct pelt_tls *tls;
    struct pelt_error err = {""};
    path_of(ca_folder, "cas");
    assert_int_equal(mkdir(ca_folder, 0700), 0);
    snprintf(file, sizeof(file), "%s/other.pem", ca_folder);
    test_cert_write(&other_root, file, false);
    snprintf(file, sizeof(file), "%s/12345678.0", ca_folder);
    test_cert_write(&root, file, false);
    snprintf(file, sizeof(file), "%s/root.crt", ca_folder);
    test_cert_write(&root, file, false);
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pair p;
        pair_init(
            &p,
            &(struct pelt_tls_settings){.backend = (enum pelt_tls_library)library, .ca = ca_folder},
            &(struct test_server_settings){.backend = PELT_TLS_OPENSSL});
        pair_connect(&p, "api.test");
        must_shake(&p);
        pair_deinit(&p);
    }
    setenv("SSL_CERT_FILE", "/no/such.pem", 1);
    assert_int_equal(pelt_tls_new(&tls, &(struct pelt_tls_settings){0}, &err), PELT_EINVAL);
    assert_string_equal(err.text, "SSL_CERT_FILE /no/such.pem: No such file or directory");
    setenv("SSL_CERT_FILE", ca_file, 1);
    assert_int_equal(pelt_tls_new(&tls, &(struct pelt_tls_settings){0}, &err), PELT_OK);
    pelt_tls_free(tls);
    unsetenv("SSL_CERT_FILE");
}

/* ---- want of memory, and threads ---- */

static struct test_server *memory_server;

/* Each allocation of ours fails in turn, until none is left to fail: an answer each time, and
 * nothing lost. */
static bool lives_without(const struct kind *kind, long at)
{
    struct pelt_tls *tls = NULL;
    struct pelt_tls_thread *thread = NULL;
    struct pelt_tls_session session = {0};
    struct pelt_error err;
    struct pelt_tls_settings settings = {.backend = kind->client, .ca = ca_file};
    failing_malloc_at = at;
    enum pelt_status status = pelt_tls_new(&tls, &settings, &err);
    if (status == PELT_OK) {
        status = pelt_tls_thread_new(&thread, tls, &err);
    }
    assert_true(status == PELT_OK || status == PELT_ENOMEM);
    if (status == PELT_OK) {
        struct pair p = {.thread = thread, .server = memory_server, .t.fd = -1};
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        pelt_transport_plain(&p.t, fds[0]);
        p.peer_fd = fds[1];
        status = pelt_transport_tls(&p.t, thread, "api.test", &session);
        long left = failing_malloc_at;
        failing_malloc_at = -1;
        p.peer = test_peer_new(p.server, fds[1]);
        failing_malloc_at = left;
        for (int i = 0; i < TURNS_MAX && status == PELT_OK; i++) {
            status = pelt_tls_handshake(&p.t);
            left = failing_malloc_at;
            failing_malloc_at = -1;
            (void)test_peer_handshake(p.peer);
            failing_malloc_at = left;
            if (status != PELT_AGAIN) {
                break;
            }
            status = PELT_OK;
        }
        assert_true(status == PELT_OK || status == PELT_ENOMEM);
        p.t.ops->close(&p.t);
        left = failing_malloc_at;
        failing_malloc_at = -1;
        test_peer_free(p.peer);
        failing_malloc_at = left;
    }
    bool failed = failing_malloc_at == -1;
    failing_malloc_at = -1;
    pelt_tls_session_forget(&session);
    pelt_tls_thread_free(thread);
    pelt_tls_free(tls);
    return !failed;
}

static void want_of_memory(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        memory_server = test_server_new(
            &(struct test_server_settings){.backend = PELT_TLS_OPENSSL, .chain = {&leaf}});
        long at = 0;
        while (!lives_without(&both[i], at)) {
            at++;
        }
        assert_true(at >= 4);
        test_server_free(memory_server);
    }
}

/* One process's object, and threads of their own servers. */
static void *shake_often(void *arg)
{
    const struct pelt_tls *tls = arg;
    struct pair p = {.t.fd = -1};
    struct pelt_error err;
    const char *wrong = NULL;
    p.server = test_server_new(
        &(struct test_server_settings){.backend = PELT_TLS_OPENSSL, .chain = {&leaf}});
    if (pelt_tls_thread_new(&p.thread, tls, &err) != PELT_OK) {
        wrong = "no thread's object";
    }
    for (int i = 0; i < 6 && wrong == NULL; i++) {
        pair_connect(&p, "api.test");
        if (pair_shake(&p) != PELT_OK) {
            wrong = "no handshake";
        }
        pair_disconnect(&p);
        if (i % 2 == 1) {
            pelt_tls_session_forget(&p.session);
        }
    }
    pelt_tls_session_forget(&p.session);
    pelt_tls_thread_free(p.thread);
    test_server_free(p.server);
    return (void *)(uintptr_t)wrong;
}

static void threads_share_the_cas(void **state)
{
    for (int library = PELT_TLS_MBEDTLS; library <= PELT_TLS_OPENSSL; library++) {
        struct pelt_tls *tls;
        pthread_t threads[3];
        struct pelt_tls_settings settings = {.backend = (enum pelt_tls_library)library,
                                             .ca = ca_file};
        assert_int_equal(pelt_tls_new(&tls, &settings, NULL), PELT_OK);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, shake_often, tls), 0);
        }
        for (int i = 0; i < 3; i++) {
            void *wrong;
            assert_int_equal(pthread_join(threads[i], &wrong), 0);
            assert_null(wrong);
        }
        pelt_tls_free(tls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_handshakes),
        cmocka_unit_test(resumed_handshakes),
        cmocka_unit_test(wants_reading_at_every_byte),
        cmocka_unit_test(much_is_received),
        cmocka_unit_test(sends_go_out_in_parts),
        cmocka_unit_test(as_few_calls_as_without_tls),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(certificates_of_wrong_dates),
        cmocka_unit_test(certificates_of_unknown_issuers),
        cmocka_unit_test(an_unknown_root_that_is_sent),
        cmocka_unit_test(certificates_not_for_servers),
        cmocka_unit_test(names_and_addresses),
        cmocka_unit_test(the_name_is_sent_but_no_address),
        cmocka_unit_test(insecure_takes_all),
        cmocka_unit_test(no_resumption_by_choice),
        cmocka_unit_test(no_version_in_common),
        cmocka_unit_test(no_cipher_in_common),
        cmocka_unit_test(no_name_or_protocol_in_common),
        cmocka_unit_test(old_versions_when_asked_for),
        cmocka_unit_test(the_cipher_that_was_asked_for),
        cmocka_unit_test(peers_without_tls),
        cmocka_unit_test(a_reset_during_the_handshake),
        cmocka_unit_test(client_certificates),
        cmocka_unit_test(settings_that_are_wrong),
        cmocka_unit_test(cas_of_a_folder_and_of_the_environment),
        cmocka_unit_test(want_of_memory),
        cmocka_unit_test(threads_share_the_cas),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
