/* bus_reply: answers split anywhere, and bounds that hold whoever sends. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "reply.h"

static const char ANSWERS[] =
    "+OK\r\n:-42\r\n$-1\r\n*-1\r\n$3\r\na\r\n\r\n-ERR no\r\n*0\r\n"
    "*2\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nm\r\n$2\r\nxy"
    "\r\n:7\r\n";

static void take_all(struct pelt_replies *r)
{
    struct pelt_bus_reply *a;
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->kind, PELT_BUS_TEXT);
    assert_string_equal(a->text.ptr, "OK");
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->kind, PELT_BUS_INTEGER);
    assert_int_equal(a->integer, -42);
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->kind, PELT_BUS_NIL);
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->kind, PELT_BUS_NIL);
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->text.len, 3);
    assert_memory_equal(a->text.ptr, "a\r\n", 4);
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->kind, PELT_BUS_ERROR);
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->kind, PELT_BUS_LIST);
    assert_int_equal(a->len, 0);
    assert_int_equal(pelt_replies_next(r, &a), PELT_OK);
    assert_int_equal(a->len, 2);
    assert_int_equal(a->item[1]->integer, 7);
    const struct pelt_bus_reply *entry = a->item[0]->item[1]->item[0];
    assert_string_equal(entry->item[0]->text.ptr, "1-1");
    assert_string_equal(entry->item[1]->item[1]->text.ptr, "xy");
    assert_int_equal(pelt_replies_next(r, &a), PELT_AGAIN);
}

static void replies_come_in_any_pieces(void **state)
{
    const size_t len = sizeof ANSWERS - 1;
    for (size_t split = 0; split <= len; split++) {
        struct pelt_replies r = {0};
        assert_int_equal(pelt_replies_feed(&r, ANSWERS, split), PELT_OK);
        assert_int_equal(pelt_replies_feed(&r, ANSWERS + split, len - split), PELT_OK);
        take_all(&r);
        pelt_replies_clear(&r);
        assert_int_equal(r.used, 0);
        pelt_replies_deinit(&r);
    }
    struct pelt_replies r = {0};
    struct pelt_bus_reply *a;
    unsigned answers = 0;
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(pelt_replies_feed(&r, ANSWERS + i, 1), PELT_OK);
        enum pelt_status status = pelt_replies_next(&r, &a);
        assert_true(status == PELT_OK || status == PELT_AGAIN);
        answers += status == PELT_OK;
    }
    assert_int_equal(answers, 8);
    pelt_replies_deinit(&r);
}

static void refused(const char *bytes, enum pelt_status status)
{
    struct pelt_replies r = {0};
    struct pelt_bus_reply *a;
    assert_int_equal(pelt_replies_feed(&r, bytes, strlen(bytes)), PELT_OK);
    assert_int_equal(pelt_replies_next(&r, &a), status);
    pelt_replies_deinit(&r);
}

static void replies_refuse_what_is_none_or_too_much(void **state)
{
    refused("HTTP/1.1 200 OK\r\n\r\n", PELT_EPARSE);
    refused("?\r\n", PELT_EPARSE);
    refused("*1048577\r\n", PELT_ELIMIT);
    refused("*2000000000\r\n", PELT_ELIMIT);
    refused("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
            PELT_EPARSE);
    refused("*2\r\n:1\r\n?", PELT_EPARSE);
    /* Many small ones, each allowed, but not all together. */
    struct pelt_replies r = {0};
    struct pelt_bus_reply *a;
    assert_int_equal(pelt_replies_feed(&r, "*1000000\r\n", 10), PELT_OK);
    enum pelt_status status = PELT_AGAIN;
    for (int i = 0; i < 1000000 && status == PELT_AGAIN; i++) {
        assert_int_equal(pelt_replies_feed(&r, "*1\r\n*0\r\n", 8), PELT_OK);
        status = i % 1000 == 999 ? pelt_replies_next(&r, &a) : PELT_AGAIN;
    }
    assert_int_equal(status, PELT_ELIMIT);
    assert_true(r.used <= PELT_BUS_REPLY_MAX);
    pelt_replies_deinit(&r);
}

static void replies_bound_what_waits(void **state)
{
    static char mib[1 << 20];
    struct pelt_replies r = {0};
    struct pelt_bus_reply *a;
    enum pelt_status status = pelt_replies_feed(&r, "$500000000\r\n", 12);
    unsigned fed = 0;
    while (status == PELT_OK && fed < 200) {
        status = pelt_replies_feed(&r, mib, sizeof mib);
        if (status == PELT_OK) {
            assert_int_equal(pelt_replies_next(&r, &a), PELT_AGAIN);
        }
        fed++;
    }
    assert_int_equal(status, PELT_ELIMIT);
    assert_int_equal(fed, PELT_BUS_REPLY_MAX >> 20);
    pelt_replies_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_come_in_any_pieces),
        cmocka_unit_test(replies_refuse_what_is_none_or_too_much),
        cmocka_unit_test(replies_bound_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
