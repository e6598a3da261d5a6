/*
 * cgroup: the control group of a target: the groups from its own up to the highest that is seen, of
 * cgroup v1 or v2, whichever has the controller.
 *
 * A limit holds for a group and all below it, so the one that counts is the least along the path;
 * what is used is then of that very group, others in it included. Where no group has one, max is
 * none and used is of the group itself. How often a limit bit is the sum along the path.
 *
 *   cgroup_cpu            limit, cores: of quota/period; events: periods in which it was stopped
 *   cgroup_cpu_throttled  counter, s: for how long, of all its cores
 *   cgroup_memory         limit, bytes: of memory.max, without page cache; events: how often hit
 *   cgroup_memory_usage   gauge, bytes: all of it, the page cache included
 *   cgroup_memory_high    limit, bytes: likewise, of memory.high; events: how often slowed (v2)
 *   cgroup_swap           limit, bytes: of memory.swap.max (v2)
 *   cgroup_oom_kills      counter: processes killed for want of memory
 *   cgroup_pids           limit, tasks: of pids.max; events: how often none could begin
 *   cgroup_io_read        limit, bytes/s: of io.max, of the device that has the least, else of all
 *   cgroup_io_write       devices together
 *   pressure_...          see pressure.h (v2)
 *
 * Limits are read again each 10 s.
 */
#ifndef AGENT_CGROUP_H
#define AGENT_CGROUP_H

#include "collector.h"
#include "target.h"

#define CGROUP_LEVELS_MAX 12 /* groups on the way up; higher ones are not looked at */

/* `t` and `mounts` are good as long as the collector. NULL: out of memory. */
struct collector *cgroup_collector_new(struct catalogue *c, const struct target *t,
                                       const struct cgroup_mounts *mounts, const char *root);

#endif
