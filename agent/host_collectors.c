/* host_collectors: see collectors.h. */
#include "collectors.h"

#include "block_io.h"
#include "cgroup.h"
#include "cpu.h"
#include "disk.h"
#include "kernel_tables.h"
#include "memory.h"
#include "pressure.h"
#include "process.h"

static enum pelt_status add_host(struct sampler_list *list, const struct agent_options *options,
                                 struct pelt_error *err)
{
    struct catalogue *c = list->catalogue;
    struct collector *(*const makers[])(struct catalogue *, const char *) = {
        cpu_collector_new, pressure_collector_new, memory_collector_new,
        kernel_tables_collector_new, block_io_collector_new};
    enum pelt_status status = PELT_OK;

    for (size_t i = 0; status == PELT_OK && i < sizeof makers / sizeof *makers; i++) {
        status = sampler_list_add(list, makers[i](c, list->root), err);
    }
    if (status == PELT_OK) { /* one that is not mounted yet is no bad option */
        status = disk_points_check(options->disks.all, options->disks.len, list->root, err);
    }
    if (status == PELT_OK) {
        status = sampler_list_add(
            list, disk_collector_new(c, options->disks.all, options->disks.len, list->root, err),
            err);
    }
    return status;
}

static enum pelt_status add_target(struct sampler_list *list, const struct target *t,
                                   struct pelt_error *err)
{
    enum pelt_status status =
        sampler_list_add(list, process_collector_new(list->catalogue, t, list->root), err);

    return status != PELT_OK
               ? status
               : sampler_list_add(list,
                                  cgroup_collector_new(list->catalogue, t,
                                                       targets_mounts(list->targets), list->root),
                                  err);
}

enum pelt_status host_collectors_add(struct sampler_list *list, const struct agent_options *options,
                                     struct pelt_error *err)
{
    enum pelt_status status = add_host(list, options, err);

    for (size_t i = 0; status == PELT_OK && i < targets_len(list->targets); i++) {
        status = add_target(list, targets_at(list->targets, i), err);
    }
    return status;
}
