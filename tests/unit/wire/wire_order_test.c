/* wire_order, run_key: orders come back as they were, and nobody else's are obeyed. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pelt/rng.h"
#include "pelt/wire_order.h"

static struct pelt_error err;

static struct pelt_run_key key_of(const char *secret, const char *run)
{
    struct pelt_run_key key;
    pelt_run_key_derive(&key, pelt_span_of(secret), run);
    return key;
}

static struct pelt_span encode(const struct pelt_order *o, struct pelt_buf *b, const char *run)
{
    const struct pelt_run_key key = key_of("0123456789abcdef", run);
    pelt_buf_reset(b);
    if (pelt_order_encode(o, run, &key, b, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return pelt_span(b->data, b->len);
}

static enum pelt_status decode(struct pelt_span message, const char *run, struct pelt_order *out)
{
    const struct pelt_run_key key = key_of("0123456789abcdef", run);
    enum pelt_status status = pelt_order_decode(message, run, &key, out, &err);
    if (status != PELT_OK) {
        assert_null(out->text);
        assert_int_equal(out->plan.settings_len, 0);
        assert_int_equal(out->plan.files.len, 0);
    }
    return status;
}

static struct pelt_order plan(void)
{
    struct pelt_order o = {.kind = PELT_ORDER_PLAN, .epoch = 1700000000123, .seq = 1};
    o.plan.slots = 300;
    assert_int_equal(pelt_order_set(&o.plan, "rate", "200/s", &err), PELT_OK);
    assert_int_equal(pelt_order_set(&o.plan, "set", "A=1\n2", &err), PELT_OK);
    assert_int_equal(pelt_order_set(&o.plan, "set", "", &err), PELT_OK);
    assert_int_equal(
        pelt_parcel_add(&o.plan.files, pelt_span_of("s.lua"), pelt_span_of("return"), &err),
        PELT_OK);
    assert_int_equal(
        pelt_parcel_add(&o.plan.files, pelt_span_of("data/a b.csv"), pelt_span("", 0), &err),
        PELT_OK);
    return o;
}

static void keys_are_hmacs_by_the_book(void **state)
{
    char hex[65];
    struct pelt_run_key key;
    uint8_t mac[32];
    for (unsigned i = 0; i < 32; i++) {
        key.bytes[i] = (uint8_t)i;
    }
    pelt_run_key_mac(&key, pelt_span_of("what is signed"), mac);
    pelt_sha256_hex(mac, hex);
    assert_string_equal(hex, "ba8a06f8fb7a5679043a177e7106ab60906972095e6e8a4900c4601a4819708c");
    key = key_of("0123456789abcdef", "r1");
    pelt_sha256_hex(key.bytes, hex);
    assert_string_equal(hex, "cd8238b46690bbbb9f9758e78af128ea22d73eafbe44a4416242c7f722038960");
    uint8_t back[32];
    assert_true(pelt_sha256_parse(pelt_span_of(hex), back));
    assert_memory_equal(back, key.bytes, 32);
    hex[3] = 'G';
    assert_false(pelt_sha256_parse(pelt_span_of(hex), back));
    assert_false(pelt_sha256_parse(pelt_span(hex, 63), back));
    pelt_run_key_wipe(&key);
    assert_int_equal(key.bytes[7], 0);
}

static void keys_come_from_the_first_line_of_a_file(void **state)
{
    char path[] = "/tmp/pelt-key-XXXXXX";
    struct pelt_run_key key, same = key_of("0123456789abcdef", "r1");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789abcdef\nrest", 21), 21);
    assert_int_equal(pelt_run_key_read(&key, path, "r1", &err), PELT_OK);
    assert_memory_equal(&key, &same, sizeof key);
    assert_int_equal(ftruncate(fd, 15), 0);
    assert_int_equal(pelt_run_key_read(&key, path, "r1", &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "15 bytes"));
    assert_null(strstr(err.text, "01234"));
    close(fd);
    unlink(path);
    assert_int_equal(pelt_run_key_read(&key, path, "r1", &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, path));
}

static void plan_comes_back_as_it_was(void **state)
{
    struct pelt_order o = plan(), back;
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    struct pelt_span message = encode(&o, &b, "r1");
    assert_int_equal(pelt_wire_kind(message), PELT_WIRE_ORDER);
    assert_int_equal(decode(message, "r1", &back), PELT_OK);
    assert_int_equal(back.kind, PELT_ORDER_PLAN);
    assert_int_equal(back.epoch, o.epoch);
    assert_int_equal(back.plan.slots, 300);
    assert_int_equal(back.plan.settings_len, 3);
    assert_string_equal(pelt_order_get(&back.plan, "rate"), "200/s");
    assert_string_equal(back.plan.settings[1].value, "A=1\n2");
    assert_string_equal(back.plan.settings[2].value, "");
    assert_null(pelt_order_get(&back.plan, "none"));
    assert_int_equal(back.plan.files.len, 2);
    assert_string_equal(back.plan.files.file[1].name, "data/a b.csv");
    uint8_t x[32], y[32];
    pelt_parcel_sha256(&o.plan.files, x);
    pelt_parcel_sha256(&back.plan.files, y);
    assert_memory_equal(x, y, 32);
    /* It has one form. */
    struct pelt_buf again;
    pelt_buf_init(&again, 0);
    encode(&back, &again, "r1");
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    pelt_buf_deinit(&again);
    pelt_order_deinit(&back);
    pelt_order_deinit(&o);
    pelt_buf_deinit(&b);
}

