/*
 * hist_codec: round trips, payloads made by hand in each version, logs written by HdrHistogram's
 * own programs, and everything that a payload can do wrong.
 *
 * The logs are read in place from $PELT_CORPORA/hdr.
 */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "pelt/hist_codec.h"
#include "hist_counters.h"
#include "pelt/rng.h"

struct fixture {
    struct pelt_hist_pool pool;
    struct pelt_hist h;
    struct pelt_buf payload;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_hist_pool_deinit(&f->pool);
    pelt_buf_deinit(&f->payload);
    free(f);
    return 0;
}

static void fill(struct fixture *f, unsigned samples)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 7, 0);
    for (unsigned i = 0; i < samples; i++) {
        uint64_t us = (uint64_t)exp(pelt_rng_normal(&rng, log(20000), 4));
        pelt_hist_record_n(&f->h, &f->pool, us, 1 + pelt_rng_below(&rng, 100000));
    }
}

static struct pelt_span bytes(const struct fixture *f)
{
    return pelt_span(f->payload.data, f->payload.len);
}

/* ---- payloads by hand ---- */

static void put(struct fixture *f, uint64_t value, unsigned size)
{
    for (unsigned i = size; i > 0; i--) {
        char byte = (char)(value >> (8 * (i - 1)));
        assert_int_equal(pelt_buf_add(&f->payload, &byte, 1), PELT_OK);
    }
}

static void put_head(struct fixture *f, uint32_t cookie, uint32_t body, uint32_t digits,
                     uint64_t lowest, uint64_t highest)
{
    pelt_buf_reset(&f->payload);
    put(f, cookie, 4);
    put(f, body, 4);
    put(f, 0, 4);
    put(f, digits, 4);
    put(f, lowest, 8);
    put(f, highest, 8);
    put(f, UINT64_C(0x3ff0000000000000), 8);
}

/* V2 of our own configuration with the given counters' bytes. */
static void put_v2(struct fixture *f, const char *body, size_t len)
{
    put_head(f, 0x1c849313, (uint32_t)len, 3, 1, PELT_HIST_MAX_US);
    assert_int_equal(pelt_buf_add(&f->payload, body, len), PELT_OK);
}

/* The payload so far, compressed under `cookie`. */
static void compress_payload(struct fixture *f, uint32_t cookie)
{
    uLongf len = compressBound((uLong)f->payload.len);
    unsigned char *packed = malloc(len);
    assert_int_equal(
        compress(packed, &len, (unsigned char *)f->payload.data, (uLong)f->payload.len), Z_OK);
    pelt_buf_reset(&f->payload);
    put(f, cookie, 4);
    put(f, len, 4);
    assert_int_equal(pelt_buf_add(&f->payload, packed, len), PELT_OK);
    free(packed);
}

struct seen {
    uint64_t value[8], count[8];
    unsigned len;
};

static void on_counter(void *arg, uint64_t lowest, uint64_t highest, uint64_t count)
{
    struct seen *s = arg;
    assert_true(s->len < 8);
    s->value[s->len] = highest;
    s->count[s->len++] = count;
}

static void ignore(void *arg, uint64_t lowest, uint64_t highest, uint64_t count)
{
}

static void assert_refused(struct fixture *f)
{
    struct pelt_error err = {0};
    struct pelt_hist before = f->h;
    assert_int_equal(pelt_hist_decode_add(&f->h, &f->pool, bytes(f), 1, &err), PELT_EPARSE);
    assert_memory_equal(&before, &f->h, sizeof before);
    assert_string_not_equal(err.text, "");
    assert_int_equal(pelt_hist_walk(bytes(f), ignore, NULL, NULL), PELT_EPARSE);
}

/* ---- round trips ---- */

