/*
 * mounts: what a line of /proc/PID/mountinfo says. Pure.
 */
#ifndef AGENT_MOUNTS_H
#define AGENT_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "procfile.h"

#define MOUNT_PATH 512 /* longer ones are passed over */

struct mount {
    uint32_t major, minor;          /* of its device */
    char top[MOUNT_PATH];           /* which folder of the file system is mounted */
    char point[MOUNT_PATH];         /* where */
    char type[32];                  /* "ext4" */
    char source[MOUNT_PATH];        /* "/dev/sda1" */
    char super_options[MOUNT_PATH]; /* "rw,cpu,cpuacct", cut at its size */
    bool read_only;
};

/* False: it is not such a line, or a path of it is too long. "\040" in paths is undone. */
bool mount_parse(struct text line, struct mount *out);
/* Whether `word` is one of a list with commas. */
bool mount_option(const char *list, const char *word);

#endif
