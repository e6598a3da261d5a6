#include "test.h"

#include <stdio.h>
#include <string.h>

#include "failing_malloc.h"
#include "pelt/convert.h"

/* The scenario has `lua` in it, and notes and scenario have `note`. */
static void check(const char *line, const char *lua, const char *note)
{
    struct pelt_converted made;
    struct pelt_error err = {{0}};
    if (pelt_convert_curl(pelt_span_of(line), &made, &err) != PELT_OK) {
        fail_msg("%s: %s", line, err.text);
    }
    if (strstr(made.lua.data, lua) == NULL) {
        fail_msg("%s: no %s in:\n%s", line, lua, made.lua.data);
    }
    if (note != NULL && (made.notes.len == 0 || strstr(made.notes.data, note) == NULL ||
                         strstr(made.lua.data, note) == NULL)) {
        fail_msg("%s: no note %s in:\n%s", line, note, made.lua.data);
    }
    if (note == NULL) {
        assert_int_equal(made.notes.len, 0);
    }
    pelt_converted_deinit(&made);
}

static void check_refused(const char *line, const char *why)
{
    struct pelt_converted made;
    struct pelt_error err = {{0}};
    assert_int_not_equal(pelt_convert_curl(pelt_span_of(line), &made, &err), PELT_OK);
    if (strstr(err.text, why) == NULL) {
        fail_msg("%s: %s", line, err.text);
    }
    pelt_converted_deinit(&made);
}

static void methods_and_bodies(void **state)
{
    check("curl http://h/a", "http.get(\"/a\"", NULL);
    check("curl -XPURGE h:81/a", "http.request(\"PURGE\", \"/a\"", NULL);
    check("curl -d b=1 -d a=x%20y http://h", "form = { a = \"x y\", b = \"1\" }", NULL);
    check("curl --json '{\"a\":[1,2.0,null]}' http://h",
          "json = { a = { 1, 2.0, pelt.json.null } }", NULL);
    check("curl -d '{\"a\":1}' http://h", "body = [[{\"a\":1}]]", NULL);
    check("curl --json '{\"a\":1,\"a\":2}' http://h", "body = [[", NULL);
    check("curl --json 18446744073709551616 http://h", "body = \"18446744073709551616\"", NULL);
    check("curl -T f.bin http://h/d/", "http.put(\"/d/f.bin\"", NULL);
    check("curl -F 'a=@x.png;type=image/png;filename=\"y\"' http://h",
          "pelt.file(\"x.png\", { type = \"image/png\", name = \"y\" })", NULL);
}

static void fields_and_files_of_a_form(void **state)
{
    check("curl -F 'text=\"hello; \\\"world\\\"\"' -F 'file=@\"a;b.png\"' http://h",
          "multipart = { file = file1, text = [[hello; \"world\"]] }", NULL);
    check("curl -F 'f=@a.png;type=image/png,b.png' http://h",
          "multipart = { f = { file1, file2 } }", "its 2 files within one part");
    check("curl -F 'a=x;type=text/plain' http://h", "multipart = { a = \"x\" }",
          "a type of a text is left out: text/plain");
    check("curl --form-string 'a=@x;y' http://h", "multipart = { a = \"@x;y\" }", NULL);
    check("curl -F 'a=<x' http://h", "http.get", "a file's content as a text");
}

static void cookies_are_never_cut(void **state)
{
    char line[4096], wanted[4096];
    snprintf(line, sizeof line, "curl -b a=%0900d -b b=%0600d http://h", 1, 2);
    snprintf(wanted, sizeof wanted, "Cookie = \"a=%0900d; b=%0600d\"", 1, 2);
    check(line, wanted, NULL);
}

static void options_of_curl(void **state)
{
    check("curl -u a:b:c http://h", "auth = { user = \"a\", password = \"b:c\" }", NULL);
    check("curl --digest -u a:b http://h", "auth = { digest = { user = \"a\", password = \"b\" } }",
          NULL);
    check("curl http://a%40b:c@h/", "auth = { user = \"a@b\", password = \"c\" }", NULL);
    check("curl -L --max-redirs 3 http://h", "redirects = 3", NULL);
    check("curl -m1.5 http://h", "timeout = \"1500ms\"", NULL);
    check("curl -H 'Authorization: Bearer x' http://h", "auth = { bearer = \"x\" }", NULL);
    check("curl -H 'Content-Length: 3' http://h", "http.get", "Content-Length");
    check("curl -G -d a=1 'http://h/?b=2#c'", "http.get(\"/?b=2&a=1\"", NULL);
    check("curl http://h/1 --next -d a=1 https://i/2", "post(\"https://i/2\"", NULL);
    check("curl --frob http://h", "http.get", "--frob is no option");
    check("curl -Z --http3 http://h", "http.get", "--http3 is left out");
    check("curl -sk http://h", "http.get", "--insecure");
    check("curl 'http://h/{a,b}'", "http.get", "several requests");
    check("curl 'http://h/[1-3]'", "http.get", "several requests");
    check("curl -g 'http://h/[1-3]'", "http.get", NULL);
    check("curl 'http://[::1]/a'", "http.get", NULL);
    check("curl -e ';auto' http://h", "http.get(\"/\"", NULL);
    check("curl -e 'http://i/;auto' http://h", "Referer = \"http://i/\"", NULL);
    check("curl --unix-socket /s http://h", "http.get", "pelt run has --unix-socket");
}

static void a_comment_stays_a_comment(void **state)
{
    check("curl -o $'x\\nos.exit()' http://h", "-- -o x?os.exit()", "-o x?os.exit()");
    check("curl http://h/$'\"..os.exit()..\"'", "http.get([[/\"..os.exit()..\"]]", NULL);
}

static void what_is_no_command_is_refused(void **state)
{
    check_refused("", "no curl command");
    check_refused("curl", "no URL");
    check_refused("curl -H", "needs a value");
    check_refused("\n\ncurl ftp://h/", "line 3: ");
}

static void memory_may_end_anywhere(void **state)
{
    static const char line[] =
        "curl -u a:b -d a=1 -F x=@y -H 'A: b' http://h/1 http://h/2 --next --json '{\"a\":[]}' h";
    bool whole = false;
    for (long n = 0; !whole && n < 2000; n++) {
        struct pelt_converted made;
        failing_malloc_at = n;
        enum pelt_status status = pelt_convert_curl(pelt_span_of(line), &made, NULL);
        whole = failing_malloc_at >= 0;
        failing_malloc_at = -1;
        assert_true(!whole || status == PELT_OK);
        pelt_converted_deinit(&made);
    }
    assert_true(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_and_bodies),
        cmocka_unit_test(fields_and_files_of_a_form),
        cmocka_unit_test(cookies_are_never_cut),
        cmocka_unit_test(options_of_curl),
        cmocka_unit_test(a_comment_stays_a_comment),
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
