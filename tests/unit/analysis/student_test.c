/* student: against published tables (Student's t: Abramowitz and Stegun, 26.10; normal: 26.5). */
#include "test.h"

#include <math.h>

#include "near.h"
#include "pelt/student.h"

static void normal_quantiles_are_those_of_the_tables(void **state)
{
    assert_near(pelt_normal_quantile(0.5), 0, 1e-15);
    assert_near(pelt_normal_quantile(0.975), 1.959963984540054, 1e-13);
    assert_near(pelt_normal_quantile(0.99), 2.326347874040841, 1e-13);
    assert_near(pelt_normal_quantile(0.001), -3.090232306167814, 1e-13);
    assert_near(pelt_normal_quantile(1e-6), -4.753424308822899, 1e-12);
}

static void student_quantiles_are_those_of_the_tables(void **state)
{
    static const struct {
        double p, df, t;
    } table[] = {
        {0.975, 1, 12.7062047362},  {0.975, 2, 4.3026527297},
        {0.975, 5, 2.5705818356},   {0.975, 10, 2.2281388520},
        {0.975, 30, 2.0422724563},  {0.975, 120, 1.9799304051},
        {0.995, 10, 3.1692726726},  {0.9995, 5, 6.8688266259},
        {0.95, 4, 2.1318467863},    {0.75, 1, 1.0},
        {0.975, 1e9, 1.9599639845},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        double t = pelt_student_quantile(table[i].p, table[i].df);
        assert_near(t, table[i].t, 2e-9 * table[i].t);
        assert_near(pelt_student_quantile(1 - table[i].p, table[i].df), -t, 1e-9 * t);
        assert_near(pelt_student_p(t, table[i].df), 2 * (1 - table[i].p), 1e-9);
    }
}

static void student_p_has_its_limits(void **state)
{
    assert_near(pelt_student_p(0, 7), 1, 1e-15);
    assert_near(pelt_student_p(INFINITY, 7), 0, 0);
    assert_near(pelt_student_p(-2.0, 2), 0.18350341907227397, 1e-12);
    assert_true(isnan(pelt_student_p(NAN, 7)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_quantiles_are_those_of_the_tables),
        cmocka_unit_test(student_quantiles_are_those_of_the_tables),
        cmocka_unit_test(student_p_has_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
