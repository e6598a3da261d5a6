/*
 * checkup: what of this host can spoil a measurement, whatever the scenario: limits, kernel
 * settings, who else uses its CPUs, its clocks. Reading and judging are apart; nothing is changed.
 *
 * Thread: any. Storage: the caller's.
 */
#ifndef PELT_CHECKUP_H
#define PELT_CHECKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PELT_CHECKUP_TEXT 64

struct pelt_checkup { /* numbers that are unknown: NAN; texts: "" */
    double cpus;      /* this process may use */
    double cpu_quota; /* CPUs' worth of time that the cgroup allows; 0: no quota */
    double pressure;  /* share of the last 10 s in which somebody had to wait for a CPU */
    double stolen; /* share of CPU time since the host started that a hypervisor gave to others */
    char governor[PELT_CHECKUP_TEXT];
    char clock_source[PELT_CHECKUP_TEXT];
    double clock_read_ns;      /* to read CLOCK_MONOTONIC once */
    double timer_late_ns;      /* 99th percentile of timers' lateness, without load */
    bool clock_adjusted;       /* the wall clock is kept right (NTP) */
    double fds_soft, fds_hard; /* descriptors of a process; as before they were raised */
    double port_first, port_last;
    double port_reuse;                                /* net.ipv4.tcp_tw_reuse */
    double conntrack, conntrack_max;                  /* connections followed by the firewall */
    double backlog_max;                               /* net.core.somaxconn */
    double memory_available, memory_total, swap_used; /* bytes */
    double disk_free;                                 /* bytes, where run files go */
    char ca_fault[256]; /* why no server's certificate could be verified */
};

/* `root` goes before /proc and /sys ("" but in tests); run files would go to `folder`. Takes some
 * 40 ms, for the timers. `ca_fault` is left to the caller. */
void pelt_checkup_read(const char *root, const char *folder, struct pelt_checkup *out);

enum pelt_sign_level { PELT_SIGN_FINE, PELT_SIGN_NOTE, PELT_SIGN_BAD, PELT_SIGN_UNKNOWN };
const char *pelt_sign_level_name(enum pelt_sign_level level); /* "fine", "note", "bad", "unknown" */

struct pelt_sign {
    const char *what; /* static: "descriptors" */
    enum pelt_sign_level level;
    char found[96];
    char advice[320]; /* what follows and what to do; "": nothing */
};

#define PELT_SIGNS 14
/* Judges all; in the order of the table in docs/REPORTS.md. */
void pelt_checkup_judge(const struct pelt_checkup *c, struct pelt_sign signs[PELT_SIGNS]);

#endif
