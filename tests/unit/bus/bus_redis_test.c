/* bus, with a real Redis: commands, streams, what faults do to them, claims, the lease, the clock,
 * and what each role may not do. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pelt/bus_acl.h"
#include "pelt/bus_clock.h"
#include "pelt/bus_keys.h"
#include "pelt/bus_lease.h"
#include "pelt/clock.h"
#include "redis.h"

static struct redis redis;
static struct pelt_bus *bus;
static struct pelt_error err;

#define OK(call)                                                                                   \
    do {                                                                                           \
        err.text[0] = '\0';                                                                        \
        enum pelt_status status_ = (call);                                                         \
        if (status_ != PELT_OK) {                                                                  \
            fail_msg("%s: %s: %s", #call, pelt_status_name(status_), err.text);                    \
        }                                                                                          \
    } while (0)

static void sleep_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000},
              NULL);
}

static int set_up(void **state)
{
    redis_start(&redis, NULL);
    bus = redis_bus(&redis);
    return 0;
}

static int empty(void **state)
{
    if (!pelt_bus_up(bus)) {
        OK(pelt_bus_connect(bus, &err));
    }
    redis_say(bus, "FLUSHALL", NULL);
    return 0;
}

static int tear_down(void **state)
{
    pelt_bus_free(bus);
    redis_stop(&redis);
    return 0;
}

/* ---- commands ---- */

static void commands_give_what_redis_says(void **state)
{
    struct pelt_span text;
    bool set;
    int64_t n;
    assert_non_null(strstr(pelt_bus_version(bus), "7."));
    OK(pelt_bus_set_new(bus, "k", pelt_span("a\r\nb", 4), 0, &set, &err));
    assert_true(set);
    OK(pelt_bus_set_new(bus, "k", pelt_span("c", 1), 0, &set, &err));
    assert_false(set);
    OK(pelt_bus_get(bus, "k", &text, &err));
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.ptr, "a\r\nb", 4);
    assert_int_equal(pelt_bus_get(bus, "none", &text, &err), PELT_ENOTFOUND);
    OK(pelt_bus_hset(bus, "h", pelt_span_of("f"), pelt_span("\0x", 2), &err));
    OK(pelt_bus_hget(bus, "h", pelt_span_of("f"), &text, &err));
    assert_int_equal(text.len, 2);
    assert_int_equal(pelt_bus_hget(bus, "h", pelt_span_of("g"), &text, &err), PELT_ENOTFOUND);
    OK(pelt_bus_incr(bus, "n", 41, &n, &err));
    OK(pelt_bus_incr(bus, "n", 1, &n, &err));
    assert_int_equal(n, 42);
    assert_int_equal(pelt_bus_incr(bus, "k", 1, &n, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "integer"));
    OK(pelt_bus_set(bus, "short", pelt_span_of("x"), 20, &err));
    OK(pelt_bus_get_keep(bus, "short", 60, &text, &err));
    sleep_ms(35);
    OK(pelt_bus_get(bus, "short", &text, &err));
    sleep_ms(45);
    assert_int_equal(pelt_bus_get(bus, "short", &text, &err), PELT_ENOTFOUND);
    assert_true(pelt_bus_rtt_ns(bus) < PELT_NS_PER_S);
}

static void pipelines_are_answered_in_order(void **state)
{
    struct pelt_span text;
    char key[16];
    int64_t n;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(pelt_bus_put_set(bus, key, pelt_span_of(key), 0), 2 * i);
        assert_int_equal(pelt_bus_put_incr(bus, i == 500 ? "k0" : "n", 1), 2 * i + 1);
    }
    OK(pelt_bus_flush(bus, &err));
    for (size_t i = 0; i < 1000; i++) {
        OK(pelt_bus_took(bus, 2 * i, &err));
        assert_int_equal(pelt_bus_took_integer(bus, 2 * i + 1, &n, &err),
                         i == 500 ? PELT_EINVAL : PELT_OK);
    }
    assert_int_equal(n, 999);
    pelt_bus_put_get(bus, "k7");
    pelt_bus_put_rpush(bus, "l", pelt_span_of("v"));
    pelt_bus_put_llen(bus, "l");
    pelt_bus_put_lpop(bus, "l");
    pelt_bus_put_lpop(bus, "l");
    pelt_bus_put_expire(bus, "k8", 0);
    pelt_bus_put_get(bus, "k8");
    OK(pelt_bus_flush(bus, &err));
    OK(pelt_bus_took_text(bus, 0, &text, &err));
    assert_string_equal(text.ptr, "k7");
    OK(pelt_bus_took_integer(bus, 2, &n, &err));
    assert_int_equal(n, 1);
    OK(pelt_bus_took_text(bus, 3, &text, &err));
    assert_string_equal(text.ptr, "v");
    assert_int_equal(pelt_bus_took_text(bus, 4, &text, &err), PELT_ENOTFOUND);
    assert_int_equal(pelt_bus_took_text(bus, 6, &text, &err), PELT_ENOTFOUND);
    OK(pelt_bus_flush(bus, &err)); /* of nothing */
    for (int i = 0; i <= PELT_BUS_PENDING_MAX; i++) {
        pelt_bus_put_get(bus, "k");
    }
    assert_int_equal(pelt_bus_flush(bus, &err), PELT_ELIMIT);
    OK(pelt_bus_set(bus, "k", pelt_span_of("v"), 0, &err)); /* and it stands */
}

