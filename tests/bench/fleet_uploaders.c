/*
 * fleet_uploaders: many workers of a coordinator that send no load: they join, are ready, and then
 * say each second what so many samples would have been, from a few threads.
 *
 *     fleet_uploaders [-r RUN] [-s SERIES] [-n SAMPLES] [-t THREADS] [-f FIRST_SLOT]
 *                     [-x] [-d] [-g GARBAGE] [-m MUTANTS] URL WORKERS SECONDS
 *
 * SAMPLES log-normal response times for each of SERIES a second and worker. The secret is
 * PELT_BUS_SECRET. -x: every message is sent three times, all of a second's in random order. -d:
 * the first worker's second 1 is not sent. -g: that many messages as well, over all seconds, in the
 * first worker's stream where its frame of the second comes next, each of them broken, whoever
 * reads it. -m: that many in the second worker's stream, at the same place: its frame with some
 * changes at random, so that one of them may be taken for it. Prints at the end, as JSON: what was
 * said in all, how many messages were broken and changed, and after how long, counted from a
 * second's end, it was said at the latest, and acknowledged (of every tenth).
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pelt/bus_claim.h"
#include "pelt/bus_clock.h"
#include "pelt/clock.h"
#include "pelt/rng.h"
#include "pelt/wire_frame.h"
#include "pelt/wire_hello.h"
#include "pelt/wire_order.h"

#define DISTINCT    32 /* workers whose samples differ */
#define HB_MS       15000
#define THREADS_MAX 16
#define SETTLE_S    60
#define TOO_SHORT   8 /* bytes: for any message but a FRAME */

struct worker {
    struct pelt_bus_claim claim;
    char stream[PELT_BUS_KEY_SIZE], hb[PELT_BUS_KEY_SIZE], ack[PELT_BUS_KEY_SIZE];
    struct pelt_wire_totals totals;
    uint64_t acked; /* major of the ID: second + 2 */
};

struct options {
    const char *run, *url;
    unsigned series, samples, threads, first, workers, seconds, garbage, mutants;
    bool thrice, drops;
};

static struct options opt = {.run = "pelt", .series = 8, .samples = 1000, .threads = 1};
static struct worker *workers;
static struct pelt_frame *frames[DISTINCT];
/* What the first worker's broken messages are made of, so that one that is taken shows in what it
 * has started: a good frame, and one of more samples than answers. */
static struct pelt_frame *decoy, *lie;
static struct pelt_buf decoy_bytes, lie_bytes;
static struct pelt_registry *names;
static uint64_t start_ns;
static struct pelt_hist lag;
static struct pelt_hist_pool lag_pool;

static void must(enum pelt_status status, const struct pelt_error *err)
{
    if (status != PELT_OK) {
        fprintf(stderr, "%s: %s\n", pelt_status_name(status), err != NULL ? err->text : "");
        exit(1);
    }
}

static struct pelt_bus *connect_bus(void)
{
    const struct pelt_bus_options options = {.url = opt.url, .plaintext = true};
    struct pelt_bus *bus = NULL;
    struct pelt_error err = {""};
    must(pelt_bus_new(&options, &bus, &err), &err);
    must(pelt_bus_connect(bus, &err), &err);
    return bus;
}

/* ---- what they say ---- */

static void make_frame(struct pelt_frame **out, struct pelt_rng *rng)
{
    struct pelt_frame *f = pelt_frame_new(NULL);
    for (unsigned s = 0; s < opt.series; s++) {
        char name[40];
        snprintf(name, sizeof name, "GET /series/%u", s);
        const uint32_t id = pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of(name));
        struct pelt_request_frame *r = pelt_frame_request(f, id);
        for (unsigned i = 0; i < opt.samples; i++) {
            const uint64_t us = (uint64_t)(5000 * exp(pelt_rng_normal(rng, 0, 0.5)));
            pelt_hist_record(&r->hist[PELT_HIST_RESPONSE], &f->pool, us);
            f->flight_ns += us * 1000;
        }
        r->started = r->outcomes[PELT_OUTCOME_OK] = opt.samples;
    }
    const uint32_t tenth = opt.series * opt.samples / PELT_FRAME_SLOTS;
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        f->slots[i] = (struct pelt_slot){tenth, tenth, 0};
    }
    f->cpu_ns = 100 * PELT_NS_PER_MS;
    *out = f;
}

