/* Digest authentication: the examples of RFC 7616 and RFC 2069's form, and challenges as they come.
 */
#include "test.h"

#include <string.h>

#include "pelt/digest_auth.h"

#define HEAD(fields) "HTTP/1.1 401 Unauthorized\r\n" fields "\r\n"
#define NONCE        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define CNONCE       "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
#define OPAQUE       "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
#define CHALLENGE(algorithm)                                                                       \
    "WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "           \
    "algorithm=" algorithm ", nonce=\"" NONCE "\", opaque=\"" OPAQUE "\"\r\n"

static struct pelt_error err;

static enum pelt_status reads(const char *head, struct pelt_digest_challenge *out)
{
    memset(out, 0, sizeof *out);
    return pelt_digest_auth_read(pelt_span_of(head), out, &err);
}

/* The credentials that a challenge leads to. */
static const char *answers(const struct pelt_digest_challenge *c, const char *method,
                           const char *target, const char *body, unsigned nc)
{
    static struct pelt_buf out;
    const struct pelt_digest_auth_login login = {"Mufasa", "Circle of Life"};
    const struct pelt_digest_auth_request r = {.method = pelt_span_of(method),
                                               .target = pelt_span_of(target),
                                               .body = pelt_span_of(body),
                                               .nc = nc,
                                               .cnonce = CNONCE};
    pelt_buf_deinit(&out);
    pelt_buf_init(&out, 0);
    assert_int_equal(pelt_digest_auth_write(&out, c, &login, &r), PELT_OK);
    return out.data;
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

static void the_next_nonce_is_read(void **state)
{
    static const struct {
        const char *field, *nonce; /* NULL: there is none */
    } kinds[] = {
        {"Authentication-Info: nextnonce=\"n2\"\r\n", "n2"},
        {"authentication-info: rspauth=\"a,b\", cnonce=\"c\", nc=00000001, qop=auth , "
         "NextNonce = \"a\\\"b==\"\r\n",
         "a\\\"b=="},
        {"Authentication-Info: nextnonce=\"\"\r\n", NULL},
        {"Authentication-Info: nextnonce=\"open\r\n", NULL},
        {"Authentication-Info: rspauth=\"a\"\r\n", NULL},
        {"Authentication-Info: = ,\r\n", NULL},
        {"WWW-Authenticate: Digest nextnonce=\"n2\"\r\n", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char head[400];
        struct pelt_digest_text nonce;
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", kinds[i].field);
        const bool found = pelt_digest_auth_next(pelt_span_of(head), &nonce);
        assert_int_equal(found, kinds[i].nonce != NULL);
        if (found) {
            assert_int_equal(nonce.len, strlen(kinds[i].nonce));
            assert_memory_equal(nonce.bytes, kinds[i].nonce, nonce.len);
        }
    }
}

static void the_examples_of_the_rfc(void **state)
{
    struct pelt_digest_challenge c;
    assert_int_equal(reads(HEAD(CHALLENGE("MD5")), &c), PELT_OK);
    const char *text = answers(&c, "GET", "/dir/index.html", "", 1);
    assert_string_equal(text,
                        "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
                        "nonce=\"" NONCE "\", uri=\"/dir/index.html\", "
                        "response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5, "
                        "opaque=\"" OPAQUE "\", cnonce=\"" CNONCE "\", qop=auth, nc=00000001");
    assert_int_equal(reads(HEAD(CHALLENGE("SHA-256")), &c), PELT_OK);
    has(answers(&c, "GET", "/dir/index.html", "", 1),
        "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"");
}

/* Reckoned by Python's hashlib. */
static void sessions_bodies_and_hashed_names(void **state)
{
    struct pelt_digest_challenge c;
    assert_int_equal(reads(HEAD(CHALLENGE("MD5-sess")), &c), PELT_OK);
    has(answers(&c, "GET", "/dir/index.html", "", 1),
        "response=\"e783283f46242139c486a698fec7211d\"");
    assert_int_equal(reads(HEAD("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
                                "qop=\"auth-int\", algorithm=SHA-256-sess, userhash=true\r\n"),
                           &c),
                     PELT_OK);
    const char *text = answers(&c, "POST", "/x", "the body", 255);
    has(text, "username=\"8ec3e1d647d8bd2ae7115a19b5155727c083dd356e9e6fa526b1188461f18acf\"");
    has(text, "response=\"6fbfa9a3e2efde39ee8f03f687865aeef1e2d93c8107d965b7c8d98fd5b7a84c\"");
    has(text, "qop=auth-int, nc=000000ff, userhash=true");
}

static void without_qop_as_rfc_2069_has_it(void **state)
{
    struct pelt_digest_challenge c;
    assert_int_equal(reads(HEAD("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), &c),
                     PELT_OK);
    assert_string_equal(answers(&c, "GET", "/x", "", 1),
                        "Digest username=\"Mufasa\", realm=\"r\", nonce=\"n\", uri=\"/x\", "
                        "response=\"f93297e3548c61c12c731b4e358f7982\"");
}

static void quoted_texts_are_sent_back_as_they_came(void **state)
{
    struct pelt_digest_challenge c;
    assert_int_equal(
        reads(HEAD("WWW-Authenticate: Digest realm=\"a \\\"b\\\" c\", nonce=\"n\\\\n\"\r\n"), &c),
        PELT_OK);
    const char *text = answers(&c, "GET", "/\"", "", 1);
    has(text, "realm=\"a \\\"b\\\" c\", nonce=\"n\\\\n\", uri=\"/\\\"\"");
    has(text, "response=\"f6e40a6711cebff8a8a5dac46f0e1071\"");
}

static void the_best_of_several_is_taken(void **state)
{
    struct pelt_digest_challenge c;
    assert_int_equal(reads(HEAD("WWW-Authenticate: Basic realm=\"x, Digest\", Digest realm=\"a\", "
                                "nonce=1, Negotiate abc==, DIGEST realm=b , nonce = \"2\" , "
                                "algorithm=sha-256 ,stale=TRUE\r\nWWW-Authenticate: Digest "
                                "realm=\"c\", nonce=3, algorithm=SHA-512-256\r\n"),
                           &c),
                     PELT_OK);
    assert_int_equal(c.hash, PELT_DIGEST_SHA256);
    assert_memory_equal(c.realm.bytes, "b", c.realm.len);
    assert_memory_equal(c.nonce.bytes, "2", c.nonce.len);
    assert_true(c.stale);
    assert_false(c.has_opaque);
}

static void what_cannot_be_met_is_named(void **state)
{
    struct pelt_digest_challenge c;
    assert_int_equal(reads(HEAD("WWW-Authenticate: Basic realm=\"x\"\r\n"), &c), PELT_EOF);
    assert_int_equal(reads(HEAD("Date: x\r\n"), &c), PELT_EOF);
    assert_int_equal(reads(HEAD(CHALLENGE("SHA-512-256")), &c), PELT_EINVAL);
    has(err.text, "SHA-512-256");
    assert_int_equal(
        reads(HEAD("WWW-Authenticate: Digest realm=r, nonce=n, qop=\"auth-conf\"\r\n"), &c),
        PELT_EINVAL);
    has(err.text, "auth-conf");
    assert_int_equal(reads(HEAD("WWW-Authenticate: Digest realm=r\r\n"), &c), PELT_EPARSE);
    assert_int_equal(reads(HEAD("WWW-Authenticate: Digest nonce=\"n\r\n"), &c), PELT_EPARSE);
    char head[PELT_DIGEST_TEXT + 200];
    snprintf(head, sizeof head, HEAD("WWW-Authenticate: Digest realm=r, nonce=\"%0*d\"\r\n"),
             PELT_DIGEST_TEXT + 1, 0);
    assert_int_equal(reads(head, &c), PELT_EPARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc),
        cmocka_unit_test(the_next_nonce_is_read),
        cmocka_unit_test(sessions_bodies_and_hashed_names),
        cmocka_unit_test(without_qop_as_rfc_2069_has_it),
        cmocka_unit_test(quoted_texts_are_sent_back_as_they_came),
        cmocka_unit_test(the_best_of_several_is_taken),
        cmocka_unit_test(what_cannot_be_met_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