static void large_values_go_both_ways(void **state)
{
    const size_t len = (size_t)8 << 20;
    char *bytes = malloc(len);
    struct pelt_span text;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i * 7 + i / 1000);
    }
    OK(pelt_bus_hset(bus, "files", pelt_span_of("f"), pelt_span(bytes, len), &err));
    OK(pelt_bus_hget(bus, "files", pelt_span_of("f"), &text, &err));
    assert_int_equal(text.len, len);
    assert_memory_equal(text.ptr, bytes, len);
    free(bytes);
}

/* ---- streams ---- */

struct got {
    unsigned entries, foreign;
    struct pelt_bus_id last[4];
    unsigned of[4];
    char text[4][32]; /* the newest */
};

static void on_entry(void *arg, const struct pelt_bus_entry *e)
{
    struct got *g = arg;
    g->entries++;
    g->of[e->stream]++;
    assert_true(pelt_bus_id_compare(e->id, g->last[e->stream]) > 0);
    g->last[e->stream] = e->id;
    if (e->message.ptr == NULL) {
        g->foreign++;
        return;
    }
    snprintf(g->text[e->stream], sizeof g->text[0], "%.*s", (int)e->message.len, e->message.ptr);
}

static void repeated_ids_are_already_there(void **state)
{
    struct pelt_bus_id id = {0};
    bool there;
    assert_int_equal(pelt_bus_last_id(bus, "s", &id, &err), PELT_ENOTFOUND);
    OK(pelt_bus_xadd(bus, "s", (struct pelt_bus_id){5, 1}, pelt_span_of("a"), &there, &err));
    assert_false(there);
    OK(pelt_bus_xadd(bus, "s", (struct pelt_bus_id){5, 1}, pelt_span_of("b"), &there, &err));
    assert_true(there);
    OK(pelt_bus_xadd(bus, "s", (struct pelt_bus_id){4, 9}, pelt_span_of("c"), &there, &err));
    assert_true(there);
    OK(pelt_bus_xadd(bus, "s", (struct pelt_bus_id){5, 2}, pelt_span_of("d"), &there, &err));
    assert_false(there);
    assert_int_equal(
        pelt_bus_xadd(bus, "s", (struct pelt_bus_id){0, 0}, pelt_span_of("e"), &there, &err),
        PELT_EINVAL);
    OK(pelt_bus_last_id(bus, "s", &id, &err));
    assert_int_equal(id.major, 5);
    assert_int_equal(id.minor, 2);
    pelt_bus_put_xtrim(bus, "s", (struct pelt_bus_id){9, 0});
    OK(pelt_bus_flush(bus, &err));
    int64_t trimmed;
    OK(pelt_bus_took_integer(bus, 0, &trimmed, &err));
    assert_int_equal(trimmed, 2);
    OK(pelt_bus_last_id(bus, "s", &id, &err)); /* though nothing is in it */
    assert_int_equal(id.minor, 2);
    OK(pelt_bus_set(bus, "text", pelt_span_of("x"), 0, &err));
    assert_int_equal(pelt_bus_last_id(bus, "text", &id, &err), PELT_EINVAL);
}

