/*
 * outlet: bytes for a file that may stand still (a pipe nobody reads, a stopped terminal). A thread
 * of its own, there from the first one on, writes them, so whoever puts them never waits. What
 * waits is bounded: what finds no room is refused.
 *
 * O_NONBLOCK is no way: it belongs to the open file, which other processes share.
 *
 * Thread: any may put and flush; new and free one.
 */
#ifndef PELT_OUTLET_H
#define PELT_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PELT_OUTLET_BYTES_MAX ((size_t)256 * 1024) /* that wait */

struct pelt_outlet;

/* `fd` stays the caller's. NULL: out of memory. */
struct pelt_outlet *pelt_outlet_new(int fd);
/* Drops what still waits; accepts NULL. */
void pelt_outlet_free(struct pelt_outlet *o);
/* Copies; what is put comes out in one piece and in order. False: refused, too much waits. Once
 * writing has failed (nobody will ever read), all is taken and goes nowhere. */
bool pelt_outlet_put(struct pelt_outlet *o, const char *bytes, size_t len);
/* The same for what is worth nothing later: refused if anything waits. */
bool pelt_outlet_put_at_once(struct pelt_outlet *o, const char *bytes, size_t len);
/* Waits until nothing waits, at most so long. False: something does. */
bool pelt_outlet_flush(struct pelt_outlet *o, uint64_t patience_ns);

#endif