static void assert_round_trip(struct fixture *f)
{
    struct pelt_hist back = {0};
    struct pelt_error err = {0};
    assert_int_equal(pelt_hist_encode(&f->h, &f->payload), PELT_OK);
    assert_int_equal(pelt_hist_decode_add(&back, &f->pool, bytes(f), 1, &err), PELT_OK);
    assert_int_equal(back.count, f->h.count);
    assert_int_equal(back.clamped, 0);
    assert_same_counters(&back, &f->h);
    if (f->h.count > 0) {
        assert_int_equal(back.min_us, pelt_hist_lowest_us(pelt_hist_index(f->h.min_us)));
        uint64_t highest = pelt_hist_highest_us(pelt_hist_index(f->h.max_us));
        assert_int_equal(back.max_us, highest < PELT_HIST_MAX_US ? highest : PELT_HIST_MAX_US);
    }
}

static void random_counters_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    fill(f, 20000);
    assert_round_trip(f);
}

static void an_empty_histogram_comes_back_empty(void **state)
{
    assert_round_trip(*state);
}

static void the_ends_of_the_range_come_back(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_n(&f->h, &f->pool, 0, 1);
    pelt_hist_record_n(&f->h, &f->pool, 2, 1);
    pelt_hist_record_n(&f->h, &f->pool, PELT_HIST_MAX_US, 1);
    assert_round_trip(f);
}

static void counts_of_every_length_come_back(void **state)
{
    struct fixture *f = *state;
    for (unsigned bit = 0; bit < 62; bit++) {
        pelt_hist_record_n(&f->h, &f->pool, 10 + bit, UINT64_C(1) << bit);
    }
    assert_round_trip(f);
}

static void decoding_adds_to_what_is_there(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_n(&f->h, &f->pool, 30, 2);
    assert_int_equal(pelt_hist_encode(&f->h, &f->payload), PELT_OK);
    assert_int_equal(pelt_hist_decode_add(&f->h, &f->pool, bytes(f), 1, NULL), PELT_OK);
    assert_int_equal(hist_counter(&f->h, 30), 4);
    assert_int_equal(f->h.count, 4);
}

static void encoding_appends_and_respects_the_buffers_limit(void **state)
{
    struct fixture *f = *state;
    fill(f, 100);
    pelt_buf_init(&f->payload, 16);
    assert_int_equal(pelt_buf_add_str(&f->payload, "x"), PELT_OK);
    assert_int_equal(pelt_hist_encode(&f->h, &f->payload), PELT_ELIMIT);
    assert_int_equal(f->payload.len, 1);
}

/* ---- foreign payloads ---- */

static void plain_v2_zero_runs_and_counts_are_read(void **state)
{
    struct fixture *f = *state;
    struct seen s = {0};
    put_v2(f, "\x02\x13\x00\x04\xac\x02", 6); /* 1, ten zeros, a zero, 2, 150 */
    assert_int_equal(pelt_hist_walk(bytes(f), on_counter, &s, NULL), PELT_OK);
    assert_int_equal(s.len, 3);
    assert_int_equal(s.value[0], 0);
    assert_int_equal(s.count[0], 1);
    assert_int_equal(s.value[1], 12);
    assert_int_equal(s.count[1], 2);
    assert_int_equal(s.value[2], 13);
    assert_int_equal(s.count[2], 150);
}

/* 2 digits from 1,000 up: units of 512, 256 sub-buckets; counter 300 is bucket 1, 172 * 1024 on. */
static void another_range_and_precision_is_read_in_its_own_unit(void **state)
{
    struct fixture *f = *state;
    struct seen s = {0};
    put_head(f, 0x1c849313, 3, 2, 1000, UINT64_C(3600000000000));
    put(f, 0xd70406, 3); /* 300 zeros, 3 */
    assert_int_equal(pelt_hist_walk(bytes(f), on_counter, &s, NULL), PELT_OK);
    assert_int_equal(s.len, 1);
    assert_int_equal(s.value[0], 172 * 1024 + 1023);
    assert_int_equal(s.count[0], 3);

    assert_int_equal(pelt_hist_decode_add(&f->h, &f->pool, bytes(f), 1000, NULL), PELT_OK);
    assert_int_equal(f->h.count, 3);
    assert_int_equal(f->h.min_us, 176); /* 176,128 ns */
    assert_int_equal(f->h.max_us, 177); /* 177,151 ns */
    assert_int_equal(hist_counter(&f->h, 177), 3);
}

