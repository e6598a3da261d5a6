/* A user's cookies: what is taken, and what is sent where (RFC 6265). */
#include "test.h"

#include <string.h>

#include "pelt/cookies.h"

#define NOW INT64_C(1700000000) /* 2023-11-14T22:13:20Z */

struct fixture {
    struct pelt_cookies *jar;
    struct pelt_buf out;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.jar = NULL;
    pelt_buf_init(&f.out, 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pelt_cookies_free(f->jar);
    pelt_buf_deinit(&f->out);
    return 0;
}

static struct pelt_cookie_place at(const char *host, const char *path)
{
    return (struct pelt_cookie_place){.host = pelt_span_of(host), .path = pelt_span_of(path)};
}

static void set(struct fixture *f, const char *host, const char *path, const char *field)
{
    struct pelt_cookie_place place = at(host, path);
    pelt_cookies_set(&f->jar, &place, pelt_span_of(field), NOW);
}

static void expect_at(struct fixture *f, struct pelt_cookie_place place, int64_t now_s,
                      const char *line)
{
    pelt_buf_reset(&f->out);
    pelt_buf_add_str(&f->out, "");
    assert_int_equal(pelt_cookies_write(f->jar, &place, now_s, &f->out), PELT_OK);
    assert_string_equal(f->out.data, line);
}

static void expect(struct fixture *f, const char *host, const char *path, const char *line)
{
    expect_at(f, at(host, path), NOW, line);
}

static void what_was_set_is_sent_back_to_its_host_only(void **state)
{
    struct fixture *f = *state;
    set(f, "a.example", "/", "sid=1; HttpOnly; SameSite=Lax");
    set(f, "a.example", "/", "theme = dark ");
    expect(f, "a.example", "/x?y", "Cookie: sid=1; theme=dark\r\n");
    expect(f, "A.EXAMPLE", "/", "Cookie: sid=1; theme=dark\r\n");
    expect(f, "b.a.example", "/", "");
    expect(f, "example", "/", "");
}

static void a_domain_reaches_the_hosts_below_it(void **state)
{
    struct fixture *f = *state;
    set(f, "www.shop.example", "/", "a=1; Domain=.Shop.Example");
    set(f, "shop.example", "/", "b=2; Domain=shop.example");
    expect(f, "shop.example", "/", "Cookie: a=1; b=2\r\n");
    expect(f, "x.y.shop.example", "/", "Cookie: a=1; b=2\r\n");
    expect(f, "workshop.example", "/", "");
}

static void a_foreign_or_too_wide_domain_is_refused(void **state)
{
    struct fixture *f = *state;
    set(f, "a.example", "/", "a=1; Domain=b.example");
    set(f, "a.example", "/", "a=1; Domain=x.a.example");
    set(f, "a.example", "/", "a=1; Domain=example");
    set(f, "10.1.2.3", "/", "a=1; Domain=2.3");
    assert_null(f->jar);
    set(f, "10.1.2.3", "/", "a=1; Domain=10.1.2.3");
    expect(f, "10.1.2.3", "/", "Cookie: a=1\r\n");
    set(f, "localhost", "/", "l=1; Domain=localhost");
    expect(f, "localhost", "/", "Cookie: l=1\r\n");
    expect(f, "x.localhost", "/", "");
}

static void a_path_holds_at_whole_segments(void **state)
{
    struct fixture *f = *state;
    set(f, "h.example", "/app/login?next=/x/y", "d=1"); /* default path: /app */
    set(f, "h.example", "/", "p=2; Path=/app/in");
    set(f, "h.example", "/", "s=3; Path=/app/in/");
    set(f, "h.example", "/", "r=4; Path=relative"); /* default path: / */
    expect(f, "h.example", "/app/in/x", "Cookie: s=3; p=2; d=1; r=4\r\n");
    expect(f, "h.example", "/app/in", "Cookie: p=2; d=1; r=4\r\n");
    expect(f, "h.example", "/app/inner", "Cookie: d=1; r=4\r\n");
    expect(f, "h.example", "/application", "Cookie: r=4\r\n");
}

static void secure_ones_need_https(void **state)
{
    struct fixture *f = *state;
    set(f, "h.example", "/", "a=1; Secure");
    expect(f, "h.example", "/", "");
    struct pelt_cookie_place place = at("h.example", "/");
    place.secure = true;
    expect_at(f, place, NOW, "Cookie: a=1\r\n");
}

static void age_and_date_end_it(void **state)
{
    struct fixture *f = *state;
    set(f, "h.example", "/", "a=1; Max-Age=10");
    set(f, "h.example", "/", "b=2; Expires=Tue, 14 Nov 2023 22:13:40 GMT");
    set(f, "h.example", "/", "c=3; Expires=Tue, 14-Nov-23 22:13:40 GMT; Max-Age=5");
    set(f, "h.example", "/", "d=4; Expires=whenever; Max-Age=soon");
    expect_at(f, at("h.example", "/"), NOW + 4, "Cookie: a=1; b=2; c=3; d=4\r\n");
    expect_at(f, at("h.example", "/"), NOW + 5, "Cookie: a=1; b=2; d=4\r\n");
    expect_at(f, at("h.example", "/"), NOW + 10, "Cookie: b=2; d=4\r\n");
    expect_at(f, at("h.example", "/"), NOW + 20, "Cookie: d=4\r\n");
}

static void a_new_value_replaces_and_a_past_date_deletes(void **state)
{
    struct fixture *f = *state;
    set(f, "h.example", "/", "a=1");
    set(f, "h.example", "/", "b=1");
    set(f, "h.example", "/", "a=2");
    expect(f, "h.example", "/", "Cookie: a=2; b=1\r\n");
    set(f, "h.example", "/", "a=; Max-Age=0");
    set(f, "h.example", "/", "b=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    expect(f, "h.example", "/", "");
}

static void what_is_malformed_is_left_out(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"",         ";",     "noequals", "=value", " = ; Path=/",
                                      "a=\r\n b", "a=\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set(f, "h.example", "/", bad[i]);
        assert_null(f->jar);
    }
    set(f, "h.example", "/", "q=\"x y\"=; ; =; Path");
    expect(f, "h.example", "/", "Cookie: q=\"x y\"=\r\n");
}

static void a_jar_is_bounded(void **state)
{
    struct fixture *f = *state;
    char field[PELT_COOKIE_BYTES_MAX + 16];
    for (int i = 0; i < PELT_COOKIES_MAX + 1; i++) {
        snprintf(field, sizeof field, "n%d=v", i);
        set(f, "h.example", "/", field);
    }
    assert_null(pelt_cookies_get(f->jar, pelt_span_of("n0"), NULL, NOW).ptr);
    assert_non_null(pelt_cookies_get(f->jar, pelt_span_of("n1"), NULL, NOW).ptr);
    memset(field, 'x', sizeof field);
    memcpy(field, "big=", 4);
    field[sizeof field - 1] = '\0';
    set(f, "h.example", "/", field);
    assert_null(pelt_cookies_get(f->jar, pelt_span_of("big"), NULL, NOW).ptr);
}

static void all_fields_of_a_head_are_taken(void **state)
{
    struct fixture *f = *state;
    struct pelt_cookie_place place = at("h.example", "/");
    pelt_cookies_take_head(&f->jar, &place,
                           pelt_span_of("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: y\r\n"
                                        "set-cookie: b=2; Path=/b\r\n\r\n"),
                           NOW);
    expect(f, "h.example", "/b", "Cookie: b=2; a=1\r\n");
    pelt_cookies_remove(&f->jar, pelt_span_of("b"));
    expect(f, "h.example", "/b", "Cookie: a=1\r\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_set_is_sent_back_to_its_host_only),
        TEST(a_domain_reaches_the_hosts_below_it),
        TEST(a_foreign_or_too_wide_domain_is_refused),
        TEST(a_path_holds_at_whole_segments),
        TEST(secure_ones_need_https),
        TEST(age_and_date_end_it),
        TEST(a_new_value_replaces_and_a_past_date_deletes),
        TEST(what_is_malformed_is_left_out),
        TEST(a_jar_is_bounded),
        TEST(all_fields_of_a_head_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
