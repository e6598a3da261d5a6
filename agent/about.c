/* about: see the header. */
#include "about.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What a report can use as a name: other characters of the host's become '_'. */
static void name_of_host(struct about *a, const char *nodename)
{
    size_t len = strcspn(nodename, ".");

    snprintf(a->name, sizeof a->name, "%.*s", (int)(len < 63 ? len : 63), nodename);
    for (char *at = a->name; *at; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                        (*at >= '0' && *at <= '9') || *at == '-';

        *at = is_plain ? *at : '_';
    }
    if (!a->name[0]) {
        snprintf(a->name, sizeof a->name, "agent");
    }
}

static void read_boot_id(struct about *a)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, a->boot_id, sizeof a->boot_id - 1) : 0;

    a->boot_id[len > 0 ? len : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

enum pelt_status about_init(struct about *a, const char *name, bool redact_hostname,
                            struct pelt_error *err)
{
    uint8_t random[16];
    struct utsname host;

    *a = (struct about){.cpus = sysconf(_SC_NPROCESSORS_ONLN)};
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random || uname(&host) != 0) {
        return pelt_fail(err, PELT_EIO, "the host gives no random bytes");
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(a->boot + 2 * i, 3, "%02x", random[i]);
    }
    if (name) {
        snprintf(a->name, sizeof a->name, "%s", name);
    } else if (redact_hostname) {
        snprintf(a->name, sizeof a->name, "agent");
    } else {
        name_of_host(a, host.nodename);
    }
    snprintf(a->hostname, sizeof a->hostname, "%.64s", redact_hostname ? a->name : host.nodename);
    snprintf(a->kernel, sizeof a->kernel, "%.64s", host.release);
    read_boot_id(a);
    return PELT_OK;
}
