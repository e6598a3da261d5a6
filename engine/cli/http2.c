/*
 * http2: see the header.
 */
#include "http2.h"

#include "pelt/h2_session.h"

static enum pelt_status check(const struct cli_options *o, bool on, struct pelt_error *err)
{
    if (!on && (o->streams > 0 || o->http2_window > 0)) {
        return pelt_fail(err, PELT_EINVAL, "%s is about HTTP/2: add --http2",
                         o->streams > 0 ? "--streams" : "--http2-window");
    }
    if (on && o->pipeline > 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--pipeline is about HTTP/1.1: with --http2 it is --streams %llu",
                         (unsigned long long)o->pipeline);
    }
    return PELT_OK;
}

enum pelt_status cli_http2_settle(const struct cli_options *o, const struct pelt_scenario *scenario,
                                  struct pelt_http2 *out, struct pelt_error *err)
{
    static const struct pelt_scenario_http2 nothing;
    const struct pelt_scenario_http2 *written = scenario != NULL ? &scenario->http2 : &nothing;
    *out = (struct pelt_http2){.on = o->http2 || written->on};
    enum pelt_status status = check(o, out->on, err);
    if (status == PELT_OK && out->on) {
        const bool bench = o->command->bit == CLI_BENCH; /* there it is how many users share one */
        const uint64_t streams = o->streams > 0 ? o->streams : bench ? 1 : written->streams;
        const uint64_t window = o->http2_window > 0 ? o->http2_window : written->window;
        out->streams = streams > 0 ? (uint32_t)streams : PELT_H2_STREAMS_USUAL;
        out->window = (uint32_t)window;
    }
    return status;
}
