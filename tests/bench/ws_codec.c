/*
 * ws_codec: how fast pelt's WebSocket reader and writer are in memory, without a socket.
 *
 *     ws_codec read|write text|binary BYTES MESSAGES
 *
 * prints one line: messages/s, GB/s of payload. `read` feeds a server's frames in pieces of 64 KB,
 * as a thread's receive buffer has them; `write` makes masked frames in one buffer used over and
 * over. Instructions a message: under callgrind, two runs with different MESSAGES.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pelt/ws_reader.h"
#include "pelt/ws_writer.h"

#define RECEIVE_BYTES 65536
#define BATCH_BYTES   (1 << 20) /* of frames made at once; at least one message */

static const struct pelt_ws_deflate_terms none = {.deflate = false};

struct load {
    struct pelt_ws_pool *pool;
    char *payload;
    size_t payload_bytes;
    unsigned long messages;
    bool text;
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* As a server sends it. */
static void add_frame(struct pelt_buf *out, const struct load *load)
{
    char head[10] = {(char)(load->text ? 0x81 : 0x82)};
    uint64_t len = load->payload_bytes;
    size_t more = len < 126 ? 0 : len < 65536 ? 2 : 8;
    head[1] = (char)(more == 0 ? len : more == 2 ? 126 : 127);
    for (size_t i = 0; i < more; i++) {
        head[1 + more - i] = (char)(len >> 8 * i);
    }
    pelt_buf_add(out, head, 2 + more);
    pelt_buf_add(out, load->payload, load->payload_bytes);
}

/* How many were read of those bytes. */
static unsigned long read_batch(struct pelt_ws_reader *r, const struct pelt_buf *frames)
{
    unsigned long count = 0;
    for (size_t at = 0; at < frames->len; at += RECEIVE_BYTES) {
        size_t left = frames->len - at;
        struct pelt_span in =
            pelt_span(frames->data + at, left < RECEIVE_BYTES ? left : RECEIVE_BYTES);
        struct pelt_ws_event event;
        while (pelt_ws_reader_next(r, &in, &event) != PELT_WS_MORE) {
            count++;
        }
    }
    return count;
}

static double run_read(const struct load *load)
{
    struct pelt_ws_reader r;
    struct pelt_buf frames = {0};
    unsigned long in_batch = 0;
    do {
        add_frame(&frames, load);
        in_batch++;
    } while (frames.len < BATCH_BYTES && in_batch < load->messages);
    pelt_ws_reader_init(&r, load->pool, load->payload_bytes + 1, &none);
    double start = seconds();
    unsigned long done = 0;
    while (done < load->messages) {
        done += read_batch(&r, &frames);
    }
    double took = seconds() - start;
    pelt_ws_reader_deinit(&r);
    pelt_buf_deinit(&frames);
    return (double)done / took;
}

static double run_write(const struct load *load)
{
    struct pelt_ws_writer w;
    struct pelt_rng rng;
    struct pelt_buf out = {0};
    struct pelt_span payload = pelt_span(load->payload, load->payload_bytes);
    pelt_rng_init(&rng, 1, 1);
    pelt_ws_writer_init(&w, load->pool, &rng, &none);
    double start = seconds();
    for (unsigned long i = 0; i < load->messages; i++) {
        pelt_buf_reset(&out);
        enum pelt_status status = load->text ? pelt_ws_write_text(&w, &out, payload)
                                             : pelt_ws_write_binary(&w, &out, payload);
        if (status != PELT_OK) {
            abort();
        }
    }
    double took = seconds() - start;
    pelt_ws_writer_deinit(&w);
    pelt_buf_deinit(&out);
    return (double)load->messages / took;
}

int main(int argc, char **argv)
{
    if (argc != 5 || (strcmp(argv[1], "read") != 0 && strcmp(argv[1], "write") != 0)) {
        fprintf(stderr, "usage: ws_codec read|write text|binary BYTES MESSAGES\n");
        return 2;
    }
    struct load load = {.payload_bytes = strtoul(argv[3], NULL, 10),
                        .messages = strtoul(argv[4], NULL, 10),
                        .text = strcmp(argv[2], "text") == 0};
    load.payload = malloc(load.payload_bytes + 1);
    if (load.payload == NULL || pelt_ws_pool_new(&load.pool) != PELT_OK) {
        return 1;
    }
    for (size_t i = 0; i < load.payload_bytes; i++) {
        load.payload[i] = (char)('a' + i % 26);
    }
    double rate = strcmp(argv[1], "read") == 0 ? run_read(&load) : run_write(&load);
    printf("%s %s %zu bytes: %.0f messages/s, %.3f GB/s\n", argv[1], argv[2], load.payload_bytes,
           rate, rate * (double)load.payload_bytes / 1e9);
    pelt_ws_pool_free(load.pool);
    free(load.payload);
    return 0;
}