static enum pelt_status keep_part(void *arg, uint32_t part, struct pelt_span bytes)
{
    pelt_buf_reset(arg);
    return part == 0 ? pelt_buf_add(arg, bytes.ptr, bytes.len) : PELT_ELIMIT;
}

static void encode_frame(unsigned w, const struct pelt_frame *frame, unsigned second,
                         struct pelt_buf *out)
{
    struct pelt_frame f = *frame; /* read only, but for these */
    f.second = (int32_t)second;
    f.last = second + 1 == opt.seconds;
    const struct pelt_wire_thread thread = {.started = pelt_frame_counts(&f).started,
                                            .cpu_ns = f.cpu_ns};
    const struct pelt_wire_second s = {.frame = &f,
                                       .names = names,
                                       .threads = &thread,
                                       .threads_len = 1,
                                       .totals = &workers[w].totals};
    must(pelt_wire_frame_encode(&s, keep_part, out), NULL);
}

/* The worker's second into `out`. */
static void encode(unsigned w, unsigned second, struct pelt_buf *out)
{
    pelt_wire_totals_add(&workers[w].totals, frames[w % DISTINCT]);
    encode_frame(w, frames[w % DISTINCT], second, out);
    if (w == 0) {
        encode_frame(w, decoy, second, &decoy_bytes);
        encode_frame(w, lie, second, &lie_bytes);
    }
}

static void encode_bye(unsigned w, struct pelt_buf *out)
{
    const struct pelt_wire_bye bye = {.totals = workers[w].totals,
                                      .last_second = (int32_t)opt.seconds - 1};
    pelt_buf_reset(out);
    must(pelt_wire_bye_encode(&bye, out), NULL);
}

/* ---- each thread has some of them ---- */

struct crew {
    pthread_t thread;
    unsigned from, to; /* of the workers */
    struct pelt_bus *bus;
    struct pelt_buf *messages; /* one a worker */
    struct pelt_rng rng;
    uint64_t late_ns; /* the longest that it took behind a second's end to have said all of it */
};

