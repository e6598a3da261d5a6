/*
 * bus_probe: connects to a bus as pelt does, says PING, and prints what it found, for whole-program
 * tests of the way there:
 *
 *   bus_probe [-c CA] [-C CERT -K KEY] [-p] [-P PASSWORD_FILE] [-t CONNECT_MS] URL
 *
 * Exit: 0 and "redis 7.0.15"; 2 (the options, or who answers) or 6 (it cannot be reached) with one
 * line on stderr, as pelt would.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "pelt/bus.h"

enum { REFUSED = 2, UNREACHED = 6 };

static int fail(enum pelt_status status, const struct pelt_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return status == PELT_EIO ? UNREACHED : REFUSED;
}

int main(int argc, char **argv)
{
    struct pelt_bus_options o = {.plaintext = false};
    struct pelt_bus *bus = NULL;
    struct pelt_error err = {""};
    for (int c; (c = getopt(argc, argv, "c:C:K:pP:t:")) != -1;) {
        switch (c) {
        case 'c':
            o.ca = optarg;
            break;
        case 'C':
            o.cert = optarg;
            break;
        case 'K':
            o.key = optarg;
            break;
        case 'p':
            o.plaintext = true;
            break;
        case 'P':
            o.password_file = optarg;
            break;
        case 't':
            o.connect_ns = strtoull(optarg, NULL, 10) * 1000000;
            break;
        default:
            return REFUSED;
        }
    }
    o.url = optind < argc ? argv[optind] : "";
    enum pelt_status status = pelt_bus_new(&o, &bus, &err);
    if (status == PELT_OK) {
        status = pelt_bus_connect(bus, &err);
    }
    if (status == PELT_OK) {
        const struct pelt_span ping = pelt_span_of("PING");
        pelt_bus_put(bus, &ping, 1);
        status = pelt_bus_flush(bus, &err);
    }
    if (status == PELT_OK) {
        printf("%s\n", pelt_bus_version(bus));
    }
    int code = status == PELT_OK ? 0 : fail(status, &err);
    pelt_bus_free(bus);
    return code;
}
