/*
 * threadcpu: the CPU time that the calling thread has had so far, in nanoseconds.
 */
#ifndef TARGET_THREADCPU_H
#define TARGET_THREADCPU_H

#include <stdint.h>

uint64_t target_threadcpu_ns(void);

#endif
