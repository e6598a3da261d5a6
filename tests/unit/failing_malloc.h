/*
 * An allocator that fails on demand, for tests under want of memory. Linking test_failing_malloc
 * puts it between the whole program and libc (--wrap).
 */
#ifndef PELT_TEST_FAILING_MALLOC_H
#define PELT_TEST_FAILING_MALLOC_H

extern long failing_malloc_at; /* allocations until one fails; -1: none does */

#endif
