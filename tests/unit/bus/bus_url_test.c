/* bus_url: what is understood, what is refused, and that no message has a password in it. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "pelt/bus_url.h"

static void good(const char *text, const char *shown, const char *host, unsigned port,
                 const char *user, const char *password, bool tls, unsigned db)
{
    struct pelt_bus_url url;
    struct pelt_error err = {""};
    if (pelt_bus_url_parse(text, &url, &err) != PELT_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_string_equal(url.text, shown);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.user, user);
    assert_string_equal(url.password, password);
    assert_int_equal(url.tls, tls);
    assert_int_equal(url.db, db);
    pelt_bus_url_deinit(&url);
}

static void bus_url_reads_all_its_parts(void **state)
{
    good("redis://h", "redis://h:6379/0", "h", 6379, "", "", false, 0);
    good("rediss://h:7000/3", "rediss://h:7000/3", "h", 7000, "", "", true, 3);
    good("REDIS://h/", "redis://h:6379/0", "h", 6379, "", "", false, 0);
    good("valkeys://h", "rediss://h:6379/0", "h", 6379, "", "", true, 0);
    good("redis://:pw@h", "redis://h:6379/0", "h", 6379, "", "pw", false, 0);
    good("redis://u:p%40%2f%25@h:1", "redis://u@h:1/0", "h", 1, "u", "p@/%", false, 0);
    good("redis://u:p:q@h", "redis://u@h:6379/0", "h", 6379, "u", "p:q", false, 0);
    good("redis://u:a@b@h", "redis://u@h:6379/0", "h", 6379, "u", "a@b", false, 0);
    good("redis://u@h", "redis://u@h:6379/0", "h", 6379, "u", "", false, 0);
    good("redis://[::1]:80/1", "redis://[::1]:80/1", "::1", 80, "", "", false, 1);
    good("redis://[fe80::1]", "redis://[fe80::1]:6379/0", "fe80::1", 6379, "", "", false, 0);
}

static void bad(const char *text, const char *says)
{
    struct pelt_bus_url url;
    struct pelt_error err = {""};
    assert_int_equal(pelt_bus_url_parse(text, &url, &err), PELT_EINVAL);
    if (strstr(err.text, says) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, says);
    }
    assert_null(strchr(err.text, '\n'));
    assert_null(strstr(err.text, "S3cret"));
    assert_null(url.text);
    pelt_bus_url_deinit(&url); /* of an empty one */
}

static void bus_url_refuses_with_one_line_that_tells_no_password(void **state)
{
    bad("", "no scheme");
    bad("h:6379", "no scheme");
    bad(":S3cret@h:6379", "no scheme");
    bad("http://h", "no scheme of a bus");
    bad("http://:S3cret@h", "no scheme of a bus");
    bad("redis://", "no host");
    bad("redis://:S3cret@", "no host");
    bad("redis://:S3cret@:1", "no host");
    bad("redis://:S3cret@h:0", "port");
    bad("redis://:S3cret@h:65536", "port");
    bad("redis://:S3cret@h:1x", "port");
    bad("redis://h:4294967297", "port"); /* 2^32 + 1 */
    bad("redis://h:", "port");
    bad("redis://[::1:80", "IPv6");
    bad("redis://[::1]x", "IPv6");
    bad("redis://[[]", "no name or address");
    bad("redis://a$b", "no name or address");
    bad("redis://[h]", "no name or address");
    bad("redis://u%1b:S3cret@h", "control");
    bad("redis://:S3cret@h/x", "database");
    bad("redis://:S3cret@h/10000", "database");
    bad("redis://:S3cret@h?x=1", "query");
    bad("redis://:S3cret@h#x", "query");
    bad("redis://:S3cret/x@h", "'/'");
    bad("redis://:S3cret#x@h", "'#'");
    bad("redis://:S3cret%zz@h", "%-escape");
    bad("redis://:S3cret%0@h", "%-escape");
    bad("redis://:S3cret%00@h", "%-escape");
    bad("redis://u%20v:S3cret@h", "blank");
    bad("redis://:S3cret x@h", "blank");
    bad("redis://:S3cret\x01@h", "control");
}

static void bus_url_bounds_its_parts(void **state)
{
    char text[2000];
    snprintf(text, sizeof text, "redis://:%0513d@h", 0);
    bad(text, "512");
    snprintf(text, sizeof text, "redis://:%0512d@h", 0);
    struct pelt_bus_url url;
    assert_int_equal(pelt_bus_url_parse(text, &url, NULL), PELT_OK);
    assert_int_equal(strlen(url.password), 512);
    pelt_bus_url_deinit(&url);
    snprintf(text, sizeof text, "redis://%01100d", 0);
    bad(text, "1024");
}

static void bus_url_knows_this_host(void **state)
{
    static const struct {
        const char *text;
        bool loopback;
    } CASES[] = {
        {"redis://127.0.0.1", true},     {"redis://127.9.8.7", true},
        {"redis://[::1]", true},         {"redis://localhost", true},
        {"redis://LocalHost", true},     {"redis://a.localhost", true},
        {"redis://127.evil.com", false}, {"redis://localhost.evil", false},
        {"redis://10.0.0.1", false},     {"redis://[::2]", false},
        {"redis://127001", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct pelt_bus_url url;
        assert_int_equal(pelt_bus_url_parse(CASES[i].text, &url, NULL), PELT_OK);
        assert_int_equal(url.loopback, CASES[i].loopback);
        pelt_bus_url_deinit(&url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bus_url_reads_all_its_parts),
        cmocka_unit_test(bus_url_refuses_with_one_line_that_tells_no_password),
        cmocka_unit_test(bus_url_bounds_its_parts),
        cmocka_unit_test(bus_url_knows_this_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