static void streams_are_read_from_where_each_was(void **state)
{
    struct pelt_bus_stream streams[4] = {{.key = "a"}, {.key = "b"}, {.key = "none"}, {.key = "c"}};
    struct got got = {0};
    struct pelt_bus_id id;
    bool there;
    for (uint64_t i = 1; i <= 5; i++) {
        char text[8];
        snprintf(text, sizeof text, "%u", (unsigned)i);
        OK(pelt_bus_xadd(bus, "a", (struct pelt_bus_id){i, 1}, pelt_span_of(text), &there, &err));
        OK(pelt_bus_xadd_next(bus, "c", pelt_span_of(text), &id, &err));
    }
    redis_say(bus, "XADD", "b", "1-1", "other", "x", "two", "y", NULL);
    redis_say(bus, "XADD", "b", "1-2", "other", "x", NULL);
    OK(pelt_bus_xread(bus, streams, 4, 2, 0, on_entry, &got, &err));
    assert_int_equal(got.of[0], 2);
    assert_int_equal(got.of[1], 2);
    assert_int_equal(got.foreign, 2);
    assert_int_equal(got.of[3], 2);
    OK(pelt_bus_xread(bus, streams, 4, 100, 0, on_entry, &got, &err));
    assert_int_equal(got.of[0], 5);
    assert_int_equal(got.of[3], 5);
    assert_string_equal(got.text[0], "5");
    assert_int_equal(pelt_bus_id_compare(streams[3].last, id), 0);
    const uint64_t began_ns = pelt_clock_ns();
    assert_int_equal(pelt_bus_xread(bus, streams, 4, 1, 60, on_entry, &got, &err), PELT_AGAIN);
    assert_true(pelt_clock_ns() - began_ns >= 55 * PELT_NS_PER_MS);
    /* Emptied and filled again below what was read, and above. */
    redis_say(bus, "FLUSHALL", NULL);
    OK(pelt_bus_xadd(bus, "a", (struct pelt_bus_id){3, 1}, pelt_span_of("3"), &there, &err));
    OK(pelt_bus_xadd(bus, "a", (struct pelt_bus_id){6, 1}, pelt_span_of("6"), &there, &err));
    OK(pelt_bus_xread(bus, streams, 4, 100, 0, on_entry, &got, &err));
    assert_int_equal(got.of[0], 6);
    assert_string_equal(got.text[0], "6");
}

/* One who writes more than an answer may have loses its own stream, nobody else's. */
static void stream_beyond_the_bound_is_refused_alone(void **state)
{
    struct pelt_bus_stream streams[4] = {{.key = "a"}, {.key = "b"}, {.key = "c"}, {.key = "d"}};
    struct got got = {0};
    struct pelt_bus_id id;
    OK(pelt_bus_xadd_next(bus, "a", pelt_span_of("a"), &id, &err));
    OK(pelt_bus_xadd_next(bus, "d", pelt_span_of("d"), &id, &err));
    const struct pelt_bus_options options = {.url = redis.url, .password = "", .reply_max = 100000};
    struct pelt_bus *small = NULL;
    char *huge = calloc(1, 100000);
    assert_non_null(huge);
    OK(pelt_bus_xadd_next(bus, "b", pelt_span(huge, 100000), &id, &err));
    for (int i = 0; i < 3; i++) { /* each may be, but not all at once */
        OK(pelt_bus_xadd_next(bus, "c", pelt_span(huge, 40000), &id, &err));
    }
    free(huge);
    OK(pelt_bus_new(&options, &small, &err));
    OK(pelt_bus_connect(small, &err));
    OK(pelt_bus_xread(small, streams, 4, 10, 0, on_entry, &got, &err));
    assert_int_equal(got.of[0], 1);
    assert_int_equal(got.of[2], 1);
    assert_int_equal(got.of[3], 1);
    assert_true(streams[1].refused);
    assert_false(streams[0].refused || streams[2].refused || streams[3].refused);
    OK(pelt_bus_xread(small, streams, 4, 2, 0, on_entry, &got, &err));
    assert_int_equal(got.of[2], 3);
    assert_int_equal(pelt_bus_xread(small, streams, 4, 10, 0, on_entry, &got, &err), PELT_AGAIN);
    struct pelt_bus_stream alone = {.key = "b", .refused = true};
    assert_int_equal(pelt_bus_xread(small, &alone, 1, 10, 0, on_entry, &got, &err), PELT_AGAIN);
    pelt_bus_free(small);
}

/* ---- faults ---- */

