/* routes: see the header. */
#include "routes.h"

#include "pelt/route.h"

enum pelt_status cli_routes_settle(const struct cli_options *o,
                                   const struct pelt_scenario *scenario, struct pelt_error *err)
{
    uint64_t ttl_ns = PELT_NEVER;
    pelt_route_dns_ttl(o->route, &ttl_ns);
    if (scenario != NULL && scenario->dns_ttl_ns != PELT_NEVER && ttl_ns == PELT_NEVER) {
        pelt_route_set_dns_ttl(o->route, scenario->dns_ttl_ns);
    }
    return pelt_route_check(o->route, err);
}