static void foreign_values_above_an_hour_are_clamped(void **state)
{
    struct fixture *f = *state;
    put_head(f, 0x1c849313, 4, 3, 1, UINT64_C(1) << 62);
    put(f, 0xff8f03, 3); /* 25,600 zeros: the next is 2^34 us, 4.8 h */
    put(f, 0x04, 1);
    assert_int_equal(pelt_hist_decode_add(&f->h, &f->pool, bytes(f), 1, NULL), PELT_OK);
    assert_int_equal(f->h.count, 2);
    assert_int_equal(f->h.clamped, 2);
    assert_int_equal(f->h.max_us, PELT_HIST_MAX_US);
}

static void old_versions_of_each_word_size_are_walked_but_not_added(void **state)
{
    static const struct {
        uint32_t cookie;
        unsigned word;
    } FORMS[] = {{0x1c849321, 2}, {0x1c849341, 4}, {0x1c849381, 8},
                 {0x1c849328, 2}, {0x1c849348, 4}, {0x1c849388, 8}};
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        for (int packed = 0; packed < 2; packed++) {
            bool v0 = (FORMS[i].cookie & 0xf) == 8;
            struct seen s = {0};
            put_head(f, FORMS[i].cookie, 3 * FORMS[i].word, 3, 1, PELT_HIST_MAX_US);
            if (v0) { /* cookie, digits, lowest, highest, total */
                pelt_buf_reset(&f->payload);
                put(f, FORMS[i].cookie, 4);
                put(f, 3, 4);
                put(f, 1, 8);
                put(f, PELT_HIST_MAX_US, 8);
                put(f, 300, 8);
            }
            put(f, 0, FORMS[i].word);
            put(f, 300, FORMS[i].word);
            put(f, 0, FORMS[i].word);
            if (packed) {
                compress_payload(f, v0 ? 0x1c849329 : 0x1c849322);
            }
            assert_int_equal(pelt_hist_walk(bytes(f), on_counter, &s, NULL), PELT_OK);
            assert_int_equal(s.len, 1);
            assert_int_equal(s.value[0], 1);
            assert_int_equal(s.count[0], 300);
            assert_int_equal(pelt_hist_decode_add(&f->h, &f->pool, bytes(f), 1, NULL), PELT_EPARSE);
        }
    }
}

/* ---- what is refused ---- */

static void a_payload_cut_anywhere_is_refused(void **state)
{
    struct fixture *f = *state;
    fill(f, 500);
    assert_int_equal(pelt_hist_encode(&f->h, &f->payload), PELT_OK);
    size_t whole = f->payload.len;
    for (size_t len = 0; len < whole; len += len < 100 ? 1 : 37) {
        f->payload.len = len;
        assert_refused(f);
    }
}

static void a_plain_payload_cut_anywhere_is_refused(void **state)
{
    struct fixture *f = *state;
    put_v2(f, "\x02\xac\x02", 3);
    for (size_t len = 0; len < 43; len++) {
        f->payload.len = len;
        assert_refused(f);
    }
}

static void a_number_cut_inside_the_counters_is_refused(void **state)
{
    put_v2(*state, "\x02\xac", 2);
    assert_refused(*state);
}

static void more_counters_than_the_range_has_are_refused(void **state)
{
    put_v2(*state, "\xff\xef\x02", 3); /* 23,552 zeros: just fits */
    assert_int_equal(pelt_hist_walk(bytes(*state), ignore, NULL, NULL), PELT_OK);
    put_v2(*state, "\xff\xef\x02\x02", 4);
    assert_refused(*state);
    put_v2(*state, "\x81\xf0\x02", 3); /* 23,553 */
    assert_refused(*state);
    put_v2(*state, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9); /* INT64_MIN */
    assert_refused(*state);
}

