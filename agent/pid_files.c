/* pid_files: see the header. Numbers of fields are those of proc(5). */
#include "pid_files.h"

#include <math.h>
#include <string.h>

#include "cpu.h"
#include "procfile.h"

bool pid_parse_stat(const char *bytes, size_t len, struct pid_stat *out)
{
    const char *bracket = len > 0 ? memrchr(bytes, ')', len) : NULL;
    struct text t, state;
    uint64_t user, system;

    if (bracket == NULL) {
        return false;
    }
    t = text_of(bracket + 1, len - (size_t)(bracket + 1 - bytes));
    if (!text_word(&t, &state)) { /* 3 */
        return false;
    }
    out->state = *state.at;
    if (!text_pass(&t, 8) || !text_number(&t, &out->major_faults) || !text_pass(&t, 1) ||
        !text_number(&t, &user) || !text_number(&t, &system) || /* 14, 15 */
        !text_pass(&t, 4) || !text_number(&t, &out->threads) || /* 20 */
        !text_pass(&t, 1) || !text_number(&t, &out->start_ticks) /* 22 */) {
        return false;
    }
    out->cpu_ticks = user + system;
    return true;
}

bool pid_parse_statm(const char *bytes, size_t len, uint64_t *size, uint64_t *resident)
{
    struct text t = text_of(bytes, len);

    return text_number(&t, size) && text_number(&t, resident);
}

bool pid_parse_status(const char *bytes, size_t len, struct pid_status *out)
{
    struct text t = text_of(bytes, len), line, key, list;
    uint64_t value;
    bool uid = false, cores = false;

    *out = (struct pid_status){0};
    while (text_line(&t, &line)) {
        if (!text_word(&line, &key)) {
            continue;
        }
        if (text_is(key, "Uid:") && text_pass(&line, 1) && text_number(&line, &value)) {
            out->uid = (uint32_t)value;
            uid = true;
        } else if (text_is(key, "VmSwap:") && text_number(&line, &value) &&
                   value < UINT64_MAX / 1024) {
            out->swap_bytes = value * 1024;
        } else if (text_is(key, "Cpus_allowed_list:") && text_word(&line, &list)) {
            cores = cpu_parse_list(list.at, (size_t)(list.end - list.at), &out->cores);
        }
    }
    return uid && cores;
}

/* The soft limit on a line "Max open files   1024   4096   files": names have spaces, too. */
static double limit_on(struct text line, const char *name)
{
    struct text word;
    uint64_t value;

    if (!text_skip(&line, name)) {
        return NAN;
    }
    word = line;
    if (text_number(&line, &value)) {
        return (double)value;
    }
    return text_word(&word, &line) && text_is(line, "unlimited") ? HUGE_VAL : NAN;
}

bool pid_parse_limits(const char *bytes, size_t len, struct pid_limits *out)
{
    struct text t = text_of(bytes, len), line;

    *out = (struct pid_limits){NAN, NAN, NAN, NAN};
    while (text_line(&t, &line)) {
        out->open_files = fmin(out->open_files, limit_on(line, "Max open files"));
        out->processes = fmin(out->processes, limit_on(line, "Max processes"));
        out->address_space_bytes =
            fmin(out->address_space_bytes, limit_on(line, "Max address space"));
        out->locked_bytes = fmin(out->locked_bytes, limit_on(line, "Max locked memory"));
    }
    return !isnan(out->open_files);
}

bool pid_parse_schedstat(const char *bytes, size_t len, uint64_t *ran_ns, uint64_t *waited_ns)
{
    struct text t = text_of(bytes, len);

    return text_number(&t, ran_ns) && text_number(&t, waited_ns);
}

bool pid_parse_io(const char *bytes, size_t len, uint64_t *read_bytes, uint64_t *write_bytes)
{
    const struct text t = text_of(bytes, len);

    return text_value(t, "read_bytes:", read_bytes) && text_value(t, "write_bytes:", write_bytes);
}
