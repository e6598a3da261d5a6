/*
 * hostcpu: how busy the processors of this machine are, all together, by the first line of
 * /proc/stat. What waits for a disk is idle.
 *
 * Storage: the caller's; init/deinit. The file stays open, so that a service without descriptors
 * can still read it.   Thread: one at a time.
 */
#ifndef TARGET_HOSTCPU_H
#define TARGET_HOSTCPU_H

#include <stdint.h>

#include "error.h"

#define TARGET_HOSTCPU_FILE "/proc/stat"

struct target_hostcpu_ticks { /* since the machine was started, over all processors */
    uint64_t busy, total;
};

struct target_hostcpu {
    int fd; /* -1: cannot be read */
    struct target_hostcpu_ticks last;
    bool has_last;
};

void target_hostcpu_init(struct target_hostcpu *cpu);
void target_hostcpu_deinit(struct target_hostcpu *cpu);

/* The share of the time since the last call that was busy, 0 to 1; 0 at the first call. */
double target_hostcpu_busy(struct target_hostcpu *cpu);

/* The next call of `busy` is a first one. */
void target_hostcpu_forget(struct target_hostcpu *cpu);

/* False: the text does not begin as /proc/stat does. */
TARGET_MUST_USE bool target_hostcpu_parse(const char *text, struct target_hostcpu_ticks *ticks);

/* The busy share between two readings; 0: no time has passed. */
double target_hostcpu_share(const struct target_hostcpu_ticks *from,
                            const struct target_hostcpu_ticks *to);

#endif
