/*
 * wire: what coordinator and workers say to each other, as bytes. Every message begins with the
 * byte of its kind; numbers are LEB128 (signed ones zigzag), doubles 8 bytes little-endian, texts
 * have their length before them. Own encoding rather than JSON: a second of a worker is mostly
 * counters, which it writes in a byte each; one walk checks it; and an order has one form only,
 * which is what its HMAC is of.
 *
 * Orders (coordinator to all): wire_order.h. Of a worker, on its stream:
 *
 *   HELLO   who it is, what it is built of          once, first
 *   READY   it has all files, and the plan is one   once a PLAN
 *   FRAME   a part of a second                      wire_frame.h
 *   EVENT   a line for people: script error ...     any time
 *   BYE     its totals                              last
 *
 * The ID of each in the stream, which the worker gives, is major-minor: 0-1, 0-2 ... for what
 * comes before its first second; (second + 2)-1, -2 ... for the parts of second -1 (setup) and up;
 * what follows a second's parts and is none itself goes on with the minor.
 *
 * Everything here is untrusted when it is read: bounds are checked, a message with anything wrong
 * or behind its end is refused whole, and texts come out as clean UTF-8 without control characters.
 *
 * Pure. Thread: any.
 */
#ifndef PELT_WIRE_H
#define PELT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/outcome.h"
#include "pelt/status.h"

#define PELT_WIRE_PROTOCOL    1
#define PELT_WIRE_MESSAGE_MAX ((size_t)256 << 10) /* bytes of a worker's message */
#define PELT_WIRE_SHA256      32

enum pelt_wire_kind {
    PELT_WIRE_NONE, /* no message of ours */
    PELT_WIRE_ORDER,
    PELT_WIRE_HELLO,
    PELT_WIRE_READY,
    PELT_WIRE_FRAME,
    PELT_WIRE_EVENT,
    PELT_WIRE_BYE,
    PELT_WIRE_KINDS
};
/* By its first byte alone. */
enum pelt_wire_kind pelt_wire_kind(struct pelt_span message);

/* The major part of the stream ID of what a worker says of a second (-1: setup). */
static inline uint64_t pelt_wire_major(int32_t second)
{
    return (uint64_t)((int64_t)second + 2);
}

/* All that a worker did in its load so far, setup and teardown left out: two of them differ by what
 * lies between, whether that came or not. */
struct pelt_wire_totals {
    uint64_t frames; /* seconds that were sent */
    uint64_t started;
    uint64_t outcomes[PELT_OUTCOME_COUNT];
    uint64_t bytes_sent, bytes_received;
    uint64_t iterations, script_errors;
    uint64_t planned, dropped;
    uint64_t lost; /* events that memory was out for */
};
struct pelt_frame;
/* Adds a second's. */
void pelt_wire_totals_add(struct pelt_wire_totals *t, const struct pelt_frame *f);
bool pelt_wire_totals_equal(const struct pelt_wire_totals *a, const struct pelt_wire_totals *b);
/* What `after` has more than `before`, each figure at least 0. */
struct pelt_wire_totals pelt_wire_totals_less(const struct pelt_wire_totals *after,
                                              const struct pelt_wire_totals *before);
uint64_t pelt_wire_totals_ended(const struct pelt_wire_totals *t);

#endif