static void counts_that_overflow_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char LARGEST[] = "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"; /* INT64_MAX */
    put_v2(f, LARGEST, 9);
    assert_int_equal(pelt_hist_walk(bytes(f), ignore, NULL, NULL), PELT_OK);
    put_v2(f, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    assert_refused(f);
    pelt_hist_record_n(&f->h, &f->pool, 5, 1);
    put_v2(f, LARGEST, 9); /* alone it is fine, with what is there it is not */
    assert_int_equal(pelt_hist_decode_add(&f->h, &f->pool, bytes(f), 1, NULL), PELT_EPARSE);
    assert_int_equal(f->h.count, 1);
}

static void impossible_ranges_are_refused(void **state)
{
    static const struct {
        uint32_t digits;
        uint64_t lowest, highest;
    } RANGES[] = {{6, 1, 1000},
                  {UINT32_MAX, 1, 1000},
                  {3, 0, 1000},
                  {3, 501, 1000},
                  {3, 1, UINT64_MAX},
                  {3, UINT64_MAX, UINT64_MAX},
                  {5, UINT64_C(1) << 50, UINT64_C(1) << 60}};
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        put_head(f, 0x1c849313, 0, RANGES[i].digits, RANGES[i].lowest, RANGES[i].highest);
        assert_refused(f);
    }
}

static void unknown_cookies_and_word_sizes_are_refused(void **state)
{
    static const uint32_t COOKIES[] = {0,          0x1c849303, 0x1c849301,
                                       0x1c849361, 0x1c849323, 0xffffffff};
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof COOKIES / sizeof COOKIES[0]; i++) {
        put_head(f, COOKIES[i], 0, 3, 1, PELT_HIST_MAX_US);
        assert_refused(f);
    }
}

static void negative_words_are_refused(void **state)
{
    struct fixture *f = *state;
    put_head(f, 0x1c849321, 2, 3, 1, PELT_HIST_MAX_US);
    put(f, 0xffff, 2);
    assert_refused(f);
}

static void a_body_longer_than_its_range_needs_is_refused_before_it_is_inflated(void **state)
{
    struct fixture *f = *state;
    put_head(f, 0x1c849313, UINT32_MAX, 3, 1, PELT_HIST_MAX_US);
    for (unsigned i = 0; i < 1 << 20; i++) {
        put(f, 0, 8);
    }
    compress_payload(f, 0x1c849314);
    assert_true(f->payload.len < 10000); /* 8 MB packed a thousandfold */
    assert_refused(f);
    struct pelt_error err = {0};
    assert_int_equal(pelt_hist_walk(bytes(f), ignore, NULL, &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "4294967295 bytes for 23552 counters"));
}

static void a_broken_zlib_stream_is_refused(void **state)
{
    struct fixture *f = *state;
    fill(f, 100);
    assert_int_equal(pelt_hist_encode(&f->h, &f->payload), PELT_OK);
    f->payload.data[8] = 0;
    assert_refused(f);
}

/* ---- logs of HdrHistogram's own programs ---- */

static const char *corpora(void)
{
    const char *given = getenv("PELT_CORPORA");
    return given != NULL ? given : PELT_CORPORA_DEFAULT;
}

static size_t base64(const char *text, unsigned char *out)
{
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 0;
    uint32_t bits = 0;
    for (unsigned n = 0; *text != '\0' && strchr(ALPHABET, *text) != NULL; text++) {
        bits = bits << 6 | (uint32_t)(strchr(ALPHABET, *text) - ALPHABET);
        if (++n % 4 != 1) {
            out[len++] = (unsigned char)(bits >> (4 - n % 4) % 4 * 2);
        }
    }
    return len;
}

/*
 * A log's sum as HdrHistogram makes it: each counter's lowest value recorded anew with three
 * digits. Values are the highest of the new counter.
 */
struct log {
    struct {
        uint64_t value, count;
    } sum[20000];
    size_t len;
    uint64_t histograms, total;
};

static uint64_t highest_of_three_digits(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return bits <= 11 ? value : value | ((UINT64_C(1) << (bits - 11)) - 1);
}

