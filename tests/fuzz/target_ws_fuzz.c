/*
 * target_ws: no bytes of a client crash a WebSocket, whatever pieces they come in and however
 * little the client takes; counts agree with what was sent, what waits is bounded, and a connection
 * always comes to its end.
 *
 * The first byte picks echo or chat, the second the size of pieces, the third what the client takes
 * a turn; the rest is the stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wsconn.h"

#define QUEUE   2000
#define MESSAGE 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *data;
    size_t left, piece, room;
    bool has_read; /* a piece, this turn */
    uint64_t now_ns;
} wire;

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static ssize_t receive(void *cls, uint8_t *bytes, size_t room)
{
    size_t n = wire.left < wire.piece ? wire.left : wire.piece;

    n = n < room ? n : room;
    if (wire.has_read) {
        return 0;
    }
    wire.has_read = true;
    if (n == 0) {
        return -1;
    }
    memcpy(bytes, wire.data, n);
    wire.data += n;
    wire.left -= n;
    return (ssize_t)n;
}

static ssize_t send_bytes(void *cls, const uint8_t *bytes, size_t count, bool more_follows)
{
    size_t n = count < wire.room ? count : wire.room;

    wire.room -= n;
    return (ssize_t)n;
}

static uint64_t now(void)
{
    return wire.now_ns;
}

static void check(const struct target_wsconn *conn, const struct target_ws *ws)
{
    require(conn->count.messages_out == ws->messages_out && conn->count.bytes_in == ws->bytes_in);
    require(conn->queued_bytes <= QUEUE + MESSAGE);
    if (!conn->is_chat) {
        require(conn->count.messages_out <= conn->count.messages_in);
        require(conn->count.bytes_out <= conn->count.bytes_in);
    }
    require(!conn->is_answering || conn->reply.given <= conn->reply.tokens);
}

static void turn(struct target_wsconn *conn, size_t room)
{
    wire.has_read = false;
    wire.room = room;
    wire.now_ns++;
    if (target_wsconn_wants_read(conn)) {
        target_wsconn_receive(conn);
    }
    if (target_wsconn_due_ns(conn) <= wire.now_ns) {
        target_wsconn_say(conn);
    }
    target_wsconn_send(conn);
}

static const struct target_pace *pace_now(void *loop)
{
    return loop;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target_pace pace = {.gap = {.mean_ns = 2}};
    struct target_ws ws = {.message_bytes = MESSAGE, .queue_bytes = QUEUE};
    _Atomic uint64_t arrivals = 0;
    uint64_t seed = 1;
    struct target_wsenv env = {.receive = receive,
                               .send = send_bytes,
                               .clock = now,
                               .ws = &ws,
                               .pace = pace_now,
                               .loop = &pace,
                               .seed = &seed,
                               .arrivals = &arrivals};
    struct target_wsconn conn;
    size_t turns = 0;

    if (size < 3) {
        return 0;
    }
    wire.data = data + 3;
    wire.left = size - 3;
    wire.piece = 1 + data[1];
    wire.now_ns = 0;
    require(target_wsconn_init(&conn, &env, NULL, data[0] % 2, NULL));
    while (!target_wsconn_is_over(&conn) && turns++ < size) {
        turn(&conn, data[2]);
        check(&conn, &ws);
    }
    while (!target_wsconn_is_over(&conn)) { /* the client reads on, and then it leaves */
        turn(&conn, 1 << 20);
        check(&conn, &ws);
    }
    target_wsconn_deinit(&conn);
    return 0;
}