static void orders_come_back_as_they_were(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    for (int kind = PELT_ORDER_START; kind < PELT_ORDER_KINDS; kind++) {
        char text[] = "why: \xc3\xbc";
        struct pelt_order back, o = {.kind = (enum pelt_order_kind)kind,
                                     .epoch = UINT64_MAX,
                                     .seq = 7,
                                     .server_ns = 1700000000123456789,
                                     .at_ns = kind % 2 == 0 ? -1 : 5000000000,
                                     .level = 1.5,
                                     .text = text,
                                     .spread = {.slots = 300}};
        pelt_order_slot_set(o.spread.lost, 0);
        pelt_order_slot_set(o.spread.lost, 63);
        pelt_order_slot_set(o.spread.done, 299);
        assert_int_equal(decode(encode(&o, &b, "r1"), "r1", &back), PELT_OK);
        assert_int_equal(back.kind, kind);
        assert_true(back.epoch == UINT64_MAX && back.seq == 7);
        assert_int_equal(back.server_ns, o.server_ns);
        assert_int_equal(back.at_ns, o.at_ns);
        assert_true(back.level == 1.5);
        assert_string_equal(back.text, text);
        if (kind == PELT_ORDER_SPREAD) {
            assert_memory_equal(&back.spread, &o.spread, sizeof o.spread);
        }
        pelt_order_deinit(&back);
    }
    pelt_buf_deinit(&b);
}

static void foreign_or_changed_orders_are_refused(void **state)
{
    struct pelt_order o = plan(), back;
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    struct pelt_span message = encode(&o, &b, "r1");
    assert_int_equal(decode(message, "r2", &back), PELT_EINVAL); /* of another run */
    const struct pelt_run_key other = key_of("another secret ..", "r1");
    assert_int_equal(pelt_order_decode(message, "r1", &other, &back, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "HMAC"));
    for (size_t i = 1; i < b.len; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
            assert_int_equal(decode(message, "r1", &back), PELT_EINVAL);
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
        }
    }
    for (size_t len = 0; len < b.len; len++) {
        assert_true(decode(pelt_span(b.data, len), "r1", &back) != PELT_OK);
    }
    assert_int_equal(decode(message, "r1", &back), PELT_OK);
    pelt_order_deinit(&back);
    pelt_order_deinit(&o);
    pelt_buf_deinit(&b);
}

/* Signed by who has the key, but malformed. */
static enum pelt_status decode_signed(const struct pelt_buf *body, struct pelt_order *out)
{
    const struct pelt_run_key key = key_of("0123456789abcdef", "r1");
    struct pelt_buf in, all;
    uint8_t mac[32];
    pelt_buf_init(&in, 0);
    pelt_buf_init(&all, 0);
    pelt_buf_add(&in, "\x0cpelt order 1\x02r1", 16);
    pelt_buf_add(&in, body->data, body->len);
    pelt_run_key_mac(&key, pelt_span(in.data, in.len), mac);
    pelt_buf_add(&all, body->data, body->len);
    pelt_buf_add(&all, mac, sizeof mac);
    enum pelt_status status = decode(pelt_span(all.data, all.len), "r1", out);
    pelt_buf_deinit(&in);
    pelt_buf_deinit(&all);
    return status;
}

