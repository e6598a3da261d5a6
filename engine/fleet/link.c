/*
 * link: see pelt/fleet.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pelt/clock.h"
#include "pelt/fleet.h"

enum pelt_status pelt_fleet_key(const struct pelt_fleet_options *options, struct pelt_run_key *out,
                                struct pelt_error *err)
{
    const char *run = options->run != NULL ? options->run : PELT_FLEET_RUN;
    const char *secret = getenv(PELT_RUN_SECRET_ENV);
    if (options->secret_file != NULL) {
        return pelt_run_key_read(out, options->secret_file, run, err);
    }
    if (secret == NULL || secret[0] == '\0') {
        return pelt_fail(err, PELT_EINVAL,
                         "a run over a bus needs a secret that coordinator and workers share: "
                         "--bus-secret-file FILE, or " PELT_RUN_SECRET_ENV
                         " in the environment, of at least %d bytes: openssl rand -hex 32",
                         PELT_RUN_SECRET_MIN);
    }
    if (strlen(secret) < PELT_RUN_SECRET_MIN) {
        return pelt_fail(err, PELT_EINVAL,
                         PELT_RUN_SECRET_ENV " has %zu bytes: at least %d, as of "
                                             "openssl rand -hex 32",
                         strlen(secret), PELT_RUN_SECRET_MIN);
    }
    pelt_run_key_derive(out, pelt_span_of(secret), run);
    return PELT_OK;
}

enum pelt_status pelt_fleet_connect(struct pelt_bus *bus, const struct pelt_fleet_patience *p,
                                    int *signal, struct pelt_error *err)
{
    const uint64_t until_ns = pelt_clock_ns() + p->ns;
    enum pelt_status status = pelt_bus_connect(bus, err);
    bool told = false;
    while (status == PELT_EIO && pelt_clock_ns() < until_ns) {
        if (!told && p->on_wait != NULL) {
            p->on_wait(p->arg, err->text);
        }
        told = true;
        *signal = p->rest();
        if (*signal != 0) {
            return pelt_fail(err, PELT_ESTOPPED, "stopped while it waited for the bus");
        }
        status = pelt_bus_ensure(bus, err);
        status = status == PELT_AGAIN ? PELT_EIO : status;
    }
    return status;
}

void pelt_fleet_label(char *out, size_t size)
{
    char host[65] = "";
    gethostname(host, sizeof(host) - 1);
    snprintf(out, size, "%s:%ld", host, (long)getpid());
}

const char *pelt_fleet_version(void)
{
    return PELT_VERSION;
}
