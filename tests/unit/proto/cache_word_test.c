/*
 * cache_word and age: what caches say in fields of their own.
 */
#include "test.h"

#include "pelt/age.h"
#include "pelt/cache_word.h"

static void check(const char *value, const char *expected)
{
    assert_string_equal(pelt_cache_result_name(pelt_cache_word_read(pelt_span_of(value))),
                        expected);
}

static void words_of_nginx_and_cloudflare_are_known(void **state)
{
    static const char *const SAME[] = {"HIT",    "MISS",        "EXPIRED", "STALE", "UPDATING",
                                       "BYPASS", "REVALIDATED", "DYNAMIC", NULL};
    static const char *const NAMES[] = {"hit",      "miss",   "expired",     "stale",
                                        "updating", "bypass", "revalidated", "dynamic"};
    for (size_t i = 0; SAME[i] != NULL; i++) {
        check(SAME[i], NAMES[i]);
    }
    check("", "");
    check(" \t ", "");
    check("UNKNOWN", "other");
    check("NONE", "other");
}

static void words_of_cdns_and_proxies_are_known(void **state)
{
    check("HIT from squid.example:3128", "hit");
    check("MISS from squid.example", "miss");
    check("Hit from cloudfront", "hit");
    check("Miss from cloudfront", "miss");
    check("RefreshHit from cloudfront", "revalidated");
    check("Error from cloudfront", "other");
    check("TCP_HIT from a23-1.deploy (AkamaiGHost/9.8-1) (-)", "hit");
    check("TCP_MEM_HIT", "hit");
    check("TCP_REMOTE_HIT", "hit");
    check("TCP_MISS", "miss");
    check("TCP_EXPIRED_MISS", "expired");
    check("TCP_REFRESH_HIT from x", "revalidated");
    check("TCP_REFRESH_MISS", "expired");
    check("TCP_CLIENT_REFRESH_MISS", "miss");
    check("TCP_DENIED", "other");
    check("CONFIG_NOCACHE", "dynamic");
    check("hit cached", "hit");
    check("pass", "bypass");
    check("HIT: 3", "hit");
}

static void of_a_list_the_cache_next_to_the_user_decides_if_it_had_the_answer(void **state)
{
    check("HIT, MISS", "hit");
    check("MISS, HIT", "hit");
    check("MISS, MISS", "miss");
    check("EXPIRED,MISS", "expired");
    check("HIT, STALE", "stale");
    check(",", "other");
    check("MISS,MISS,MISS,MISS,MISS,MISS,MISS,MISS,HIT", "miss"); /* beyond eight */
}

static void only_words_that_are_told_from_their_neighbours_count(void **state)
{
    check("HITS", "other");
    check("_HIT", "other");
    check("(HIT)", "other");
    check("\xff\xfe", "other");
}

static void hits_and_lookups_are_told_apart(void **state)
{
    static const struct {
        enum pelt_cache_result result;
        bool hit, lookup;
    } all[PELT_CACHE_RESULTS] = {
        {PELT_CACHE_NONE, false, false},     {PELT_CACHE_HIT, true, true},
        {PELT_CACHE_STALE, true, true},      {PELT_CACHE_UPDATING, true, true},
        {PELT_CACHE_COLLAPSED, false, true}, {PELT_CACHE_REVALIDATED, false, true},
        {PELT_CACHE_EXPIRED, false, true},   {PELT_CACHE_MISS, false, true},
        {PELT_CACHE_BYPASS, false, false},   {PELT_CACHE_DYNAMIC, false, false},
        {PELT_CACHE_OTHER, false, false},
    };
    for (int i = 0; i < PELT_CACHE_RESULTS; i++) {
        assert_int_equal(pelt_cache_result_is_hit(all[i].result), all[i].hit);
        assert_int_equal(pelt_cache_result_is_lookup(all[i].result), all[i].lookup);
    }
}

static void an_age_is_made_of_digits(void **state)
{
    uint32_t age = 7;
    assert_true(pelt_age_read(pelt_span_of(" 0 "), &age) && age == 0);
    assert_true(pelt_age_read(pelt_span_of("3600"), &age) && age == 3600);
    assert_true(pelt_age_read(pelt_span_of("2147483647"), &age) && age == 2147483647u);
    assert_true(pelt_age_read(pelt_span_of("99999999999999999999999999"), &age));
    assert_int_equal(age, PELT_AGE_MAX);
    static const char *const BAD[] = {"", "-1", "+1", "1.5", "1, 2", "1s", "0x1", NULL};
    for (size_t i = 0; BAD[i] != NULL; i++) {
        assert_false(pelt_age_read(pelt_span_of(BAD[i]), &age));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_nginx_and_cloudflare_are_known),
        cmocka_unit_test(words_of_cdns_and_proxies_are_known),
        cmocka_unit_test(of_a_list_the_cache_next_to_the_user_decides_if_it_had_the_answer),
        cmocka_unit_test(only_words_that_are_told_from_their_neighbours_count),
        cmocka_unit_test(hits_and_lookups_are_told_apart),
        cmocka_unit_test(an_age_is_made_of_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