static void sleep_until(uint64_t ns)
{
    const struct timespec t = {(time_t)(ns / PELT_NS_PER_S), (long)(ns % PELT_NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
    }
}

static void flush(struct crew *c)
{
    struct pelt_error err = {""};
    must(pelt_bus_flush(c->bus, &err), &err);
}

/* Workers of the crew, `times` over, in random order if so. */
static size_t order(struct crew *c, unsigned *out, unsigned times)
{
    size_t len = 0;
    for (unsigned t = 0; t < times; t++) {
        for (unsigned w = c->from; w < c->to; w++) {
            out[len++] = w;
        }
    }
    for (size_t i = len; times > 1 && i > 1; i--) {
        const size_t k = pelt_rng_below(&c->rng, i);
        const unsigned other = out[k];
        out[k] = out[i - 1];
        out[i - 1] = other;
    }
    return len;
}

/* Messages that are none of its own come before this worker's frame in each second. */
static unsigned spoiled(unsigned w)
{
    const unsigned all = w == 0 ? opt.garbage : w == 1 ? opt.mutants : 0;
    return all / opt.seconds;
}

/* Every worker's message under this ID, but of those that are sent alone. */
static void send_all(struct crew *c, struct pelt_bus_id id, bool but_first, bool but_spoiled)
{
    const unsigned times = opt.thrice ? 3 : 1;
    unsigned *who = malloc(times * (c->to - c->from) * sizeof *who);
    const size_t len = order(c, who, times);
    for (size_t i = 0; i < len; i++) {
        const struct pelt_buf *m = &c->messages[who[i] - c->from];
        if ((who[i] > 0 || !but_first) && !(but_spoiled && spoiled(who[i]) > 0)) {
            pelt_bus_put_xadd(c->bus, workers[who[i]].stream, id, pelt_span(m->data, m->len));
        }
        if (i % 500 == 499) {
            flush(c);
        }
    }
    flush(c);
    free(who);
}

static void put_heart(struct pelt_bus *bus, unsigned w, unsigned count)
{
    char text[40];
    snprintf(text, sizeof text, "%s %u", workers[w].claim.incarnation, count);
    pelt_bus_put_set(bus, workers[w].hb, pelt_span_of(text), HB_MS);
}

static void keep_all(struct crew *c, unsigned second)
{
    for (unsigned w = c->from; w < c->to; w++) {
        put_heart(c->bus, w, second + 1);
        if (second % 4 == 0) {
            const struct pelt_span words[] = {pelt_span_of("GETEX"),
                                              pelt_span_of(workers[w].claim.key),
                                              pelt_span_of("PX"), pelt_span_of("15000")};
            pelt_bus_put(c->bus, words, 4);
        }
        if (w % 500 == 499) {
            flush(c);
        }
    }
    flush(c);
}

/* ---- what no worker of ours says ---- */

static void put_byte(struct pelt_buf *b, size_t at, unsigned byte)
{
    b->data[at] = (char)byte;
}

/* What is no message by the format's rules, or none that can come here; of a frame of one part
 * whose second and part stand in a byte each. */
static void make_broken(struct crew *c, const struct pelt_buf *frame, unsigned i,
                        struct pelt_buf *out)
{
    static const char zeros[PELT_WIRE_MESSAGE_MAX];
    static const char overlong[] = {(char)0x80, 0};
    static const unsigned char kinds[] = {PELT_WIRE_HELLO, PELT_WIRE_READY, PELT_WIRE_EVENT,
                                          PELT_WIRE_BYE};
    enum { KIND, FLAGS, SECOND, PART };
    const unsigned random = (unsigned)pelt_rng_u64(&c->rng);
    pelt_buf_reset(out);
    must(pelt_buf_add(out, frame->data, frame->len), NULL);
    switch (i % 9) {
    case 0: /* cut */
        out->len = 1 + pelt_rng_below(&c->rng, frame->len - 1);
        break;
    case 1: /* something behind its end; of thousand one is longer than any may be */
        must(pelt_buf_add(out, zeros, i % 999 == 1 ? sizeof zeros : 1 + random % 64), NULL);
        break;
    case 2:
        put_byte(out, KIND, PELT_WIRE_KINDS + random % (256 - PELT_WIRE_KINDS));
        break;
    case 3:
        put_byte(out, FLAGS, 4 + random % 252);
        break;
    case 4: /* of a second that is not yet, or of another than its ID */
        put_byte(out, SECOND, (unsigned char)out->data[SECOND] + 2 + 2 * (random % 20));
        break;
    case 5:
        put_byte(out, PART, 1 + random % 100);
        break;
    case 6: /* a number in a form longer than need be */
        out->len = PART;
        must(pelt_buf_add(out, overlong, sizeof overlong), NULL);
        must(pelt_buf_add(out, frame->data + PART + 1, frame->len - PART - 1), NULL);
        break;
    case 7: /* HELLO, READY, EVENT or BYE */
        put_byte(out, KIND, kinds[random % 4]);
        out->len = 2 + random % (TOO_SHORT - 1);
        break;
    default:
        pelt_buf_reset(out);
        must(pelt_buf_add(out, lie_bytes.data, lie_bytes.len), NULL);
        break;
    }
}

/* Bits and bytes changed, pieces copied over others or taken out. */
static void make_mutant(struct crew *c, const struct pelt_buf *frame, struct pelt_buf *out)
{
    pelt_buf_reset(out);
    must(pelt_buf_add(out, frame->data, frame->len), NULL);
    for (uint64_t n = 1 + pelt_rng_below(&c->rng, 4); n > 0 && out->len > 2; n--) {
        const size_t near = pelt_rng_below(&c->rng, 2) == 0 && out->len > 200 ? 200 : out->len;
        const size_t at = 1 + pelt_rng_below(&c->rng, near - 1);
        const size_t from = 1 + pelt_rng_below(&c->rng, out->len - 1);
        const size_t most = out->len - (at > from ? at : from);
        const size_t len = 1 + pelt_rng_below(&c->rng, most < 16 ? most : 16);
        switch (pelt_rng_below(&c->rng, 4)) {
        case 0:
            put_byte(out, at, (unsigned char)out->data[at] ^ 1u << pelt_rng_below(&c->rng, 8));
            break;
        case 1:
            put_byte(out, at, (unsigned)pelt_rng_u64(&c->rng));
            break;
        case 2:
            memmove(out->data + at, out->data + from, len);
            break;
        default:
            memmove(out->data + at, out->data + at + len, out->len - at - len);
            out->len -= len;
            break;
        }
    }
}

/* Then its own frame, unless it is left out. */
static void send_spoiled(struct crew *c, unsigned w, unsigned second, bool left_out)
{
    const struct pelt_buf *frame = &c->messages[w - c->from];
    struct pelt_bus_id id = {second + 2, 0};
    struct pelt_buf bytes;
    pelt_buf_init(&bytes, 0);
    for (unsigned i = 0; i < spoiled(w); i++) {
        if (w == 0) {
            make_broken(c, &decoy_bytes, i, &bytes);
        } else {
            make_mutant(c, frame, &bytes);
        }
        id.minor++;
        pelt_bus_put_xadd(c->bus, workers[w].stream, id, pelt_span(bytes.data, bytes.len));
        if (i % 1000 == 999) {
            flush(c);
        }
    }
    if (!left_out) {
        id.minor++;
        pelt_bus_put_xadd(c->bus, workers[w].stream, id, pelt_span(frame->data, frame->len));
    }
    flush(c);
    pelt_buf_deinit(&bytes);
}

static void *run_crew(void *arg)
{
    struct crew *c = arg;
    for (unsigned second = 0; second < opt.seconds; second++) {
        for (unsigned w = c->from; w < c->to; w++) {
            encode(w, second, &c->messages[w - c->from]);
        }
        sleep_until(start_ns + (second + 1) * PELT_NS_PER_S);
        const bool drops = opt.drops && second == 1;
        send_all(c, (struct pelt_bus_id){second + 2, 1}, drops, true);
        const uint64_t late_ns = pelt_clock_ns() - start_ns - (second + 1) * PELT_NS_PER_S;
        c->late_ns = late_ns > c->late_ns ? late_ns : c->late_ns;
        keep_all(c, second);
        for (unsigned w = c->from; w < c->to; w++) {
            if (spoiled(w) > 0) {
                send_spoiled(c, w, second, w == 0 && drops);
            }
        }
    }
    for (unsigned w = c->from; w < c->to; w++) {
        encode_bye(w, &c->messages[w - c->from]);
    }
    send_all(c, (struct pelt_bus_id){opt.seconds + 1, UINT32_MAX}, false, false);
    return NULL;
}

/* ---- joining ---- */

static void join(struct pelt_bus *bus, const struct pelt_bus_clock *clock)
{
    struct pelt_error err = {""};
    struct pelt_buf b;
    bool there;
    pelt_buf_init(&b, 0);
    for (unsigned w = 0; w < opt.workers; w++) {
        char incarnation[PELT_BUS_INCARNATION_SIZE];
        struct worker *me = &workers[w];
        pelt_bus_incarnation(incarnation);
        pelt_bus_claim_init(&me->claim, opt.run, incarnation, "uploader:1");
        must(pelt_bus_claim_take(&me->claim, bus, opt.first + w, &err), &err);
        pelt_bus_worker_key(me->stream, opt.run, opt.first + w, incarnation);
        pelt_bus_slot_key(me->hb, opt.run, PELT_BUS_HB, opt.first + w);
        pelt_bus_slot_key(me->ack, opt.run, PELT_BUS_ACK, opt.first + w);
        struct pelt_wire_hello hello = {.protocol = PELT_WIRE_PROTOCOL,
                                        .version = PELT_VERSION,
                                        .build = PELT_VERSION,
                                        .slot = opt.first + w,
                                        .host = "uploader",
                                        .pid = getpid(),
                                        .cores = 1,
                                        .fds = 1024,
                                        .memory_bytes = UINT64_C(1) << 30,
                                        .wall_ns = pelt_clock_wall_ns(),
                                        .clock_offset_ns = clock->offset_ns,
                                        .clock_bound_ns = clock->bound_ns};
        snprintf(hello.incarnation, sizeof hello.incarnation, "%s", incarnation);
        pelt_buf_reset(&b);
        must(pelt_wire_hello_encode(&hello, &b), NULL);
        put_heart(bus, w, 0);
        must(pelt_bus_flush(bus, &err), &err);
        must(pelt_bus_xadd(bus, me->stream, (struct pelt_bus_id){0, 1}, pelt_span(b.data, b.len),
                           &there, &err),
             &err);
    }
    pelt_buf_deinit(&b);
}

struct hearing {
    struct pelt_run_key key;
    struct pelt_order_gate gate;
    struct pelt_order plan;
    bool has_plan, started;
    uint64_t server_ns;
};

static void on_order(void *arg, const struct pelt_bus_entry *entry)
{
    struct hearing *h = arg;
    struct pelt_order o;
    if (pelt_order_decode(entry->message, opt.run, &h->key, &o, NULL) != PELT_OK ||
        !pelt_order_gate_lets(&h->gate, &o)) {
        return;
    }
    if (o.kind == PELT_ORDER_PLAN) {
        pelt_order_deinit(&h->plan);
        h->plan = o;
        h->has_plan = true;
        h->started = false;
        return;
    }
    if (o.kind == PELT_ORDER_START && h->has_plan) {
        h->started = true;
        h->server_ns = o.server_ns;
    }
    if (o.kind == PELT_ORDER_ABORT) {
        fprintf(stderr, "called off: %s\n", o.text != NULL ? o.text : "");
        exit(1);
    }
    pelt_order_deinit(&o);
}

/* Until the coordinator says so; claims and signs of life are kept meanwhile. */
static void hear_until(struct pelt_bus *bus, struct pelt_bus_stream *ctl, struct hearing *h,
                       const bool *heard)
{
    struct crew all = {.to = opt.workers, .bus = bus};
    struct pelt_error err = {""};
    while (!*heard) {
        enum pelt_status status = pelt_bus_xread(bus, ctl, 1, 10, 500, on_order, h, &err);
        must(status == PELT_AGAIN ? PELT_OK : status, &err);
        if (status == PELT_AGAIN) {
            keep_all(&all, 0);
        }
    }
}

static void be_ready(struct pelt_bus *bus, const struct hearing *h)
{
    struct pelt_wire_ready ready = {
        .epoch = h->plan.epoch, .seq = h->plan.seq, .good = true, .threads = 1};
    struct pelt_error err = {""};
    struct pelt_buf b;
    bool there;
    pelt_buf_init(&b, 0);
    pelt_parcel_sha256(&h->plan.plan.files, ready.parcel);
    must(pelt_wire_ready_encode(&ready, &b), NULL);
    for (unsigned w = 0; w < opt.workers; w++) {
        must(pelt_bus_xadd(bus, workers[w].stream, (struct pelt_bus_id){0, 2},
                           pelt_span(b.data, b.len), &there, &err),
             &err);
    }
    pelt_buf_deinit(&b);
}

/* ---- acknowledgements ---- */

/* "INCARNATION ID". */
static uint64_t acked_second(const struct pelt_bus *bus, size_t i)
{
    struct pelt_span text;
    struct pelt_bus_id id;
    const size_t hex = PELT_BUS_INCARNATION_SIZE;
    if (pelt_bus_took_text(bus, i, &text, NULL) != PELT_OK || text.len <= hex ||
        !pelt_bus_id_parse(pelt_span(text.ptr + hex, text.len - hex), &id)) {
        return 0;
    }
    return id.major;
}

/* Looks until the last second of each tenth worker is acknowledged. */
static bool watch_acks(struct pelt_bus *bus)
{
    const uint64_t until_ns = start_ns + (opt.seconds + SETTLE_S) * PELT_NS_PER_S;
    unsigned left = 1;
    while (left > 0 && pelt_clock_ns() < until_ns) {
        struct pelt_error err = {""};
        left = 0;
        for (unsigned w = 0; w < opt.workers; w += 10) {
            pelt_bus_put_get(bus, workers[w].ack);
        }
        must(pelt_bus_flush(bus, &err), &err);
        const uint64_t now_ns = pelt_clock_ns();
        for (unsigned w = 0; w < opt.workers; w += 10) {
            const uint64_t major = acked_second(bus, w / 10);
            for (; workers[w].acked < major; workers[w].acked++) {
                const uint64_t second = workers[w].acked - 1; /* the one that comes to it now */
                const uint64_t end_ns = start_ns + (second + 1) * PELT_NS_PER_S;
                if (workers[w].acked >= 1) {
                    pelt_hist_record_ns(&lag, &lag_pool, now_ns > end_ns ? now_ns - end_ns : 0);
                }
            }
            left += workers[w].acked < opt.seconds + 1;
        }
        usleep(20000);
    }
    return left == 0;
}

/* ---- */

static void read_options(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "r:s:n:t:f:g:m:xd")) != -1;) {
        const unsigned long n = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
        switch (c) {
        case 'r':
            opt.run = optarg;
            break;
        case 's':
            opt.series = (unsigned)n;
            break;
        case 'n':
            opt.samples = (unsigned)n;
            break;
        case 't':
            opt.threads = n > 0 && n < THREADS_MAX ? (unsigned)n : 1;
            break;
        case 'f':
            opt.first = (unsigned)n;
            break;
        case 'g':
            opt.garbage = (unsigned)n;
            break;
        case 'm':
            opt.mutants = (unsigned)n;
            break;
        case 'x':
            opt.thrice = true;
            break;
        case 'd':
            opt.drops = true;
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind != 3) {
        fprintf(stderr, "fleet_uploaders [-r RUN] [-s SERIES] [-n SAMPLES] [-t THREADS] "
                        "[-f FIRST_SLOT] [-x] [-d] [-g GARBAGE] [-m MUTANTS] URL WORKERS "
                        "SECONDS\n");
        exit(2);
    }
    opt.url = argv[optind];
    opt.workers = (unsigned)strtoul(argv[optind + 1], NULL, 10);
    opt.seconds = (unsigned)strtoul(argv[optind + 2], NULL, 10);
}

