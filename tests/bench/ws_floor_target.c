/*
 * ws_floor_target: the cheapest WebSocket echo server there can be, so that a client on a core of
 * its own is the limit. It answers the opening handshake, and sends each frame back unmasked. It
 * trusts its clients: frames are whole messages of up to 65,535 bytes, one in flight a connection,
 * and what looks like no frame ends the connection.
 *
 *   ws_floor_target [CPU]
 *
 * Listens on a free port of 127.0.0.1, prints it, and serves until it is killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include "floor.h"

#define EVENTS     512
#define ROOM       (65535 + 14)
#define MAGIC      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LENGTH 24

struct conn {
    int fd;
    bool open; /* it is a WebSocket */
    size_t len;
    uint8_t bytes[ROOM]; /* received, incomplete */
};

static bool put(struct conn *conn, const void *bytes, size_t len)
{
    return write(conn->fd, bytes, len) == (ssize_t)len;
}

/* The head is complete: 101. */
static bool answer(struct conn *conn)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    char reply[256], proof[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1] = "";
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;
    const char *key;
    int len;

    conn->bytes[conn->len] = '\0';
    key = strcasestr((const char *)conn->bytes, name);
    if (!key) {
        return false;
    }
    sha1_init(&sha1);
    sha1_update(&sha1, KEY_LENGTH, (const uint8_t *)key + sizeof name - 1);
    sha1_update(&sha1, sizeof MAGIC - 1, (const uint8_t *)MAGIC);
    sha1_digest(&sha1, sizeof digest, digest);
    base64_encode_raw(proof, sizeof digest, digest);
    len = snprintf(reply, sizeof reply,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                   proof);
    conn->open = true;
    conn->len = 0;
    return put(conn, reply, (size_t)len);
}

/* A whole frame lies at `bytes`: sends it back without its mask. */
static bool echo(struct conn *conn, uint8_t *bytes, size_t head, size_t payload)
{
    uint32_t key, word;
    uint8_t *at = bytes + head, *out = bytes + 4; /* the reply's head moves over the mask */

    memcpy(&key, at - 4, 4);
    for (size_t i = 0; i + 4 <= payload; i += 4) {
        memcpy(&word, at + i, 4);
        word ^= key;
        memcpy(at + i, &word, 4);
    }
    for (size_t i = payload / 4 * 4; i < payload; i++) {
        at[i] ^= ((const uint8_t *)&key)[i % 4];
    }
    memmove(out, bytes, head - 4);
    out[1] &= 0x7f;
    return put(conn, out, head - 4 + payload);
}

/* The bytes of the first frame; 0: it is incomplete. */
static size_t frame_length(const uint8_t *bytes, size_t len, size_t *head)
{
    size_t payload;

    if (len < 8) {
        return 0;
    }
    payload = bytes[1] & 0x7f;
    *head = 6;
    if (payload == 126) {
        payload = (size_t)bytes[2] << 8 | bytes[3];
        *head = 8;
    }
    return len >= *head + payload ? *head + payload : 0;
}

static bool serve(struct conn *conn)
{
    ssize_t n = read(conn->fd, conn->bytes + conn->len, ROOM - 1 - conn->len);
    size_t at = 0, head = 0, whole;

    if (n <= 0) {
        return false;
    }
    conn->len += (size_t)n;
    if (!conn->open) {
        return memmem(conn->bytes, conn->len, "\r\n\r\n", 4) == NULL || answer(conn);
    }
    while ((whole = frame_length(conn->bytes + at, conn->len - at, &head)) > 0) {
        if (!echo(conn, conn->bytes + at, head, whole - head)) {
            return false;
        }
        at += whole;
    }
    memmove(conn->bytes, conn->bytes + at, conn->len - at);
    conn->len -= at;
    return true;
}

static void take(int listener, int epoll_fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct conn *conn = calloc(1, sizeof *conn);

    if (!conn) {
        return;
    }
    conn->fd = floor_accept(listener, 0);
    event.data.ptr = conn;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event);
}

int main(int argc, char **argv)
{
    struct epoll_event event[EVENTS], listening = {.events = EPOLLIN, .data.ptr = NULL};
    uint16_t port = 0;
    int listener, epoll_fd = epoll_create1(0);

    if (!floor_begin(argc > 1 ? argv[1] : NULL)) {
        return floor_fail("cannot run on that CPU");
    }
    listener = floor_listen(&port);
    if (listener < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &listening) != 0) {
        return floor_fail("cannot listen");
    }
    printf("%u\n", port);
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll_fd, event, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            struct conn *conn = event[i].data.ptr;

            if (!conn) {
                take(listener, epoll_fd);
            } else if (!serve(conn)) {
                close(conn->fd);
                free(conn);
            }
        }
    }
}
