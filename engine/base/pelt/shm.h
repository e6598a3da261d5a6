/*
 * shm: memory that this process and those it forks later see at the same addresses, so that what
 * lies in it, pointers among it, outlives the process that wrote it (SIGKILL too).
 *
 * Pages cost nothing before they are touched. What is given back is not used again: it goes with
 * all of it. So it is for what is made once and kept.
 *
 * Storage: new/free. Thread: take() any; the sum of what was taken stands alone (relaxed).
 */
#ifndef PELT_SHM_H
#define PELT_SHM_H

#include <stddef.h>

struct pelt_shm;

/* Before the fork. At most `bytes` can be taken. NULL: it is not to be had. */
struct pelt_shm *pelt_shm_new(size_t bytes);
void pelt_shm_free(struct pelt_shm *shm); /* with all that was taken; accepts NULL */

/* Zeroed, at an address that is a multiple of 64; NULL: there is no more. Of no `shm` (NULL), in
 * this and the next two, from the heap, aligned as by calloc(). */
void *pelt_shm_take(struct pelt_shm *shm, size_t bytes);
void pelt_shm_give(struct pelt_shm *shm, void *p);
char *pelt_shm_text(struct pelt_shm *shm, const char *text);

#endif
