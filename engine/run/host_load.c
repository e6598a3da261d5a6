/*
 * host_load: see the header.
 */
#include "host_load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_below(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s%s", root, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void pelt_host_load_open(struct pelt_host_load *h, const char *root)
{
    h->stat_fd = open_below(root, "/proc/stat");
    h->pressure_fd = open_below(root, "/proc/pressure/cpu");
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

void pelt_host_load_close(struct pelt_host_load *h)
{
    close_one(&h->stat_fd);
    close_one(&h->pressure_fd);
}

/* The file's beginning; false: none. */
static bool read_text(int fd, char *text, size_t size)
{
    ssize_t len = fd >= 0 ? pread(fd, text, size - 1, 0) : -1;
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

bool pelt_host_load_cpu(const struct pelt_host_load *h, struct pelt_host_cpu *out)
{
    char text[512]; /* the line of all CPUs is the first one */
    uint64_t user, nice, system, irq, softirq, steal;
    if (!read_text(h->stat_fd, text, sizeof(text)) ||
        sscanf(text,
               "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64,
               &user, &nice, &system, &irq, &softirq, &steal) != 6) {
        return false;
    }
    const uint64_t tick_ns = UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK);
    *out = (struct pelt_host_cpu){.busy_ns = (user + nice + system + irq + softirq) * tick_ns,
                                  .stolen_ns = steal * tick_ns};
    return true;
}

bool pelt_host_load_pressure_ns(const struct pelt_host_load *h, uint64_t *ns)
{
    char text[512];
    uint64_t us;
    const char *total =
        read_text(h->pressure_fd, text, sizeof(text)) ? strstr(text, "total=") : NULL;
    if (total == NULL || sscanf(total, "total=%" SCNu64, &us) != 1) { /* of the line "some" */
        return false;
    }
    *ns = us * 1000;
    return true;
}
