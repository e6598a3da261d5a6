/* WebSockets under want of memory, and that none is wanted once they have warmed up. */
#include "test.h"

#include <string.h>

#include "failing_malloc.h"
#include "pelt/ws_reader.h"
#include "pelt/ws_writer.h"
#include "ws_outcome.h"

static const struct pelt_ws_deflate_terms terms = {
    .deflate = true, .server_window_bits = 15, .client_window_bits = 15};
static const struct pelt_ws_deflate_terms afresh = {.deflate = true,
                                                    .client_no_context_takeover = true,
                                                    .server_window_bits = 15,
                                                    .client_window_bits = 15};

struct session {
    struct pelt_ws_pool *pool;
    struct pelt_rng rng;
    struct pelt_ws_reader reader;
    struct pelt_ws_writer writer;
    struct pelt_buf out;
};

/* The last kind but MORE; stops at NO_MEMORY. */
static enum pelt_ws_kind feed_pieces(struct session *s, const struct pelt_buf *bytes)
{
    enum pelt_ws_kind kind = PELT_WS_MORE, last = PELT_WS_MORE;
    for (size_t at = 0; at < bytes->len; at += 3) {
        size_t left = bytes->len - at;
        struct pelt_span in = pelt_span(bytes->data + at, left < 3 ? left : 3);
        struct pelt_ws_event event;
        while ((kind = pelt_ws_reader_next(&s->reader, &in, &event)) != PELT_WS_MORE) {
            last = kind;
        }
        if (last == PELT_WS_NO_MEMORY) {
            break;
        }
    }
    return last;
}

static enum pelt_status write_some(struct session *s)
{
    char text[300];
    memset(text, 'x', sizeof text);
    pelt_buf_reset(&s->out);
    enum pelt_status status = pelt_ws_write_text(&s->writer, &s->out, pelt_span(text, sizeof text));
    size_t len = s->out.len;
    if (status == PELT_OK) {
        status = pelt_ws_write_ping(&s->writer, &s->out, pelt_span(text, 100));
        assert_true(status == PELT_OK || s->out.len == len);
    } else {
        assert_int_equal(len, 0);
    }
    return status;
}

/* False: memory was missing somewhere, and that was said. */
static bool live(const struct pelt_buf *bytes, const struct pelt_ws_deflate_terms *agreed)
{
    struct session s = {.pool = NULL};
    bool whole = false;
    if (pelt_ws_pool_new(&s.pool) != PELT_OK) {
        assert_null(s.pool);
        return false;
    }
    pelt_rng_init(&s.rng, 1, 1);
    pelt_ws_reader_init(&s.reader, s.pool, 100000, agreed);
    pelt_ws_writer_init(&s.writer, s.pool, &s.rng, agreed);
    enum pelt_ws_kind kind = feed_pieces(&s, bytes);
    enum pelt_status status = write_some(&s);
    assert_true(kind == PELT_WS_TEXT || kind == PELT_WS_NO_MEMORY);
    assert_true(status == PELT_OK || status == PELT_ENOMEM);
    whole = kind == PELT_WS_TEXT && status == PELT_OK;
    pelt_ws_reader_deinit(&s.reader);
    pelt_ws_writer_deinit(&s.writer);
    pelt_ws_pool_free(s.pool);
    pelt_buf_deinit(&s.out);
    return whole;
}

static const char stream[] = "8105 48656c6c6f 8205 0102030405 c107 f248cdc9c90700";

static void each_allocation_may_fail(void **state)
{
    struct pelt_buf bytes = ws_bytes_of(stream);
    const struct pelt_ws_deflate_terms *const agreed[] = {&terms, &afresh};
    for (size_t i = 0; i < 2; i++) {
        long n = 0;
        for (bool whole = false; !whole; n++) {
            failing_malloc_at = n;
            whole = live(&bytes, agreed[i]);
            assert_int_equal(whole, failing_malloc_at >= 0);
            failing_malloc_at = -1;
        }
        assert_in_range(n, 6, 40);
    }
    pelt_buf_deinit(&bytes);
}

static void after_warming_up_nothing_is_allocated(void **state)
{
    struct pelt_buf bytes = ws_bytes_of(stream);
    struct session s = {.pool = NULL};
    assert_int_equal(pelt_ws_pool_new(&s.pool), PELT_OK);
    pelt_rng_init(&s.rng, 1, 1);
    pelt_ws_reader_init(&s.reader, s.pool, 100000, &terms);
    pelt_ws_writer_init(&s.writer, s.pool, &s.rng, &terms);
    for (int i = 0; i < 100; i++) {
        failing_malloc_at = i < 3 ? -1 : 0;
        enum pelt_ws_kind kind = feed_pieces(&s, &bytes);
        enum pelt_status status = write_some(&s);
        failing_malloc_at = -1;
        assert_int_equal(kind, PELT_WS_TEXT);
        assert_int_equal(status, PELT_OK);
    }
    pelt_ws_reader_deinit(&s.reader);
    pelt_ws_writer_deinit(&s.writer);
    pelt_ws_pool_free(s.pool);
    pelt_buf_deinit(&s.out);
    pelt_buf_deinit(&bytes);
}

static void the_pool_keeps_what_its_limits_allow(void **state)
{
    struct pelt_ws_pool *pool;
    assert_int_equal(pelt_ws_pool_new(&pool), PELT_OK);
    struct pelt_buf buf = pelt_ws_pool_take(pool), other = {0};
    assert_null(buf.data);
    pelt_buf_add_str(&buf, "something");
    const char *data = buf.data;
    pelt_ws_pool_give(pool, &buf);
    assert_null(buf.data);
    buf = pelt_ws_pool_take(pool);
    assert_ptr_equal(buf.data, data);
    assert_int_equal(buf.len, 0);
    assert_int_equal(pelt_buf_reserve(&other, PELT_WS_SPARE_BYTES_MAX), PELT_OK);
    pelt_ws_pool_give(pool, &other); /* too large to keep */
    other = pelt_ws_pool_take(pool);
    assert_null(other.data);
    pelt_ws_pool_give(pool, &buf);
    for (int i = 0; i < 2 * PELT_WS_SPARE_MAX; i++) { /* too many */
        struct pelt_buf one = {0};
        pelt_buf_add_str(&one, "x");
        pelt_ws_pool_give(pool, &one);
    }
    pelt_ws_pool_free(pool);
    pelt_ws_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(after_warming_up_nothing_is_allocated),
        cmocka_unit_test(the_pool_keeps_what_its_limits_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
