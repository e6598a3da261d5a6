/*
 * signs: what a checkup found, judged; a function a sign. Limits are those from which on a
 * measurement of a usual service suffers: a stop of 1 ms is seen in its p99, a tenth of a CPU's
 * time too.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pelt/checkup.h"
#include "pelt/units.h"

#define TIME_WAIT_S 60 /* TCP_TIMEWAIT_LEN */
#define MIB         (1024.0 * 1024)
#define GIB         (1024 * MIB)

const char *pelt_sign_level_name(enum pelt_sign_level level)
{
    static const char *const names[] = {"fine", "note", "bad", "unknown"};
    return names[level];
}

__attribute__((format(printf, 2, 3))) static void found(struct pelt_sign *s, const char *format,
                                                        ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->found, sizeof s->found, format, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4))) static void
advise(struct pelt_sign *s, enum pelt_sign_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->advice, sizeof s->advice, format, args);
    va_end(args);
    s->level = level;
}

static void unknown(struct pelt_sign *s, const char *why)
{
    found(s, "%s", why);
    s->level = PELT_SIGN_UNKNOWN;
}

static void cpus(const struct pelt_checkup *c, struct pelt_sign *s)
{
    found(s, "%g", c->cpus);
    if (c->cpu_quota > 0) {
        found(s, "%g, of which a cgroup allows %.3g", c->cpus, c->cpu_quota);
        advise(
            s, PELT_SIGN_NOTE,
            "who uses its quota up is stopped for the rest of 100 ms; such a run is SUSPECT. Give "
            "the generator whole CPUs (--cpuset-cpus) rather than a quota (--cpus, limits.cpu)");
    } else if (c->cpus < 2) {
        advise(s, PELT_SIGN_NOTE,
               "all that runs here, kernel and pelt's own reports included, shares one CPU");
    }
}

static void others(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->pressure)) {
        unknown(s, "no /proc/pressure/cpu (a kernel without PSI)");
        return;
    }
    found(s, "somebody waited for a CPU %.1f%% of the last 10 s", 100 * c->pressure);
    if (c->pressure >= 0.02) {
        advise(s, c->pressure >= 0.1 ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
               "other programs use this host's CPUs: `top` names them; what they take, response "
               "times show");
    }
}

static void stolen(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->stolen)) {
        unknown(s, "/proc/stat does not say");
        return;
    }
    found(s, "%.2f%% of its time since the start", 100 * c->stolen);
    if (c->stolen >= 0.01) {
        advise(s, c->stolen >= 0.05 ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
               "other virtual machines take its CPUs away: take dedicated ones (not shared-core or "
               "burstable)");
    }
}

static void governor(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (c->governor[0] == '\0') {
        unknown(s, "not told here (as in most virtual machines)");
        return;
    }
    found(s, "%s", c->governor);
    if (strcmp(c->governor, "performance") != 0) {
        advise(
            s, PELT_SIGN_NOTE,
            "CPUs that slow down when idle make light load look slow: `cpupower frequency-set -g "
            "performance`");
    }
}

static void clock_source(const struct pelt_checkup *c, struct pelt_sign *s)
{
    found(s, "%s%s%.0f ns a reading", c->clock_source, c->clock_source[0] != '\0' ? ", " : "",
          c->clock_read_ns);
    if (c->clock_read_ns > 200) {
        advise(s, PELT_SIGN_BAD,
               "each request reads the clock three times: boot with clocksource=tsc, or use a host "
               "whose clock can be read without the kernel");
    }
}

static void timers(const struct pelt_checkup *c, struct pelt_sign *s)
{
    found(s, "1 of 100 later than %.0f us", c->timer_late_ns / 1000);
    if (c->timer_late_ns >= 500e3) {
        advise(s, c->timer_late_ns >= 2e6 ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
               "arrivals will be as late: end other programs, or take a host with CPUs of its own");
    }
}

static void wall_clock(const struct pelt_checkup *c, struct pelt_sign *s)
{
    found(s, c->clock_adjusted ? "kept right" : "kept right by nobody");
    if (!c->clock_adjusted) {
        advise(s, PELT_SIGN_NOTE,
               "times of day in reports may not fit other hosts' logs: run chrony or "
               "systemd-timesyncd. Durations do not depend on it");
    }
}

static void descriptors(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->fds_hard)) {
        unknown(s, "the limit cannot be read");
        return;
    }
    found(s, "%.0f, at most %.0f", c->fds_soft, c->fds_hard);
    if (c->fds_hard < 65536) {
        advise(s, c->fds_hard < 4096 ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
               "that many connections at once, less some 100: `ulimit -n 1000000` as root, "
               "LimitNOFILE= of a unit, --ulimit nofile= of docker");
    }
}

