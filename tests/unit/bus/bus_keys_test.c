/* bus_keys, bus_acl: names, and the rules' text. */
#include "test.h"

#include <string.h>

#include "pelt/bus_acl.h"
#include "pelt/bus_claim.h"
#include "pelt/bus_keys.h"

static void bus_keys_are_as_documented(void **state)
{
    char key[PELT_BUS_KEY_SIZE];
    pelt_bus_key(key, "r1", PELT_BUS_CTL);
    assert_string_equal(key, "pelt:{r1}:ctl");
    pelt_bus_key(key, "r1", PELT_BUS_FILES);
    assert_string_equal(key, "pelt:{r1}:files");
    pelt_bus_slot_key(key, "r1", PELT_BUS_ACK, 9999);
    assert_string_equal(key, "pelt:{r1}:ack:9999");
    pelt_bus_worker_key(key, "r1", 3, "00112233445566ff");
    assert_string_equal(key, "pelt:{r1}:w:3:00112233445566ff");
    pelt_bus_shared_key(key, "r1", "jobs");
    assert_string_equal(key, "pelt:{r1}:shared:jobs");
}

static void bus_keys_refuse_bad_runs(void **state)
{
    static const char *const BAD[] = {"", "a b", "a}b", "a*", "a:b", "\n", "ü", "%R~x"};
    char longest[66];
    struct pelt_error err;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_int_equal(pelt_bus_run_check(BAD[i], &err), PELT_EINVAL);
    }
    memset(longest, 'a', sizeof longest);
    longest[65] = '\0';
    assert_int_equal(pelt_bus_run_check(longest, &err), PELT_EINVAL);
    longest[64] = '\0';
    assert_int_equal(pelt_bus_run_check(longest, &err), PELT_OK);
    assert_int_equal(pelt_bus_run_check("2026-11-22_chat.1", &err), PELT_OK);
}

static void bus_incarnations_differ(void **state)
{
    char a[PELT_BUS_INCARNATION_SIZE], b[PELT_BUS_INCARNATION_SIZE];
    pelt_bus_incarnation(a);
    pelt_bus_incarnation(b);
    assert_true(pelt_bus_incarnation_good(a));
    assert_true(strcmp(a, b) != 0);
    assert_false(pelt_bus_incarnation_good("0123456789abcde"));
    assert_false(pelt_bus_incarnation_good("0123456789abcdef0"));
    assert_false(pelt_bus_incarnation_good("0123456789ABCDEF"));
}

static void bus_ids_are_read_as_written(void **state)
{
    static const struct {
        struct pelt_bus_id id;
        const char *text;
    } CASES[] = {
        {{0, 0}, "0-0"},
        {{7, 12}, "7-12"},
        {{INT64_MAX, 0}, "9223372036854775807-0"},
        {{UINT64_MAX, UINT64_MAX}, "18446744073709551615-18446744073709551615"},
    };
    static const char *const BAD[] = {
        "", "-", "1", "1-", "-1", "1-2-", "1-x", "a-1", "1 -1", "+1-1", "18446744073709551616-0"};
    char text[PELT_BUS_ID_TEXT];
    struct pelt_bus_id id;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        pelt_bus_id_format(CASES[i].id, text);
        assert_string_equal(text, CASES[i].text);
        assert_true(pelt_bus_id_parse(pelt_span_of(text), &id));
        assert_int_equal(pelt_bus_id_compare(id, CASES[i].id), 0);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_false(pelt_bus_id_parse(pelt_span_of(BAD[i]), &id));
    }
}

static void bus_owner_is_read_with_care(void **state)
{
    struct pelt_bus_owner o;
    assert_true(pelt_bus_owner_parse(pelt_span_of("0123456789abcdef h:1"), &o));
    assert_string_equal(o.incarnation, "0123456789abcdef");
    assert_string_equal(o.label, "h:1");
    static const char *const BAD[] = {"",
                                      "0123456789abcdef",
                                      "0123456789abcdef ",
                                      "0123456789abcdeF h:1",
                                      "0123456789abcdef h 1",
                                      "0123456789abcdef h\x1b[1m"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_false(pelt_bus_owner_parse(pelt_span_of(BAD[i]), &o));
    }
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[16] = ' ';
    assert_true(pelt_bus_owner_parse(pelt_span(longest, 17 + 99), &o));
    assert_false(pelt_bus_owner_parse(pelt_span(longest, 17 + 100), &o));
}

static void bus_acl_names_the_run_alone(void **state)
{
    for (int role = 0; role < PELT_BUS_ROLES; role++) {
        struct pelt_buf b;
        pelt_buf_init(&b, 0);
        assert_int_equal(pelt_bus_acl((enum pelt_bus_role)role, "r1", &b), PELT_OK);
        assert_non_null(strstr(b.data, "resetkeys resetchannels -@all"));
        assert_null(strstr(b.data, "+@"));
        assert_null(strstr(b.data, "allkeys"));
        for (const char *p = b.data; (p = strchr(p, '~')) != NULL; p++) {
            assert_memory_equal(p, "~pelt:{r1}:", 11);
        }
        pelt_buf_deinit(&b);
    }
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    assert_int_equal(pelt_bus_acl(PELT_BUS_WORKER, "r1", &b), PELT_OK);
    assert_non_null(strstr(b.data, " %R~pelt:{r1}:ctl "));
    assert_non_null(strstr(b.data, " ~pelt:{r1}:w:* "));
    pelt_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bus_keys_are_as_documented),
        cmocka_unit_test(bus_keys_refuse_bad_runs),
        cmocka_unit_test(bus_incarnations_differ),
        cmocka_unit_test(bus_owner_is_read_with_care),
        cmocka_unit_test(bus_acl_names_the_run_alone),
        cmocka_unit_test(bus_ids_are_read_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