static void run_crews(struct pelt_bus *bus)
{
    struct crew crews[THREADS_MAX] = {0};
    const unsigned each = (opt.workers + opt.threads - 1) / opt.threads;
    for (unsigned t = 0; t < opt.threads; t++) {
        struct crew *c = &crews[t];
        c->from = t * each < opt.workers ? t * each : opt.workers;
        c->to = c->from + each < opt.workers ? c->from + each : opt.workers;
        c->bus = connect_bus();
        c->messages = calloc(each, sizeof *c->messages);
        pelt_rng_init(&c->rng, 7, t);
        pthread_create(&c->thread, NULL, run_crew, c);
    }
    const bool settled = watch_acks(bus);
    uint64_t late_ns = 0;
    for (unsigned t = 0; t < opt.threads; t++) {
        pthread_join(crews[t].thread, NULL);
        late_ns = crews[t].late_ns > late_ns ? crews[t].late_ns : late_ns;
        for (unsigned i = 0; i < each; i++) {
            pelt_buf_deinit(&crews[t].messages[i]);
        }
        free(crews[t].messages);
        pelt_bus_free(crews[t].bus);
    }
    const uint64_t said = (uint64_t)opt.workers * opt.series * opt.samples * opt.seconds;
    printf("{\"started\": %" PRIu64 ", \"broken\": %u, \"mutants\": %u"
           ", \"settled\": %s, \"said_ms_max\": %.3f, \"lag_ms\": {\"count\": %" PRIu64
           ", \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}}\n",
           said, spoiled(0) * opt.seconds, spoiled(1) * opt.seconds, settled ? "true" : "false",
           (double)late_ns / 1e6, lag.count, (double)pelt_hist_percentile_us(&lag, 50) / 1000,
           (double)pelt_hist_percentile_us(&lag, 99) / 1000,
           (double)pelt_hist_percentile_us(&lag, 100) / 1000);
}