static void killed_connection_is_told_and_made_anew(void **state)
{
    struct pelt_bus *other = redis_bus(&redis);
    struct pelt_span text;
    const uint64_t connects = pelt_bus_connects(bus);
    redis_say(other, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", NULL);
    assert_int_equal(pelt_bus_get(bus, "k", &text, &err), PELT_EIO);
    assert_false(pelt_bus_up(bus));
    assert_int_equal(pelt_bus_get(bus, "k", &text, &err), PELT_EIO);
    assert_non_null(strstr(err.text, "not connected"));
    assert_true(pelt_bus_wait_ns(bus) > 0 && pelt_bus_wait_ns(bus) <= PELT_BUS_BACKOFF_MIN);
    assert_int_equal(pelt_bus_ensure(bus, &err), PELT_AGAIN);
    sleep_ms(105);
    OK(pelt_bus_ensure(bus, &err));
    assert_int_equal(pelt_bus_connects(bus), connects + 1);
    OK(pelt_bus_set(bus, "k", pelt_span_of("v"), 0, &err));
    pelt_bus_free(other);
}

static void dead_redis_is_waited_for_longer_and_longer(void **state)
{
    struct pelt_span text;
    redis_kill(&redis);
    assert_int_equal(pelt_bus_get(bus, "k", &text, &err), PELT_EIO);
    uint64_t last_ns = 0;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pelt_bus_connect(bus, &err), PELT_EIO);
        assert_non_null(strstr(err.text, "refused"));
        last_ns = pelt_bus_wait_ns(bus);
        assert_true(last_ns <= PELT_BUS_BACKOFF_MAX);
    }
    assert_true(last_ns >= PELT_BUS_BACKOFF_MAX / 2 - 10 * PELT_NS_PER_MS);
    redis_start_again(&redis);
    OK(pelt_bus_connect(bus, &err));
    assert_int_equal(pelt_bus_get(bus, "k", &text, &err), PELT_ENOTFOUND);
}

static void sleeping_redis_is_given_up_in_time(void **state)
{
    const struct pelt_bus_options options = {
        .url = redis.url, .password = "", .command_ns = 150 * PELT_NS_PER_MS};
    struct pelt_bus *hasty = NULL;
    struct pelt_span text;
    OK(pelt_bus_new(&options, &hasty, &err));
    OK(pelt_bus_connect(hasty, &err));
    pid_t child = fork(); /* who makes it sleep waits as long */
    assert_true(child >= 0);
    if (child == 0) {
        redis_say(redis_bus(&redis), "DEBUG", "SLEEP", "0.5", NULL);
        _exit(0);
    }
    sleep_ms(100);
    const uint64_t began_ns = pelt_clock_ns();
    assert_int_equal(pelt_bus_get(hasty, "k", &text, &err), PELT_EIO);
    const uint64_t took_ns = pelt_clock_ns() - began_ns;
    assert_in_range(took_ns, 140 * PELT_NS_PER_MS, 400 * PELT_NS_PER_MS);
    assert_non_null(strstr(err.text, "no answer within"));
    pelt_bus_free(hasty);
    OK(pelt_bus_set(bus, "k", pelt_span_of("v"), 0, &err)); /* who has more time is answered */
    waitpid(child, NULL, 0);
}

static void cancelled_wait_ends_soon(void **state)
{
    atomic_bool cancel;
    atomic_init(&cancel, true);
    const struct pelt_bus_options options = {.url = redis.url, .password = "", .cancel = &cancel};
    struct pelt_bus *b = NULL;
    OK(pelt_bus_new(&options, &b, &err));
    assert_int_equal(pelt_bus_connect(b, &err), PELT_ESTOPPED);
    pelt_bus_free(b);
}

static void wrong_options_are_one_line(void **state)
{
    static const struct {
        struct pelt_bus_options o;
        const char *says;
    } CASES[] = {
        {{.url = "redis://10.0.0.1"}, "--bus-plaintext"},
        {{.url = "redis://u@127.0.0.1"}, "no password"},
        {{.url = "redis://127.0.0.1", .ca = "/x"}, "rediss://"},
        {{.url = "rediss://127.0.0.1", .ca = "/none/such"}, "/none/such"},
        {{.url = "redis://127.0.0.1", .password_file = "/none/such"}, "/none/such"},
        {{.url = "redis://127.0.0.1", .password_file = "/dev/null"}, "no password"},
        {{.url = "ftp://127.0.0.1"}, "no scheme of a bus"},
    };
    struct pelt_bus *b;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(pelt_bus_new(&CASES[i].o, &b, &err), PELT_EINVAL);
        if (strstr(err.text, CASES[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.text, CASES[i].says);
        }
        assert_null(b);
    }
}

