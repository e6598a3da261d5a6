/* scaler: see the header. */
#include "scaler.h"

static int wanted(const struct target_scaler_options *options, double utilisation, uint64_t count)
{
    if (utilisation >= options->up && count < options->max) {
        return 1;
    }
    if (utilisation < options->down && count > options->min && count > 1 &&
        utilisation * (double)count / (double)(count - 1) < options->up) {
        return -1;
    }
    return 0;
}

int target_scaler_decide(struct target_scaler *scaler, const struct target_scaler_options *options,
                         double utilisation, uint64_t count, uint64_t now_ns)
{
    int step = wanted(options, utilisation, count);

    if (step == 0) {
        return 0;
    }
    if (scaler->last != 0 && now_ns - scaler->last_ns < options->cooldown_ns) {
        scaler->held++;
        return 0;
    }
    scaler->reversals += scaler->last == -step;
    scaler->ups += step > 0;
    scaler->downs += step < 0;
    scaler->last = step;
    scaler->last_ns = now_ns;
    return step;
}

void target_mean_set(struct target_mean *mean, uint64_t value, uint64_t now_ns)
{
    if (now_ns > mean->last_ns) {
        mean->area += (double)mean->value * (double)(now_ns - mean->last_ns);
        mean->last_ns = now_ns;
    }
    mean->value = value;
}

double target_mean_take(struct target_mean *mean, uint64_t now_ns)
{
    double elapsed_ns, area;

    target_mean_set(mean, mean->value, now_ns);
    elapsed_ns = (double)(mean->last_ns - mean->begin_ns);
    area = mean->area;
    mean->area = 0;
    mean->begin_ns = mean->last_ns;
    return elapsed_ns > 0 ? area / elapsed_ns : (double)mean->value;
}
