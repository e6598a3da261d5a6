/* wire_hello: what a worker says comes back, cut short or changed it is refused, texts are clean.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "pelt/rng.h"
#include "pelt/wire_hello.h"

static struct pelt_error err;

static struct pelt_wire_hello hello(void)
{
    return (struct pelt_wire_hello){.protocol = PELT_WIRE_PROTOCOL,
                                    .version = "0.1.0",
                                    .build = "abc",
                                    .features = 5,
                                    .slot = 9999,
                                    .incarnation = "0123456789abcdef",
                                    .host = "h-1",
                                    .kernel = "6.1",
                                    .pid = 4711,
                                    .cores = 8,
                                    .fds = 1048576,
                                    .memory_bytes = UINT64_C(1) << 40,
                                    .wall_ns = 1700000000000000000,
                                    .clock_offset_ns = -5,
                                    .clock_bound_ns = 12345};
}

static struct pelt_wire_bye bye(void)
{
    struct pelt_wire_bye m = {.last_second = -2,
                              .spool_lost = 3,
                              .recovered = true,
                              .unknown = 4,
                              .paced = 5,
                              .late = 6,
                              .unseen = 7,
                              .stayed = 8,
                              .start_late_ns = 9,
                              .reason = "killed"};
    uint64_t *figures = (uint64_t *)&m.totals;
    for (size_t i = 0; i < sizeof m.totals / sizeof *figures; i++) {
        figures[i] = i * 1000003;
    }
    return m;
}

static void messages_come_back_as_they_were(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    struct pelt_wire_hello h = hello(), h2;
    assert_int_equal(pelt_wire_hello_encode(&h, &b), PELT_OK);
    assert_int_equal(pelt_wire_kind(pelt_span(b.data, b.len)), PELT_WIRE_HELLO);
    assert_int_equal(pelt_wire_hello_decode(pelt_span(b.data, b.len), &h2, &err), PELT_OK);
    assert_memory_equal(&h, &h2, sizeof h);
    struct pelt_wire_ready r = {.epoch = 1, .seq = 2, .parcel = {3}, .why = "no", .threads = 4}, r2;
    r.clock_bound_ns = UINT64_MAX;
    pelt_buf_reset(&b);
    assert_int_equal(pelt_wire_ready_encode(&r, &b), PELT_OK);
    assert_int_equal(pelt_wire_ready_decode(pelt_span(b.data, b.len), &r2, &err), PELT_OK);
    assert_memory_equal(&r, &r2, sizeof r);
    struct pelt_wire_event e = {.t_s = 1.25, .kind = "script_error", .text = "a:1: b\n\tc"}, e2;
    pelt_buf_reset(&b);
    assert_int_equal(pelt_wire_event_encode(&e, &b), PELT_OK);
    assert_int_equal(pelt_wire_event_decode(pelt_span(b.data, b.len), &e2, &err), PELT_OK);
    assert_memory_equal(&e, &e2, sizeof e);
    struct pelt_wire_bye y = bye(), y2;
    pelt_buf_reset(&b);
    assert_int_equal(pelt_wire_bye_encode(&y, &b), PELT_OK);
    assert_int_equal(pelt_wire_bye_decode(pelt_span(b.data, b.len), &y2, &err), PELT_OK);
    assert_true(pelt_wire_totals_equal(&y.totals, &y2.totals));
    assert_int_equal(y2.last_second, -2);
    assert_true(y2.recovered);
    assert_int_equal(y2.stayed, 8);
    assert_int_equal(y2.start_late_ns, 9);
    assert_string_equal(y2.reason, "killed");
    pelt_buf_deinit(&b);
}

static enum pelt_status decode_any(struct pelt_span m)
{
    struct pelt_wire_hello h;
    struct pelt_wire_ready r;
    struct pelt_wire_event e;
    struct pelt_wire_bye y;
    switch (pelt_wire_kind(m)) {
    case PELT_WIRE_HELLO:
        return pelt_wire_hello_decode(m, &h, &err);
    case PELT_WIRE_READY:
        return pelt_wire_ready_decode(m, &r, &err);
    case PELT_WIRE_EVENT:
        return pelt_wire_event_decode(m, &e, &err);
    case PELT_WIRE_BYE:
        return pelt_wire_bye_decode(m, &y, &err);
    default:
        return PELT_EPARSE;
    }
}

static void cut_or_longer_messages_are_refused(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    for (int kind = 0; kind < 4; kind++) {
        struct pelt_wire_hello h = hello();
        struct pelt_wire_ready r = {.good = true};
        struct pelt_wire_event e = {.kind = "x"};
        struct pelt_wire_bye y = bye();
        pelt_buf_reset(&b);
        assert_int_equal(kind == 0   ? pelt_wire_hello_encode(&h, &b)
                         : kind == 1 ? pelt_wire_ready_encode(&r, &b)
                         : kind == 2 ? pelt_wire_event_encode(&e, &b)
                                     : pelt_wire_bye_encode(&y, &b),
                         PELT_OK);
        assert_int_equal(decode_any(pelt_span(b.data, b.len)), PELT_OK);
        for (size_t len = 0; len < b.len; len++) {
            assert_int_equal(decode_any(pelt_span(b.data, len)), PELT_EPARSE);
        }
        pelt_buf_add(&b, "", 1);
        assert_int_equal(decode_any(pelt_span(b.data, b.len)), PELT_EPARSE);
    }
    pelt_buf_deinit(&b);
}

static void hello_of_another_protocol_says_which(void **state)
{
    struct pelt_buf b;
    struct pelt_wire_hello h = hello(), back;
    pelt_buf_init(&b, 0);
    h.protocol = 2;
    assert_int_equal(pelt_wire_hello_encode(&h, &b), PELT_OK);
    pelt_buf_add(&b, "what version 2 has beside", 25);
    assert_int_equal(pelt_wire_hello_decode(pelt_span(b.data, b.len), &back, &err), PELT_OK);
    assert_int_equal(back.protocol, 2);
    assert_string_equal(back.version, "0.1.0");
    assert_string_equal(back.host, "");
    pelt_buf_deinit(&b);
}

static void texts_come_out_clean(void **state)
{
    struct pelt_buf b;
    struct pelt_wire_event e = {.kind = "x", .text = "\x1b[31m\xff\xc3\xbc\xc3\n\x01"}, back;
    pelt_buf_init(&b, 0);
    assert_int_equal(pelt_wire_event_encode(&e, &b), PELT_OK);
    assert_int_equal(pelt_wire_event_decode(pelt_span(b.data, b.len), &back, &err), PELT_OK);
    assert_string_equal(back.text, "?[31m?\xc3\xbc?\n?");
    pelt_buf_reset(&b);
    struct pelt_wire_hello h = hello(), h2;
    snprintf(h.host, sizeof h.host, "a\nb\x7f");
    assert_int_equal(pelt_wire_hello_encode(&h, &b), PELT_OK);
    assert_int_equal(pelt_wire_hello_decode(pelt_span(b.data, b.len), &h2, &err), PELT_OK);
    assert_string_equal(h2.host, "a?b?");
    pelt_buf_deinit(&b);
}

static void totals_add_up_and_differ(void **state)
{
    struct pelt_wire_totals a = {.frames = 3, .started = 10}, b = {.frames = 5, .started = 25};
    a.outcomes[PELT_OUTCOME_OK] = 9;
    b.outcomes[PELT_OUTCOME_OK] = 20;
    b.outcomes[PELT_OUTCOME_RESET] = 2;
    struct pelt_wire_totals gap = pelt_wire_totals_less(&b, &a);
    assert_int_equal(gap.frames, 2);
    assert_int_equal(gap.started, 15);
    assert_int_equal(pelt_wire_totals_ended(&gap), 13);
    assert_false(pelt_wire_totals_equal(&a, &b));
    gap = pelt_wire_totals_less(&a, &b); /* the wrong way round */
    assert_int_equal(pelt_wire_totals_ended(&gap), 0);
    assert_int_equal(pelt_wire_major(-1), 1);
    assert_int_equal(pelt_wire_major(0), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_back_as_they_were),
        cmocka_unit_test(cut_or_longer_messages_are_refused),
        cmocka_unit_test(hello_of_another_protocol_says_which),
        cmocka_unit_test(texts_come_out_clean),
        cmocka_unit_test(totals_add_up_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