/* ---- claims and the lease ---- */

static void slot_is_claimed_once(void **state)
{
    struct pelt_bus_claim a, b;
    struct pelt_bus_owner owner;
    pelt_bus_claim_init(&a, "r", "00000000000000aa", "host-a:1");
    pelt_bus_claim_init(&b, "r", "00000000000000bb", "host b:2");
    OK(pelt_bus_claim_take(&a, bus, 3, &err));
    OK(pelt_bus_claim_take(&a, bus, 3, &err)); /* it is ours */
    assert_int_equal(pelt_bus_claim_take(&b, bus, 3, &err), PELT_ELOST);
    assert_non_null(strstr(err.text, "slot 3 of run r"));
    assert_non_null(strstr(err.text, "host-a:1"));
    OK(pelt_bus_claim_owner(bus, "r", 3, &owner, &err));
    assert_string_equal(owner.incarnation, "00000000000000aa");
    OK(pelt_bus_claim_any(&b, bus, 2, &err));
    assert_int_equal(b.slot, 0);
    OK(pelt_bus_claim_owner(bus, "r", 0, &owner, &err));
    assert_string_equal(owner.label, "host?b:2");
    struct pelt_bus_claim c;
    pelt_bus_claim_init(&c, "r", "00000000000000cc", "");
    assert_int_equal(pelt_bus_claim_any(&c, bus, 1, &err), PELT_ELIMIT);
    pelt_bus_claim_release(&c, bus); /* it has none: nothing happens */
    OK(pelt_bus_claim_owner(bus, "r", 0, &owner, &err));
    pelt_bus_claim_release(&b, bus);
    sleep_ms(5);
    assert_int_equal(pelt_bus_claim_owner(bus, "r", 0, &owner, &err), PELT_ENOTFOUND);
    OK(pelt_bus_claim_any(&c, bus, 1, &err));
}

static void claim_is_kept_and_won_back(void **state)
{
    struct pelt_bus_claim a, b;
    const uint64_t soon_ns = pelt_clock_ns() + PELT_BUS_CLAIM_KEEP + PELT_NS_PER_S;
    int64_t ttl;
    pelt_bus_claim_init(&a, "r", "00000000000000aa", "a");
    pelt_bus_claim_init(&b, "r", "00000000000000bb", "b");
    OK(pelt_bus_claim_take(&a, bus, 0, &err));
    redis_say(bus, "PEXPIRE", a.key, "100", NULL);
    OK(pelt_bus_claim_keep(&a, bus, pelt_clock_ns(), &err)); /* it is not time */
    OK(pelt_bus_claim_keep(&a, bus, soon_ns, &err));
    pelt_bus_put(bus, (struct pelt_span[]){pelt_span_of("PTTL"), pelt_span_of(a.key)}, 2);
    OK(pelt_bus_flush(bus, &err));
    OK(pelt_bus_took_integer(bus, 0, &ttl, &err));
    assert_in_range(ttl, 14000, 15000);
    redis_say(bus, "FLUSHALL", NULL);
    OK(pelt_bus_claim_keep(&a, bus, 2 * soon_ns, &err)); /* Redis lost it: taken again */
    redis_say(bus, "FLUSHALL", NULL);
    OK(pelt_bus_claim_take(&b, bus, 0, &err));
    assert_int_equal(pelt_bus_claim_keep(&a, bus, 3 * soon_ns, &err), PELT_ELOST);
    assert_false(a.held);
    pelt_bus_claim_release(&a, bus);
    struct pelt_bus_owner owner;
    OK(pelt_bus_claim_owner(bus, "r", 0, &owner, &err));
    assert_string_equal(owner.label, "b");
}