static void ports(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->port_first) || isnan(c->port_last)) {
        unknown(s, "/proc/sys/net/ipv4/ip_local_port_range cannot be read");
        return;
    }
    const double len = c->port_last - c->port_first + 1;
    const bool again = c->port_reuse == 1;
    found(s, "%.0f to %.0f, used again after %d s", c->port_first, c->port_last,
          again ? 1 : TIME_WAIT_S);
    if (len < 20000 || !again) {
        advise(
            s, len < 5000 ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
            "to one server %.0f connections at once, and %.0f new ones a second where each is "
            "closed: sysctl net.ipv4.ip_local_port_range=\"1024 65535\" net.ipv4.tcp_tw_reuse=1, "
            "or several --source-ip",
            len, again ? len : len / TIME_WAIT_S);
    }
}

static void firewall(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->conntrack_max) || isnan(c->conntrack)) {
        found(s, "follows no connections");
        return;
    }
    found(s, "follows %.0f connections of at most %.0f", c->conntrack, c->conntrack_max);
    if (c->conntrack_max - c->conntrack < 50000) {
        advise(
            s, c->conntrack > 0.9 * c->conntrack_max ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
            "once full, new connections are dropped without a word, also those that rest for 120 "
            "s: sysctl net.netfilter.nf_conntrack_max=1000000, or no tracking (nft notrack)");
    }
}

static void backlog(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->backlog_max)) {
        unknown(s, "net.core.somaxconn cannot be read");
        return;
    }
    found(s, "at most %.0f", c->backlog_max);
    if (c->backlog_max < 1024) {
        advise(s, PELT_SIGN_NOTE,
               "servers on this host lose connections of a burst beyond it: sysctl "
               "net.core.somaxconn=4096");
    }
}

static void memory(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->memory_available)) {
        unknown(s, "/proc/meminfo does not say");
        return;
    }
    found(s, "%.1f GiB of %.1f available", c->memory_available / GIB, c->memory_total / GIB);
    if (c->memory_available < 512 * MIB) {
        advise(s, c->memory_available < 128 * MIB ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
               "10,000 users of a script take some 50 MiB, series up to 64 MiB and 16 a thread");
    } else if (c->swap_used > 0.1 * c->memory_total) {
        found(s, "%.1f GiB of %.1f available, %.1f in swap", c->memory_available / GIB,
              c->memory_total / GIB, c->swap_used / GIB);
        advise(s, PELT_SIGN_NOTE, "programs that come back from swap stop for milliseconds");
    }
}

static void disk(const struct pelt_checkup *c, struct pelt_sign *s)
{
    if (isnan(c->disk_free)) {
        unknown(s, "this folder cannot be looked at");
        return;
    }
    found(s, "%.1f GiB free here", c->disk_free / GIB);
    if (c->disk_free < GIB) {
        advise(
            s, c->disk_free < 50 * MIB ? PELT_SIGN_BAD : PELT_SIGN_NOTE,
            "run files go here: an hour of ten request names takes some 100 MiB; --run-file names "
            "another place");
    }
}

static void certificates(const struct pelt_checkup *c, struct pelt_sign *s)
{
    found(s, c->ca_fault[0] == '\0' ? "servers' certificates can be verified" : "none are trusted");
    if (c->ca_fault[0] != '\0') {
        advise(s, PELT_SIGN_NOTE, "%s", c->ca_fault);
    }
}

void pelt_checkup_judge(const struct pelt_checkup *c, struct pelt_sign signs[PELT_SIGNS])
{
    static const struct {
        const char *what;
        void (*judge)(const struct pelt_checkup *c, struct pelt_sign *s);
    } all[PELT_SIGNS] = {
        {"CPUs", cpus},
        {"CPU pressure", others},
        {"stolen CPU time", stolen},
        {"CPU governor", governor},
        {"clock", clock_source},
        {"timers", timers},
        {"time of day", wall_clock},
        {"descriptors", descriptors},
        {"local ports", ports},
        {"firewall", firewall},
        {"listen backlog", backlog},
        {"memory", memory},
        {"disk", disk},
        {"CA certificates", certificates},
    };
    for (size_t i = 0; i < PELT_SIGNS; i++) {
        signs[i] = (struct pelt_sign){.what = all[i].what};
        all[i].judge(c, &signs[i]);
    }
}
