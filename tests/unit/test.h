/* What every unit test includes: cmocka and the headers it wants before itself. */
#ifndef PELT_TEST_H
#define PELT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* How often a test draws what it judges by statistics: with a sanitizer, which finds what it finds
 * in a few and takes ten times as long, a tenth. Such a test says PLAIN (docs/HACKING.md). */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPEATED(n) ((n) / 10)
#else
#define REPEATED(n) (n)
#endif

#endif