static void lease_is_one_and_its_epoch_grows(void **state)
{
    struct pelt_bus_lease a, b;
    const uint64_t now_ns = pelt_clock_ns();
    pelt_bus_lease_init(&a, "r", "00000000000000aa", "a:1");
    pelt_bus_lease_init(&b, "r", "00000000000000bb", "b:2");
    OK(pelt_bus_lease_take(&a, bus, &err));
    assert_true(pelt_bus_lease_good(&a, pelt_clock_ns()));
    assert_false(pelt_bus_lease_good(&a, now_ns + 11 * PELT_NS_PER_S));
    assert_true(a.epoch > 1600000000000);
    assert_int_equal(pelt_bus_lease_take(&b, bus, &err), PELT_ELOST);
    assert_non_null(strstr(err.text, "a:1"));
    assert_false(pelt_bus_lease_good(&b, pelt_clock_ns()));
    /* The first sleeps through its lease. */
    redis_say(bus, "DEL", "pelt:{r}:lead", NULL);
    OK(pelt_bus_lease_take(&b, bus, &err));
    assert_true(b.epoch > a.epoch);
    assert_int_equal(pelt_bus_lease_keep(&a, bus, now_ns + 20 * PELT_NS_PER_S, &err), PELT_ELOST);
    assert_false(pelt_bus_lease_good(&a, now_ns));
    /* The second came and went: the first does not go on under an old epoch. */
    a.held = true;
    pelt_bus_lease_release(&b, bus);
    sleep_ms(5);
    assert_int_equal(pelt_bus_lease_keep(&a, bus, now_ns + 40 * PELT_NS_PER_S, &err), PELT_ELOST);
    assert_false(a.held);
}

static void lease_survives_an_emptied_redis(void **state)
{
    struct pelt_bus_lease a, b;
    const uint64_t now_ns = pelt_clock_ns();
    pelt_bus_lease_init(&a, "r", "00000000000000aa", "a:1");
    pelt_bus_lease_init(&b, "r", "00000000000000bb", "b:2");
    OK(pelt_bus_lease_take(&a, bus, &err));
    const uint64_t epoch = a.epoch;
    redis_say(bus, "FLUSHALL", NULL);
    OK(pelt_bus_lease_keep(&a, bus, now_ns + 3 * PELT_NS_PER_S, &err));
    assert_int_equal(a.epoch, epoch);
    assert_int_equal(pelt_bus_lease_take(&b, bus, &err), PELT_ELOST);
    redis_say(bus, "FLUSHALL", NULL);
    sleep_ms(2);
    OK(pelt_bus_lease_take(&b, bus, &err));
    assert_true(b.epoch > epoch);
}

static void clock_is_known_to_half_a_round_trip(void **state)
{
    struct pelt_bus_clock c = {0};
    OK(pelt_bus_clock_measure(&c, bus, &err));
    const uint64_t now_ns = pelt_clock_ns();
    assert_true(pelt_bus_clock_bound_ns(&c, now_ns) < 50 * PELT_NS_PER_MS);
    const int64_t wrong =
        (int64_t)(pelt_bus_clock_to_server(&c, now_ns) - pelt_clock_wall_ns()); /* the same host */
    assert_true(llabs(wrong) < (int64_t)(5 * PELT_NS_PER_MS));
    const uint64_t measured_ns = c.tried_ns;
    OK(pelt_bus_clock_keep(&c, bus, now_ns, &err));
    assert_int_equal(c.tried_ns, measured_ns); /* it was not time */
    OK(pelt_bus_clock_keep(&c, bus, now_ns + 11 * PELT_NS_PER_S, &err));
    assert_true(c.tried_ns > measured_ns);
}

/* ---- ACL ---- */

static void make_user(enum pelt_bus_role role, const char *run)
{
    struct pelt_span words[64] = {pelt_span_of("ACL"), pelt_span_of("SETUSER"),
                                  pelt_span_of(pelt_bus_role_name(role)), pelt_span_of("on"),
                                  pelt_span_of(">secret")};
    size_t len = 5;
    struct pelt_buf b;
    char *rest = NULL;
    pelt_buf_init(&b, 0);
    OK(pelt_bus_acl(role, run, &b));
    for (char *word = strtok_r(b.data, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        words[len++] = pelt_span_of(word);
    }
    pelt_bus_put(bus, words, len);
    OK(pelt_bus_flush(bus, &err));
    OK(pelt_bus_took(bus, 0, &err));
    pelt_buf_deinit(&b);
}

static struct pelt_bus *bus_of(enum pelt_bus_role role)
{
    char url[100];
    snprintf(url, sizeof url, "redis://%s@127.0.0.1:%u", pelt_bus_role_name(role), redis.port);
    const struct pelt_bus_options options = {.url = url, .password = "secret"};
    struct pelt_bus *b = NULL;
    OK(pelt_bus_new(&options, &b, &err));
    OK(pelt_bus_connect(b, &err));
    return b;
}

static void denied(struct pelt_bus *b, const char *line)
{
    char words[200], *rest = NULL;
    struct pelt_span span[16];
    size_t len = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        span[len++] = pelt_span_of(word);
    }
    pelt_bus_put(b, span, len);
    OK(pelt_bus_flush(b, &err));
    if (pelt_bus_took(b, 0, &err) != PELT_EINVAL || strstr(err.text, "NOPERM") == NULL) {
        fail_msg("%s is not denied: %s", line, err.text);
    }
}

