/* status: names and error texts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "pelt/status.h"

static void every_status_has_a_name(void **state)
{
    for (int status = PELT_ESTOPPED; status <= PELT_OK; status++) {
        assert_string_not_equal(pelt_status_name((enum pelt_status)status), "unknown");
    }
    assert_string_equal(pelt_status_name(PELT_OK), "ok");
    assert_string_equal(pelt_status_name(PELT_EINVAL), "invalid");
    assert_string_equal(pelt_status_name((enum pelt_status)7), "unknown");
}

static void fail_formats_the_text_and_passes_the_status_on(void **state)
{
    struct pelt_error err = {""};
    assert_int_equal(pelt_fail(&err, PELT_EIO, "%s: port %d", "host", 80), PELT_EIO);
    assert_string_equal(err.text, "host: port 80");
}

static void fail_accepts_no_storage(void **state)
{
    assert_int_equal(pelt_fail(NULL, PELT_EPARSE, "%d", 1), PELT_EPARSE);
}

static void a_text_too_long_is_cut_and_terminated(void **state)
{
    struct pelt_error err;
    memset(&err, 'x', sizeof(err));
    pelt_fail(&err, PELT_EINVAL, "%2000d", 1);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(fail_formats_the_text_and_passes_the_status_on),
        cmocka_unit_test(fail_accepts_no_storage),
        cmocka_unit_test(a_text_too_long_is_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
