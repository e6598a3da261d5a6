/*
 * outputs: the answers of a model, given again to who asks nearly the same.
 *
 * With a session, a stream, or a request drawn to fail, nothing is looked up. A message's embedding
 * is compared with those of what was answered before, of the same path and model, and the nearest
 * one's cosine says how sure it is that its answer will do: HIGH, MEDIUM, LOW, NONE. From the
 * confidence on that the knob says it is given; else the model answers, and that is kept, under the
 * topic that the request's header Cache-Topic names, if it does. What is given again is of the
 * topic that it was kept under, to the response cache, too.
 *
 * Thread: any, but for the hooks, which are as systems.h says. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_OUTPUTS_H
#define TARGET_OUTPUTS_H

#include "names.h"
#include "systems.h"

enum target_confidence {
    TARGET_CONFIDENCE_HIGH,
    TARGET_CONFIDENCE_MEDIUM,
    TARGET_CONFIDENCE_LOW,
    TARGET_CONFIDENCE_NONE,
    TARGET_CONFIDENCES,
};

extern const char *const target_confidence_names[]; /* by confidence; ends with NULL */

struct target_outputs_settings {
    uint64_t entries; /* 0: off */
    uint64_t ttl_ns;
    double high, medium, low; /* least cosine of each, descending */
    unsigned serve;           /* enum target_confidence: the least that is given again */
};

struct target_outputs;

extern const struct target_system target_outputs_system;

enum target_confidence target_outputs_confidence(const struct target_outputs_settings *settings,
                                                 double cosine);

/* The tag that answers of a topic have in the response cache, "topic:NAME", cut to a name's length.
 * `topic` empty: it is empty, too. */
void target_outputs_tag(char tag[TARGET_NAME_BYTES], const char *topic);

/* Drops the answers of a topic, or all (NULL). Returns how many. What is asked for meanwhile is not
 * kept. */
size_t target_outputs_purge(struct target_outputs *outputs, const char *topic,
                            const struct target_scene *scene);

#endif
