/* What the scan of a source takes for reading a response. */
#include "test.h"

#include <string.h>

#include "source.h"

static struct pelt_reads scan(const char *text)
{
    static struct pelt_source source;
    memset(&source, 0, sizeof source);
    pelt_source_scan(&source, text, strlen(text));
    return source.reads;
}

static void assert_reads(const char *source, bool body, bool headers)
{
    struct pelt_reads reads = scan(source);
    if (reads.body != body || reads.headers != headers) {
        fail_msg("%s: body %d, headers %d", source, reads.body, reads.headers);
    }
}

static void reading_by_name_is_seen(void **state)
{
    assert_reads("local b = r.body", true, false);
    assert_reads("check('cut', not r . --[[ here ]] body_cut)", true, false);
    assert_reads("local v = r:json('/a')", true, false);
    assert_reads("local v = http.get('/x'):json()", true, false);
    assert_reads("local f = r.json", true, false);
    assert_reads("local f = data.json, pelt.x.json", true, false);
    assert_reads("local v = r:match('a')", true, false);
    assert_reads("local v = r:regex('a')", true, false);
    assert_reads("local v = string.gsub(r.match)", true, false);
    assert_reads("local h = r.headers['X']", false, true);
    assert_reads("x = r['body']", true, false);
    assert_reads("x = r[ [[body]] ]", true, false);
    assert_reads("x = r[ [==[headers]==] ]", false, true);
    assert_reads("local key = \"json\"", true, false);
    assert_reads("return 1 --[[ a\n comment ]] .. r.\nbody", true, false);
    assert_reads("local a = '\\'' .. r.body", true, false);
    assert_reads("local a = 'x\\z \n  y' .. r.body .. 'z'", true, false);
    assert_reads("local a = 'x\\z' .. r.body .. ''", true, false);
    assert_reads("local a = 'x\\\r\ny' .. r.body .. 'z'", true, false);
    assert_reads("local a = 'x\\\n\ry' .. r.body .. 'z'", true, false);
    assert_reads("local a = 1 -- said\rlocal b = r.body", true, false);
    assert_reads("local a = [[ ]=] ]] .. r.headers", false, true);
}

static void naming_it_otherwise_is_not(void **state)
{
    assert_reads("", false, false);
    assert_reads("http.post('/x', { body = 'b', json = {}, headers = { A = 'b' } })", false, false);
    assert_reads("local pelt = require 'pelt'\nlocal json = pelt.json", false, false);
    assert_reads("x = pelt.json.encode { body = 1 }", false, false);
    assert_reads("local rows = pelt.data.json('rows.json')", false, false);
    assert_reads("x = string.match('a', 'b') .. string . match", false, false);
    assert_reads("-- r.body\n--[==[ r.headers ]] r:json() ]==] x = 1", false, false);
    assert_reads("local t = 'r.body' .. \"r:json\" .. [[ r.headers ]]", false, false);
    assert_reads("local x = a..body", false, false);
    assert_reads("x = r.bodyguard + r.embody + r.headers_seen", false, false);
    assert_reads("local s = 'it\\'s r.body \\\\'", false, false);
    assert_reads("goto body ::body::", false, false);
    assert_reads("x = a[b[body]]", false, false);
}

static void what_has_no_end_is_scanned_to_the_end_of_the_text(void **state)
{
    assert_reads("--[[ r.body", false, false);
    assert_reads("x = 'body", false, false);
    assert_reads("x = 'a\\", false, false);
    assert_reads("x = 'a\\z", false, false);
    assert_reads("x = 'a\\z \n", false, false);
    assert_reads("x = 'a\\\r", false, false);
    assert_reads("x = [=[ body", false, false);
    assert_reads("x = [=", false, false);
    assert_reads("r.", false, false);
    assert_reads("r.body", true, false);
    assert_reads("--", false, false);
}

static void binary_code_may_read_everything(void **state)
{
    assert_reads("\x1bLua", true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_by_name_is_seen),
        cmocka_unit_test(naming_it_otherwise_is_not),
        cmocka_unit_test(what_has_no_end_is_scanned_to_the_end_of_the_text),
        cmocka_unit_test(binary_code_may_read_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
