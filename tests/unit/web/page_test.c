/*
 * Pages: what is put into them stays where it was put, whatever it is.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "pelt/page.h"

/* Written in pieces of `piece` bytes; to be freed. */
static char *escaped(const char *text, size_t piece)
{
    char *out = NULL;
    size_t len = 0, all = strlen(text);
    FILE *memory = open_memstream(&out, &len);
    struct web_escape e;
    FILE *f = web_escape_open(&e, memory);
    assert_non_null(f);
    setvbuf(f, NULL, _IONBF, 0);
    for (size_t at = 0; at < all; at += piece) {
        fwrite(text + at, 1, all - at < piece ? all - at : piece, f);
    }
    assert_int_equal(fclose(f), 0);
    fclose(memory);
    return out;
}

static void assert_escaped(const char *text, const char *wanted)
{
    for (size_t piece = 1; piece < 6; piece++) {
        char *out = escaped(text, piece);
        assert_string_equal(out, wanted);
        free(out);
    }
}

static void json_in_a_page_cannot_end_its_element(void **state)
{
    assert_escaped("{\"a\": \"</script><!--\"}", "{\"a\": \"\\u003c/script\\u003e\\u003c!--\"}");
    assert_escaped("a&b", "a\\u0026b");
    assert_escaped("x\xe2\x80\xa8y\xe2\x80\xa9z", "x\\u2028y\\u2029z");
}

static void other_bytes_stay_as_they_are(void **state)
{
    assert_escaped("plain", "plain");
    assert_escaped("\xe2\x82\xac \xe2\x80\xa6 \xe2\xe2\x80\x80 \xe2\x80\xe2\x80\xa8!",
                   "\xe2\x82\xac \xe2\x80\xa6 \xe2\xe2\x80\x80 \xe2\x80\\u2028!");
    assert_escaped("\xe2\x80", "\xe2\x80");
    assert_escaped("\xe2", "\xe2");
}

static enum pelt_status give(void *arg, FILE *out, struct pelt_error *err)
{
    fputs(arg, out);
    return PELT_OK;
}

static enum pelt_status give_up(void *arg, FILE *out, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EIO, "gone");
}

static char *page(pelt_page_data_fn data, enum pelt_status wanted)
{
    const struct pelt_page page = {.title = "a<b>&\"'",
                                   .script = pelt_page_report,
                                   .connect = "'none'",
                                   .data = data,
                                   .arg = (void *)"{\"x\": \"</script>\"}"};
    char *out = NULL;
    size_t len = 0;
    struct pelt_error err = {""};
    FILE *memory = open_memstream(&out, &len);
    assert_int_equal(pelt_page_write(&page, memory, &err), wanted);
    fclose(memory);
    return out;
}

static void a_page_has_its_data_its_title_and_a_policy(void **state)
{
    if (!pelt_page_available()) {
        free(page(give, PELT_EINVAL));
        return;
    }
    char *out = page(give, PELT_OK);
    assert_non_null(strstr(out, "<title>a&#60;b&#62;&#38;&#34;&#39; - pelt</title>"));
    assert_non_null(strstr(out, "id=\"data\">{\"x\": \"\\u003c/script\\u003e\"}</script>"));
    assert_non_null(strstr(out, "default-src 'none'; script-src 'sha256-"));
    assert_non_null(strstr(out, "; connect-src 'none'; "));
    assert_non_null(strstr(out, "The MIT License"));
    assert_null(strstr(out, "{{"));
    free(out);
}

static void a_page_whose_data_fails_says_so(void **state)
{
    free(page(give_up, pelt_page_available() ? PELT_EIO : PELT_EINVAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_in_a_page_cannot_end_its_element),
        cmocka_unit_test(other_bytes_stay_as_they_are),
        cmocka_unit_test(a_page_has_its_data_its_title_and_a_policy),
        cmocka_unit_test(a_page_whose_data_fails_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
