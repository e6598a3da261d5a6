/* alert: see the header. */
#include "alert.h"

static void fire(struct target_alert *alert, uint64_t now_ns)
{
    alert->state = TARGET_ALERT_FIRING;
    alert->past[alert->fired % TARGET_ALERT_PAST] =
        (struct target_alert_firing){.fired_ns = now_ns};
    alert->fired++;
}

static int calm(struct target_alert *alert, uint64_t now_ns)
{
    bool was_firing = alert->state == TARGET_ALERT_FIRING;

    alert->state = TARGET_ALERT_QUIET;
    if (was_firing) {
        alert->past[(alert->fired - 1) % TARGET_ALERT_PAST].resolved_ns = now_ns;
    }
    return was_firing ? -1 : 0;
}

int target_alert_see(struct target_alert *alert, double value, double bound, uint64_t for_ns,
                     uint64_t now_ns)
{
    alert->value = value;
    if (!(value > bound)) {
        return calm(alert, now_ns);
    }
    if (alert->state == TARGET_ALERT_QUIET) {
        alert->state = TARGET_ALERT_PENDING;
        alert->since_ns = now_ns;
    }
    if (alert->state == TARGET_ALERT_PENDING && now_ns - alert->since_ns >= for_ns) {
        fire(alert, now_ns);
        return 1;
    }
    return 0;
}