static void worker_may_do_its_work_and_nothing_else(void **state)
{
    char key[PELT_BUS_KEY_SIZE];
    struct pelt_bus_claim claim;
    struct pelt_bus_clock clock = {0};
    struct pelt_bus_id id;
    struct pelt_span text;
    bool there;
    make_user(PELT_BUS_WORKER, "r");
    redis_say(bus, "XADD", "pelt:{r}:ctl", "*", "m", "x", NULL);
    redis_say(bus, "SET", "pelt:{r}:ack:0", "1-1", NULL);
    redis_say(bus, "HSET", "pelt:{r}:files", "f", "x", NULL);
    struct pelt_bus *w = bus_of(PELT_BUS_WORKER);
    OK(pelt_bus_clock_measure(&clock, w, &err));
    pelt_bus_claim_init(&claim, "r", "00000000000000aa", "h:1");
    OK(pelt_bus_claim_take(&claim, w, 0, &err));
    OK(pelt_bus_claim_keep(&claim, w, pelt_clock_ns() + 5 * PELT_NS_PER_S, &err));
    pelt_bus_worker_key(key, "r", 0, claim.incarnation);
    OK(pelt_bus_xadd(w, key, (struct pelt_bus_id){1, 1}, pelt_span_of("x"), &there, &err));
    OK(pelt_bus_last_id(w, key, &id, &err));
    pelt_bus_slot_key(key, "r", PELT_BUS_HB, 0);
    OK(pelt_bus_set(w, key, pelt_span_of("1"), 5000, &err));
    pelt_bus_slot_key(key, "r", PELT_BUS_ACK, 0);
    OK(pelt_bus_get(w, key, &text, &err));
    OK(pelt_bus_hget(w, "pelt:{r}:files", pelt_span_of("f"), &text, &err));
    struct pelt_bus_stream ctl = {.key = "pelt:{r}:ctl"};
    struct got got = {0};
    OK(pelt_bus_xread(w, &ctl, 1, 10, 0, on_entry, &got, &err));
    int64_t n;
    OK(pelt_bus_incr(w, "pelt:{r}:shared:n", 1, &n, &err));
    pelt_bus_claim_release(&claim, w);
    static const char *const DENIED[] = {
        "GET pelt:{other}:ack:0",
        "XREAD STREAMS pelt:{other}:ctl 0-0",
        "XADD pelt:{other}:w:0:x 1-1 m x",
        "XADD pelt:{r}:ctl * m x", /* nor may it order others about */
        "SET pelt:{r}:ack:0 9-9",
        "SET pelt:{r}:lead me",
        "HSET pelt:{r}:files f evil",
        "KEYS *",
        "SCAN 0",
        "CONFIG GET *",
        "FLUSHALL",
        "FLUSHDB",
        "EVAL return 0",
        "SCRIPT LOAD x",
        "DEL pelt:{r}:w:0:x",
        "XTRIM pelt:{r}:w:0:x MAXLEN 0",
        "ACL LIST",
        "CLIENT KILL TYPE normal",
        "DEBUG SLEEP 0",
        "SHUTDOWN",
        "SUBSCRIBE x",
        "MONITOR",
    };
    for (size_t i = 0; i < sizeof DENIED / sizeof DENIED[0]; i++) {
        denied(w, DENIED[i]);
    }
    pelt_bus_free(w);
}

