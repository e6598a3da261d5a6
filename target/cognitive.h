/*
 * cognitive: requests that are processed in different ways, each with its own law of service time.
 *
 * GET or POST /cognitive/NAME is a request with work whose service time is drawn from the law of
 * that name, whatever --service-time says, by seed and arrival. Each type counts who is in it.
 *
 * Thread: any; counts are atomic. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_COGNITIVE_H
#define TARGET_COGNITIVE_H

#include "law.h"
#include "systems.h"

enum target_cognitive_type {
    TARGET_COGNITIVE_MEMORY,
    TARGET_COGNITIVE_REASONING,
    TARGET_COGNITIVE_GRAMMAR,
    TARGET_COGNITIVE_AGENT,
    TARGET_COGNITIVE_MULTIMODAL,
    TARGET_COGNITIVE_MEMBRANE,
    TARGET_COGNITIVE_ARENA,
    TARGET_COGNITIVE_ECHO,
    TARGET_COGNITIVE_TYPES,
};

struct target_cognitive_settings {
    bool is_on;
    struct target_law law[TARGET_COGNITIVE_TYPES];
};

extern const struct target_system target_cognitive_system;

/* The name of the type that a path of its route names; NULL: it names none. */
const char *target_cognitive_name(const char *path);

#endif
