/* The collectors of the network: those of the agent's own namespace, and of each other in which a
 * target lives. */
#include "collectors.h"

#include "net_conntrack.h"
#include "net_listen.h"
#include "net_nic.h"
#include "net_ports.h"
#include "net_space.h"
#include "net_tcp.h"

static enum pelt_status add_space(struct sampler_list *list, struct net_spaces *spaces,
                                  size_t index, struct pelt_error *err)
{
    static struct collector *(*const makers[])(struct catalogue *, const struct net_space *,
                                               struct pelt_error *) = {
        net_tcp_new, net_conntrack_new, net_nic_new, net_ports_new};
    const struct net_space *space = net_spaces_at(spaces, index);
    enum pelt_status status = sampler_list_add(list, net_listen_new(list, spaces, index, err), err);

    for (size_t i = 0; status == PELT_OK && i < sizeof makers / sizeof makers[0]; i++) {
        status = sampler_list_add(list, makers[i](list->catalogue, space, err), err);
    }
    return status;
}

enum pelt_status net_collectors_add(struct sampler_list *list, const struct agent_options *options,
                                    struct pelt_error *err)
{
    struct collector *first = net_spaces_new(list, err);
    enum pelt_status status = sampler_list_add(list, first, err); /* frees it if it cannot */
    struct net_spaces *spaces = (struct net_spaces *)first;

    for (size_t i = 0; status == PELT_OK && i < net_spaces_len(spaces); i++) {
        status = add_space(list, spaces, i, err);
    }
    return status;
}
