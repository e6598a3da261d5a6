/* cgroup_files: see the header. */
#include "cgroup_files.h"

#include <math.h>
#include <string.h>

#include "procfile.h"

#define V1_NO_LIMIT (UINT64_C(1) << 62)

static bool limit_of(struct text *t, double *out)
{
    struct text word = *t;
    uint64_t value;

    if (text_number(t, &value)) {
        *out = value < V1_NO_LIMIT ? (double)value : HUGE_VAL;
        return true;
    }
    *t = word;
    *out = HUGE_VAL;
    return text_word(t, &word) && (text_is(word, "max") || text_is(word, "-1"));
}

bool cgroup_parse_limit(const char *bytes, size_t len, double *out)
{
    struct text t = text_of(bytes, len);

    return limit_of(&t, out);
}

bool cgroup_parse_cpu_max(const char *bytes, size_t len, double *cores)
{
    struct text t = text_of(bytes, len);
    double quota;
    uint64_t period;

    if (!limit_of(&t, &quota) || !text_number(&t, &period) || period == 0) {
        return false;
    }
    *cores = quota / (double)period;
    return true;
}

static double value_or_nan(struct text t, const char *key, double scale)
{
    uint64_t value;

    return text_value(t, key, &value) ? (double)value / scale : NAN;
}

bool cgroup_parse_cpu_stat(const char *bytes, size_t len, struct cgroup_cpu_stat *out)
{
    const struct text t = text_of(bytes, len);

    out->usage_s = value_or_nan(t, "usage_usec", 1e6);
    out->throttled_periods = value_or_nan(t, "nr_throttled", 1);
    out->throttled_s = value_or_nan(t, "throttled_usec", 1e6);
    if (isnan(out->throttled_s)) {
        out->throttled_s = value_or_nan(t, "throttled_time", 1e9);
    }
    return !isnan(out->usage_s) || !isnan(out->throttled_periods);
}

/* ---- disks ---- */

/* v2: "254:0 rbytes=1 wbytes=2 ..." */
static void io_words(struct text line, double out[CGROUP_IOS])
{
    struct text word;
    uint64_t value;

    while (text_word(&line, &word)) {
        if (text_skip(&word, "rbytes=") && text_number(&word, &value)) {
            out[CGROUP_IO_READ] += (double)value;
        } else if (text_skip(&word, "wbytes=") && text_number(&word, &value)) {
            out[CGROUP_IO_WRITE] += (double)value;
        }
    }
}

/* v1: "254:0 Read 1" */
static void io_line(struct text line, double out[CGROUP_IOS])
{
    struct text word;
    uint64_t value;

    if (text_word(&line, &word) && text_number(&line, &value)) {
        if (text_is(word, "Read")) {
            out[CGROUP_IO_READ] += (double)value;
        } else if (text_is(word, "Write")) {
            out[CGROUP_IO_WRITE] += (double)value;
        }
    }
}

void cgroup_parse_io(const char *bytes, size_t len, bool v2, const char *device,
                     double out[CGROUP_IOS])
{
    struct text t = text_of(bytes, len), line, word;

    out[CGROUP_IO_READ] = out[CGROUP_IO_WRITE] = 0;
    while (text_line(&t, &line)) {
        if (!text_word(&line, &word) || (device[0] != '\0' && !text_is(word, device))) {
            continue;
        }
        if (v2) {
            io_words(line, out);
        } else {
            io_line(line, out);
        }
    }
}

/* What stands on the line behind the device. */
static double io_limit_on(struct text line, bool v2, enum cgroup_io which)
{
    const char *key = which == CGROUP_IO_READ ? "rbps=" : "wbps=";
    struct text word;
    double limit = HUGE_VAL;

    if (!v2) {
        return limit_of(&line, &limit) ? limit : HUGE_VAL;
    }
    while (text_word(&line, &word)) {
        if (text_skip(&word, key)) {
            return limit_of(&word, &limit) ? limit : HUGE_VAL;
        }
    }
    return HUGE_VAL;
}

double cgroup_parse_io_max(const char *bytes, size_t len, bool v2, enum cgroup_io which,
                           char device[CGROUP_DEVICE])
{
    struct text t = text_of(bytes, len), line, word;
    double least = HUGE_VAL;

    device[0] = '\0';
    while (text_line(&t, &line)) {
        double limit = text_word(&line, &word) ? io_limit_on(line, v2, which) : HUGE_VAL;
        if (limit < least && text_copy(word, device, CGROUP_DEVICE)) {
            least = limit;
        }
    }
    return least;
}
