/*
 * draw: random numbers that depend on (seed, index, lane) only.
 *
 * The k-th request gets the k-th numbers however many threads answer and in whatever order, so a
 * seed fixes which requests fail and how long each takes. Pure functions.
 */
#ifndef TARGET_DRAW_H
#define TARGET_DRAW_H

#include <stdint.h>

/* What a number is drawn for: lanes are independent of each other. */
enum target_lane {
    TARGET_LANE_ERROR,
    TARGET_LANE_SERVICE,
    TARGET_LANE_SERVICE_2, /* the law's second number: a normal draw needs two */
    TARGET_LANE_RETRY,
    TARGET_LANE_KEY, /* of the row that a request reads */
    TARGET_LANE_TOKENS,
    TARGET_LANE_TOKENS_2,
    TARGET_LANE_FIRST,
    TARGET_LANE_FIRST_2,
    TARGET_LANE_GAPS, /* the seed of an answer's gaps, which are drawn by their place in it */
    TARGET_LANE_GAP,
    TARGET_LANE_GAP_2,
    TARGET_LANE_COGNITIVE,
    TARGET_LANE_COGNITIVE_2,
    TARGET_LANE_TASK,
    TARGET_LANE_TASK_2,
};

/* Uniform in the open interval (0, 1), 53 bits. */
double target_draw(uint64_t seed, uint64_t index, enum target_lane lane);

#endif
