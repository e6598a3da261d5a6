/*
 * capacity: see the header.
 */
#include "capacity.h"

#include <math.h>
#include <string.h>

static enum pelt_status check(const struct pelt_plan *plan, const struct pelt_threshold *t,
                              struct pelt_error *err)
{
    const char *stat = plan->loop == PELT_LOOP_OPEN ? "per_second" : "users";
    if (strcmp(plan->kind, "stress") != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold capacity %s: only a stress load looks for it: leave it out, or "
                         "write load = pelt.load.stress { ... }",
                         t->stat);
    }
    if (strcmp(t->stat, stat) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "threshold capacity %s: the levels of this load are %s: write capacity %s",
                         t->stat, plan->loop == PELT_LOOP_OPEN ? "arrivals a second" : "users",
                         stat);
    }
    return PELT_OK;
}

enum pelt_status pelt_capacity_check(const struct pelt_plan *plan, const struct pelt_threshold *t,
                                     size_t len, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < len && status == PELT_OK; i++) {
        if (pelt_threshold_is_of_capacity(&t[i])) {
            status = check(plan, &t[i], err);
        }
    }
    return status;
}

static void leave_open(struct pelt_verdict_line *out)
{
    *out = (struct pelt_verdict_line){.level = PELT_LEVEL_UNJUDGED};
}

/* More than what was found would make a lower bound met, and may make an upper bound missed. */
static bool is_open(const struct pelt_threshold *t, enum pelt_level level)
{
    return (level == PELT_LEVEL_MISSED) != t->lower_is_better;
}

void pelt_capacity_judge(const struct pelt_capacity *capacity, const struct pelt_threshold *t,
                         struct pelt_verdict_line *out)
{
    if (isnan(capacity->level)) {
        leave_open(out);
        snprintf(out->why, sizeof(out->why), "%s", capacity->why);
        return;
    }
    const bool users = strcmp(t->stat, "users") == 0;
    pelt_threshold_judge_value(t, capacity->level, out);
    if (capacity->at_least && is_open(t, out->level)) {
        leave_open(out);
        snprintf(out->why, sizeof(out->why),
                 "nothing broke up to the max of the load, %.6g%s, so it is at least that: make "
                 "max larger",
                 capacity->level,
                 !users                 ? "/s"
                 : capacity->level == 1 ? " user"
                                        : " users");
    }
}
