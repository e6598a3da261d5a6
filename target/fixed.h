/*
 * fixed: the answers that never change (/health, a list of one model, most errors), built once and
 * shared by all connections of a loop.
 *
 * Thread: the owning loop's; each loop has its own, so libmicrohttpd's response locks are never
 * contended.
 */
#ifndef TARGET_FIXED_H
#define TARGET_FIXED_H

#include <microhttpd.h>

#include "routes.h"
#include "service.h"

struct target_fixed { /* an answer that never changes */
    char *text;
    const char *allow;          /* NULL: no such header */
    struct MHD_Response *ready; /* with a Server-Timing of zeros */
};

enum target_fixed_answer {
    TARGET_FIXED_HEALTH,
    TARGET_FIXED_LIVE,
    TARGET_FIXED_READY,
    TARGET_FIXED_DRAINING,
    TARGET_FIXED_DEGRADED,
    TARGET_FIXED_WORK,
    TARGET_FIXED_MODELS,
    TARGET_FIXED_FAILED,
    TARGET_FIXED_NOT_FOUND,
    TARGET_FIXED_TOO_LARGE,
    TARGET_FIXED
};

struct target_fixed_answers { /* use the functions; all zero: nothing built */
    struct target_fixed one[TARGET_FIXED];
    struct target_fixed wrong_method[TARGET_ROUTES]; /* empty where any method is allowed */
};

/* False: no memory; deinit may follow. */
TARGET_MUST_USE bool target_fixed_build(struct target_fixed_answers *answers,
                                        const struct target_service *service);
void target_fixed_deinit(struct target_fixed_answers *answers);

/* A response of its own for one request; NULL: no memory. */
struct MHD_Response *target_fixed_response(const struct target_fixed *fixed);

/* From now on each of them closes its connection. */
void target_fixed_close(struct target_fixed_answers *answers);

#endif
