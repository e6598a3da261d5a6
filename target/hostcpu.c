/* hostcpu: see the header. */
#include "hostcpu.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void target_hostcpu_init(struct target_hostcpu *cpu)
{
    *cpu = (struct target_hostcpu){.fd = open(TARGET_HOSTCPU_FILE, O_RDONLY | O_CLOEXEC)};
}

void target_hostcpu_deinit(struct target_hostcpu *cpu)
{
    if (cpu->fd >= 0) {
        close(cpu->fd);
    }
}

/* Guests' time, the last two of the line, is in that of users. */
bool target_hostcpu_parse(const char *text, struct target_hostcpu_ticks *ticks)
{
    unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;

    if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle,
               &iowait, &irq, &softirq, &steal) != 8) {
        return false;
    }
    ticks->busy = user + nice + system + irq + softirq + steal;
    ticks->total = ticks->busy + idle + iowait;
    return true;
}

double target_hostcpu_share(const struct target_hostcpu_ticks *from,
                            const struct target_hostcpu_ticks *to)
{
    /* The kernel lets single figures fall back by a little. */
    if (to->total <= from->total || to->busy <= from->busy) {
        return 0;
    }
    return to->busy - from->busy < to->total - from->total
               ? (double)(to->busy - from->busy) / (double)(to->total - from->total)
               : 1;
}

static bool read_ticks(const struct target_hostcpu *cpu, struct target_hostcpu_ticks *ticks)
{
    char text[256];
    ssize_t length = pread(cpu->fd, text, sizeof text - 1, 0);

    if (length <= 0) {
        return false;
    }
    text[length] = '\0';
    return target_hostcpu_parse(text, ticks);
}

double target_hostcpu_busy(struct target_hostcpu *cpu)
{
    struct target_hostcpu_ticks now;
    double share;

    if (!read_ticks(cpu, &now)) {
        return 0;
    }
    share = cpu->has_last ? target_hostcpu_share(&cpu->last, &now) : 0;
    cpu->last = now;
    cpu->has_last = true;
    return share;
}

void target_hostcpu_forget(struct target_hostcpu *cpu)
{
    cpu->has_last = false;
}
