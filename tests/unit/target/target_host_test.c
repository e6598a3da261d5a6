/* host: what is told of the machine. */
#include "test.h"

#include "host.h"

static void lines_of_meminfo_are_in_kib(void **state)
{
    const char *text = "MemTotal:       24684084 kB\nMemFree:  1 kB\nMemAvailable:   100 kB\n";
    uint64_t bytes = 0;
    assert_true(target_host_meminfo(text, "MemAvailable:", &bytes));
    assert_int_equal(bytes, 102400);
    assert_false(target_host_meminfo(text, "SwapTotal:", &bytes));
    assert_false(target_host_meminfo("MemTotal: lots", "MemTotal:", &bytes));
}

static void all_figures_of_this_machine_are_known(void **state)
{
    static const char *const NAMES[] = {"memory_bytes", "memory_available_bytes", "cpu_s",
                                        "cpu_busy_s", "disk_free_bytes"};
    json_t *host = target_host_json();
    for (size_t i = 0; i < 5; i++) {
        assert_true(json_number_value(json_object_get(host, NAMES[i])) > 0);
    }
    assert_true(json_integer_value(json_object_get(host, NAMES[1])) <
                json_integer_value(json_object_get(host, NAMES[0])));
    assert_true(json_real_value(json_object_get(host, NAMES[3])) <
                json_real_value(json_object_get(host, NAMES[2])));
    json_decref(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_meminfo_are_in_kib),
        cmocka_unit_test(all_figures_of_this_machine_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
