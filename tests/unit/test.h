/* What every unit test includes: cmocka and the headers it wants before itself. */
#ifndef PELT_TEST_H
#define PELT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
