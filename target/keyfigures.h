/*
 * keyfigures: the few figures of /metrics that services of many kinds have by the same names, so
 * that a dashboard or an alert rule made for another one fits.
 *
 *   actions_total{action="/work"}                        requests that are over
 *   action_processing_duration_seconds                   histogram: from its head to its end
 *   errors_total{action="/work"}                         of these: 5xx, or no answer
 *   queue_depth{queue="workers"}                         waiting for a limit now
 *   event_processing_latency_seconds                     histogram: from an event to its first
 * reader system_uptime_seconds
 *
 * Pure functions. Thread: any.
 */
#ifndef TARGET_KEYFIGURES_H
#define TARGET_KEYFIGURES_H

#include <stdint.h>
#include <stdio.h>

#include "counters.h"

/* `figures` NULL: none. */
void target_keyfigures_print(FILE *out, const struct target_tally *tally,
                             const struct target_figures *figures, uint64_t uptime_ns);

#endif