static void malformed_orders_are_refused_even_signed(void **state)
{
    struct pelt_order o = plan(), back;
    struct pelt_buf b, body;
    struct pelt_rng rng;
    unsigned good = 0, bad = 0;
    pelt_buf_init(&b, 0);
    pelt_buf_init(&body, 0);
    pelt_rng_init(&rng, 1, 1);
    encode(&o, &b, "r1");
    const size_t len = b.len - 32;
    pelt_buf_add(&body, b.data, len);
    assert_int_equal(decode_signed(&body, &back), PELT_OK);
    pelt_order_deinit(&back);
    pelt_buf_add(&body, "", 1);
    assert_int_equal(decode_signed(&body, &back), PELT_EPARSE); /* behind its end */
    for (size_t cut = 1; cut < len; cut++) {
        body.len = cut;
        assert_true(decode_signed(&body, &back) != PELT_OK);
    }
    for (int i = 0; i < 20000; i++) {
        pelt_buf_reset(&body);
        pelt_buf_add(&body, b.data, len);
        for (unsigned n = 0; n <= pelt_rng_below(&rng, 3); n++) {
            body.data[1 + pelt_rng_below(&rng, len - 1)] = (char)pelt_rng_u64(&rng);
        }
        if (decode_signed(&body, &back) == PELT_OK) {
            good++;
            for (size_t k = 0; k < back.plan.files.len; k++) {
                assert_int_equal(
                    pelt_parcel_name_check(pelt_span_of(back.plan.files.file[k].name), &err),
                    PELT_OK);
            }
            pelt_order_deinit(&back);
        } else {
            bad++;
        }
    }
    assert_true(good > 0 && bad > 0);
    pelt_order_deinit(&o);
    pelt_buf_deinit(&b);
    pelt_buf_deinit(&body);
}

static void plans_have_bounds(void **state)
{
    struct pelt_order o = {.kind = PELT_ORDER_PLAN};
    struct pelt_buf b;
    char *long_value = calloc(1, PELT_ORDER_VALUE_MAX + 2);
    pelt_buf_init(&b, 0);
    o.plan.slots = 1;
    memset(long_value, 'x', PELT_ORDER_VALUE_MAX + 1);
    assert_int_equal(pelt_order_set(&o.plan, "k", long_value, &err), PELT_EINVAL);
    assert_int_equal(pelt_order_set(&o.plan, "a b", "", &err), PELT_EINVAL);
    assert_int_equal(pelt_order_set(&o.plan, "", "", &err), PELT_EINVAL);
    long_value[PELT_ORDER_VALUE_MAX] = '\0';
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pelt_order_set(&o.plan, "k", long_value, &err), PELT_OK);
    }
    const struct pelt_run_key key = key_of("0123456789abcdef", "r1");
    assert_int_equal(pelt_order_encode(&o, "r1", &key, &b, &err), PELT_OK);
    pelt_buf_reset(&b);
    assert_int_equal(pelt_order_set(&o.plan, "k", long_value, &err), PELT_OK);
    assert_int_equal(pelt_order_encode(&o, "r1", &key, &b, &err), PELT_ELIMIT);
    assert_int_equal(b.len, 0);
    assert_non_null(strstr(err.text, "1048576"));
    pelt_order_deinit(&o);
    enum pelt_status status = PELT_OK;
    for (int i = 0; i <= PELT_ORDER_SETTINGS && status == PELT_OK; i++) {
        status = pelt_order_set(&o.plan, "k", "v", &err);
    }
    assert_int_equal(status, PELT_ELIMIT);
    pelt_order_deinit(&o);
    free(long_value);
    pelt_buf_deinit(&b);
}

static void gate_lets_newer_orders_through_once(void **state)
{
    struct pelt_order_gate gate = {0};
    struct pelt_order o = {.epoch = 5, .seq = 1};
    assert_true(pelt_order_gate_lets(&gate, &o));
    assert_false(pelt_order_gate_lets(&gate, &o));
    o.seq = 3;
    assert_true(pelt_order_gate_lets(&gate, &o));
    o.seq = 2;
    assert_false(pelt_order_gate_lets(&gate, &o));
    o = (struct pelt_order){.epoch = 6, .seq = 1};
    assert_true(pelt_order_gate_lets(&gate, &o));
    o = (struct pelt_order){.epoch = 5, .seq = 100};
    assert_false(pelt_order_gate_lets(&gate, &o));
    assert_int_equal(gate.stale, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_hmacs_by_the_book),
        cmocka_unit_test(keys_come_from_the_first_line_of_a_file),
        cmocka_unit_test(plan_comes_back_as_it_was),
        cmocka_unit_test(orders_come_back_as_they_were),
        cmocka_unit_test(foreign_or_changed_orders_are_refused),
        cmocka_unit_test(malformed_orders_are_refused_even_signed),
        cmocka_unit_test(plans_have_bounds),
        cmocka_unit_test(gate_lets_newer_orders_through_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