static void coordinator_and_ctl_may_do_theirs(void **state)
{
    struct pelt_bus_lease lease;
    struct pelt_bus_id id;
    make_user(PELT_BUS_COORDINATOR, "r");
    make_user(PELT_BUS_STEERER, "r");
    struct pelt_bus *c = bus_of(PELT_BUS_COORDINATOR), *s = bus_of(PELT_BUS_STEERER);
    pelt_bus_lease_init(&lease, "r", "00000000000000aa", "h:1");
    OK(pelt_bus_lease_take(&lease, c, &err));
    OK(pelt_bus_lease_keep(&lease, c, pelt_clock_ns() + 5 * PELT_NS_PER_S, &err));
    OK(pelt_bus_xadd_next(c, "pelt:{r}:ctl", pelt_span_of("x"), &id, &err));
    OK(pelt_bus_hset(c, "pelt:{r}:files", pelt_span_of("f"), pelt_span_of("x"), &err));
    pelt_bus_put_xtrim(c, "pelt:{r}:ctl", id);
    pelt_bus_put_expire(c, "pelt:{r}:files", 100);
    OK(pelt_bus_flush(c, &err));
    OK(pelt_bus_took(c, 0, &err));
    OK(pelt_bus_took(c, 1, &err));
    denied(c, "GET pelt:{other}:lead");
    denied(c, "FLUSHALL");
    denied(c, "CONFIG GET *");
    OK(pelt_bus_xadd_next(s, "pelt:{r}:ask", pelt_span_of("x"), &id, &err));
    denied(s, "XADD pelt:{r}:ctl * m x");
    denied(s, "GET pelt:{r}:ack:0");
    pelt_bus_lease_release(&lease, c);
    pelt_bus_free(c);
    pelt_bus_free(s);
    redis_say(bus, "ACL", "DELUSER", "coordinator", "ctl", NULL);
}

static void wrong_password_is_one_line_without_it(void **state)
{
    char url[100];
    struct pelt_bus *b = NULL;
    make_user(PELT_BUS_WORKER, "r");
    snprintf(url, sizeof url, "redis://worker:hunter2@127.0.0.1:%u", redis.port);
    const struct pelt_bus_options options = {.url = url};
    OK(pelt_bus_new(&options, &b, &err));
    assert_int_equal(pelt_bus_connect(b, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "WRONGPASS"));
    assert_non_null(strstr(err.text, "user worker"));
    assert_null(strstr(err.text, "hunter2"));
    assert_null(strstr(pelt_bus_text(b), "hunter2"));
    pelt_bus_free(b);
    /* One that wants a password and gets none. */
    redis_say(bus, "CONFIG", "SET", "requirepass", "hunter3", NULL);
    const struct pelt_bus_options none = {.url = redis.url, .password = ""};
    OK(pelt_bus_new(&none, &b, &err));
    assert_int_equal(pelt_bus_connect(b, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "--bus-password-file"));
    pelt_bus_free(b);
    setenv(PELT_BUS_PASSWORD_ENV, "hunter3", 1);
    const struct pelt_bus_options env = {.url = redis.url};
    OK(pelt_bus_new(&env, &b, &err));
    OK(pelt_bus_connect(b, &err));
    pelt_bus_free(b);
    unsetenv(PELT_BUS_PASSWORD_ENV);
    redis_say(bus, "CONFIG", "SET", "requirepass", "", NULL);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup(test, empty)
    const struct CMUnitTest tests[] = {
        EACH(commands_give_what_redis_says),
        EACH(pipelines_are_answered_in_order),
        EACH(large_values_go_both_ways),
        EACH(repeated_ids_are_already_there),
        EACH(streams_are_read_from_where_each_was),
        EACH(stream_beyond_the_bound_is_refused_alone),
        EACH(killed_connection_is_told_and_made_anew),
        EACH(dead_redis_is_waited_for_longer_and_longer),
        EACH(sleeping_redis_is_given_up_in_time),
        EACH(cancelled_wait_ends_soon),
        EACH(wrong_options_are_one_line),
        EACH(slot_is_claimed_once),
        EACH(claim_is_kept_and_won_back),
        EACH(lease_is_one_and_its_epoch_grows),
        EACH(lease_survives_an_emptied_redis),
        EACH(clock_is_known_to_half_a_round_trip),
        EACH(worker_may_do_its_work_and_nothing_else),
        EACH(coordinator_and_ctl_may_do_theirs),
        EACH(wrong_password_is_one_line_without_it),
    };
    if (!redis_is_there()) {
        puts("no redis-server: skipped");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