static void add_value(void *arg, uint64_t lowest, uint64_t highest, uint64_t count)
{
    struct log *log = arg;
    size_t i = 0;
    uint64_t value = highest_of_three_digits(lowest);
    while (i < log->len && log->sum[i].value != value) {
        i++;
    }
    assert_true(i < 20000);
    log->len = i == log->len ? i + 1 : log->len;
    log->sum[i].value = value;
    log->sum[i].count += count;
    log->total += count;
}

/* The columns are start, length, maximum, payload; "Tag=x," may stand before them. */
static void read_log(struct log *log, FILE *file)
{
    static char line[1 << 16];
    static unsigned char payload[1 << 16];
    while (fgets(line, sizeof line, file) != NULL) {
        const char *last = strrchr(line, ',');
        if (line[0] == '#' || line[0] == '"' || last == NULL) {
            continue;
        }
        struct pelt_error err = {0};
        struct pelt_span span = pelt_span((char *)payload, base64(last + 1, payload));
        if (pelt_hist_walk(span, add_value, log, &err) != PELT_OK) {
            fail_msg("%s", err.text);
        }
        log->histograms++;
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t percentile_of(struct log *log, double percentile)
{
    uint64_t rank = (uint64_t)ceil(percentile / 100 * (double)log->total - 1e-6);
    uint64_t seen = 0;
    qsort(log->sum, log->len, sizeof log->sum[0], by_value);
    for (size_t i = 0; i < log->len; i++) {
        seen += log->sum[i].count;
        if (seen >= rank) {
            return log->sum[i].value;
        }
    }
    return 0;
}

static void assert_log(const char *name, json_t *expected)
{
    static struct log log;
    char path[4096];
    snprintf(path, sizeof path, "%s/hdr/%s", corpora(), name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    memset(&log, 0, sizeof log);
    read_log(&log, file);
    fclose(file);
    assert_int_equal(log.histograms, json_integer_value(json_object_get(expected, "histograms")));
    assert_int_equal(log.total, json_integer_value(json_object_get(expected, "total")));
    assert_int_equal(percentile_of(&log, 99.9),
                     json_integer_value(json_object_get(expected, "p99.9")));
    assert_int_equal(percentile_of(&log, 100),
                     json_integer_value(json_object_get(expected, "max")));
}

static void logs_of_other_programs_give_their_figures(void **state)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/hdr/expected.json", corpora());
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        print_message("%s is not there: set PELT_CORPORA\n", path);
        skip();
    }
    json_t *expected = json_object_get(root, "expected");
    assert_int_equal(json_object_size(expected), 2);
    const char *name;
    json_t *figures;
    json_object_foreach(expected, name, figures)
    {
        assert_log(name, figures);
    }
    /* The third log is the second with tags before each other line. */
    assert_log("jHiccup-2.0.7S.logV3.hlog", json_object_get(expected, "jHiccup-2.0.7S.logV2.hlog"));
    json_decref(root);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(random_counters_come_back_as_they_were),
        TEST(an_empty_histogram_comes_back_empty),
        TEST(the_ends_of_the_range_come_back),
        TEST(counts_of_every_length_come_back),
        TEST(decoding_adds_to_what_is_there),
        TEST(encoding_appends_and_respects_the_buffers_limit),
        TEST(plain_v2_zero_runs_and_counts_are_read),
        TEST(another_range_and_precision_is_read_in_its_own_unit),
        TEST(foreign_values_above_an_hour_are_clamped),
        TEST(old_versions_of_each_word_size_are_walked_but_not_added),
        TEST(a_payload_cut_anywhere_is_refused),
        TEST(a_plain_payload_cut_anywhere_is_refused),
        TEST(a_number_cut_inside_the_counters_is_refused),
        TEST(more_counters_than_the_range_has_are_refused),
        TEST(counts_that_overflow_are_refused),
        TEST(impossible_ranges_are_refused),
        TEST(unknown_cookies_and_word_sizes_are_refused),
        TEST(negative_words_are_refused),
        TEST(a_body_longer_than_its_range_needs_is_refused_before_it_is_inflated),
        TEST(a_broken_zlib_stream_is_refused),
        TEST(logs_of_other_programs_give_their_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
