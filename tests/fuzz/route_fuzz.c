/* What the user says of how servers are reached, line by line, as --resolve, --connect-to and
 * --dns-server have it; then where that leads for some hosts. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first letter says which it is. */
static void say(struct pelt_route *route, const char *line)
{
    struct pelt_error err = {""};
    enum pelt_status status = PELT_OK;
    switch (line[0]) {
    case 'r':
        status = pelt_route_resolve(route, line + 1, &err);
        break;
    case 'c':
        status = pelt_route_connect_to(route, line + 1, &err);
        break;
    case 'd':
        status = pelt_route_dns_server(route, line + 1, &err);
        break;
    case 'u':
        status = pelt_route_unix(route, line + 1, &err);
        break;
    case 'p':
        status = pelt_route_proxy(route, line + 1, &err);
        break;
    default:
        break;
    }
    assert(status == PELT_OK || err.text[0] != '\0');
}

static void look(const struct pelt_route *route, const char *host)
{
    for (int https = 0; https < 2; https++) {
        const struct pelt_way way = pelt_route_way(route, host, 80, https);
        assert(way.host != NULL && way.port > 0);
        assert(way.addrs == NULL || (way.addrs->len > 0 && way.addrs->len <= PELT_ADDRS_MAX));
        assert(way.proxy == NULL || strcmp(way.host, way.proxy->host) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_route *route = pelt_route_new();
    struct pelt_error err = {""};
    char *text = malloc(size + 1), *rest = text;
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        say(route, line);
    }
    if (pelt_route_check(route, &err) == PELT_OK) {
        look(route, "shop.test");
        look(route, "::1");
    }
    pelt_route_free(route);
    free(text);
    return 0;
}
