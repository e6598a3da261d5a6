/* A unit test that says nothing of threads starts none: the build with the thread sanitizer leaves
 * it out. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg)
{
    (void)thread, (void)attr, (void)start, (void)arg;
    fputs("this test starts a thread: write THREADS behind its name in CMakeLists.txt, so that it "
          "runs with the thread sanitizer too\n",
          stderr);
    abort();
}