int main(int argc, char **argv)
{
    struct hearing h = {0};
    struct pelt_bus_clock clock = {0};
    struct pelt_error err = {""};
    struct pelt_rng rng;
    const char *secret = getenv(PELT_RUN_SECRET_ENV);
    read_options(argc, argv);
    pelt_run_key_derive(&h.key, pelt_span_of(secret != NULL ? secret : "?"), opt.run);
    pelt_rng_init(&rng, 1, 1);
    names = pelt_registry_new();
    workers = calloc(opt.workers, sizeof *workers);
    for (unsigned i = 0; i < DISTINCT; i++) {
        make_frame(&frames[i], &rng);
    }
    make_frame(&decoy, &rng);
    make_frame(&lie, &rng);
    for (uint32_t id = 0; id < lie->requests_len; id++) {
        if (lie->requests[id] != NULL) {
            decoy->requests[id]->started++;
            lie->requests[id]->started++;
            lie->requests[id]->outcomes[PELT_OUTCOME_OK]--;
        }
    }
    struct pelt_bus *bus = connect_bus();
    char key[PELT_BUS_KEY_SIZE];
    pelt_bus_key(key, opt.run, PELT_BUS_CTL);
    struct pelt_bus_stream ctl = {.key = key};
    must(pelt_bus_clock_measure(&clock, bus, &err), &err);
    join(bus, &clock);
    hear_until(bus, &ctl, &h, &h.has_plan);
    be_ready(bus, &h);
    hear_until(bus, &ctl, &h, &h.started);
    start_ns = pelt_bus_clock_to_ours(&clock, h.server_ns);
    run_crews(bus);
    pelt_bus_free(bus);
    pelt_order_deinit(&h.plan);
    for (unsigned i = 0; i < DISTINCT; i++) {
        pelt_frame_free(frames[i]);
    }
    pelt_frame_free(decoy);
    pelt_frame_free(lie);
    pelt_buf_deinit(&decoy_bytes);
    pelt_buf_deinit(&lie_bytes);
    pelt_registry_free(names);
    pelt_hist_pool_deinit(&lag_pool);
    free(workers);
    return 0;
}
